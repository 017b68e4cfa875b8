//! Parts: `submit_part` (R4).

use pallet_support::{deposit_event, ensure, host};
use quire_channel::limits::{MAX_PART_BATCHES, MAX_PART_BYTES};
use quire_channel::{BlockState, PartAnchor, receipt_payload, rules};
use quire_core::{AccountId, DispatchResult};

use crate::delegate::bit;
use crate::live::{Live, genesis_hash};
use crate::storage::{BlockRecord, PartRecord};
use crate::{Error, Event, INDEX};

/// R4.
pub(crate) fn submit(
    who: &AccountId,
    channel: u64,
    block: u32,
    part: PartAnchor,
    receipts: &[(AccountId, [u8; 64])],
) -> DispatchResult {
    check_anchor(&part)?;
    let mut live = Live::load(channel, block)?;
    live.expect(BlockState::Parts)?;
    let participant = live.participant(who)?;
    ensure!(live.record.counted_parts() & bit(participant) == 0, Error::PartExists);
    let commitment = live.record.key_commitment();
    ensure!(commitment.is_none_or(|first| first == part.key_commitment), Error::KeyCommitmentMismatch);

    let payload = receipt_payload(genesis_hash(), channel, block, participant, &part);
    let custodians = check_receipts(&live.record, receipts, &payload)?;
    let root = part.root;
    let place = live.record.parts.partition_point(|other| other.participant < participant);
    live.record.parts.insert(place, PartRecord { participant, anchor: part, custodians });
    deposit_event(INDEX, &Event::PartCounted { channel, block, participant, root });
    live.store()
}

/// What can be said of an anchor without the part.
fn check_anchor(part: &PartAnchor) -> Result<(), Error> {
    let fits = part.length <= MAX_PART_BYTES && part.count <= MAX_PART_BATCHES;
    ensure!(fits && !part.cid.as_slice().is_empty(), Error::BadPart);
    Ok(())
}

/// Checks receipts, the cheap things first, and returns the bitmap of the duties behind them.
fn check_receipts(
    record: &BlockRecord,
    receipts: &[(AccountId, [u8; 64])],
    payload: &[u8],
) -> Result<u32, Error> {
    let mut custodians = 0u32;
    for (validator, _) in receipts {
        let (place, _) = record.duty(validator).ok_or(Error::ReceiptNotDelegated)?;
        let bit = duty_bit(place);
        ensure!(custodians & bit == 0, Error::ReceiptRepeated);
        custodians |= bit;
    }
    // Each validator appears once in `receipts` and in the duties, so both counts are small.
    let validators = u32::try_from(record.duties.len()).unwrap_or(u32::MAX);
    ensure!(rules::has_receipt_quorum(custodians.count_ones(), validators), Error::TooFewReceipts);
    for (validator, signature) in receipts {
        let (_, duty) = record.duty(validator).ok_or(Error::ReceiptNotDelegated)?;
        let good = host::sr25519_verify(signature, payload, &duty.signing);
        ensure!(good, Error::ReceiptSignature);
    }
    Ok(custodians)
}

/// The bit of a duty in a bitmap of custodians; there are at most 16 duties.
pub(crate) fn duty_bit(place: usize) -> u32 {
    u32::try_from(place).ok().and_then(|place| 1u32.checked_shl(place)).unwrap_or(0)
}
