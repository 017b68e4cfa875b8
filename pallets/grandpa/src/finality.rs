//! What is known to be final (R3 to R5).

use pallet_support::{DispatchResult, deposit_event, ensure};
use quire_core::inherent::InherentIdentifier;
use quire_core::{BlockNumber, InherentData};

use crate::storage::{DID_NOTE, LAST_FINALISED, STALLED};
use crate::{Call, Error, Event, INDEX};

/// Inherent data of the finality note: the number of the last final block, as u32.
pub const FINALISED_ID: InherentIdentifier = *b"finalnum";

/// The last block that an author noted as final.
pub fn last_finalised() -> Option<BlockNumber> {
    LAST_FINALISED.get()
}

/// How far the last block noted as final is behind the current one (R4).
pub fn finality_lag() -> Option<BlockNumber> {
    Some(pallet_system::block_number().saturating_sub(last_finalised()?))
}

/// Notes what the author knows to be final (R3).
pub(crate) fn note_finalised(number: BlockNumber) -> DispatchResult {
    ensure!(number < pallet_system::block_number(), Error::NotAnAncestor);
    ensure!(!DID_NOTE.get_or_default(), Error::AlreadyNoted);
    DID_NOTE.put(&true);
    if last_finalised().is_none_or(|last| last < number) {
        LAST_FINALISED.put(&number);
    }
    Ok(())
}

/// Records a stall (R5).
pub(crate) fn note_stalled(delay: BlockNumber, best_finalized_block_number: BlockNumber) {
    STALLED.put(&(delay, best_finalized_block_number));
    deposit_event(INDEX, &Event::Stalled { best_finalized_block_number });
}

/// The author's inherent: only when it knows more than the chain, so that quiet chains stay short.
pub fn create_inherent(data: &InherentData) -> Option<Call> {
    let number = data.get::<BlockNumber>(&FINALISED_ID).ok().flatten()?;
    let news = number < pallet_system::block_number() && last_finalised().is_none_or(|last| last < number);
    news.then_some(Call::note_finalised { number })
}

/// Ends a block.
pub fn on_finalize() {
    DID_NOTE.kill();
}
