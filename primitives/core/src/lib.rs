//! quire-core.
