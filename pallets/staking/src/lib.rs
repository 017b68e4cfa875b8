//! pallet-staking.
