//! A name for a connected peer, as the pure machines use it.

/// The shell's name for one connection. A peer that comes back gets a new one, so nothing remembered about the old
/// connection is held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerId(pub u64);
