//! quire-tests.
