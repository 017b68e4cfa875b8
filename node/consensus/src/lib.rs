//! Who may author a block, which chain is the best, when a block is final, and what must never be signed twice.
//!
//! Pure: no clock, disk, socket, random source. The time is an argument, signing is an effect that the shell's
//! keystore carries out after the [`vote_guard`] is durable.
//!
//! | module | question |
//! |---|---|
//! | [`slots`] | whose turn is it, is this seal right |
//! | [`finality`] | is this justification right, what does an authority vote, send and ask for next, alone or among many |
//! | [`fork_choice`] | which of two blocks is the better head |
//! | [`equivocation`] | did somebody sign two headers in one slot |
//! | [`vote_guard`] | may this key sign this, after any number of crashes |
//!
//! Out of scope: the tree of blocks (`quire-chain`), sockets, slashing (`pallets/bonds`).

pub mod equivocation;
pub mod finality;
pub mod fork_choice;
pub mod peer;
pub mod slots;
pub mod vote_guard;

pub use finality::justification::{JustificationError, VoterSet};
pub use fork_choice::Candidate;
pub use peer::PeerId;
pub use slots::AuraSet;
pub use vote_guard::VoteGuard;
