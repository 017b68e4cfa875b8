//! quire-executor.
