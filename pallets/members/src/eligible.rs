//! Who may be in the next authority set (R16), and when that counts (R17).
//!
//! Session asks [`is_eligible`] when it makes a set, and no earlier: in between neither expiry nor revocation takes anybody
//! out. It keeps who may not leave yet, so that never more than a third leaves at once (Session's R4); then it calls
//! [`note_set_change`].

use quire_certificate::Principal;
use quire_core::AccountId;

use crate::storage::{EFFECTIVE_TIME, PRINCIPALS};

/// Whether a member may be in an authority set that is made now: admitted, not revoked, certificate valid by chain time.
pub fn is_eligible(who: &AccountId) -> bool {
    PRINCIPALS.get(who).is_some_and(|principal| is_good(&principal, pallet_timestamp::now()))
}

/// A session begins: from here on counts, for peers too, what has expired or was revoked by now (R17).
pub fn note_set_change() {
    EFFECTIVE_TIME.put(&pallet_timestamp::now());
}

/// The chain's first time is that of its first set.
pub(crate) fn begin(now: u64) {
    if now > 0 && EFFECTIVE_TIME.get().is_none() {
        EFFECTIVE_TIME.put(&now);
    }
}

pub(crate) fn is_good(principal: &Principal, now: u64) -> bool {
    principal.check(now, now).is_ok()
}
