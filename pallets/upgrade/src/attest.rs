//! The verdict of a block's author (R3).

use pallet_support::{DispatchResult, deposit_event, ensure};
use quire_core::upgrade::VERDICT_ID;
use quire_core::{AuraId, H256, InherentData, Verdict, limits};

use crate::storage::{DID_ATTEST, UPGRADE, VERDICTS};
use crate::{Call, Error, Event, INDEX};

/// Notes what the author's dry run said.
pub(crate) fn attest(code_hash: H256, verdict: Verdict) -> DispatchResult {
    ensure!(is_open(code_hash), Error::NoSuchUpgrade);
    ensure!(!DID_ATTEST.get_or_default(), Error::AlreadyAttested);
    ensure!(is_short(&verdict), Error::ReasonTooLong);
    let authority: AuraId = pallet_aura::author().ok_or(Error::NoAuthor)?;
    DID_ATTEST.put(&true);
    VERDICTS.insert(&authority, &verdict);
    deposit_event(INDEX, &Event::Attested { code_hash, authority, verdict });
    Ok(())
}

/// The author's inherent: only when its verdict is about the open upgrade and says something new.
pub fn create_inherent(data: &InherentData) -> Option<Call> {
    let (code_hash, verdict) = data.get::<(H256, Verdict)>(&VERDICT_ID).ok().flatten()?;
    let author = pallet_aura::author()?;
    let says_news =
        is_open(code_hash) && is_short(&verdict) && VERDICTS.get(&author).as_ref() != Some(&verdict);
    says_news.then_some(Call::attest { code_hash, verdict })
}

fn is_open(code_hash: H256) -> bool {
    UPGRADE.get().is_some_and(|upgrade| upgrade.state.is_open() && upgrade.code_hash == code_hash)
}

fn is_short(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Accept => true,
        Verdict::Refuse { reason } => reason.len() <= limits::MAX_VERDICT_REASON_BYTES as usize,
    }
}
