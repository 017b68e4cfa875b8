//! What Root may change about upgrades beside offering them (R2).

use pallet_support::{DispatchResult, deposit_event, ensure};
use quire_core::{H256, UpgradeState};

use crate::decide::close;
use crate::storage::{PARAMETERS, UPGRADE};
use crate::types::Parameters;
use crate::{Error, Event, INDEX};

/// Takes back the open upgrade.
pub(crate) fn cancel(code_hash: H256) -> DispatchResult {
    let open = UPGRADE.get().filter(|upgrade| upgrade.state.is_open() && upgrade.code_hash == code_hash);
    let open = open.ok_or(Error::NoSuchUpgrade)?;
    close(open, UpgradeState::Cancelled { at: pallet_system::block_number() });
    deposit_event(INDEX, &Event::Cancelled { code_hash });
    Ok(())
}

/// Changes delay and time; an open upgrade keeps its own deadline.
pub(crate) fn set_parameters(parameters: Parameters) -> DispatchResult {
    ensure!(parameters.is_valid(), Error::BadParameters);
    PARAMETERS.put(&parameters);
    deposit_event(INDEX, &Event::ParametersChanged { parameters });
    Ok(())
}
