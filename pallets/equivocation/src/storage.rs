//! What Equivocation keeps, and who writes it.

use pallet_support::{Blake2_128Concat, StorageDoubleMap, StorageValue, Twox64Concat};
use quire_core::{AccountId, Balance};

use crate::NAME;
use crate::types::{Offence, Parameters};

/// What was punished, with the plancks burned; by `punish`, removed by `on_forgotten`.
pub const PUNISHED: StorageDoubleMap<Offence, AccountId, Balance, Twox64Concat, Blake2_128Concat> =
    StorageDoubleMap::new(
        NAME,
        "Punished",
        &["Plancks burned for an offence, while it can be reported again."],
    );

/// Figures fixed at genesis.
pub const PARAMETERS: StorageValue<Parameters> =
    StorageValue::new(NAME, "Parameters", &["What an offence costs."]).defaulted();
