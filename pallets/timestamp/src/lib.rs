//! pallet-timestamp.
