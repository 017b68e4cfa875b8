//! The state of block 0, built natively from a configuration and the checked-in code.
//!
//! * **R1** Same configuration and code, same state: nothing here depends on time, machine or order of maps.
//! * **R2** The code is a given blob, never one that was just compiled: two members must build one chain.
//! * **R3** After building, every pallet's invariants hold.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use pallet_support::testing::TestExternalities;
use quire_core::{AccountId, AuraId, Balance, GrandpaId};

/// Key of the runtime's code in the state.
pub const CODE_KEY: &[u8] = b":code";

/// What the founders of a chain agree on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Milliseconds per slot.
    pub slot_duration_ms: u64,
    /// Authors, in slot order.
    pub aura: Vec<AuraId>,
    /// Finality voters, one vote each.
    pub grandpa: Vec<GrandpaId>,
    /// Accounts that hold funds from the start, in plancks.
    pub balances: Vec<(AccountId, Balance)>,
    /// Members of the consortium, who vote on motions.
    pub members: Vec<AccountId>,
    /// Whether transactions cost a fee.
    pub fees: bool,
}

/// Why no state can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisError(pub String);

impl core::fmt::Display for GenesisError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the genesis configuration is not consistent: {}", self.0)
    }
}

impl core::error::Error for GenesisError {}

/// All keys and values of the state of block 0.
///
/// # Errors
/// When the configuration breaks an invariant of a pallet (R3).
pub fn build(config: &Config, code: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, GenesisError> {
    let mut state = TestExternalities::new();
    let checked = state.execute(|| {
        pallet_support::host::storage_set(CODE_KEY, code);
        pallet_system::genesis::Config::default().build();
        pallet_timestamp::genesis::Config { slot_duration_ms: config.slot_duration_ms }.build();
        pallet_balances::genesis::Config { balances: config.balances.clone() }.build();
        pallet_transaction_payment::genesis::Config { fees: config.fees }.build();
        pallet_aura::genesis::Config { authorities: config.aura.clone() }.build();
        pallet_grandpa::genesis::Config { authorities: config.grandpa.clone() }.build();
        pallet_members::genesis::Config { members: config.members.clone() }.build();
        pallet_staking::genesis::Config::default().build();
        pallet_channels::genesis::Config::default().build();
        pallet_anchors::genesis::Config::default().build();
        check_invariants()
    });
    checked.map(|()| state.into_pairs())
}

/// Checks what must hold after every block, in every pallet.
///
/// # Errors
/// The first invariant that does not hold.
pub fn check_invariants() -> Result<(), GenesisError> {
    let checks: [(&str, fn() -> Result<(), String>); 7] = [
        ("System", pallet_system::check_invariants),
        ("Balances", pallet_balances::check_invariants),
        ("Grandpa", pallet_grandpa::check_invariants),
        ("Members", pallet_members::check_invariants),
        ("Staking", pallet_staking::check_invariants),
        ("Channels", pallet_channels::check_invariants),
        ("Anchors", pallet_anchors::check_invariants),
    ];
    for (pallet, check) in checks {
        check().map_err(|why| GenesisError(alloc::format!("{pallet}: {why}")))?;
    }
    Ok(())
}
