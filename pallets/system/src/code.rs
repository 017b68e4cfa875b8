//! Remarks, and what Root may do to code and raw storage (R6, R7).

use alloc::vec::Vec;

use pallet_support::{DispatchError, DispatchResult, Origin, deposit_event, ensure, host};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, DigestItem, H256, RuntimeVersion, limits};

use crate::storage::{CODE_KEY, HEAP_PAGES_KEY, LAST_RUNTIME_UPGRADE};
use crate::{Error, Event, HEAP_PAGES_MAX, HEAP_PAGES_MIN, INDEX, deposit_log};

/// What the runtime lends to System: the way of new code to `:code`.
#[derive(Clone, Copy, Debug)]
pub struct CodePath {
    /// Takes code that Root wants.
    pub offer: fn(&[u8]) -> DispatchResult,
    /// Prefixes of the storage in which code waits: writing there would be a way around.
    pub protected: &'static [&'static [u8]],
}

impl CodePath {
    /// What Root may not write as raw storage.
    fn prefixes(&self) -> impl Iterator<Item = &'static [u8]> {
        [CODE_KEY, HEAP_PAGES_KEY].into_iter().chain(self.protected.iter().copied())
    }

    fn protects(&self, key: &[u8]) -> bool {
        self.prefixes().any(|prefix| key.starts_with(prefix))
    }
}

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
pub(crate) fn set_heap_pages(pages: u64) -> DispatchResult {
    ensure!((HEAP_PAGES_MIN..=HEAP_PAGES_MAX).contains(&pages), Error::HeapPagesOutOfBounds);
    host::storage_set(HEAP_PAGES_KEY, &pages.encode());
    deposit_log(DigestItem::RuntimeEnvironmentUpdated);
    Ok(())
}

/// Whether code may follow the current one (R6); the version that it declares.
///
/// # Errors
/// Why not.
pub fn check_code(code: &[u8]) -> Result<RuntimeVersion, Error> {
    if code.len() > limits::MAX_CODE_BYTES as usize {
        return Err(Error::CodeTooLong);
    }
    let encoded = host::runtime_version(code).ok_or(Error::FailedToExtractRuntimeVersion)?;
    let new =
        RuntimeVersion::decode(&mut encoded.as_slice()).map_err(|_| Error::FailedToExtractRuntimeVersion)?;
    if let Some(current) = LAST_RUNTIME_UPGRADE.get() {
        if new.spec_name != current.spec_name {
            return Err(Error::InvalidSpecName);
        }
        if new.spec_version <= current.spec_version {
            return Err(Error::SpecVersionNeedsToIncrease);
        }
    }
    Ok(new)
}

/// Replaces the runtime from the next block on; says so in the digest and by an event. The pallet that
/// [`CodePath::offer`] leads to calls it when its time has come; nobody else may.
pub fn replace_code(code: &[u8]) {
    host::storage_set(CODE_KEY, code);
    deposit_log(DigestItem::RuntimeEnvironmentUpdated);
    deposit_event(INDEX, &Event::CodeUpdated);
}

/// Writes raw items.
pub(crate) fn set_storage(items: &[(Vec<u8>, Vec<u8>)], path: &CodePath) -> DispatchResult {
    ensure!(!items.iter().any(|(key, _)| path.protects(key)), Error::ProtectedStorage);
    for (key, value) in items {
        host::storage_set(key, value);
    }
    Ok(())
}

/// Removes raw items.
pub(crate) fn kill_storage(keys: &[Vec<u8>], path: &CodePath) -> DispatchResult {
    ensure!(!keys.iter().any(|key| path.protects(key)), Error::ProtectedStorage);
    for key in keys {
        host::storage_clear(key);
    }
    Ok(())
}

/// Removes raw items that share a prefix.
pub(crate) fn kill_prefix(prefix: &[u8], limit: u32, path: &CodePath) -> DispatchResult {
    let reaches = path.prefixes().any(|protected| protected.starts_with(prefix));
    ensure!(!reaches && !path.protects(prefix), Error::ProtectedStorage);
    host::storage_clear_prefix(prefix, Some(limit));
    Ok(())
}
