//! What goes over the wire, as pure codecs: bytes to values and back, with limits, never allocating by a length that was
//! read.

pub mod announce;
pub mod batches;
pub mod block;
pub mod chunks;
pub mod handshake;
pub mod light;
pub mod neighbours;
pub mod protobuf;
pub mod state;
pub mod warp;
