//! The machine of one participant of a channel: from messages to a counted part.
//!
//! ```text
//!  open ── Delegate ──▶ delegated ── complete ──▶ Collate ──▶ stored ── Offer ──▶ receipts ── SubmitPart ──▶ counted
//!                            └── complete, accepted ──▶ Seal
//! ```
//!
//! Rules
//! * R1: a block that may be opened is opened by delegating; the validator is the configured one, else none.
//! * R2: a block is sealed when the application says that it is complete and the own delegate accepted.
//! * R3: the part is built once: when the block is complete, or when the chain ended collection without it.
//! * R4: the stored part is offered to every validator of the block; with receipts from more than half of them it is
//!   anchored. The list of validators is final when collection is over, so nothing is offered before.
//! * R5: what the chain does not show after [`crate::view::RETRY_TICKS`] is asked for again. Nothing is asked for that the chain shows.
//! * R6: a deadline that passed unnoticed is pointed out by `Advance`.
//! * R7: the machine can be built again from the chain and [`Input::Stored`]; it signs nothing itself.
//!
//! Out of scope: choosing validators at random (a coordinator's work), money.

use crate::view::{Ask, Asked, BlockView, Call, ChannelView};
use quire_channel::{BlockState, PartAnchor, rules};
use quire_core::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// Who it works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Index of the participant.
    pub me: u8,
    /// The validator that it trusts.
    pub validator: AccountId,
    /// Blocks that will have messages, as far as is known: `0..blocks`.
    pub blocks: u32,
}

/// Everything the machine can be told.
#[derive(Debug)]
pub enum Input<'a> {
    /// The chain at a new finalised block.
    Chain(&'a ChannelView),
    /// Blocks `0..blocks` will have messages; fewer than before changes nothing.
    Expect {
        /// How many.
        blocks: u32,
    },
    /// No more messages come for this block, neither own nor others'.
    Complete {
        /// Channel block.
        block: u32,
    },
    /// The part was built and is durable; also told after a restart.
    Stored {
        /// Channel block.
        block: u32,
        /// Its anchor.
        anchor: PartAnchor,
    },
    /// A validator holds the part.
    Receipt {
        /// Channel block.
        block: u32,
        /// Who.
        validator: AccountId,
        /// Over the part's receipt payload.
        signature: [u8; 64],
    },
}

/// Everything the machine can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Submit a transaction by the participant's account.
    Submit(Call),
    /// Build and store the part; answer with [`Input::Stored`].
    Collate {
        /// Channel block.
        block: u32,
    },
    /// Send the anchor and the sealed block key to a validator; it answers with [`Input::Receipt`].
    Offer {
        /// Channel block.
        block: u32,
        /// To whom.
        validator: AccountId,
        /// Key that the block key is sealed to.
        sealing: [u8; 32],
        /// What is offered.
        anchor: PartAnchor,
    },
}

/// What is known of a part beside the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    anchor: Option<PartAnchor>,
    receipts: BTreeMap<AccountId, [u8; 64]>,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    config: Config,
    complete: BTreeSet<u32>,
    parts: BTreeMap<u32, Part>,
    over: BTreeSet<u32>,
    asked: Asked,
    now: u32,
}

impl Participant {
    /// A machine that knows nothing yet.
    pub fn new(config: Config) -> Participant {
        Participant {
            config,
            complete: BTreeSet::new(),
            parts: BTreeMap::new(),
            over: BTreeSet::new(),
            asked: Asked::default(),
            now: 0,
        }
    }

    /// One step.
    pub fn step(&mut self, input: Input<'_>, out: &mut Vec<Effect>) {
        match input {
            Input::Chain(view) => self.look(view, out),
            Input::Expect { blocks } => self.config.blocks = self.config.blocks.max(blocks),
            Input::Complete { block } => {
                if self.complete.insert(block) {
                    self.collate(block, out);
                }
            }
            Input::Stored { block, anchor } => {
                let part = self.parts.entry(block).or_default();
                if part.anchor.as_ref() != Some(&anchor) {
                    *part = Part { anchor: Some(anchor), receipts: BTreeMap::new() };
                    self.asked.forget(block, Ask::Offer);
                }
            }
            Input::Receipt { block, validator, signature } => {
                if let Some(part) = self.parts.get_mut(&block) {
                    part.receipts.insert(validator, signature);
                }
            }
        }
    }

    /// Whether all blocks are terminal.
    pub fn is_done(&self) -> bool {
        self.over.len() as u64 >= u64::from(self.config.blocks)
    }

    fn look(&mut self, view: &ChannelView, out: &mut Vec<Effect>) {
        self.now = view.now;
        for block in 0..self.config.blocks {
            if self.over.contains(&block) {
                continue;
            }
            match view.blocks.get(&block) {
                Some(seen) if seen.state.is_terminal() => self.finish(block),
                Some(seen) => self.look_at(block, seen, out),
                None if block <= view.last_openable => self.delegate(block, out),
                None => {}
            }
        }
    }

    fn look_at(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) {
        // Agreed is left to the validators: settling ends it.
        let is_ours = seen.state != BlockState::Agreed;
        if is_ours && seen.deadline.is_some_and(|deadline| self.now >= deadline) {
            self.submit(block, Ask::Advance, seen.state as u32, Call::Advance { block }, out);
        }
        match seen.state {
            BlockState::Collecting => self.collecting(block, seen, out),
            BlockState::Parts if !seen.has_part(self.config.me) => self.anchoring(block, seen, out),
            _ => {}
        }
    }

    fn collecting(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) {
        let named = seen.delegations.get(usize::from(self.config.me)).copied().flatten();
        match named {
            None => self.delegate(block, out),
            Some(validator) => {
                let is_accepted = seen.duty(&validator).is_some();
                if is_accepted && self.complete.contains(&block) && !seen.has_sealed(self.config.me) {
                    self.submit(block, Ask::Seal, 0, Call::Seal { block }, out);
                }
            }
        }
    }

    fn anchoring(&mut self, block: u32, seen: &BlockView, out: &mut Vec<Effect>) {
        let Some(anchor) = self.parts.get(&block).and_then(|part| part.anchor.clone()) else {
            return self.collate(block, out);
        };
        let part = self.parts.entry(block).or_default();
        let receipts: Vec<(AccountId, [u8; 64])> = part
            .receipts
            .iter()
            .filter(|(validator, _)| seen.duty(validator).is_some())
            .map(|(validator, signature)| (*validator, *signature))
            .collect();
        if rules::has_receipt_quorum(receipts.len() as u32, seen.duties.len() as u32) {
            return self.submit(block, Ask::SubmitPart, 0, Call::SubmitPart { block, anchor, receipts }, out);
        }
        for (place, duty) in (0..).zip(&seen.duties) {
            let is_held = receipts.iter().any(|(validator, _)| *validator == duty.validator);
            if !is_held && self.asked.is_due(block, Ask::Offer, place, self.now) {
                let (validator, sealing) = (duty.validator, duty.sealing);
                out.push(Effect::Offer { block, validator, sealing, anchor: anchor.clone() });
            }
        }
    }

    fn delegate(&mut self, block: u32, out: &mut Vec<Effect>) {
        let validator = self.config.validator;
        self.submit(block, Ask::Delegate, 0, Call::Delegate { block, validator }, out);
    }

    /// R3: asked for once; the shell answers or dies, and a new machine asks again.
    fn collate(&mut self, block: u32, out: &mut Vec<Effect>) {
        let part = self.parts.entry(block).or_default();
        if part.anchor.is_none() && self.asked.is_due(block, Ask::Collate, 0, 0) {
            out.push(Effect::Collate { block });
        }
    }

    fn submit(&mut self, block: u32, ask: Ask, detail: u32, call: Call, out: &mut Vec<Effect>) {
        if self.asked.is_due(block, ask, detail, self.now) {
            out.push(Effect::Submit(call));
        }
    }

    fn finish(&mut self, block: u32) {
        self.over.insert(block);
        self.parts.remove(&block);
        self.asked.drop_block(block);
    }
}

#[cfg(test)]
mod tests;
