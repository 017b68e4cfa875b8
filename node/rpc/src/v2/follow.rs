//! One `chainHead_v1_follow` subscription as a value: what happened goes in, what the client is told comes out.
//!
//! ```text
//!   settled ── settled ── head ──┬── waiting ── waiting      best
//!                                └── waiting
//! ```
//!
//! Terms: a reported block *waits* until finality decides about it; then it is *settled*: final below the *head* (the
//! last final block), or lost. A block is *pinned* from its report until the client unpins it.
//!
//! Rules:
//! * R1 `initialized` comes first and once; then a `newBlock` for each block that waits, parents first; then one
//!   `bestBlockChanged`.
//! * R2 A block is reported once, after its parent, which is the head or waits.
//! * R3 The best block is the head or waits, and has been reported. It is told only when it changes.
//! * R4 `finalized` lists blocks that waited, ascending, without gaps from the old head to the new one; its pruned
//!   blocks are all those that waited and do not descend from the new head. If the best block is below the new head or
//!   among the pruned, `bestBlockChanged` comes before.
//! * R5 What does not fit to that, and a gap in what is heard, ends the follow with `stop`. Nothing comes after `stop`.
//! * R6 Unpinning is all or nothing: a hash given twice or not pinned refuses the whole list.
//! * R7 A client may keep `pinned_blocks_max` settled blocks; one more ends the follow. Where all clients together keep
//!   too many (`is_crowded`), those follows end that keep a settled block for longer than `pin_ms_max`. Blocks that wait
//!   and the head are not counted: there are as many as finality leaves, and the chain limits them.
//! * R8 At most `operations_max` operations run at once. Numbers of operations are never used again, and an operation
//!   that ended or was stopped tells nothing more.
//! * R9 An operation that waits for the client runs on only after `chainHead_v1_continue`.
use crate::backend::{Runtime, Snapshot};
use crate::v2::event::{Event, OperationEvent};
use quire_core::H256;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Limits of one follow (R7, R8).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Settled blocks that stay pinned.
    pub(crate) pinned_blocks_max: usize,
    /// How long a settled block stays pinned where there are too many, milliseconds.
    pub(crate) pin_ms_max: u64,
    /// Operations at once.
    pub(crate) operations_max: usize,
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// A block was imported.
    Imported {
        /// Its hash.
        block: H256,
        /// Its parent.
        parent: H256,
        /// Whether it is the best head now.
        is_best: bool,
        /// The runtime that it brings.
        new_runtime: Option<Arc<Runtime>>,
    },
    /// Blocks became final together.
    Finalized {
        /// Ascending.
        blocks: Arc<[H256]>,
        /// The best head now.
        best: H256,
    },
    /// Something happened that is not known any more.
    Missed,
    /// An operation tells something.
    Operation(u64, OperationEvent),
}

/// Why a request of the client is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The block is not pinned.
    NotPinned,
    /// A call needs a follow with runtime.
    WithoutRuntime,
    /// The operation does not wait for the client.
    NotWaiting,
    /// A hash is in the list twice.
    Duplicate,
    /// Too many operations run, or the follow has ended.
    LimitReached,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting { parent: H256 },
    Head,
    Settled { since_ms: u64 },
}

#[derive(Debug, Clone, Copy)]
struct Block {
    place: Place,
    is_pinned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Running,
    WaitingForContinue,
}

/// One follow; see the module doc.
#[derive(Debug)]
pub(crate) struct Follow {
    limits: Limits,
    with_runtime: bool,
    is_stopped: bool,
    head: H256,
    best: H256,
    /// Blocks that wait, the head, and settled blocks that are pinned.
    blocks: BTreeMap<H256, Block>,
    operations: BTreeMap<u64, Progress>,
    last_operation: u64,
}

/// What a step of a follow that cannot go on says.
struct Inconsistent;

impl Follow {
    /// Starts from the chain at one instant (R1).
    pub(crate) fn start(
        limits: Limits,
        with_runtime: bool,
        now_ms: u64,
        snapshot: Snapshot,
        out: &mut Vec<Event>,
    ) -> Self {
        let head = snapshot.finalized.last().copied().unwrap_or(H256::ZERO);
        let settled = Place::Settled { since_ms: now_ms };
        let mut blocks: BTreeMap<H256, Block> = snapshot
            .finalized
            .iter()
            .map(|hash| (*hash, Block { place: settled, is_pinned: true }))
            .collect();
        blocks.insert(head, Block { place: Place::Head, is_pinned: true });
        let runtime = with_runtime.then_some(snapshot.runtime);
        out.push(Event::Initialized { finalized: snapshot.finalized, runtime });
        let mut follow = Self {
            limits,
            with_runtime,
            is_stopped: false,
            head,
            best: head,
            blocks,
            operations: BTreeMap::new(),
            last_operation: 0,
        };
        let reported =
            snapshot.blocks.into_iter().try_for_each(|b| follow.report(b.hash, b.parent, b.new_runtime, out));
        let is_sound = reported.and_then(|()| follow.expect_live(&snapshot.best));
        match is_sound {
            Ok(()) => {
                follow.best = snapshot.best;
                out.push(Event::BestBlockChanged(snapshot.best));
                follow.keep_limits(now_ms, false, out);
            }
            Err(Inconsistent) => follow.stop(out),
        }
        follow
    }

    /// Takes in what happened.
    pub(crate) fn step(&mut self, now_ms: u64, is_crowded: bool, input: Input, out: &mut Vec<Event>) {
        if self.is_stopped {
            return;
        }
        let done = match input {
            Input::Imported { block, parent, is_best, new_runtime } => {
                self.imported(block, parent, is_best, new_runtime, out)
            }
            Input::Finalized { blocks, best } => self.finalized(now_ms, &blocks, best, out),
            Input::Missed => Err(Inconsistent),
            Input::Operation(id, event) => {
                self.tell(id, event, out);
                Ok(())
            }
        };
        match done {
            Ok(()) => self.keep_limits(now_ms, is_crowded, out),
            Err(Inconsistent) => self.stop(out),
        }
    }

    fn imported(
        &mut self,
        block: H256,
        parent: H256,
        is_best: bool,
        new_runtime: Option<Arc<Runtime>>,
        out: &mut Vec<Event>,
    ) -> Result<(), Inconsistent> {
        self.report(block, parent, new_runtime, out)?;
        if is_best { self.set_best(block, out) } else { Ok(()) }
    }

    /// R2.
    fn report(
        &mut self,
        block: H256,
        parent: H256,
        new_runtime: Option<Arc<Runtime>>,
        out: &mut Vec<Event>,
    ) -> Result<(), Inconsistent> {
        self.expect_live(&parent)?;
        if self.blocks.contains_key(&block) {
            return Err(Inconsistent);
        }
        self.blocks.insert(block, Block { place: Place::Waiting { parent }, is_pinned: true });
        let new_runtime = self.with_runtime.then_some(new_runtime);
        out.push(Event::NewBlock { block, parent, new_runtime });
        Ok(())
    }

    /// R3.
    fn set_best(&mut self, best: H256, out: &mut Vec<Event>) -> Result<(), Inconsistent> {
        self.expect_live(&best)?;
        if best != self.best {
            self.best = best;
            out.push(Event::BestBlockChanged(best));
        }
        Ok(())
    }

    /// The block is the head or waits.
    fn expect_live(&self, hash: &H256) -> Result<(), Inconsistent> {
        match self.blocks.get(hash).map(|block| block.place) {
            Some(Place::Waiting { .. } | Place::Head) => Ok(()),
            Some(Place::Settled { .. }) | None => Err(Inconsistent),
        }
    }

    /// R4.
    fn finalized(
        &mut self,
        now_ms: u64,
        chain: &[H256],
        best: H256,
        out: &mut Vec<Event>,
    ) -> Result<(), Inconsistent> {
        let mut top = self.head;
        for hash in chain {
            if self.parent(hash) != Some(top) {
                return Err(Inconsistent);
            }
            top = *hash;
        }
        if chain.is_empty() {
            return Err(Inconsistent);
        }
        let above = self.descendants(top);
        if best != top && !above.contains(&best) {
            return Err(Inconsistent);
        }
        self.set_best(best, out)?;
        let lost = |(hash, block): (&H256, &Block)| {
            let waits = matches!(block.place, Place::Waiting { .. });
            (waits && !above.contains(hash) && !chain.contains(hash)).then_some(*hash)
        };
        let pruned: Vec<H256> = self.blocks.iter().filter_map(lost).collect();
        let below = &chain[..chain.len() - 1];
        for hash in [self.head].iter().chain(below).chain(&pruned) {
            self.settle(hash, now_ms);
        }
        if let Some(block) = self.blocks.get_mut(&top) {
            block.place = Place::Head;
        }
        self.head = top;
        out.push(Event::Finalized { finalized: chain.to_vec(), pruned });
        Ok(())
    }

    fn parent(&self, hash: &H256) -> Option<H256> {
        match self.blocks.get(hash)?.place {
            Place::Waiting { parent } => Some(parent),
            Place::Head | Place::Settled { .. } => None,
        }
    }

    /// The blocks that wait above `top`.
    fn descendants(&self, top: H256) -> BTreeSet<H256> {
        let mut above = BTreeSet::new();
        let mut beside = BTreeSet::from([self.head]);
        for start in self.blocks.keys() {
            let mut path = Vec::new();
            let mut at = *start;
            // Parents lead to the head at last (R2), so every walk ends.
            let is_above = loop {
                if at == top || above.contains(&at) {
                    break true;
                }
                if beside.contains(&at) {
                    break false;
                }
                path.push(at);
                match self.parent(&at) {
                    Some(parent) => at = parent,
                    None => break false,
                }
            };
            if is_above { above.extend(path) } else { beside.extend(path) }
        }
        above
    }

    fn settle(&mut self, hash: &H256, now_ms: u64) {
        match self.blocks.get_mut(hash) {
            Some(block) if block.is_pinned => block.place = Place::Settled { since_ms: now_ms },
            _ => {
                self.blocks.remove(hash);
            }
        }
    }

    /// R7.
    fn keep_limits(&mut self, now_ms: u64, is_crowded: bool, out: &mut Vec<Event>) {
        let since = self.blocks.values().filter_map(|block| match block.place {
            Place::Settled { since_ms } => Some(since_ms),
            Place::Waiting { .. } | Place::Head => None,
        });
        let (count, oldest) =
            since.fold((0_usize, now_ms), |(count, oldest), ms| (count + 1, oldest.min(ms)));
        let is_late = now_ms.saturating_sub(oldest) > self.limits.pin_ms_max;
        if count > self.limits.pinned_blocks_max || (is_crowded && is_late) {
            self.stop(out);
        }
    }

    /// R5.
    fn stop(&mut self, out: &mut Vec<Event>) {
        self.is_stopped = true;
        self.blocks.clear();
        self.operations.clear();
        out.push(Event::Stop);
    }

    /// R8.
    fn tell(&mut self, id: u64, event: OperationEvent, out: &mut Vec<Event>) {
        if !self.operations.contains_key(&id) {
            return;
        }
        if event.is_last() {
            self.operations.remove(&id);
        } else if event == OperationEvent::WaitingForContinue {
            self.operations.insert(id, Progress::WaitingForContinue);
        }
        out.push(Event::Operation(id, event));
    }

    /// Whether `stop` was told.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Settled blocks that are pinned.
    pub(crate) fn settled_pins(&self) -> usize {
        self.blocks.values().filter(|block| matches!(block.place, Place::Settled { .. })).count()
    }

    /// Whether the client may read the block.
    pub(crate) fn check_pinned(&self, hash: &H256) -> Result<(), Refusal> {
        match self.blocks.get(hash) {
            Some(block) if block.is_pinned => Ok(()),
            _ => Err(Refusal::NotPinned),
        }
    }

    /// R6.
    pub(crate) fn unpin(&mut self, hashes: &[H256]) -> Result<(), Refusal> {
        let unique: BTreeSet<&H256> = hashes.iter().collect();
        if unique.len() < hashes.len() {
            return Err(Refusal::Duplicate);
        }
        hashes.iter().try_for_each(|hash| self.check_pinned(hash))?;
        for hash in hashes {
            match self.blocks.get_mut(hash) {
                Some(block) if !matches!(block.place, Place::Settled { .. }) => block.is_pinned = false,
                _ => {
                    self.blocks.remove(hash);
                }
            }
        }
        Ok(())
    }

    /// Starts an operation on a block; `is_call` tells those that need the runtime (R8).
    pub(crate) fn begin(&mut self, hash: &H256, is_call: bool) -> Result<u64, Refusal> {
        if self.is_stopped {
            return Err(Refusal::LimitReached);
        }
        if is_call && !self.with_runtime {
            return Err(Refusal::WithoutRuntime);
        }
        self.check_pinned(hash)?;
        if self.operations.len() >= self.limits.operations_max {
            return Err(Refusal::LimitReached);
        }
        self.last_operation += 1;
        self.operations.insert(self.last_operation, Progress::Running);
        Ok(self.last_operation)
    }

    /// Lets a waiting operation run on (R9); false when there is no such operation.
    pub(crate) fn resume(&mut self, id: u64) -> Result<bool, Refusal> {
        match self.operations.get_mut(&id) {
            None => Ok(false),
            Some(Progress::Running) => Err(Refusal::NotWaiting),
            Some(progress) => {
                *progress = Progress::Running;
                Ok(true)
            }
        }
    }

    /// Ends an operation; it tells nothing more.
    pub(crate) fn cancel(&mut self, id: u64) {
        self.operations.remove(&id);
    }
}

#[cfg(test)]
mod tests;
