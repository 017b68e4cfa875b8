//! A client that checks every promise of the interface from the events alone.
use super::super::*;

/// What a client knows of the chain.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) head: Option<H256>,
    pub(super) best: Option<H256>,
    /// Blocks that wait, with their parents.
    pub(super) waiting: BTreeMap<H256, H256>,
    /// Settled blocks that it was told of and has not unpinned.
    pub(super) settled: BTreeSet<H256>,
    pub(super) is_stopped: bool,
}

impl Client {
    /// Takes events; the error is the promise that was broken.
    pub(super) fn hear(&mut self, events: &[Event]) -> Result<(), String> {
        events
            .iter()
            .try_for_each(|event| self.hear_one(event).map_err(|why| format!("{why}: {event:?} in {self:?}")))
    }

    fn hear_one(&mut self, event: &Event) -> Result<(), &'static str> {
        let check = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(why) };
        check(!self.is_stopped, "an event after stop")?;
        let is_first = self.head.is_none();
        check(is_first == matches!(event, Event::Initialized { .. }), "initialized is first and once")?;
        match event {
            Event::Initialized { finalized, .. } => {
                let (head, below) = finalized.split_last().ok_or("no final block")?;
                self.head = Some(*head);
                self.settled = below.iter().copied().collect();
                check(self.settled.len() == below.len(), "a final block twice")
            }
            Event::NewBlock { block, parent, .. } => {
                check(self.is_live(parent), "the parent is neither the head nor waits")?;
                check(!self.is_live(block) && !self.settled.contains(block), "reported twice")?;
                self.waiting.insert(*block, *parent);
                Ok(())
            }
            Event::BestBlockChanged(best) => {
                check(self.best != Some(*best), "the best block did not change")?;
                check(self.is_live(best), "the best block is neither the head nor waits")?;
                self.best = Some(*best);
                Ok(())
            }
            Event::Finalized { finalized, pruned } => self.settle(finalized, pruned),
            Event::Operation(..) => Ok(()),
            Event::Stop => {
                self.is_stopped = true;
                Ok(())
            }
        }
    }

    fn is_live(&self, hash: &H256) -> bool {
        self.head == Some(*hash) || self.waiting.contains_key(hash)
    }

    fn settle(&mut self, finalized: &[H256], pruned: &[H256]) -> Result<(), &'static str> {
        let mut head = self.head.ok_or("no head yet")?;
        for hash in finalized {
            if self.waiting.remove(hash) != Some(head) {
                return Err("the final chain has a gap");
            }
            self.settled.insert(head);
            head = *hash;
        }
        for hash in pruned {
            if self.waiting.remove(hash).is_none() {
                return Err("a pruned block did not wait");
            }
            self.settled.insert(*hash);
        }
        self.head = Some(head);
        let best = self.best.ok_or("no best block yet")?;
        if !self.is_live(&best) {
            return Err("the best block was pruned or is below the head");
        }
        // Whatever still waits must reach the new head through blocks that wait.
        for start in self.waiting.values() {
            let mut at = start;
            while *at != head {
                at = self.waiting.get(at).ok_or("a block waits beside the head")?;
            }
        }
        Ok(())
    }
}
