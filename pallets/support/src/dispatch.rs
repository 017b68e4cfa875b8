//! Results of calls, and storage transactions around them.

use quire_core::dispatch::{DispatchError, Pays};
use quire_core::weight::Weight;

use crate::host;

/// What a call says about itself after it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostInfo {
    /// What it really weighed, when less than announced.
    pub actual_weight: Option<Weight>,
    /// Whether the sender pays; `Pays::No` refunds the whole fee.
    pub pays_fee: Pays,
}

impl Default for PostInfo {
    /// Weighs what was announced, and the sender pays.
    fn default() -> Self {
        Self { actual_weight: None, pays_fee: Pays::Yes }
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchErrorWithInfo {
    /// What the call says about itself.
    pub post_info: PostInfo,
    /// Why it failed.
    pub error: DispatchError,
}

/// What every `dispatch` function returns.
pub type DispatchResultWithInfo = Result<PostInfo, DispatchErrorWithInfo>;

impl From<()> for PostInfo {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<Option<Weight>> for PostInfo {
    fn from(actual_weight: Option<Weight>) -> Self {
        Self { actual_weight, ..Self::default() }
    }
}

impl<E: Into<DispatchError>> From<E> for DispatchErrorWithInfo {
    fn from(error: E) -> Self {
        Self { post_info: PostInfo::default(), error: error.into() }
    }
}

/// Turns the result of a verb into the result of `dispatch`.
///
/// # Errors
/// Those of `result`.
pub fn with_info<E: Into<DispatchError>>(result: Result<(), E>) -> DispatchResultWithInfo {
    match result {
        Ok(()) => Ok(PostInfo::default()),
        Err(error) => Err(DispatchErrorWithInfo::from(error)),
    }
}

/// Runs `work` in a storage transaction: what it changed stays when it returns `Ok`, and is undone when it fails.
///
/// # Errors
/// Those of `work`.
pub fn with_transaction<R, E>(work: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
    host::start_transaction();
    let result = work();
    match &result {
        Ok(_) => host::commit_transaction(),
        Err(_) => host::rollback_transaction(),
    }
    result
}
