//! Finality in GRANDPA's formats.
//!
//! Terms: *voter set* = the authorities with the number of their set; *round* = one attempt of a set to finalise
//! something; *precommit* = an ed25519 signature that says "final, as far as I am concerned"; *justification* = enough
//! precommits of one round.
//!
//! Rules
//! - R1 A justification is verified with the voter set in the state of the target's parent: a set change in a block
//!   takes effect after that block.
//! - R2 Nothing above an unfinalised set change is finalised by the old set (`quire-chain` checks it).
//! - R3 Equal weights; the threshold is `floor(2n / 3) + 1` distinct authorities.
//!
//! Out of scope here: the voter with many authorities, its gossip and catch-up, which come beside [`solo`].

pub mod justification;
pub mod solo;
