//! quire-channel.
