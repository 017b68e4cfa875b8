//! pallet-anchors.
