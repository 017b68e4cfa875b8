//! quire-offchain.
