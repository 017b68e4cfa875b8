//! quire-store.
