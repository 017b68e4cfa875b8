//! The machine of one validator in a channel: from a named duty to a settled result.
//!
//! ```text
//!  named ── Accept ──▶ accepted ── parts final ──▶ Process ──▶ computed ── Commit ──▶ committed ── Reveal ──▶ revealed
//!                                                                 └── agreed, window over ──▶ Settle slice by slice
//! ```
//!
//! Rules
//! * R1: a duty is taken when a participant named this validator and collection is not over.
//! * R2: the block is processed when its parts are final: from Committing on. What was computed for other parts is dropped.
//! * R3: one commitment for a block. It goes out when the chain shows Committing and none of ours; the keeper of the
//!   key refuses another one than before a crash.
//! * R4: the result is revealed only while the chain shows Revealing and the commitment of ours that it opens. A chain that
//!   holds another commitment of ours than we compute now is a fault: nothing is revealed, the operator is told.
//! * R5: outputs are settled by the validators that revealed, one after the other in the order of duties: the n-th begins
//!   after n times [`SETTLE_TURN_TICKS`], so normally one does it. A slice holds the next outputs that are not applied. The
//!   first one may come as soon as the challenge window is over, whether or not the chain has noted that.
//! * R6: after a restart the result is computed again where it is still needed; it is the same.
//! * R7: a deadline that passed unnoticed is pointed out by `Advance`, which makes further states visible.
//!
//! Out of scope: custody (the shell takes it on request and signs a receipt for blocks in [`Duty::has_duty`]), disputes.

use crate::view::{Ask, Asked, BlockView, Call, ChannelView};
use quire_channel::result::Outputs;
use quire_channel::{BlockState, PartAnchor, ResultHeader, commitment};
use quire_core::limits::MAX_SETTLE_OUTPUTS;
use quire_core::{AccountId, H256};
use std::collections::{BTreeMap, BTreeSet};

/// How long a validator leaves settling to those before it, in ticks.
pub const SETTLE_TURN_TICKS: u32 = 6;

/// Everything the machine can be told.
#[derive(Debug)]
pub enum Input<'a> {
    /// The chain at a new finalised block.
    Chain(&'a ChannelView),
    /// A block was processed.
    Computed {
        /// Channel block.
        block: u32,
        /// Its result.
        header: Box<ResultHeader>,
        /// The result's outputs.
        outputs: Outputs,
        /// PRF of key, channel and block.
        salt: [u8; 32],
    },
    /// A block could not be processed now.
    Failed {
        /// Channel block.
        block: u32,
    },
}

/// Everything the machine can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Submit a transaction by the validator's account. A commitment is permitted by the guard first.
    Submit(Call),
    /// Compute the result over exactly these parts; answer with [`Input::Computed`] or [`Input::Failed`].
    Process {
        /// Channel block.
        block: u32,
        /// The counted parts.
        parts: Vec<(u8, PartAnchor)>,
    },
    /// Something the operator must know.
    Fault {
        /// Channel block.
        block: u32,
        /// A sentence.
        what: String,
    },
}

#[derive(Debug, Clone)]
struct Result {
    header: ResultHeader,
    outputs: Outputs,
    salt: [u8; 32],
    commitment: H256,
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Duty {
    me: AccountId,
    genesis: H256,
    channel: u64,
    results: BTreeMap<u32, Result>,
    working: BTreeSet<u32>,
    over: BTreeSet<u32>,
    asked: Asked,
    now: u32,
}

impl Duty {
    /// A machine that knows nothing yet.
    pub fn new(me: AccountId, genesis: H256, channel: u64) -> Duty {
        let (results, working, over) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Duty { me, genesis, channel, results, working, over, asked: Asked::default(), now: 0 }
    }

    /// One step.
    pub fn step(&mut self, input: Input<'_>, out: &mut Vec<Effect>) {
        match input {
            Input::Chain(view) => {
                self.now = view.now;
                for (block, seen) in &view.blocks {
                    if seen.state.is_terminal() {
                        self.finish(*block);
                    } else if !self.over.contains(block) {
                        self.look_at(*block, seen, out);
                    }
                }
            }
            Input::Computed { block, header, outputs, salt } => {
                self.working.remove(&block);
                let commitment =
                    commitment(self.genesis, self.channel, block, &self.me, header.hash(), &salt);
                self.results.insert(block, Result { header: *header, outputs, salt, commitment });
            }
            Input::Failed { block } => {
                self.working.remove(&block);
            }
        }
    }

    /// Whether this validator took the duty for a block that is not over: only then it gives receipts.
    pub fn has_duty(view: &ChannelView, block: u32, me: &AccountId) -> bool {
        view.blocks.get(&block).is_some_and(|seen| {
            matches!(seen.state, BlockState::Collecting | BlockState::Parts) && seen.duty(me).is_some()
        })
    }

    fn look_at(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) {
        let is_named = seen.delegations.contains(&Some(self.me));
        let Some(duty) = seen.duty(&self.me) else {
            if is_named && seen.state == BlockState::Collecting {
                self.submit(block, Ask::Accept, 0, Call::Accept { block }, out);
            }
            return;
        };
        let is_late = seen.deadline.is_some_and(|deadline| self.now >= deadline);
        match seen.state {
            // The call itself ends the challenge window.
            BlockState::Agreed if is_late && duty.has_revealed => return self.settle(block, seen, out),
            state if is_late => self.submit(block, Ask::Advance, state as u32, Call::Advance { block }, out),
            _ => {}
        }
        match seen.state {
            BlockState::Committing if duty.commitment.is_none() => self.commit(block, seen, out),
            BlockState::Revealing if !duty.has_revealed => self.reveal(block, seen, duty.commitment, out),
            BlockState::Settling if duty.has_revealed => self.settle(block, seen, out),
            _ => {}
        }
    }

    /// R2: the result over the parts that count, or the request to compute it.
    fn result(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) -> Option<Result> {
        match self.results.get(&block) {
            Some(result) if result.header.parts == seen.counted() => Some(result.clone()),
            _ => {
                let is_due =
                    !self.working.contains(&block) && self.asked.is_due(block, Ask::Process, 0, self.now);
                if is_due {
                    self.working.insert(block);
                    out.push(Effect::Process { block, parts: seen.parts.clone() });
                }
                None
            }
        }
    }

    fn commit(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) {
        if let Some(result) = self.result(block, seen, out) {
            let call = Call::Commit { block, commitment: result.commitment };
            self.submit(block, Ask::Commit, 0, call, out);
        }
    }

    fn reveal(&mut self, block: u32, seen: &BlockView, committed: Option<H256>, out: &mut Vec<Effect>) {
        let Some(committed) = committed else { return };
        let Some(result) = self.result(block, seen, out) else { return };
        if result.commitment == committed {
            let call = Call::Reveal { block, result: result.header, salt: result.salt };
            self.submit(block, Ask::Reveal, 0, call, out);
        } else if self.asked.is_due(block, Ask::Reveal, 1, self.now) {
            let what = format!(
                "the chain holds commitment {committed} of ours for block {block} of channel {}, the result {} computed now \
                 gives {}; another version computed it, start that one to reveal",
                self.channel,
                result.header.hash(),
                result.commitment
            );
            out.push(Effect::Fault { block, what });
        }
    }

    fn settle(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) {
        let revealed = seen.duties.iter().filter(|duty| duty.has_revealed);
        let turn = revealed.take_while(|duty| duty.validator != self.me).count() as u32;
        let begun = seen.deadline.unwrap_or(seen.entered);
        if self.now < begun.saturating_add(turn.saturating_mul(SETTLE_TURN_TICKS)) {
            return;
        }
        let Some(agreed) = seen.result else { return };
        let Some(result) = self.result(block, seen, out).filter(|result| result.header == agreed) else {
            return;
        };
        let is_applied = |index: u32| seen.applied.as_ref().is_some_and(|applied| applied.is_applied(index));
        let Some(first) = (0..agreed.outputs_count).find(|index| !is_applied(*index)) else { return };
        let end = (first..agreed.outputs_count)
            .take(MAX_SETTLE_OUTPUTS as usize)
            .take_while(|index| !is_applied(*index));
        let len = end.count() as u32;
        if let Some((outputs, proof)) = result.outputs.slice(first, len) {
            self.submit(block, Ask::Settle, first, Call::Settle { block, first, outputs, proof }, out);
        }
    }

    fn submit(&mut self, block: u32, ask: Ask, detail: u32, call: Call, out: &mut Vec<Effect>) {
        if self.asked.is_due(block, ask, detail, self.now) {
            out.push(Effect::Submit(call));
        }
    }

    fn finish(&mut self, block: u32) {
        self.over.insert(block);
        self.results.remove(&block);
        self.working.remove(&block);
        self.asked.drop_block(block);
    }
}

#[cfg(test)]
mod tests;
