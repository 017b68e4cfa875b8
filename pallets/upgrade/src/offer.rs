//! New code arrives (R1, R2).

use pallet_support::{DispatchResult, deposit_event, host};
use quire_core::{H256, Upgrade, UpgradeState};

use crate::storage::{PARAMETERS, PENDING_CODE, UPGRADE, VERDICTS};
use crate::{Event, INDEX};

/// Takes code that Root wants under `:code`. The runtime lends this to System.
///
/// # Errors
/// Those of `pallet_system::check_code`.
pub fn offer(code: &[u8]) -> DispatchResult {
    let version = pallet_system::check_code(code)?;
    if let Some(open) = UPGRADE.get().filter(|upgrade| upgrade.state.is_open()) {
        deposit_event(INDEX, &Event::Replaced { code_hash: open.code_hash });
    }
    // The verdicts of one upgrade: one per authority that was ever there while it was open.
    VERDICTS.clear(u32::MAX);
    let (code_hash, spec_version) = (H256(host::blake2_256(code)), version.spec_version);
    let deadline =
        pallet_timestamp::channel_clock().saturating_add(PARAMETERS.get_or_default().attestation_ticks);
    UPGRADE.put(&Upgrade {
        code_hash,
        code_bytes: code.len() as u32,
        spec_version,
        proposed_at: pallet_system::block_number(),
        deadline,
        state: UpgradeState::Attesting,
    });
    PENDING_CODE.put(&code.to_vec());
    deposit_event(INDEX, &Event::Offered { code_hash, spec_version, deadline });
    Ok(())
}
