//! Notifications of `quire/batches/1`: what nodes of a channel say to each other about off-chain data.
//!
//! Format: one byte for the kind, then SCALE. Lengths are compact.
//!
//! | kind | payload |
//! |---|---|
//! | 0 challenge | nonce (32) |
//! | 1 proof | key (32), signature (64) |
//! | 2 have | channel u64, senders: list of (u8, list of (u64, u64)), ends: list of (u32, u64, u64) |
//! | 3 batches | channel u64, list of encoded signed batches |
//! | 4 offer | channel u64, block u32, participant u8, validator (32), anchor, sealed key (80) |
//! | 5 receipt | channel u64, block u32, participant u8, validator (32), signature (64) |
//!
//! Rules:
//! * R1 At most [`NOTICE_BYTES_MAX`] bytes, read to the last one; each notice has one encoding.
//! * R2 Senders and ranges ascend, ranges are not empty and do not touch; so nothing is said twice.
//! * R3 Lists are no longer than the limits of `quire_offchain::exchange::message`, and at least one batch is sent.
//! * R4 Nothing is allocated by a length that was read.

use parity_scale_codec::{Compact, Decode, Encode};
use quire_offchain::exchange::message::{
    ENDS_MAX, NOTICE_BATCHES_MAX, NOTICE_BYTES_MAX, Notice, RANGES_MAX, SENDERS_MAX,
};
use quire_offchain::exchange::{End, Have, Offer, Range, Receipt};

const CHALLENGE: u8 = 0;
const PROOF: u8 = 1;
const HAVE: u8 = 2;
const BATCHES: u8 = 3;
const OFFER: u8 = 4;
const RECEIPT: u8 = 5;

/// Why bytes are no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// R1.
    #[error("{0} bytes are more than a notice may have")]
    TooLong(usize),
    /// R1.
    #[error("the notice ends early, or a field is malformed")]
    Short,
    /// R1.
    #[error("{0} bytes follow the notice")]
    Rest(usize),
    /// Of a later version, or noise.
    #[error("there is no notice of kind {0}")]
    Kind(u8),
    /// R2.
    #[error("senders or ranges are out of order")]
    Order,
    /// R3.
    #[error("a list has {0} items, more or fewer than it may have")]
    Count(u32),
}

/// The bytes of a notice.
pub fn encode(notice: &Notice) -> Vec<u8> {
    match notice {
        Notice::Challenge { nonce } => (CHALLENGE, nonce).encode(),
        Notice::Proof { key, signature } => (PROOF, key, signature).encode(),
        Notice::Have(have) => encode_have(have),
        Notice::Batches { channel, batches } => encode_batches(*channel, batches),
        Notice::Offer(offer) => {
            let Offer { channel, block, participant, validator, anchor, sealed } = offer;
            (OFFER, channel, block, participant, validator, anchor, sealed).encode()
        }
        Notice::Receipt(receipt) => {
            let Receipt { channel, block, participant, validator, signature } = receipt;
            (RECEIPT, channel, block, participant, validator, signature).encode()
        }
    }
}

fn encode_have(have: &Have) -> Vec<u8> {
    let ends: Vec<(u32, u64, u64)> = have.ends.iter().map(|end| (end.block, end.from, end.to)).collect();
    (HAVE, have.channel, &have.senders, ends).encode()
}

/// The bytes of a notice with batches, which need not be copied for it first.
pub fn encode_batches(channel: u64, batches: &[Vec<u8>]) -> Vec<u8> {
    let length: usize = batches.iter().map(|batch| batch.len() + 4).sum();
    let mut bytes = Vec::with_capacity(16 + length);
    (BATCHES, channel).encode_to(&mut bytes);
    batches.encode_to(&mut bytes);
    bytes
}

/// Reads a notice.
pub fn decode(bytes: &[u8]) -> Result<Notice, NoticeError> {
    if bytes.len() > NOTICE_BYTES_MAX {
        return Err(NoticeError::TooLong(bytes.len()));
    }
    let rest = &mut &bytes[..];
    let notice = match field::<u8>(rest)? {
        CHALLENGE => Notice::Challenge { nonce: field(rest)? },
        PROOF => Notice::Proof { key: field(rest)?, signature: field(rest)? },
        HAVE => Notice::Have(decode_have(rest)?),
        BATCHES => decode_batches(rest)?,
        OFFER => Notice::Offer(Offer {
            channel: field(rest)?,
            block: field(rest)?,
            participant: field(rest)?,
            validator: field(rest)?,
            anchor: field(rest)?,
            sealed: field(rest)?,
        }),
        RECEIPT => Notice::Receipt(Receipt {
            channel: field(rest)?,
            block: field(rest)?,
            participant: field(rest)?,
            validator: field(rest)?,
            signature: field(rest)?,
        }),
        kind => return Err(NoticeError::Kind(kind)),
    };
    if rest.is_empty() { Ok(notice) } else { Err(NoticeError::Rest(rest.len())) }
}

fn field<T: Decode>(rest: &mut &[u8]) -> Result<T, NoticeError> {
    T::decode(rest).map_err(|_| NoticeError::Short)
}

/// R3.
fn count(rest: &mut &[u8], max: usize) -> Result<u32, NoticeError> {
    let Compact(count) = field::<Compact<u32>>(rest)?;
    if count as usize > max { Err(NoticeError::Count(count)) } else { Ok(count) }
}

fn decode_have(rest: &mut &[u8]) -> Result<Have, NoticeError> {
    let mut have = Have { channel: field(rest)?, ..Have::default() };
    for _ in 0..count(rest, SENDERS_MAX)? {
        let sender: u8 = field(rest)?;
        if have.senders.last().is_some_and(|(last, _)| *last >= sender) {
            return Err(NoticeError::Order);
        }
        let mut ranges: Vec<Range> = Vec::new();
        for _ in 0..count(rest, RANGES_MAX)? {
            let (from, to): Range = field(rest)?;
            if from >= to || ranges.last().is_some_and(|(_, last)| *last >= from) {
                return Err(NoticeError::Order);
            }
            ranges.push((from, to));
        }
        have.senders.push((sender, ranges));
    }
    for _ in 0..count(rest, ENDS_MAX)? {
        let (block, from, to) = field(rest)?;
        if have.ends.last().is_some_and(|last| last.block >= block) || from > to {
            return Err(NoticeError::Order);
        }
        have.ends.push(End { block, from, to });
    }
    Ok(have)
}

fn decode_batches(rest: &mut &[u8]) -> Result<Notice, NoticeError> {
    let channel = field(rest)?;
    let count = count(rest, NOTICE_BATCHES_MAX)?;
    if count == 0 {
        return Err(NoticeError::Count(0));
    }
    let mut batches = Vec::new();
    for _ in 0..count {
        let Compact(length) = field::<Compact<u32>>(rest)?;
        let (batch, after) = rest.split_at_checked(length as usize).ok_or(NoticeError::Short)?;
        batches.push(batch.to_vec());
        *rest = after;
    }
    Ok(Notice::Batches { channel, batches })
}

#[cfg(test)]
mod tests;
