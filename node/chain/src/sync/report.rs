//! What a peer can do wrong in announcing and serving blocks, by name.

/// A rule that a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// It sent or announced a block that is wrong for ever.
    BadBlock,
    /// Its answer is not one to the request: another block first, a wrong hash, a broken link, a missing field.
    WrongAnswer,
    /// Its answer has more blocks than were asked for.
    TooMany,
    /// It does not answer.
    Timeout,
    /// It does not have the head that it claims. It may have lost it to finality a moment ago.
    MissingClaimed,
    /// What it sends as its chain does not contain our last final block. It may only not know yet what is final.
    OtherChain,
    /// It announces faster than blocks can come.
    AnnouncementFlood,
}

impl Rule {
    /// What it costs; a peer with 100 is disconnected.
    #[must_use]
    pub fn cost(self) -> u32 {
        match self {
            Self::BadBlock => 100,
            Self::WrongAnswer | Self::TooMany => 50,
            Self::MissingClaimed | Self::Timeout | Self::AnnouncementFlood => 10,
            Self::OtherChain => 5,
        }
    }

    /// For metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadBlock => "sync-bad-block",
            Self::WrongAnswer => "sync-wrong-answer",
            Self::TooMany => "sync-too-many",
            Self::Timeout => "sync-timeout",
            Self::MissingClaimed => "sync-missing-claimed",
            Self::OtherChain => "sync-other-chain",
            Self::AnnouncementFlood => "sync-announcement-flood",
        }
    }
}
