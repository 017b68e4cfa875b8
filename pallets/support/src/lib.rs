//! pallet-support.
