//! Days on which certificates are looked at: warnings before they end, notes when they have ended, and forgetting (R15).

use pallet_support::deposit_event;
use quire_certificate::{DAY_MS, Principal, RevokedPeer, WINDOW_MS_MAX};

use crate::peers;
use crate::storage::{DUE, DUE_ON, NEXT_DAY, PEERS, PRINCIPALS, REVOKED_PEERS};
use crate::types::Holder;
use crate::{DUE_PER_BLOCK_MAX, Event, INDEX, WARNING_DAYS};

/// Most empty days that a block walks over after a long stretch without blocks.
const DAYS_PER_BLOCK_MAX: u32 = 32;

/// Starts a block: looks at up to [`DUE_PER_BLOCK_MAX`] of today's certificates.
pub(crate) fn on_initialize(now: u64) {
    let today = day(now);
    let Some(first) = NEXT_DAY.get().filter(|first| *first <= today) else { return };
    let mut at = first;
    let mut looked_at = 0;
    while at <= today && at.saturating_sub(first) < DAYS_PER_BLOCK_MAX {
        match DUE.iter_prefix_keys(&at).next() {
            None => at = at.saturating_add(1),
            Some(_) if looked_at == DUE_PER_BLOCK_MAX => break,
            Some(holder) => {
                looked_at += 1;
                forget(&holder);
                look_at(holder, now);
            }
        }
    }
    // Looking may have put something on a day that is later, never earlier than tomorrow.
    NEXT_DAY.put(&at);
}

/// Puts a holder on the day of its next event, and says at once what of it has begun already.
pub(crate) fn enter(holder: Holder, valid_until: u64, now: u64) {
    forget(&holder);
    if now >= valid_until {
        return;
    }
    if valid_until.saturating_sub(now) <= longest_warning_ms() {
        warn(holder, valid_until, now);
    }
    schedule(holder, next_event(valid_until, now));
}

/// Puts a holder on the first day that begins at or after `at`.
pub(crate) fn schedule(holder: Holder, at: u64) {
    forget(&holder);
    let due = day(at.saturating_add(DAY_MS - 1));
    DUE.insert(&due, &holder, &());
    DUE_ON.insert(&holder, &due);
    NEXT_DAY.mutate(|next| *next = Some(next.unwrap_or(due).min(due)));
}

/// Takes a holder out of the calendar.
pub(crate) fn forget(holder: &Holder) {
    if let Some(due) = DUE_ON.take(holder) {
        DUE.remove(&due, holder);
    }
}

/// When a revoked member or node is forgotten: every certificate signed by then has ended.
pub(crate) fn forget_at(revoked_at: u64) -> u64 {
    revoked_at.saturating_add(WINDOW_MS_MAX[1])
}

fn look_at(holder: Holder, now: u64) {
    match holder {
        Holder::Principal { member } => {
            if let Some(principal) = PRINCIPALS.get(&member) {
                look_at_principal(holder, &principal, now);
            }
        }
        Holder::Peer { member, node } => {
            let Some(peer) = PEERS.get(&member, &node) else { return };
            if now >= peer.valid_until {
                peers::unregister(&member, &node);
            }
            announce(holder, peer.valid_until, now);
        }
        Holder::RevokedPeer { member, node } => match REVOKED_PEERS.get(&member, &node) {
            Some(RevokedPeer { until, .. }) if now < until => schedule(holder, until),
            Some(_) => peers::forget_revoked(&member, &node),
            None => {}
        },
    }
}

fn look_at_principal(holder: Holder, principal: &Principal, now: u64) {
    let Holder::Principal { member } = holder else { return };
    match principal.revoked_at {
        None => announce(holder, principal.valid_until, now),
        Some(at) if now < forget_at(at) => schedule(holder, forget_at(at)),
        Some(_) => PRINCIPALS.remove(&member),
    }
}

fn announce(holder: Holder, valid_until: u64, now: u64) {
    if now >= valid_until {
        deposit_event(INDEX, &Event::CertificateExpired { holder, valid_until });
        return;
    }
    warn(holder, valid_until, now);
    schedule(holder, next_event(valid_until, now));
}

fn warn(holder: Holder, valid_until: u64, now: u64) {
    let days_left = day(valid_until.saturating_sub(now));
    deposit_event(INDEX, &Event::CertificateExpiring { holder, valid_until, days_left });
}

/// The next warning after `now`, or the end. Days are whole, so at least a day lies between two looks.
fn next_event(valid_until: u64, now: u64) -> u64 {
    let warnings = WARNING_DAYS.iter().map(|days| valid_until.saturating_sub(u64::from(*days) * DAY_MS));
    warnings
        .filter(|at| day(at.saturating_add(DAY_MS - 1)) > day(now))
        .min()
        .unwrap_or(valid_until)
        .min(valid_until)
}

/// When the first warning of a certificate is due.
pub(crate) fn first_warning(valid_until: u64) -> u64 {
    valid_until.saturating_sub(longest_warning_ms())
}

fn longest_warning_ms() -> u64 {
    WARNING_DAYS.iter().max().map_or(0, |days| u64::from(*days) * DAY_MS)
}

fn day(ms: u64) -> u32 {
    u32::try_from(ms / DAY_MS).unwrap_or(u32::MAX)
}
