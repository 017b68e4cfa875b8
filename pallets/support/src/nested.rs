//! Calls inside calls: what a pallet that carries out the runtime's calls (batches, multisig, proxies) needs of them.
//!
//! Rules:
//! * R1. A nested call runs in a storage transaction of its own: what a failing one did is undone, whoever goes on.
//! * R2. It weighs what it says it weighed, and never more than it announced.
//! * R3. It is never mandatory: whoever announces the class of a nested call makes [`class`] of it. That an inherent does
//!   not run nested at all is the runtime's business (its origin is refused as well).

use core::iter::Chain;
use core::slice::{self, Iter};

use quire_core::dispatch::{DispatchClass, DispatchInfo, DispatchResult};
use quire_core::weight::Weight;

use crate::{DispatchErrorWithInfo, DispatchResultWithInfo, Origin, PostInfo, with_transaction};

/// The runtime's call, to pallets below the runtime.
pub trait Dispatchable: Sized {
    /// Weight without the extrinsic's base, class, and whether the signer pays.
    fn dispatch_info(&self) -> DispatchInfo;

    /// Carries the call out. The caller opens the storage transaction.
    ///
    /// # Errors
    /// Those of the pallet that the call is of.
    fn dispatch(self, origin: Origin) -> DispatchResultWithInfo;
}

/// How a nested call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its result.
    pub result: DispatchResult,
    /// What it weighed (R2).
    pub weight: Weight,
}

impl Ran {
    /// The result of a call that ends as its nested one did, and weighs `base` besides.
    ///
    /// # Errors
    /// That of the nested call.
    pub fn passed_on(self, base: Weight) -> DispatchResultWithInfo {
        let post_info = weighed(base + self.weight);
        match self.result {
            Ok(()) => Ok(post_info),
            Err(error) => Err(DispatchErrorWithInfo { post_info, error }),
        }
    }
}

/// Runs a nested call (R1).
pub fn run<C: Dispatchable>(call: C, origin: Origin) -> Ran {
    let announced = call.dispatch_info().weight;
    let (post_info, result) = match with_transaction(|| call.dispatch(origin)) {
        Ok(post_info) => (post_info, Ok(())),
        Err(failed) => (failed.post_info, Err(failed.error)),
    };
    Ran { result, weight: post_info.actual_weight.unwrap_or(announced).min(announced) }
}

/// What is said about a call that weighed this much, and is paid for.
pub fn weighed(weight: Weight) -> PostInfo {
    PostInfo::from(Some(weight))
}

/// Fails with what the call weighed before it failed.
pub fn failed(error: impl Into<crate::DispatchError>, weight: Weight) -> DispatchErrorWithInfo {
    DispatchErrorWithInfo { post_info: weighed(weight), error: error.into() }
}

/// The class of a call around one of class `inner` (R3).
pub const fn class(inner: DispatchClass) -> DispatchClass {
    match inner {
        DispatchClass::Operational => DispatchClass::Operational,
        DispatchClass::Normal | DispatchClass::Mandatory => DispatchClass::Normal,
    }
}

/// The calls directly inside a call.
pub type Calls<'a, C> = Chain<Iter<'a, C>, Iter<'a, C>>;

/// No calls.
pub fn none<'a, C>() -> Calls<'a, C> {
    many(&[])
}

/// One call.
pub fn one<C>(call: &C) -> Calls<'_, C> {
    many(slice::from_ref(call))
}

/// Two calls.
pub fn two<'a, C>(first: &'a C, second: &'a C) -> Calls<'a, C> {
    slice::from_ref(first).iter().chain(slice::from_ref(second))
}

/// Any number of calls.
pub fn many<C>(calls: &[C]) -> Calls<'_, C> {
    calls.iter().chain([].iter())
}
