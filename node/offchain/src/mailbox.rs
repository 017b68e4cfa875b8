//! A participant's messages of one channel: its own and those it received, on disk before anybody relies on them.
//!
//! Rules
//! * R1: a message of one's own is acknowledged when its batch is durable here; only then is the batch signed, so a crash
//!   never leads to two batches over one sequence number. Drafts without a signature are signed after a restart.
//! * R2: a received batch is taken when it names this chain and channel and another participant, its block is still
//!   collecting, its leaves are all there and count up from `first_seq`, they give its root, and the signature is the sender's. It
//!   is acknowledged when it is durable. Anything else is refused with a sentence and leaves no trace.
//! * R3: a batch that is here already is known: nothing is checked or written again (replay).
//! * R4: two ids with one (sender, seq) are equivocation. The later batch is kept beside the first one as evidence, and
//!   both go into parts, so that the merge excludes for everybody what must be excluded.
//! * R5: every encryption of a part gets its own number, durable before it is used: no key and nonce meet two texts.
//! * R6: what is checked for a batch alone equals what is checked for many at once.
//!
//! Out of scope: moving batches between participants; when a block stops collecting (the chain says so).

mod index;
mod intake;

pub use index::{Equivocation, StoredBatch};
pub use intake::{Intake, Refusal};

use crate::batcher::Draft;
use crate::log::{Log, LogError, LogOptions, Position, Recovery};
use crate::signing::{BatchSigner, ChannelKeys};
use index::Index;
use parity_scale_codec::{Compact, Decode as _, Encode as _};
use quire_channel::batch::HEADER_BYTES;
use quire_channel::part::BatchRef;
use quire_channel::{BatchHeader, PartAnchor};
use quire_core::H256;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// First byte of a record: a batch of one's own, without signature.
const DRAFT: u8 = 0;
/// Header hash and signature of such a batch.
const SIGNATURE: u8 = 1;
/// A batch of another participant.
const RECEIVED: u8 = 2;
/// The same, in conflict with an earlier one.
const CONFLICT: u8 = 3;
/// Channel block and number of an encryption, written before the number is used.
const VERSION: u8 = 4;
/// Channel block and anchor of the stored part.
const ANCHOR: u8 = 5;
const SIGNATURE_BYTES: usize = 64;

/// Whose mailbox it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// Index of the participant.
    pub index: u8,
}

/// Why batches of one's own could not be published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keeper of the key refused.
    #[error("the batch is logged but not signed: {0}")]
    Sign(String),
    /// A draft that does not go on where the last one ended.
    #[error(
        "a batch begins at message {first_seq}, the next free number is {next_seq}; cut batches in one place"
    )]
    Sequence {
        /// First number of the draft.
        first_seq: u64,
        /// First number never used.
        next_seq: u64,
    },
}

/// An open mailbox.
#[derive(Debug)]
pub struct Mailbox {
    owner: Owner,
    log: Log,
    index: Mutex<Index>,
    sealed: Mutex<BTreeSet<u32>>,
}

impl Mailbox {
    /// Opens or creates the mailbox in a folder.
    ///
    /// # Errors
    /// Damaged or locked folders and failing disks.
    pub fn open(dir: &Path, owner: Owner, options: LogOptions) -> Result<(Mailbox, Recovery), LogError> {
        let mut index = Index::default();
        let (log, recovery) =
            Log::open(dir, options, &mut |position, record| replay(&mut index, position, record))?;
        Ok((Mailbox { owner, log, index: Mutex::new(index), sealed: Mutex::default() }, recovery))
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// The first sequence number that the owner has not used.
    pub fn next_seq(&self) -> u64 {
        self.index().next_seq(self.owner.index)
    }

    /// Logs drafts, waits until they are durable, has them signed, and gives the encoded
    /// [`quire_channel::SignedBatch`]es to send (R1).
    ///
    /// # Errors
    /// Failing disks; a signer that refuses. The drafts that are logged then are signed by
    /// [`Mailbox::sign_pending`].
    pub fn publish(&self, drafts: &[Draft], signer: &dyn BatchSigner) -> Result<Vec<Vec<u8>>, PublishError> {
        let mut encoded = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let next_seq = self.next_seq();
            if draft.header.first_seq != next_seq {
                return Err(PublishError::Sequence { first_seq: draft.header.first_seq, next_seq });
            }
            let bytes = encode(draft);
            let position = self.log.append(&[&[DRAFT], &bytes])?;
            self.index().add(StoredBatch { header: draft.header, signature: None, position });
            encoded.push(bytes);
        }
        self.log.sync()?;
        let headers: Vec<BatchHeader> = drafts.iter().map(|draft| draft.header).collect();
        let signatures = self.sign(&headers, signer)?;
        for (bytes, signature) in encoded.iter_mut().zip(&signatures) {
            put_signature(bytes, signature);
        }
        Ok(encoded)
    }

    /// Signs what a crash left unsigned; gives the number of batches.
    ///
    /// # Errors
    /// As [`Mailbox::publish`].
    pub fn sign_pending(&self, signer: &dyn BatchSigner) -> Result<usize, PublishError> {
        let pending = self.index().unsigned();
        Ok(self.sign(&pending, signer)?.len())
    }

    fn sign(&self, headers: &[BatchHeader], signer: &dyn BatchSigner) -> Result<Vec<[u8; 64]>, PublishError> {
        if headers.is_empty() {
            return Ok(Vec::new());
        }
        let signatures = signer.sign_batches(headers).map_err(PublishError::Sign)?;
        for (header, signature) in headers.iter().zip(&signatures) {
            // Not waited for: the same batch may be signed again after a crash.
            self.log.append(&[&[SIGNATURE], &header.hash().0, signature])?;
            self.index().attach(header, *signature);
        }
        Ok(signatures)
    }

    /// Takes in batches of other participants (R2 to R4, R6), one answer each, in order. They are durable after
    /// [`Mailbox::sync`].
    ///
    /// # Errors
    /// Failing disks; what is wrong with a batch stands in its answer.
    pub fn receive(
        &self,
        batches: &[&[u8]],
        keys: &ChannelKeys,
    ) -> Result<Vec<Result<Intake, Refusal>>, LogError> {
        intake::receive(self, batches, keys)
    }

    /// A number for one encryption of the part of `block` that was never used before (R5).
    ///
    /// # Errors
    /// Failing disks; then nothing may be encrypted.
    pub fn next_version(&self, block: u32) -> Result<u32, LogError> {
        let version = self.index().next_version(block);
        let position = self.log.append(&[&[VERSION], &block.to_le_bytes(), &version.to_le_bytes()])?;
        self.log.wait(position.index)?;
        Ok(version)
    }

    /// Remembers the stored part of a block across restarts.
    ///
    /// # Errors
    /// Failing disks.
    pub fn note_part(&self, block: u32, anchor: &PartAnchor) -> Result<(), LogError> {
        let position = self.log.append(&[&[ANCHOR], &block.to_le_bytes(), &anchor.encode()])?;
        self.log.wait(position.index)?;
        self.index().note_part(block, anchor.clone());
        Ok(())
    }

    /// The stored part of a block.
    pub fn part(&self, block: u32) -> Option<PartAnchor> {
        self.index().part(block)
    }

    /// Makes everything that was taken in durable.
    ///
    /// # Errors
    /// Failing disks.
    pub fn sync(&self) -> Result<(), LogError> {
        self.log.sync()
    }

    /// Refuses messages for this block from now on (R2).
    pub fn seal(&self, block: u32) {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner).insert(block);
    }

    fn is_sealed(&self, block: u32) -> bool {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner).contains(&block)
    }

    /// Whether this batch is here (R3).
    pub fn knows(&self, header: &BatchHeader) -> bool {
        self.index().knows(header)
    }

    /// The batches of a block by (sender, first number, root).
    pub fn batches(&self, block: u32) -> Vec<StoredBatch> {
        self.index().batches(block)
    }

    /// The batch with this header, if it is here.
    pub fn find(&self, header: &BatchHeader) -> Option<StoredBatch> {
        self.index().find(header)
    }

    /// Everything that is here, in the order of arrival.
    pub fn all(&self) -> Vec<StoredBatch> {
        self.index().all().to_vec()
    }

    /// The owner's numbers in a block, from the first to behind the last; the next free number twice when there is none.
    pub fn own_range(&self, block: u32) -> (u64, u64) {
        let index = self.index();
        let own = index.batches(block).into_iter().filter(|batch| batch.header.sender == self.owner.index);
        let next = index.next_seq(self.owner.index);
        own.fold(None, |range: Option<(u64, u64)>, batch| {
            let (from, to) = (batch.header.first_seq, batch.header.end_seq().unwrap_or(u64::MAX));
            Some(range.map_or((from, to), |(first, last)| (first.min(from), last.max(to))))
        })
        .unwrap_or((next, next))
    }

    /// Number of the owner's messages in a block.
    pub fn own_messages(&self, block: u32) -> u64 {
        let index = self.index();
        let own = index.batches(block).into_iter().filter(|batch| batch.header.sender == self.owner.index);
        own.map(|batch| u64::from(batch.header.count)).sum()
    }

    /// Evidence against senders (R4).
    pub fn equivocations(&self) -> Vec<Equivocation> {
        self.index().equivocations().to_vec()
    }

    /// Reads a batch as an encoded [`quire_channel::SignedBatch`] into a buffer that can be used again.
    ///
    /// # Errors
    /// Failing disks.
    pub fn read(&self, batch: &StoredBatch, into: &mut Vec<u8>) -> Result<(), LogError> {
        self.log.read_tail(batch.position, 1, into)?;
        if let Some(signature) = &batch.signature {
            put_signature(into, signature);
        }
        Ok(())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // Every change of the index is one call, so a panicking thread leaves it whole.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The encoding of a signed batch with an empty place for the signature.
fn encode(draft: &Draft) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + SIGNATURE_BYTES + 4 + draft.leaves.len());
    draft.header.encode_to(&mut bytes);
    bytes.extend_from_slice(&[0; SIGNATURE_BYTES]);
    Compact(draft.header.count).encode_to(&mut bytes);
    bytes.extend_from_slice(&draft.leaves);
    bytes
}

fn put_signature(bytes: &mut [u8], signature: &[u8; 64]) {
    if let Some(place) = bytes.get_mut(HEADER_BYTES..HEADER_BYTES + SIGNATURE_BYTES) {
        place.copy_from_slice(signature);
    }
}

/// Puts a record of the log back into the index. The records were checked before they were written, and the log has
/// checksums, so what does not read is of a later version and is passed over.
fn replay(index: &mut Index, position: Position, record: &[u8]) {
    let Some((tag, rest)) = record.split_first() else { return };
    match *tag {
        DRAFT | RECEIVED | CONFLICT => {
            let Ok((batch, _)) = BatchRef::read(rest) else { return };
            let signature = (*tag != DRAFT).then_some(batch.signature);
            if *tag == CONFLICT {
                let found = index.conflicts(&batch.header);
                index.note_conflict(&batch.header, found.first().copied());
            }
            index.add(StoredBatch { header: batch.header, signature, position });
        }
        SIGNATURE => {
            if let Some((hash, signature)) = rest.split_first_chunk::<32>()
                && let Ok(signature) = signature.try_into()
            {
                index.attach_by_hash(&H256(*hash), signature);
            }
        }
        VERSION => {
            if let Some((block, version)) = rest.split_first_chunk::<4>()
                && let Ok(version) = version.try_into()
            {
                index.note_version(u32::from_le_bytes(*block), u32::from_le_bytes(version));
            }
        }
        ANCHOR => {
            if let Some((block, mut anchor)) = rest.split_first_chunk::<4>()
                && let Ok(anchor) = PartAnchor::decode(&mut anchor)
            {
                index.note_part(u32::from_le_bytes(*block), anchor);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
pub(crate) mod tests;
