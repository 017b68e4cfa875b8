//! quire-chain.
