//! pallet-aura.
