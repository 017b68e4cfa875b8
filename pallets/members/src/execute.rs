//! Executing a motion that has passed (R5).

use pallet_support::{DispatchResultWithInfo, Origin, PostInfo, deposit_event, ensure, with_transaction};
use parity_scale_codec::{Decode, DecodeLimit, Encode};
use quire_core::{Weight, limits};

use crate::storage::{MOTION_CALLS, MOTIONS};
use crate::vote::remove;
use crate::weights::EXECUTE;
use crate::{Error, Event, INDEX, Runner, has_passed};

/// Executes an open motion.
pub(crate) fn execute<C: Encode + Decode>(motion: u32, runner: &Runner<C>) -> DispatchResultWithInfo {
    let open = MOTIONS.get(&motion).ok_or(Error::UnknownMotion)?;
    ensure!(has_passed(&open), Error::NotPassed);
    let bytes = MOTION_CALLS.get(&motion).ok_or(Error::UnknownMotion)?;
    let call = C::decode_all_with_depth_limit(limits::MAX_CALL_DEPTH, &mut bytes.as_slice())
        .map_err(|_| Error::UndecodableCall)?;
    remove(motion, &open);
    Ok(run(motion, call, EXECUTE, runner))
}

/// Runs a call as Root, undoes it when it fails, and reports how it ended. `base` is the weight besides the call's.
pub(crate) fn run<C>(motion: u32, call: C, base: Weight, runner: &Runner<C>) -> PostInfo {
    let announced = (runner.weigh)(&call);
    let result = with_transaction(|| (runner.run)(call, Origin::Root));
    let (post_info, result) = match result {
        Ok(post_info) => (post_info, Ok(())),
        Err(failed) => (failed.post_info, Err(failed.error)),
    };
    deposit_event(INDEX, &Event::Executed { motion, result });
    let actual = post_info.actual_weight.unwrap_or(announced);
    PostInfo { actual_weight: Some(base + actual), ..PostInfo::default() }
}
