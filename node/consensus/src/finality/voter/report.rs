//! What a peer can do wrong on `grandpa/1`, by name.

/// A rule that a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A message that does not decode, or is too long.
    Undecodable,
    /// More messages and signatures than an honest peer sends.
    Flood,
    /// A vote of this set by a key that is not in it.
    UnknownVoter,
    /// A vote with a signature that is not its voter's.
    BadSignature,
    /// A commit that does not prove what it says.
    BadCommit,
    /// A catch-up that nobody asked for.
    UnsolicitedCatchUp,
    /// A catch-up that does not complete its round.
    BadCatchUp,
    /// Catch-up requests faster than anybody can use the answers.
    CatchUpFlood,
}

impl Rule {
    /// What it costs; a peer with 100 is disconnected.
    #[must_use]
    pub fn cost(self) -> u32 {
        match self {
            Self::Undecodable | Self::BadSignature | Self::BadCommit | Self::BadCatchUp => 50,
            Self::UnknownVoter | Self::UnsolicitedCatchUp => 20,
            Self::Flood | Self::CatchUpFlood => 10,
        }
    }

    /// For metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "grandpa-undecodable",
            Self::Flood => "grandpa-flood",
            Self::UnknownVoter => "grandpa-unknown-voter",
            Self::BadSignature => "grandpa-bad-signature",
            Self::BadCommit => "grandpa-bad-commit",
            Self::UnsolicitedCatchUp => "grandpa-unsolicited-catch-up",
            Self::BadCatchUp => "grandpa-bad-catch-up",
            Self::CatchUpFlood => "grandpa-catch-up-flood",
        }
    }
}
