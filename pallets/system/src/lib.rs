//! pallet-system.
