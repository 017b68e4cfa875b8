//! Proposing a motion (R3, R8).

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::{DispatchResultWithInfo, PostInfo, deposit_event, ensure, host};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, H256};

use crate::execute::run;
use crate::storage::{MOTION_CALLS, MOTION_COUNT, MOTIONS, NEXT_EXPIRY};
use crate::types::Motion;
use crate::weights::propose_weight;
use crate::{Error, Event, INDEX, MOTION_CALL_BYTES_MAX, MOTION_TICKS_MAX, Runner, approvals_needed, usage};

/// Opens a motion, or executes it at once when the proposer's approval is enough.
pub(crate) fn propose<C: Encode + Decode>(
    who: AccountId,
    call: C,
    runner: &Runner<C>,
) -> DispatchResultWithInfo {
    let bytes = call.encode();
    ensure!(bytes.len() <= MOTION_CALL_BYTES_MAX as usize, Error::CallTooLong);
    let call_bytes = bytes.len() as u32;
    usage::check(&who, call_bytes)?;
    let motion = MOTION_COUNT.get_or_default();
    MOTION_COUNT.put(&motion.saturating_add(1));
    let call_hash = H256(host::blake2_256(&bytes));
    let mut classes = (runner.classes)(&call);
    classes.sort_unstable();
    classes.dedup();
    let needed = approvals_needed(&classes);
    let expires_at = pallet_timestamp::channel_clock().saturating_add(MOTION_TICKS_MAX);
    deposit_event(
        INDEX,
        &Event::Proposed { motion, proposer: who, call_hash, needed, expires_at, classes: classes.clone() },
    );
    deposit_event(INDEX, &Event::Voted { motion, member: who, approve: true, ayes: 1, nays: 0 });
    if needed <= 1 {
        deposit_event(INDEX, &Event::Passed { motion });
        return Ok(run(motion, call, propose_weight(bytes.len()), runner));
    }
    let weight = (runner.weigh)(&call);
    let (ayes, nays) = (vec![who], Vec::new());
    let open = Motion { proposer: who, classes, call_hash, call_bytes, weight, expires_at, ayes, nays };
    usage::take(&who, call_bytes);
    MOTIONS.insert(&motion, &open);
    MOTION_CALLS.insert(&motion, &bytes);
    NEXT_EXPIRY.mutate(|next| *next = Some(next.unwrap_or(expires_at).min(expires_at)));
    Ok(PostInfo::from(Some(propose_weight(bytes.len()))))
}
