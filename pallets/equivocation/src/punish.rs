//! What an offence costs (R4).

use pallet_bonds::{Beneficiary, slash, total};
use pallet_session::{Forgotten, bar};
use pallet_support::{DispatchResult, deposit_event};
use quire_core::Balance;

use crate::storage::{PARAMETERS, PUNISHED};
use crate::types::{Accused, Offence};
use crate::{Event, INDEX};

/// Slashes, bars, and notes it.
pub(crate) fn punish(accused: &Accused) -> DispatchResult {
    let Accused { who, offence } = accused;
    let percent = Balance::from(PARAMETERS.get_or_default().slash_percent.min(100));
    let bonded = total(who);
    // In two steps, so that no bond is too large to be multiplied.
    let amount =
        (bonded / 100).saturating_mul(percent).saturating_add((bonded % 100).saturating_mul(percent) / 100);
    let slashed = slash(who, amount, &Beneficiary::Burn)?.taken;
    PUNISHED.insert(offence, who, &slashed);
    bar(who);
    deposit_event(INDEX, &Event::Punished { who: *who, offence: *offence, slashed });
    Ok(())
}

/// Records are gone with which offences could be reported: what was noted about them goes too.
pub fn on_forgotten(forgotten: &Forgotten) {
    let sessions = forgotten.sessions.iter().map(|session| Offence::Authored { session: *session });
    let sets = forgotten.sets.iter().map(|set_id| Offence::Voted { set_id: *set_id });
    for offence in sessions.chain(sets) {
        PUNISHED.clear_prefix(&offence, u32::MAX);
    }
}
