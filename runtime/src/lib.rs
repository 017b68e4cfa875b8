//! quire-runtime.
