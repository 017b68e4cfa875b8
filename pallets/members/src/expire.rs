//! Motions whose time is over (R7).

use alloc::vec::Vec;

use pallet_support::deposit_event;

use crate::storage::{MOTIONS, NEXT_EXPIRY};
use crate::vote::remove;
use crate::{Event, INDEX};

/// Starts a block: removes expired motions. Looks at the motions, which are bounded (R8), only when one has expired.
pub fn on_initialize() {
    let now = pallet_timestamp::channel_clock();
    if NEXT_EXPIRY.get().is_none_or(|next| next > now) {
        return;
    }
    let (expired, open): (Vec<_>, Vec<_>) = MOTIONS
        .iter()
        .map(|(motion, open)| (motion, open.expires_at))
        .partition(|(_, expiry)| *expiry <= now);
    for (motion, _) in expired {
        remove(motion);
        deposit_event(INDEX, &Event::Expired { motion });
    }
    match open.iter().map(|(_, expiry)| *expiry).min() {
        Some(next) => NEXT_EXPIRY.put(&next),
        None => NEXT_EXPIRY.kill(),
    }
}
