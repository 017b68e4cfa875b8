//! The expensive effects of the machines, one function each. They run on job threads and answer with a [`Told`].

use super::OffchainError;
use super::key_ring::KeyRing;
use super::program::ChainPrograms;
use super::submit::Submitter;
use super::view::Snapshot;
use super::worker::{Told, Watch};
use crate::clock::Stopwatch;
use crate::service::NodeHandle;
use parity_scale_codec::Encode as _;
use quire_channel::merge::MergePlace;
use quire_channel::program::abi::Context;
use quire_channel::{PartAnchor, Participant, receipt_payload};
use quire_core::{AccountId, H256};
use quire_offchain::chunk_store::ChunkStore;
use quire_offchain::collator::{CollateError, Selection, collate};
use quire_offchain::crypt::PartPlace;
use quire_offchain::duty::Duty;
use quire_offchain::mailbox::Mailbox;
use quire_offchain::part_store::{OpenError, store_part, take_custody};
use quire_offchain::ratchet::{BlockKey, Ratchet};
use quire_offchain::seal::{SealContext, seal};
use quire_offchain::signing::ChannelKeys;
use quire_offchain::validator::{Job, ProcessError, Stage, process};
use std::sync::Arc;

/// A participant whose work is done in this process.
pub(crate) struct Seat {
    /// Index in the channel.
    pub(crate) index: u8,
    /// Owns the money and signs transactions.
    pub(crate) account: AccountId,
    /// The validator it trusts.
    pub(crate) validator: AccountId,
    /// Its messages and those it received.
    pub(crate) mailbox: Arc<Mailbox>,
    /// The channel's keys.
    pub(crate) ratchet: Ratchet,
    /// Which messages of others it takes into its part.
    pub(crate) selection: fn() -> Box<dyn Selection + Send>,
}

/// A validator whose work is done in this process.
pub(crate) struct Stand {
    /// Signs transactions.
    pub(crate) account: AccountId,
    /// Signs receipts.
    pub(crate) signing: [u8; 32],
    /// Block keys are sealed to it.
    pub(crate) sealing: [u8; 32],
}

/// What all workers of one channel in this process share.
pub(crate) struct Office {
    pub(crate) node: NodeHandle,
    pub(crate) genesis: H256,
    pub(crate) channel: u64,
    /// Blocks `0..blocks` have messages.
    pub(crate) blocks: u32,
    pub(crate) seats: Vec<Seat>,
    pub(crate) stands: Vec<Stand>,
    pub(crate) chunks: ChunkStore,
    pub(crate) ring: KeyRing,
    pub(crate) programs: ChainPrograms,
    pub(crate) submitter: Submitter,
    pub(crate) watch: Arc<dyn Watch>,
}

/// An effect that takes its time. Seats and stands are named by their place in the office.
#[derive(Debug)]
pub(crate) enum Work {
    /// Build and store a part.
    Collate { seat: usize, block: u32 },
    /// Hand a part and its key to a validator of this process and ask for a receipt.
    Offer { seat: usize, block: u32, validator: AccountId, sealing: [u8; 32], anchor: PartAnchor },
    /// Compute a result.
    Process { stand: usize, block: u32, parts: Vec<(u8, PartAnchor)> },
}

impl Work {
    /// Its name in metrics.
    fn name(&self) -> &'static str {
        match self {
            Self::Collate { .. } => "collate",
            Self::Offer { .. } => "offer",
            Self::Process { .. } => "process",
        }
    }
}

impl Office {
    /// Does the work; `None` when there is nothing to tell.
    pub(crate) fn carry_out(&self, work: Work) -> Option<Told> {
        let (what, watch) = (work.name(), Stopwatch::start());
        let outcome = match work {
            Work::Collate { seat, block } => self.collate(seat, block).map(Some),
            Work::Offer { seat, block, validator, sealing, anchor } => {
                self.offer(seat, block, validator, sealing, &anchor)
            }
            Work::Process { stand, block, parts } => self.process(stand, block, parts).map(Some),
        };
        self.node.worked(what, watch.us());
        outcome.unwrap_or_else(|error| Some(Told::Fatal(error)))
    }

    /// The finalised state.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, OffchainError> {
        let chain = self.node.chain();
        let state = chain.state_at(chain.finalised().hash);
        state.map(Snapshot).map_err(|error| OffchainError::State(error.to_string()))
    }

    fn collate(&self, seat: usize, block: u32) -> Result<Told, OffchainError> {
        let watch = Stopwatch::start();
        let Some(owner) = self.seats.get(seat) else { return Ok(Told::Nothing) };
        if let Some(anchor) = owner.mailbox.part(block) {
            return Ok(Told::Stored { seat, block, anchor });
        }
        let disk = |why: String| OffchainError::Disk(why);
        let mut selection = (owner.selection)();
        let (plain, summary) = match collate(&owner.mailbox, block, selection.as_mut()) {
            Ok(part) => part,
            Err(CollateError::Log(error)) => return Err(disk(error.to_string())),
            Err(error) => return Err(OffchainError::Fault(format!("block {block}: {error}"))),
        };
        let place = self.place(owner.index, block);
        let version = owner.mailbox.next_version(block).map_err(|error| disk(error.to_string()))?;
        let key = self.block_key(owner, block)?;
        let anchor = store_part(&plain, &summary, &key, place, version, &self.chunks)
            .map_err(|error| disk(error.to_string()))?;
        owner.mailbox.note_part(block, &anchor).map_err(|error| disk(error.to_string()))?;
        self.watch.worked(block, "collate", watch.ms());
        Ok(Told::Stored { seat, block, anchor })
    }

    fn place(&self, participant: u8, block: u32) -> PartPlace {
        PartPlace { genesis: self.genesis, channel: self.channel, block, participant }
    }

    fn block_key(&self, owner: &Seat, block: u32) -> Result<BlockKey, OffchainError> {
        owner.ratchet.key(block).map_err(|error| OffchainError::Fault(error.to_string()))
    }

    /// Both ends of an offer: the participant seals the key, the validator opens it, takes custody and signs.
    fn offer(
        &self,
        seat: usize,
        block: u32,
        validator: AccountId,
        sealing: [u8; 32],
        anchor: &PartAnchor,
    ) -> Result<Option<Told>, OffchainError> {
        let watch = Stopwatch::start();
        let stand = self.stands.iter().find(|stand| stand.account == validator && stand.sealing == sealing);
        let (Some(owner), Some(stand)) = (self.seats.get(seat), stand) else { return Ok(None) };
        let view = self.snapshot()?.view(self.genesis, self.channel, std::iter::once(block))?;
        if !view.is_some_and(|view| Duty::has_duty(&view, block, &validator)) {
            return Ok(None);
        }
        let fault = |why: String| OffchainError::Fault(format!("block {block}: {why}"));
        let mut ephemeral = [0; 32];
        getrandom::fill(&mut ephemeral)
            .map_err(|error| fault(format!("no randomness from the system: {error}")))?;
        let context = SealContext { genesis: self.genesis, channel: self.channel, block };
        let sealed = seal(&self.block_key(owner, block)?, &sealing, ephemeral, &context)
            .map_err(|error| fault(error.to_string()))?;
        let key = match self.ring.key(validator, self.channel, block)? {
            Some(key) => key,
            None => self.ring.keep(validator, sealing, self.channel, block, sealed)?,
        };
        if key.commitment() != anchor.key_commitment {
            self.watch.note(format!(
                "block {block}: the part of participant {} names another key; no receipt",
                owner.index
            ));
            return Ok(None);
        }
        match take_custody(anchor, &self.chunks, &self.chunks) {
            Ok(()) => {}
            Err(OpenError::Store(error)) => return Err(OffchainError::Disk(error.to_string())),
            Err(error) => {
                self.watch
                    .note(format!("block {block}: no receipt for participant {}: {error}", owner.index));
                return Ok(None);
            }
        }
        let payload = receipt_payload(self.genesis, self.channel, block, owner.index, anchor);
        let signature = self.node.keystore().sign_receipt(&stand.signing, &payload);
        let signature = signature.map_err(|error| fault(error.to_string()))?;
        self.watch.worked(block, "custody", watch.ms());
        Ok(Some(Told::Receipt { seat, block, validator, signature }))
    }

    fn process(&self, stand: usize, block: u32, parts: Vec<(u8, PartAnchor)>) -> Result<Told, OffchainError> {
        let Some(validator) = self.stands.get(stand) else { return Ok(Told::Nothing) };
        let Some(job) = self.job(validator, block, parts)? else {
            self.watch.note(format!("block {block}: validator {} was not given the key", validator.account));
            return Ok(Told::Failed { stand, block });
        };
        let watch = Stopwatch::start();
        let (mut last, mut running) = (0, "fetch and merge");
        let mut on_stage = |stage: Stage| {
            let now = watch.ms();
            if stage != Stage::Merge {
                self.watch.worked(block, running, now.saturating_sub(last));
            }
            last = now;
            running = match stage {
                Stage::Merge => "fetch and merge",
                Stage::Order => "order",
                Stage::Program | Stage::Done => "program",
            };
        };
        match process(&job, &self.chunks, &self.programs, &mut on_stage) {
            Ok(computed) => {
                for (participant, why) in &computed.empty {
                    self.watch.note(format!(
                        "block {block}: the part of participant {participant} counts as empty: {why}"
                    ));
                }
                let context = (b"salt", self.genesis, self.channel, block).encode();
                let salt = self.node.keystore().derive_secret(&validator.sealing, &context);
                let salt = *salt.map_err(|error| OffchainError::Fault(error.to_string()))?;
                Ok(Told::Computed { stand, block, computed: Box::new(computed), salt })
            }
            Err(ProcessError::Part { source: OpenError::Store(error), .. }) => {
                Err(OffchainError::Disk(error.to_string()))
            }
            Err(error) => {
                self.watch.note(format!("block {block}: {error}"));
                Ok(Told::Failed { stand, block })
            }
        }
    }

    /// Everything that determines the result; `None` without the block's key.
    fn job(
        &self,
        validator: &Stand,
        block: u32,
        parts: Vec<(u8, PartAnchor)>,
    ) -> Result<Option<Job>, OffchainError> {
        let Some(key) = self.ring.key(validator.account, self.channel, block)? else { return Ok(None) };
        let missing = || OffchainError::State(format!("channel {} is not on the chain", self.channel));
        let record = self.snapshot()?.channel(self.channel)?.ok_or_else(missing)?;
        let terms = &record.era_of(block).ok_or_else(missing)?.terms;
        let mut participants = Vec::with_capacity(record.participants.len());
        for participant in &record.participants {
            let keys = participant.keys_at(block).ok_or_else(missing)?;
            participants.push(Participant {
                account: participant.account,
                role: participant.role,
                message_key: keys.message_key,
                sealing_key: keys.sealing_key,
            });
        }
        let keys: Vec<[u8; 32]> = participants.iter().map(|participant| participant.message_key).collect();
        let count = u8::try_from(participants.len()).map_err(|_| missing())?;
        Ok(Some(Job {
            place: MergePlace { genesis: self.genesis, channel: self.channel, block, participants: count },
            keys: ChannelKeys::new(&keys),
            parts,
            key,
            program: terms.program,
            context: Context::new(self.channel, block, &participants, &terms.parameters),
        }))
    }
}
