//! Checks of received batches, cheap ones first (R2 to R4 and R6 of [`super`]).

use super::index::StoredBatch;
use super::{CONFLICT, Mailbox, RECEIVED};
use crate::log::LogError;
use crate::signing::ChannelKeys;
use quire_channel::limits::MAX_BATCH_MESSAGES;
use quire_channel::merge::{BatchVerifier as _, SignatureCheck};
use quire_channel::part::{BatchRef, LeafRef};
use quire_channel::{BatchHeader, merkle};
use quire_core::H256;
use quire_core::limits::MAX_BATCH_BYTES;
use rayon::prelude::*;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Taken: so many messages.
    New(u32),
    /// It was here already (R3).
    Known,
    /// Taken as evidence: its sender gives one number to two messages (R4).
    Equivocation,
}

/// Why a batch was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no batch.
    #[error("the {length} bytes are no signed batch: {why}; send it again")]
    Malformed {
        /// Bytes.
        length: usize,
        /// What the decoder said.
        why: String,
    },
    /// Another chain or channel.
    #[error("the batch is for channel {channel} of chain {genesis}, not for this one; send it there")]
    Place {
        /// Chain named.
        genesis: H256,
        /// Channel named.
        channel: u64,
    },
    /// Not another participant of the channel.
    #[error("sender {sender} is no other participant of the channel")]
    Sender {
        /// Index named.
        sender: u8,
    },
    /// The block collects no more.
    #[error("block {block} collects no more messages; give late messages the number of an open block")]
    Sealed {
        /// Block named.
        block: u32,
    },
    /// Leaves are missing, or numbered otherwise than the header says.
    #[error(
        "the batch from message {first_seq} of sender {sender} does not hold its {count} messages in order; send it whole"
    )]
    Leaves {
        /// Index of the sender.
        sender: u8,
        /// First number.
        first_seq: u64,
        /// Messages stated.
        count: u32,
    },
    /// The messages do not give the root.
    #[error(
        "the messages of the batch from message {first_seq} of sender {sender} do not give its Merkle root; one was altered"
    )]
    Root {
        /// Index of the sender.
        sender: u8,
        /// First number.
        first_seq: u64,
    },
    /// Unsigned, or signed by another key.
    #[error(
        "the batch from message {first_seq} of sender {sender} is not signed by the sender's message key; sign it with the registered key"
    )]
    Signature {
        /// Index of the sender.
        sender: u8,
        /// First number.
        first_seq: u64,
    },
}

/// A batch on its way through the checks.
struct Candidate<'a> {
    bytes: &'a [u8],
    batch: BatchRef<'a>,
}

pub(super) fn receive(
    mailbox: &Mailbox,
    batches: &[&[u8]],
    keys: &ChannelKeys,
) -> Result<Vec<Result<Intake, Refusal>>, LogError> {
    let judged: Vec<Result<Option<Candidate<'_>>, Refusal>> =
        batches.par_iter().map(|bytes| check(mailbox, bytes, keys)).collect();
    let signed: Vec<SignatureCheck> = judged.iter().flatten().flatten().map(signature_check).collect();
    let mut valid = keys.verify_many(&signed).into_iter();
    let mut answers = Vec::with_capacity(batches.len());
    for verdict in judged {
        answers.push(match verdict {
            Err(refusal) => Err(refusal),
            Ok(None) => Ok(Intake::Known),
            Ok(Some(candidate)) if valid.next().unwrap_or(false) => Ok(keep(mailbox, &candidate)?),
            Ok(Some(candidate)) => {
                let BatchHeader { sender, first_seq, .. } = candidate.batch.header;
                Err(Refusal::Signature { sender, first_seq })
            }
        });
    }
    Ok(answers)
}

fn signature_check(candidate: &Candidate<'_>) -> SignatureCheck {
    let header = &candidate.batch.header;
    SignatureCheck {
        sender: header.sender,
        payload: header.signing_bytes(),
        signature: candidate.batch.signature,
    }
}

/// Everything but the signature; `None` when the batch is known.
fn check<'a>(
    mailbox: &Mailbox,
    bytes: &'a [u8],
    keys: &ChannelKeys,
) -> Result<Option<Candidate<'a>>, Refusal> {
    let malformed = |why: String| Refusal::Malformed { length: bytes.len(), why };
    if bytes.len() > MAX_BATCH_BYTES as usize {
        return Err(malformed(format!("it is longer than {MAX_BATCH_BYTES} bytes")));
    }
    let (batch, rest) = BatchRef::read(bytes).map_err(|error| malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(malformed(format!("{} bytes follow it", rest.len())));
    }
    let (header, owner) = (batch.header, mailbox.owner());
    if (header.genesis, header.channel) != (owner.genesis, owner.channel) {
        return Err(Refusal::Place { genesis: header.genesis, channel: header.channel });
    }
    if header.sender == owner.index || usize::from(header.sender) >= keys.len() {
        return Err(Refusal::Sender { sender: header.sender });
    }
    if mailbox.knows(&header) {
        return Ok(None);
    }
    if mailbox.is_sealed(header.block) {
        return Err(Refusal::Sealed { block: header.block });
    }
    check_leaves(&batch)?;
    Ok(Some(Candidate { bytes, batch }))
}

fn check_leaves(batch: &BatchRef<'_>) -> Result<(), Refusal> {
    let header = &batch.header;
    let BatchHeader { sender, first_seq, count, .. } = *header;
    let wrong = Refusal::Leaves { sender, first_seq, count };
    if count != batch.leaf_count || !(1..=MAX_BATCH_MESSAGES).contains(&count) || header.end_seq().is_none() {
        return Err(wrong);
    }
    let mut ids = Vec::with_capacity(count as usize);
    for (seq, leaf) in (first_seq..).zip(batch.leaves()) {
        let LeafRef::Full(message) = leaf else { return Err(wrong) };
        let is_here =
            (message.channel, message.block, message.sender) == (header.channel, header.block, sender);
        if !is_here || message.seq != seq {
            return Err(wrong);
        }
        ids.push(message.id());
    }
    if merkle::root(&ids) == header.root { Ok(()) } else { Err(Refusal::Root { sender, first_seq }) }
}

/// Writes a batch that passed; batches of one call may be copies of each other or contradict each other.
fn keep(mailbox: &Mailbox, candidate: &Candidate<'_>) -> Result<Intake, LogError> {
    let header = candidate.batch.header;
    let near = {
        let index = mailbox.index();
        if index.knows(&header) {
            return Ok(Intake::Known);
        }
        index.conflicts(&header)
    };
    let contradicted = contradicted(mailbox, &candidate.batch, &near)?;
    let tag = if contradicted.is_some() { CONFLICT } else { RECEIVED };
    let position = mailbox.log.append(&[&[tag], candidate.bytes])?;
    let mut index = mailbox.index();
    index.add(StoredBatch { header, signature: Some(candidate.batch.signature), position });
    if contradicted.is_some() {
        index.note_conflict(&header, contradicted);
        return Ok(Intake::Equivocation);
    }
    Ok(Intake::New(header.count))
}

/// The first of the batches nearby that gives one of the numbers to another message.
fn contradicted(
    mailbox: &Mailbox,
    batch: &BatchRef<'_>,
    near: &[StoredBatch],
) -> Result<Option<StoredBatch>, LogError> {
    let mut bytes = Vec::new();
    for other in near {
        mailbox.read(other, &mut bytes)?;
        let Ok((known, _)) = BatchRef::read(&bytes) else { continue };
        let ids = |batch: &BatchRef<'_>| -> Vec<(u64, H256)> {
            (batch.header.first_seq..).zip(batch.leaves().map(|leaf| leaf.id())).collect()
        };
        let ours = ids(batch);
        let is_contradicted = ids(&known).into_iter().any(|(seq, id)| {
            let place = seq.checked_sub(batch.header.first_seq).and_then(|place| usize::try_from(place).ok());
            place.and_then(|place| ours.get(place)).is_some_and(|(_, own)| *own != id)
        });
        if is_contradicted {
            return Ok(Some(*other));
        }
    }
    Ok(None)
}
