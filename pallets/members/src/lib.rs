//! pallet-members.
