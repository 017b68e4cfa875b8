//! quire-rpc.
