//! Ranges: catching up over many blocks, by number, from several peers at once (R4 of [`super`]).

use std::collections::BTreeMap;

use quire_consensus::PeerId;
use quire_core::BlockNumber;

use super::{BlockData, BlockRequest, Direction, Effect, FAR_BLOCKS, Fields, From, Job, Known, Rule, Sync};
use crate::environment::Head;

#[derive(Clone, Debug)]
enum Range {
    /// Nobody is asked.
    Free,
    /// A request is under way.
    Asked,
    /// Downloaded, waits for the ones below.
    Ready(PeerId, Vec<BlockData>),
}

/// The ranges under way, by first number.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    ranges: BTreeMap<BlockNumber, (BlockNumber, Range)>,
    /// First number that no range covers.
    next: BlockNumber,
    /// What the lowest range must link to.
    below: Head,
    /// `below` is the last final block, so what does not link to it is another chain.
    is_from_finalised: bool,
}

impl Ranges {
    fn above(below: Head, is_from_finalised: bool) -> Self {
        Self { ranges: BTreeMap::new(), next: below.number.saturating_add(1), below, is_from_finalised }
    }

    pub(super) fn release(&mut self, start: BlockNumber) {
        if let Some((_, range)) = self.ranges.get_mut(&start) {
            *range = Range::Free;
        }
    }
}

impl Sync {
    pub(super) fn schedule_ranges(&mut self, chain: &dyn Known, out: &mut Vec<Effect>) {
        let best = chain.best();
        let highest = self.peers.values().map(|peer| peer.best.number).max().unwrap_or(0);
        if highest <= best.number.saturating_add(FAR_BLOCKS)
            && self.ranges.as_ref().is_none_or(Ranges::is_done)
        {
            self.ranges = None;
            return;
        }
        let mut ranges = self.ranges.take().unwrap_or_else(|| Ranges::above(best, false));
        self.extend(&mut ranges, highest);
        let free: Vec<(BlockNumber, BlockNumber)> = ranges
            .ranges
            .iter()
            .filter(|(_, (_, range))| matches!(range, Range::Free))
            .map(|(start, (last, _))| (*start, *last))
            .collect();
        for (start, last) in free {
            let Some(peer) = self.idle(|peer| peer.best.number >= last).first().copied() else { continue };
            let what = BlockRequest {
                from: From::Number(start),
                direction: Direction::Ascending,
                max: last.saturating_sub(start).saturating_add(1),
                fields: Fields { header: true, body: true, proof: true },
            };
            self.ask(peer, Job::Range { start }, what, out);
            ranges.ranges.insert(start, (last, Range::Asked));
        }
        self.ranges = Some(ranges);
        self.drain_ranges(chain, out);
    }

    fn extend(&self, ranges: &mut Ranges, highest: BlockNumber) {
        while ranges.ranges.len() < self.config.ranges_max && ranges.next <= highest {
            let last = ranges.next.saturating_add(self.config.chunk_blocks.saturating_sub(1)).min(highest);
            ranges.ranges.insert(ranges.next, (last, Range::Free));
            ranges.next = last.saturating_add(1);
        }
    }

    pub(super) fn range(
        &mut self,
        chain: &dyn Known,
        peer: PeerId,
        start: BlockNumber,
        blocks: Vec<BlockData>,
        out: &mut Vec<Effect>,
    ) {
        let Some(ranges) = &mut self.ranges else { return };
        let Some((last, range)) = ranges.ranges.get_mut(&start) else { return };
        let end = start.saturating_add(u32::try_from(blocks.len()).unwrap_or(u32::MAX)).saturating_sub(1);
        let rest = (end < *last).then_some((end.saturating_add(1), *last));
        *last = end;
        *range = Range::Ready(peer, blocks);
        if let Some((start, last)) = rest {
            ranges.ranges.insert(start, (last, Range::Free));
        }
        self.drain_ranges(chain, out);
    }

    /// Gives the lowest ranges to the import while they are ready, link, and have room.
    fn drain_ranges(&mut self, chain: &dyn Known, out: &mut Vec<Effect>) {
        loop {
            let room = self.room();
            let Some(ranges) = &mut self.ranges else { return };
            let Some(lowest) = ranges.ranges.first_entry() else { return };
            let fits = |blocks: &Vec<BlockData>| blocks.len() <= room;
            if !matches!(&lowest.get().1, Range::Ready(_, blocks) if fits(blocks)) {
                return;
            }
            let (_, Range::Ready(peer, blocks)) = lowest.remove() else { return };
            let first = blocks.first().and_then(|block| block.header.as_ref());
            let last = blocks.last().and_then(|block| Some((block.header.as_ref()?.number, block.hash)));
            let (Some(first), Some((number, hash))) = (first, last) else { return };
            if first.parent_hash != ranges.below.hash {
                if ranges.is_from_finalised {
                    self.distrust(chain, peer, Rule::OtherChain, out);
                }
                self.ranges = Some(Ranges::above(chain.finalised(), true));
                return;
            }
            ranges.below = Head { number, hash };
            let (known, missing): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|b| chain.is_known(b.hash));
            for block in known {
                // Without its proof such a block would wait for finality although somebody can prove it.
                let number = block.header.as_ref().map_or(0, |header| header.number);
                let proof = block.proof.filter(|_| number > chain.finalised().number);
                out.extend(
                    proof.map(|proof| Effect::Proof { block: Head { number, hash: block.hash }, proof }),
                );
            }
            self.enqueue(peer, missing, out);
        }
    }
}

impl Ranges {
    fn is_done(&self) -> bool {
        self.ranges.is_empty()
    }
}
