//! quire-pool.
