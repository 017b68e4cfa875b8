//! pallet-grandpa.
