//! quire-consensus.
