//! What Randomness keeps, and who writes it.

use pallet_support::StorageValue;

use crate::NAME;

/// Randomness of the session; by `on_session`. Zeros in the first one.
pub const SESSION_RANDOMNESS: StorageValue<[u8; 32]> =
    StorageValue::new(NAME, "SessionRandomness", &["Randomness of the session: nobody knew it before."])
        .defaulted();

/// What the authors of the session contributed so far; by `contribute`.
pub const MIX: StorageValue<[u8; 32]> =
    StorageValue::new(NAME, "Mix", &["What authors contributed to the next session's randomness so far."])
        .defaulted();

/// Whether this block has a contribution; by `contribute`, removed by `on_finalize`.
pub const DID_CONTRIBUTE: StorageValue<bool> =
    StorageValue::new(NAME, "DidContribute", &["Whether the current block has a contribution."]).defaulted();
