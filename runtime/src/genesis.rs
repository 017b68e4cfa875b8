//! The state of block 0, built natively from a configuration and the checked-in code.
//!
//! * **R1** Same configuration and code, same state: nothing here depends on time, machine or order of maps.
//! * **R2** The code is a given blob, never one that was just compiled: two members must build one chain.
//! * **R3** After building, every pallet's invariants hold.

use crate::version;
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use pallet_support::testing::TestExternalities;

/// What the founders of a chain agree on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Length of slots.
    pub timestamp: pallet_timestamp::genesis::Config,
    /// Accounts that hold funds from the start.
    pub balances: pallet_balances::genesis::Config,
    /// Prices of transactions.
    pub transaction_payment: pallet_transaction_payment::genesis::Config,
    /// Delay and time of upgrades.
    pub upgrade: pallet_upgrade::genesis::Config,
    /// Members of the consortium.
    pub members: pallet_members::genesis::Config,
    /// Validators and their parameters.
    pub bonds: pallet_bonds::genesis::Config,
    /// Authors and finality voters, and the length of their sessions.
    pub session: pallet_session::genesis::Config,
    /// What equivocation costs.
    pub equivocation: pallet_equivocation::genesis::Config,
    /// Channel programs.
    pub channels: pallet_channels::genesis::Config,
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
/// When a pallet refuses its part, or the configuration breaks an invariant (R3).
pub fn build(config: &Config, code: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, GenesisError> {
    let mut state = TestExternalities::new();
    let checked = state.execute(|| {
        build_pallets(config, code).map_err(GenesisError)?;
        check_invariants()
    });
    checked.map(|()| state.into_pairs())
}

fn build_pallets(config: &Config, code: &[u8]) -> Result<(), String> {
    let system = pallet_system::genesis::Config {
        code: code.to_vec(),
        spec_name: version::SPEC_NAME.to_owned(),
        spec_version: version::SPEC_VERSION,
    };
    system.build()?;
    config.timestamp.build()?;
    config.balances.build()?;
    config.transaction_payment.build()?;
    config.upgrade.build()?;
    config.members.build()?;
    config.bonds.build()?;
    config.session.build()?;
    config.equivocation.build()?;
    config.channels.build()?;
    Ok(())
}

/// Checks what must hold after every block, in every pallet.
///
/// # Errors
/// The first invariant that does not hold.
pub fn check_invariants() -> Result<(), GenesisError> {
    type Check = fn() -> Result<(), String>;
    let checks: [(&str, Check); 16] = [
        (pallet_system::NAME, pallet_system::check_invariants),
        (pallet_timestamp::NAME, pallet_timestamp::check_invariants),
        (pallet_balances::NAME, pallet_balances::check_invariants),
        (pallet_transaction_payment::NAME, pallet_transaction_payment::check_invariants),
        (pallet_aura::NAME, pallet_aura::check_invariants),
        (pallet_grandpa::NAME, pallet_grandpa::check_invariants),
        (pallet_session::NAME, pallet_session::check_invariants),
        (pallet_equivocation::NAME, pallet_equivocation::check_invariants),
        (pallet_randomness::NAME, pallet_randomness::check_invariants),
        (pallet_upgrade::NAME, pallet_upgrade::check_invariants),
        (pallet_members::NAME, pallet_members::check_invariants),
        (pallet_bonds::NAME, pallet_bonds::check_invariants),
        (pallet_channels::NAME, pallet_channels::check_invariants),
        (pallet_anchors::NAME, pallet_anchors::check_invariants),
        (pallet_multisig::NAME, pallet_multisig::check_invariants),
        (pallet_proxy::NAME, pallet_proxy::check_invariants),
    ];
    for (pallet, check) in checks {
        check().map_err(|why| GenesisError(alloc::format!("{pallet}: {why}")))?;
    }
    Ok(())
}
