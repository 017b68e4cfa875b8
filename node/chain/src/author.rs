//! Building a block: initialise, inherents, batches of transactions, finalise. The shell brings slot, inherent data,
//! batches and deadlines; the keystore seals; [`Chain::import_built`] imports without a second execution.
//!
//! Rules
//! - R1 A refused transaction leaves no trace: it was applied inside a storage transaction of the runtime.
//! - R2 A batch in which the runtime traps is undone and applied one by one; what traps alone is refused.
//! - R3 The body keeps the byte limit: a transaction without room is answered `ExhaustsResources` and stays valid.
//! - R4 What has no room leaves its sender out of the block, whose later nonces would not fit; smaller ones of others
//!   still get in. After [`LEFT_OUT_MAX`] senders the block is full ([`Proposer::is_full`]), and the shell may stop.
//! - R5 The runtime's header is believed only if parent, number, digest, state root and extrinsics root are ours.

use std::sync::Arc;

use parity_scale_codec::{Decode, Encode};
use quire_consensus::slots::claim;
use quire_consensus::slots::verify::SlotError;
use quire_core::extrinsic::decode_envelope;
use quire_core::{
    AccountId, ApplyExtrinsicResult, Digest, H256, Header, InherentData, InvalidTransaction, OpaqueExtrinsic,
    Slot, TransactionValidityError, codec, limits,
};
use quire_trie::StateVersion;

use crate::chain::{Chain, Sets, bad_result};
use crate::environment::{Execute, ExecuteError, Fault, Head, StateError, StateView, Store};
use crate::import::extrinsics_root;
use crate::layer::Layer;
use crate::overlay::Overlay;

/// Room kept for the header in the byte limit of a block: digest items of a set change of the largest set.
const HEADER_BYTES: usize = 128 * 1024;
/// Senders left out before a block counts as full (R4).
const LEFT_OUT_MAX: usize = 8;
/// Refusal of a transaction that has no room any more.
const NO_ROOM: TransactionValidityError =
    TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);

/// A block under construction.
pub struct Proposer<E: ?Sized> {
    executor: Arc<E>,
    state: Arc<dyn StateView>,
    parent: Sets,
    overlay: Overlay,
    header: Header,
    slot: Slot,
    body: Vec<OpaqueExtrinsic>,
    body_bytes: usize,
    /// Senders of what had no room.
    left_out: Vec<AccountId>,
    is_full: bool,
}

/// A finished block without its seal.
pub struct Built {
    pub(crate) header: Header,
    pub(crate) slot: Slot,
    pub(crate) body: Arc<Vec<OpaqueExtrinsic>>,
    pub(crate) layer: Layer,
    pub(crate) parent: Sets,
}

/// Why no block was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// The parent is not in the tree.
    #[error("parent {parent} is not in the tree: it was never imported, or its fork lost")]
    UnknownParent {
        /// The parent asked for.
        parent: H256,
    },
    /// The slot does not rise.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The runtime failed or refused.
    #[error("block on {parent} could not be built: {source}")]
    Execute {
        /// The parent.
        parent: H256,
        /// What happened.
        source: ExecuteError,
    },
    /// The runtime refuses an inherent that it made itself.
    #[error("inherent {index} on {parent} is refused by the runtime that made it: {error:?}")]
    Inherent {
        /// The parent.
        parent: H256,
        /// Index in the block.
        index: usize,
        /// The runtime's answer.
        error: TransactionValidityError,
    },
    /// The header that the runtime gave is not the header of this block.
    #[error("the runtime finished the block on {parent} with a wrong {what}")]
    WrongHeader {
        /// The parent.
        parent: H256,
        /// The field.
        what: &'static str,
    },
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl ProposeError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownParent { .. } | Self::Slot(_) => Fault::Caller,
            Self::Execute { source, .. } if source.fault() != Fault::Sender => source.fault(),
            Self::State(error) => error.fault(),
            _ => Fault::Ours,
        }
    }

    /// True when the node must stop; otherwise the slot is lost and the next one is tried.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Execute { source, .. } => source.is_fatal(),
            Self::State(error) => error.is_fatal(),
            _ => false,
        }
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Starts a block in `slot` on `parent`: initialises it and applies the inherents.
    pub fn proposer(
        &self,
        parent: H256,
        slot: Slot,
        inherents: &InherentData,
    ) -> Result<Proposer<E>, ProposeError> {
        let (sets, number, parent_slot) = {
            let tree = self.tree();
            let node = tree.get(parent).ok_or(ProposeError::UnknownParent { parent })?;
            (node.data.sets.clone(), node.number, (node.number > 0).then_some(node.slot))
        };
        if let Some(parent_slot) = parent_slot.filter(|parent_slot| slot <= *parent_slot) {
            return Err(SlotError::NotAfterParent { slot, parent: parent_slot }.into());
        }
        let view = self.view_over(parent, None).ok_or(ProposeError::UnknownParent { parent })?;
        let head = Head { number, hash: parent };
        Proposer::begin(self.executor.clone(), Arc::new(view), (head, sets), slot, inherents)
    }
}

impl<E: Execute + ?Sized> Proposer<E> {
    /// An empty block in `slot` on `state`, which is the state after `parent`: initialised, with its inherents.
    pub(crate) fn begin(
        executor: Arc<E>,
        state: Arc<dyn StateView>,
        parent: (Head, Sets),
        slot: Slot,
        inherents: &InherentData,
    ) -> Result<Self, ProposeError> {
        let (Head { number, hash }, parent) = parent;
        let header = Header {
            parent_hash: hash,
            number: number.saturating_add(1),
            digest: Digest::for_slot(slot),
            ..Header::default()
        };
        let args = header.encode();
        let mut proposer = Self {
            executor,
            state,
            parent,
            overlay: Overlay::new(),
            header,
            slot,
            body: Vec::new(),
            body_bytes: 0,
            left_out: Vec::new(),
            is_full: false,
        };
        proposer.call("Core_initialize_block", &args)?;
        proposer.apply_inherents(inherents)?;
        Ok(proposer)
    }

    /// Applies transactions in order; one answer for each. See R1 to R4.
    pub fn push_batch(
        &mut self,
        batch: &[Arc<OpaqueExtrinsic>],
    ) -> Result<Vec<ApplyExtrinsicResult>, ProposeError> {
        let places = self.fitting(batch);
        let fitting: Vec<_> = places.iter().map(|place| batch[*place].clone()).collect();
        let applied = match self.apply(&fitting) {
            Err(ProposeError::Execute { source, .. }) if source.fault() == Fault::Sender => {
                self.apply_singly(&fitting)?
            }
            answers => answers?,
        };
        let mut answers = vec![Err(NO_ROOM); batch.len()];
        for (place, answer) in places.into_iter().zip(applied) {
            let extrinsic = &batch[place];
            if answer.is_ok() {
                self.body_bytes = self.body_bytes.saturating_add(extrinsic.encoded_bytes());
                self.body.push((**extrinsic).clone());
            } else if answer == Err(NO_ROOM) {
                self.leave_out(extrinsic);
            }
            answers[place] = answer;
        }
        Ok(answers)
    }

    /// True once there is no room for what authors still have.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Number of extrinsics so far, inherents included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// True if nothing is in the block, not even an inherent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Bytes that the body may still grow by.
    #[must_use]
    pub fn room_bytes(&self) -> usize {
        (limits::MAX_BLOCK_BYTES as usize).saturating_sub(HEADER_BYTES).saturating_sub(self.body_bytes)
    }

    /// Lets the runtime finish the block, and checks what it says (R5).
    pub fn finish(mut self) -> Result<Built, ProposeError> {
        let answer = self.call("BlockBuilder_finalize_block", &[])?;
        let mut input = answer.as_slice();
        let header = Header::decode(&mut input)
            .map_err(|error| self.failed(bad_result("BlockBuilder_finalize_block", &error.to_string())))?;
        let (state_root, layer) = std::mem::take(&mut self.overlay)
            .into_layer(&*self.state, StateVersion::V1)
            .map_err(StateError::from)?;
        let wrong = [
            ("parent", header.parent_hash != self.header.parent_hash),
            ("number", header.number != self.header.number),
            ("digest", header.digest.aura_slot() != Some(self.slot) || header.digest.seal().is_some()),
            ("state root", header.state_root != state_root),
            ("extrinsics root", header.extrinsics_root != extrinsics_root(&self.body)),
        ];
        match wrong.iter().find(|(_, is_wrong)| *is_wrong) {
            Some((what, _)) => Err(ProposeError::WrongHeader { parent: self.header.parent_hash, what }),
            None => {
                Ok(Built { header, slot: self.slot, body: Arc::new(self.body), layer, parent: self.parent })
            }
        }
    }

    fn apply_inherents(&mut self, inherents: &InherentData) -> Result<(), ProposeError> {
        const METHOD: &str = "BlockBuilder_inherent_extrinsics";
        let answer = self.call(METHOD, &inherents.encode())?;
        let made: Vec<OpaqueExtrinsic> =
            codec::decode_vec(&mut answer.as_slice(), limits::MAX_INHERENT_KINDS, METHOD)
                .map_err(|error| self.failed(bad_result(METHOD, &error.to_string())))?;
        let made: Vec<_> = made.into_iter().map(Arc::new).collect();
        let parent = self.header.parent_hash;
        for (index, answer) in self.push_batch(&made)?.into_iter().enumerate() {
            answer.map_err(|error| ProposeError::Inherent { parent, index, error })?.ok();
        }
        Ok(())
    }

    /// Places in `batch` of what fits the byte and count limits (R3, R4).
    fn fitting(&mut self, batch: &[Arc<OpaqueExtrinsic>]) -> Vec<usize> {
        let mut room = self.room_bytes();
        let slots = (limits::MAX_BLOCK_EXTRINSICS as usize).saturating_sub(self.body.len());
        let mut places = Vec::with_capacity(batch.len());
        for (place, extrinsic) in batch.iter().enumerate() {
            if self.is_full {
                break;
            }
            if self.is_left_out(extrinsic) {
                continue;
            }
            match room.checked_sub(extrinsic.encoded_bytes()) {
                _ if places.len() == slots => self.is_full = true,
                Some(left) => {
                    room = left;
                    places.push(place);
                }
                None => self.leave_out(extrinsic),
            }
        }
        places
    }

    fn is_left_out(&self, extrinsic: &OpaqueExtrinsic) -> bool {
        // While nobody is left out, nobody's name is needed.
        !self.left_out.is_empty()
            && sender_of(extrinsic).is_some_and(|sender| self.left_out.contains(&sender))
    }

    fn leave_out(&mut self, extrinsic: &OpaqueExtrinsic) {
        match sender_of(extrinsic) {
            Some(sender) if self.left_out.contains(&sender) => {}
            Some(sender) if self.left_out.len() < LEFT_OUT_MAX => self.left_out.push(sender),
            _ => self.is_full = true,
        }
    }

    /// One runtime call for the whole batch, undone if it fails.
    fn apply(&mut self, batch: &[Arc<OpaqueExtrinsic>]) -> Result<Vec<ApplyExtrinsicResult>, ProposeError> {
        const METHOD: &str = "QuireBlock_apply_extrinsics";
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.call(METHOD, &batch.encode())?;
        let answers: Vec<ApplyExtrinsicResult> =
            codec::decode_vec(&mut answer.as_slice(), limits::MAX_BLOCK_EXTRINSICS, METHOD)
                .map_err(|error| self.failed(bad_result(METHOD, &error.to_string())))?;
        if answers.len() == batch.len() {
            return Ok(answers);
        }
        let reason = format!("{} answers to {} extrinsics", answers.len(), batch.len());
        Err(self.failed(bad_result(METHOD, &reason)))
    }

    /// R2.
    fn apply_singly(
        &mut self,
        batch: &[Arc<OpaqueExtrinsic>],
    ) -> Result<Vec<ApplyExtrinsicResult>, ProposeError> {
        let mut answers = Vec::with_capacity(batch.len());
        for extrinsic in batch {
            match self.apply(std::slice::from_ref(extrinsic)) {
                Err(ProposeError::Execute { source, .. }) if source.fault() == Fault::Sender => {
                    answers.push(Err(InvalidTransaction::Call.into()));
                }
                one => answers.extend(one?),
            }
        }
        Ok(answers)
    }

    /// Calls the runtime in a storage transaction that is undone on failure.
    fn call(&mut self, method: &str, args: &[u8]) -> Result<Vec<u8>, ProposeError> {
        let depth = self.overlay.depth();
        let opened = self.overlay.start_transaction();
        opened.map_err(|error| self.failed(bad_result(method, &error.to_string())))?;
        match self.executor.call(&self.parent.code, &*self.state, &mut self.overlay, method, args) {
            Ok(answer) => {
                let closed = self.overlay.commit_transaction();
                closed.map_err(|error| self.failed(bad_result(method, &error.to_string())))?;
                Ok(answer)
            }
            Err(source) => {
                self.overlay.rollback_to(depth);
                Err(self.failed(source))
            }
        }
    }

    fn failed(&self, source: ExecuteError) -> ProposeError {
        ProposeError::Execute { parent: self.header.parent_hash, source }
    }
}

fn sender_of(extrinsic: &OpaqueExtrinsic) -> Option<AccountId> {
    decode_envelope(&extrinsic.0).ok()?.0?.0.account()
}

impl Built {
    /// What the author's key signs, in the context `substrate`.
    #[must_use]
    pub fn seal_payload(&self) -> H256 {
        claim::seal_payload(&self.header)
    }

    /// The header without seal.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The slot.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The extrinsics, inherents included.
    #[must_use]
    pub fn body(&self) -> &Arc<Vec<OpaqueExtrinsic>> {
        &self.body
    }
}

/// Chooses batch sizes so that a block is done in time, whatever a transaction costs on this machine.
///
/// Rule: the next batch takes at most half of the time that is left, by the pace of the last one; the first batch
/// is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    deadline_ms: u64,
    /// Transactions per second, measured.
    rate: Option<u64>,
}

/// First batch of a block: some milliseconds of work.
pub const BATCH_FIRST: usize = 64;
/// Largest batch: one runtime instance must not hold more than this.
pub const BATCH_MAX: usize = 4_096;

impl Pace {
    /// Work must end at `deadline_ms`, on the clock of the other arguments.
    #[must_use]
    pub fn new(deadline_ms: u64) -> Self {
        Self { deadline_ms, rate: None }
    }

    /// Number of transactions to apply next; 0 when time is up.
    #[must_use]
    pub fn next_batch(&self, now_ms: u64) -> usize {
        let left_ms = self.deadline_ms.saturating_sub(now_ms);
        if left_ms == 0 {
            return 0;
        }
        let Some(rate) = self.rate else { return BATCH_FIRST };
        let count = rate.saturating_mul(left_ms) / 2_000;
        usize::try_from(count).unwrap_or(BATCH_MAX).clamp(1, BATCH_MAX)
    }

    /// Tells that `count` transactions took `elapsed_us` microseconds.
    pub fn applied(&mut self, count: usize, elapsed_us: u64) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.rate = count.saturating_mul(1_000_000).checked_div(elapsed_us.max(1)).map(|rate| rate.max(1));
    }
}

#[cfg(test)]
mod tests;
