//! What the node thinks of its peers. Pure: time comes in, decisions come out.

/// The score at which a peer is closed and banned.
pub const BAN_SCORE: i32 = -1_000;
