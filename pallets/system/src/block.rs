//! A block from its first moment to its header (R1 to R3).

use alloc::string::ToString;

use pallet_support::{DispatchResultWithInfo, Phase, deposit_event, events, host};
use parity_scale_codec::Encode;
use quire_core::{BlockNumber, Digest, DispatchInfo, H256, Header, OpaqueExtrinsic, RuntimeVersion};

use crate::limits::PerDispatchClass;
use crate::storage::{
    ALL_EXTRINSICS_LEN, BLOCK_HASH, BLOCK_WEIGHT, DIGEST, EVENT_COUNT, EVENTS, EXECUTION_PHASE,
    EXTRINSIC_COUNT, EXTRINSIC_DATA, EXTRINSIC_INDEX_KEY, LAST_RUNTIME_UPGRADE, NUMBER, PARENT_HASH,
};
use crate::types::LastRuntimeUpgradeInfo;
use crate::weights::{BASE_BLOCK, BASE_EXTRINSIC};
use crate::{BLOCK_HASH_COUNT, Event, INDEX, correct_weight};

/// Starts block `number`: forgets what the previous one left behind, and notes its hash (R1).
pub fn initialize(number: BlockNumber, parent_hash: H256, digest: Digest) {
    EXECUTION_PHASE.put(&Phase::Initialization);
    set_extrinsic_index(0);
    NUMBER.put(&number);
    PARENT_HASH.put(&parent_hash);
    DIGEST.put(&digest);
    if let Some(parent) = number.checked_sub(1) {
        BLOCK_HASH.insert(&parent, &parent_hash);
    }
    if let Some(old) = number.checked_sub(BLOCK_HASH_COUNT + 1).filter(|old| *old != 0) {
        BLOCK_HASH.remove(&old);
    }
    EVENTS.kill();
    EVENT_COUNT.kill();
    EXTRINSIC_COUNT.kill();
    EXTRINSIC_DATA.kill();
    ALL_EXTRINSICS_LEN.kill();
    BLOCK_WEIGHT.put(&PerDispatchClass { mandatory: BASE_BLOCK, ..PerDispatchClass::default() });
}

/// Notes which runtime executes this block; returns whether it is another one than that of the block before, so that
/// the runtime can migrate its state.
pub fn note_runtime_version(version: &RuntimeVersion) -> bool {
    let known = LAST_RUNTIME_UPGRADE.get();
    if known.as_ref().is_some_and(|known| known.spec_version == version.spec_version) {
        return false;
    }
    LAST_RUNTIME_UPGRADE.put(&LastRuntimeUpgradeInfo {
        spec_version: version.spec_version,
        spec_name: version.spec_name.to_string(),
    });
    true
}

/// The block is ready for its extrinsics.
pub fn note_finished_initialize() {
    EXECUTION_PHASE.put(&Phase::ApplyExtrinsic(0));
}

/// Keeps an extrinsic for the extrinsics root.
pub fn note_extrinsic(extrinsic: &OpaqueExtrinsic) {
    EXTRINSIC_DATA.append(&extrinsic.encode());
}

/// Reports how an extrinsic ended (R3), gives back weight that it did not need, and moves on to the next index.
pub fn note_applied_extrinsic(result: &DispatchResultWithInfo, announced: DispatchInfo) {
    let post_info = match result {
        Ok(post_info) => post_info,
        Err(failed) => &failed.post_info,
    };
    let actual = post_info.actual_weight.unwrap_or(announced.weight).min(announced.weight);
    correct_weight(announced.class, announced.weight.saturating_sub(actual));
    let dispatch_info =
        DispatchInfo { weight: actual + BASE_EXTRINSIC, pays_fee: post_info.pays_fee, ..announced };
    match result {
        Ok(_) => deposit_event(INDEX, &Event::ExtrinsicSuccess { dispatch_info }),
        Err(failed) => {
            deposit_event(INDEX, &Event::ExtrinsicFailed { dispatch_error: failed.error, dispatch_info });
        }
    }
    let next = extrinsic_index().saturating_add(1);
    set_extrinsic_index(next);
    EXECUTION_PHASE.put(&Phase::ApplyExtrinsic(next));
}

/// The last extrinsic was applied.
pub fn note_finished_extrinsics() {
    EXTRINSIC_COUNT.put(&extrinsic_index());
    host::storage_clear(EXTRINSIC_INDEX_KEY);
    EXECUTION_PHASE.put(&Phase::Finalization);
}

/// Ends the block: its header, without a seal. What only this block needed is removed from the state.
pub fn finalize() -> Header {
    EXECUTION_PHASE.kill();
    ALL_EXTRINSICS_LEN.kill();
    EVENT_COUNT.put(&events::count());
    let extrinsics_root = host::storage_with(&EXTRINSIC_DATA.key(), |items| {
        host::ordered_root_of_encoded(items.unwrap_or(&[0]))
    });
    EXTRINSIC_DATA.kill();
    Header {
        parent_hash: PARENT_HASH.get_or_default(),
        number: NUMBER.get_or_default(),
        digest: DIGEST.get_or_default(),
        extrinsics_root,
        state_root: host::storage_root(),
    }
}

/// Index of the extrinsic being applied, or number of those applied.
pub fn extrinsic_index() -> u32 {
    let mut index = [0; 4];
    host::storage_read(EXTRINSIC_INDEX_KEY, &mut index, 0);
    u32::from_le_bytes(index)
}

/// Writes the index of the extrinsic to be applied.
fn set_extrinsic_index(index: u32) {
    host::storage_set(EXTRINSIC_INDEX_KEY, &index.to_le_bytes());
}
