//! What stays of old final blocks: their states, and their bodies.
//!
//! Rules:
//! * R1: what was asked for at an earlier start holds until something else is asked for.
//! * R2: an archive stays one: asking for less is refused, since what it would throw away cannot be had again. Asking for
//!   more is granted from now on; what is gone stays gone, and reads say so.
//! * R3: headers, hashes by number, justifications and the body of block 0 are never pruned.

use crate::schema::OpenError;
use parity_scale_codec::{Decode, Encode};

/// How many final blocks below the head keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// That many blocks, at least one.
    Keep(u32),
    /// All of them. Reads of states far below the head cost one filter for each block between.
    Archive,
}

impl Pruning {
    /// Of states, unless something else was ever asked for.
    pub const STATES: Pruning = Pruning::Keep(4_096);
    /// Of bodies, unless something else was ever asked for.
    pub const BODIES: Pruning = Pruning::Archive;
}

impl std::fmt::Display for Pruning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pruning::Keep(blocks) => write!(f, "{blocks}"),
            Pruning::Archive => f.write_str("archive"),
        }
    }
}

impl Encode for Pruning {
    fn encode_to<T: parity_scale_codec::Output + ?Sized>(&self, dest: &mut T) {
        let blocks = match self {
            Pruning::Keep(blocks) => Some(*blocks),
            Pruning::Archive => None,
        };
        blocks.encode_to(dest);
    }
}

impl Decode for Pruning {
    fn decode<I: parity_scale_codec::Input>(input: &mut I) -> Result<Self, parity_scale_codec::Error> {
        Ok(Option::<u32>::decode(input)?.map_or(Pruning::Archive, Pruning::Keep))
    }
}

/// What stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Keeping {
    /// Of states.
    pub states: Pruning,
    /// Of bodies.
    pub bodies: Pruning,
}

/// What is asked for at a start; `None` leaves it as it is (R1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of states.
    pub states: Option<Pruning>,
    /// Of bodies.
    pub bodies: Option<Pruning>,
}

impl Wanted {
    /// What holds from now on.
    pub(crate) fn over(self, stored: Option<Keeping>) -> Result<Keeping, OpenError> {
        let states =
            one("states", "--state-pruning", stored.map(|kept| kept.states), self.states, Pruning::STATES)?;
        let bodies =
            one("bodies", "--blocks-pruning", stored.map(|kept| kept.bodies), self.bodies, Pruning::BODIES)?;
        Ok(Keeping { states, bodies })
    }
}

fn one(
    what: &'static str,
    flag: &'static str,
    stored: Option<Pruning>,
    wanted: Option<Pruning>,
    default: Pruning,
) -> Result<Pruning, OpenError> {
    match (stored, wanted) {
        (Some(Pruning::Archive), Some(Pruning::Keep(blocks))) => {
            Err(OpenError::Archive { what, flag, blocks })
        }
        (stored, wanted) => Ok(wanted.or(stored).unwrap_or(default)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_and_r2_the_last_wish_holds_and_an_archive_stays_one() {
        let kept = |states, bodies| Keeping { states, bodies };
        let wanted = |states, bodies| Wanted { states, bodies };
        let (few, many, all) = (Pruning::Keep(2), Pruning::Keep(9), Pruning::Archive);
        assert_eq!(Wanted::default().over(None), Ok(kept(Pruning::STATES, Pruning::BODIES)));
        assert_eq!(Wanted::default().over(Some(kept(few, many))), Ok(kept(few, many)));
        assert_eq!(wanted(Some(many), Some(few)).over(Some(kept(few, many))), Ok(kept(many, few)));
        assert_eq!(wanted(Some(all), None).over(Some(kept(few, few))), Ok(kept(all, few)));
        let refused = wanted(None, Some(few)).over(Some(kept(few, all))).unwrap_err();
        assert_eq!(refused, OpenError::Archive { what: "bodies", flag: "--blocks-pruning", blocks: 2 });
        assert!(wanted(Some(few), None).over(Some(kept(all, all))).is_err());
    }

    #[test]
    fn settings_come_back() {
        for kept in [
            Keeping { states: Pruning::Keep(7), bodies: Pruning::Archive },
            Keeping { states: Pruning::Archive, bodies: Pruning::Keep(0) },
        ] {
            assert_eq!(Keeping::decode(&mut &kept.encode()[..]), Ok(kept));
        }
    }
}
