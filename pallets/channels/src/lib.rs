//! pallet-channels.
