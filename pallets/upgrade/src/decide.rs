//! What becomes of the open upgrade at the end of a block (R4 to R7).

use alloc::vec::Vec;

use pallet_support::deposit_event;
use quire_core::{BlockNumber, Upgrade, UpgradeState, UpgradeStatus, Verdict};

use crate::storage::{DID_ATTEST, PARAMETERS, PENDING_CODE, UPGRADE, VERDICTS};
use crate::{Event, INDEX};

/// Verdicts of the present authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) authorities: u32,
    pub(crate) accepted: u32,
    pub(crate) refused: u32,
}

impl Count {
    /// The least number that is more than two thirds.
    pub(crate) const fn needed(self) -> u32 {
        // At most `limits::MAX_AUTHORITIES` authorities: twice as many fit.
        self.authorities * 2 / 3 + 1
    }

    const fn is_accepted(self) -> bool {
        self.accepted >= self.needed()
    }

    const fn is_refused(self) -> bool {
        self.authorities.saturating_sub(self.refused) < self.needed()
    }
}

/// What happens next to an open upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    Schedule,
    Postpone,
    Enact,
    Refuse,
    Expire,
}

/// One line per case, the first that fits.
pub(crate) fn decide(state: UpgradeState, count: Count, number: BlockNumber, is_late: bool) -> Step {
    match state {
        state if !state.is_open() => Step::Wait,
        _ if count.is_refused() => Step::Refuse,
        UpgradeState::Scheduled { .. } if !count.is_accepted() => Step::Postpone,
        UpgradeState::Scheduled { at } if number >= at => Step::Enact,
        UpgradeState::Attesting if count.is_accepted() => Step::Schedule,
        UpgradeState::Attesting if is_late => Step::Expire,
        _ => Step::Wait,
    }
}

/// Ends a block.
pub fn on_finalize() {
    DID_ATTEST.kill();
    let Some(open) = UPGRADE.get().filter(|upgrade| upgrade.state.is_open()) else { return };
    let (count, number) = (count(), pallet_system::block_number());
    let is_late = pallet_timestamp::channel_clock() >= open.deadline;
    let code_hash = open.code_hash;
    match decide(open.state, count, number, is_late) {
        Step::Wait => {}
        Step::Schedule => {
            let at = number.saturating_add(PARAMETERS.get_or_default().enactment_delay_blocks);
            UPGRADE.put(&Upgrade { state: UpgradeState::Scheduled { at }, ..open });
            deposit_event(INDEX, &Event::Scheduled { code_hash, at });
        }
        Step::Postpone => {
            UPGRADE.put(&Upgrade { state: UpgradeState::Attesting, ..open });
            deposit_event(INDEX, &Event::Postponed { code_hash });
        }
        Step::Enact => enact(open),
        Step::Refuse => {
            let Count { refused, authorities, .. } = count;
            close(open, UpgradeState::Refused { at: number });
            deposit_event(INDEX, &Event::Refused { code_hash, refused, authorities });
        }
        Step::Expire => {
            close(open, UpgradeState::Expired { at: number });
            deposit_event(INDEX, &Event::Expired { code_hash });
        }
    }
}

/// R5.
fn enact(open: Upgrade) {
    let at = pallet_system::block_number();
    let (code_hash, spec_version) = (open.code_hash, open.spec_version);
    // An open upgrade has its code; without it there is nothing to enact.
    if let Some(code) = PENDING_CODE.get() {
        close(open, UpgradeState::Enacted { at });
        pallet_system::replace_code(&code);
        deposit_event(INDEX, &Event::Enacted { code_hash, spec_version });
    }
}

/// The upgrade is over; what became of it and its verdicts stay (R2).
pub(crate) fn close(upgrade: Upgrade, state: UpgradeState) {
    PENDING_CODE.kill();
    UPGRADE.put(&Upgrade { state, ..upgrade });
}

/// R4: only those who author at present count.
fn count() -> Count {
    let authorities = pallet_aura::authorities();
    let mut count = Count { authorities: authorities.len() as u32, accepted: 0, refused: 0 };
    for authority in &authorities {
        match VERDICTS.get(authority) {
            Some(Verdict::Accept) => count.accepted += 1,
            Some(Verdict::Refuse { .. }) => count.refused += 1,
            None => {}
        }
    }
    count
}

/// The open upgrade, or what became of the last one, with its verdicts in the order of their keys.
pub fn status() -> Option<UpgradeStatus> {
    let upgrade = UPGRADE.get()?;
    let count = count();
    let mut verdicts: Vec<_> = VERDICTS.iter().collect();
    verdicts.sort_unstable_by_key(|(authority, _)| *authority);
    Some(UpgradeStatus {
        upgrade,
        authorities: count.authorities,
        needed: count.needed(),
        accepted: count.accepted,
        refused: count.refused,
        verdicts,
    })
}

/// The code of the open upgrade.
pub fn pending_code() -> Option<Vec<u8>> {
    PENDING_CODE.get()
}
