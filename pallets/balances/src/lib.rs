//! pallet-balances.
