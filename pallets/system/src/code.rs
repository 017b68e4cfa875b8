//! Remarks, and what Root may do to code and raw storage (R6, R7).

use alloc::vec::Vec;

use pallet_support::{DispatchError, DispatchResult, Origin, deposit_event, ensure, host};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, DigestItem, H256, RuntimeVersion, limits};

use crate::storage::{CODE_KEY, HEAP_PAGES_KEY, LAST_RUNTIME_UPGRADE};
use crate::{Error, Event, INDEX, deposit_log};

/// Accepts a remark.
pub(crate) fn remark(origin: &Origin, remark: &[u8]) -> DispatchResult {
    ensure!(*origin != Origin::None, DispatchError::BadOrigin);
    check_remark(remark)
}

/// Reports the hash of a remark.
pub(crate) fn remark_with_event(sender: AccountId, remark: &[u8]) -> DispatchResult {
    check_remark(remark)?;
    deposit_event(INDEX, &Event::Remarked { sender, hash: H256(host::blake2_256(remark)) });
    Ok(())
}

/// R7.
fn check_remark(remark: &[u8]) -> DispatchResult {
    ensure!(remark.len() <= limits::MAX_REMARK_BYTES as usize, Error::RemarkTooLong);
    Ok(())
}

/// Sets the number of heap pages.
pub(crate) fn set_heap_pages(pages: u64) {
    host::storage_set(HEAP_PAGES_KEY, &pages.encode());
    deposit_log(DigestItem::RuntimeEnvironmentUpdated);
}

/// Replaces the runtime after checking what it is.
pub(crate) fn set_code(code: &[u8]) -> DispatchResult {
    ensure!(code.len() <= limits::MAX_CODE_BYTES as usize, Error::CodeTooLong);
    let encoded = host::runtime_version(code).ok_or(Error::FailedToExtractRuntimeVersion)?;
    let new =
        RuntimeVersion::decode(&mut encoded.as_slice()).map_err(|_| Error::FailedToExtractRuntimeVersion)?;
    if let Some(current) = LAST_RUNTIME_UPGRADE.get() {
        ensure!(new.spec_name == current.spec_name, Error::InvalidSpecName);
        ensure!(new.spec_version > current.spec_version, Error::SpecVersionNeedsToIncrease);
    }
    host::storage_set(CODE_KEY, code);
    deposit_log(DigestItem::RuntimeEnvironmentUpdated);
    deposit_event(INDEX, &Event::CodeUpdated);
    Ok(())
}

/// Writes raw items.
pub(crate) fn set_storage(items: &[(Vec<u8>, Vec<u8>)]) {
    for (key, value) in items {
        host::storage_set(key, value);
    }
}

/// Removes raw items.
pub(crate) fn kill_storage(keys: &[Vec<u8>]) {
    for key in keys {
        host::storage_clear(key);
    }
}

/// Removes raw items that share a prefix.
pub(crate) fn kill_prefix(prefix: &[u8], limit: u32) {
    host::storage_clear_prefix(prefix, Some(limit));
}
