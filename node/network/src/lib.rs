//! quire-network.
