//! Tests of the crate's encodings.
