//! Batches, and calls with a fallback (R1 to R5, R7).

use alloc::vec::Vec;

use pallet_support::nested::{self, Ran};
use pallet_support::{
    DispatchErrorWithInfo, DispatchResultWithInfo, Dispatchable, Origin, deposit_event, ensure,
};
use quire_core::{DispatchError, Weight, limits};

use crate::weights::{IF_ELSE, batch_weight};
use crate::{Error, Event, INDEX};

/// R1, R5: whether a batch may start.
fn check<C>(calls: &[C], origin: &Origin) -> Result<(), DispatchErrorWithInfo> {
    let refuse = |error: DispatchError| nested::failed(error, batch_weight(0));
    ensure!(*origin != Origin::None, refuse(DispatchError::BadOrigin));
    ensure!(calls.len() <= limits::MAX_NESTED_CALLS as usize, refuse(Error::TooManyCalls.into()));
    Ok(())
}

/// R2.
pub(crate) fn batch<C: Dispatchable>(calls: Vec<C>, origin: &Origin) -> DispatchResultWithInfo {
    check(&calls, origin)?;
    let count = calls.len() as u32;
    let mut weight = Weight::ZERO;
    for (index, call) in (0u32..).zip(calls) {
        let ran = nested::run(call, origin.clone());
        weight += ran.weight;
        if let Err(error) = ran.result {
            deposit_event(INDEX, &Event::BatchInterrupted { index, error });
            return Ok(nested::weighed(batch_weight(index.saturating_add(1)) + weight));
        }
        deposit_event(INDEX, &Event::ItemCompleted);
    }
    deposit_event(INDEX, &Event::BatchCompleted);
    Ok(nested::weighed(batch_weight(count) + weight))
}

/// R3: the caller's transaction takes back what ran before the failure.
pub(crate) fn batch_all<C: Dispatchable>(calls: Vec<C>, origin: &Origin) -> DispatchResultWithInfo {
    check(&calls, origin)?;
    let count = calls.len() as u32;
    let mut weight = Weight::ZERO;
    for (index, call) in (0u32..).zip(calls) {
        let ran = nested::run(call, origin.clone());
        weight += ran.weight;
        if let Err(error) = ran.result {
            return Err(nested::failed(error, batch_weight(index.saturating_add(1)) + weight));
        }
        deposit_event(INDEX, &Event::ItemCompleted);
    }
    deposit_event(INDEX, &Event::BatchCompleted);
    Ok(nested::weighed(batch_weight(count) + weight))
}

/// R4.
pub(crate) fn force_batch<C: Dispatchable>(calls: Vec<C>, origin: &Origin) -> DispatchResultWithInfo {
    check(&calls, origin)?;
    let count = calls.len() as u32;
    let mut weight = Weight::ZERO;
    let mut has_failures = false;
    for call in calls {
        let ran = nested::run(call, origin.clone());
        weight += ran.weight;
        match ran.result {
            Ok(()) => deposit_event(INDEX, &Event::ItemCompleted),
            Err(error) => {
                has_failures = true;
                deposit_event(INDEX, &Event::ItemFailed { error });
            }
        }
    }
    let end = if has_failures { Event::BatchCompletedWithErrors } else { Event::BatchCompleted };
    deposit_event(INDEX, &end);
    Ok(nested::weighed(batch_weight(count) + weight))
}

/// R7.
pub(crate) fn if_else<C: Dispatchable>(main: C, fallback: C, origin: &Origin) -> DispatchResultWithInfo {
    ensure!(*origin != Origin::None, nested::failed(DispatchError::BadOrigin, IF_ELSE));
    let first = nested::run(main, origin.clone());
    let Err(main_error) = first.result else {
        deposit_event(INDEX, &Event::IfElseMainSuccess);
        return first.passed_on(IF_ELSE);
    };
    let second = nested::run(fallback, origin.clone());
    if second.result.is_ok() {
        deposit_event(INDEX, &Event::IfElseFallbackCalled { main_error });
    }
    Ran { weight: first.weight + second.weight, ..second }.passed_on(IF_ELSE)
}
