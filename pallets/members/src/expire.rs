//! Motions whose time is over (R7).

use alloc::vec::Vec;

use pallet_support::deposit_event;

use crate::storage::{MOTIONS, NEXT_EXPIRY};
use crate::vote::remove;
use crate::{Event, INDEX, calendar, eligible};

/// Starts a block: removes expired motions, looks at the certificates of the day. Looks at the motions, which are bounded
/// (R8), only when one has expired.
pub fn on_initialize() {
    // The time of the last block: this one has not set its own yet.
    let now = pallet_timestamp::now();
    calendar::on_initialize(now);
    eligible::begin(now);
    let now = pallet_timestamp::channel_clock();
    if NEXT_EXPIRY.get().is_none_or(|next| next > now) {
        return;
    }
    let (expired, open): (Vec<_>, Vec<_>) = MOTIONS.iter().partition(|(_, open)| open.expires_at <= now);
    for (motion, gone) in expired {
        remove(motion, &gone);
        deposit_event(INDEX, &Event::Expired { motion });
    }
    match open.iter().map(|(_, open)| open.expires_at).min() {
        Some(next) => NEXT_EXPIRY.put(&next),
        None => NEXT_EXPIRY.kill(),
    }
}
