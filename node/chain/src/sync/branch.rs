//! Branches: the way from the imported blocks to an announced head (R3 of [`super`]).

use std::collections::{BTreeSet, VecDeque};

use quire_consensus::PeerId;
use quire_core::H256;

use super::{
    BRANCHES_MAX, BlockData, BlockRequest, Direction, Effect, FAR_BLOCKS, Fields, From, Job, Known, Rule,
    Sync,
};
use crate::environment::Head;

/// Blocks between the imported ones and a head.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// Ascending; the head is the last one. Those in the import queue are gone from here.
    pub(super) blocks: VecDeque<Head>,
    /// Those in the import queue, ascending.
    handed: VecDeque<H256>,
    /// Parent of the first block, once its header was seen.
    below: Option<H256>,
    /// The block below is imported or on its way: now the bodies.
    is_grounded: bool,
    /// Who may have the blocks.
    pub(super) sources: BTreeSet<PeerId>,
    /// A request is under way.
    pub(super) is_busy: bool,
    /// Nothing is asked for before.
    pub(super) waits_until_ms: u64,
}

impl Branch {
    fn head(&self) -> Option<Head> {
        self.blocks.back().copied()
    }
}

impl Sync {
    /// Wants a block of which only number and hash are known.
    pub(super) fn want(&mut self, chain: &dyn Known, block: Head, peer: Option<PeerId>) {
        if !self.is_wanted(chain, block) {
            return;
        }
        let known = self.branches.values_mut().find(|branch| branch.blocks.contains(&block));
        if let Some(branch) = known {
            branch.sources.extend(peer);
            return;
        }
        let sources = match peer {
            Some(peer) => BTreeSet::from([peer]),
            None => self.peers.keys().copied().collect(),
        };
        self.open(block, None, false, sources);
    }

    /// Wants a block whose header was announced.
    pub(super) fn want_header(&mut self, chain: &dyn Known, block: Head, parent: H256, peer: PeerId) {
        if !self.is_wanted(chain, block) {
            return;
        }
        for branch in self.branches.values_mut() {
            if branch.head().is_some_and(|head| head.hash == parent) {
                // Bodies are asked for from the lower end, so the head may grow.
                branch.blocks.push_back(block);
            }
            if branch.blocks.contains(&block) {
                branch.sources.insert(peer);
                return;
            }
        }
        let is_grounded = chain.is_known(parent) || self.queue.contains_key(&parent);
        self.open(block, Some(parent), is_grounded, BTreeSet::from([peer]));
    }

    fn is_wanted(&self, chain: &dyn Known, block: Head) -> bool {
        let is_far = block.number > chain.best().number.saturating_add(FAR_BLOCKS);
        let is_old = block.number <= chain.finalised().number;
        let is_there = chain.is_known(block.hash) || self.queue.contains_key(&block.hash);
        !is_far && !is_old && !is_there && !self.bad.contains(&block.hash)
    }

    fn open(&mut self, block: Head, below: Option<H256>, is_grounded: bool, sources: BTreeSet<PeerId>) {
        if self.branches.len() < BRANCHES_MAX {
            let branch = Branch {
                blocks: VecDeque::from([block]),
                handed: VecDeque::new(),
                below,
                is_grounded,
                sources,
                is_busy: false,
                waits_until_ms: 0,
            };
            self.branches.insert(block.hash, branch);
        }
    }

    pub(super) fn prune_branches(&mut self, chain: &dyn Known) {
        let finalised = chain.finalised().number;
        for branch in self.branches.values_mut() {
            while branch.handed.front().is_some_and(|hash| chain.is_known(*hash)) {
                branch.handed.pop_front();
            }
            while branch.is_grounded && branch.blocks.front().is_some_and(|block| chain.is_known(block.hash))
            {
                branch.below = branch.blocks.pop_front().map(|block| block.hash);
            }
        }
        self.branches.retain(|_, branch| {
            let is_open =
                branch.head().is_some_and(|head| head.number > finalised && !chain.is_known(head.hash));
            is_open && !branch.sources.is_empty()
        });
    }

    pub(super) fn schedule_branches(&mut self, out: &mut Vec<Effect>) {
        let names: Vec<H256> = self.branches.keys().copied().collect();
        for name in names {
            let Some(branch) = self.branches.get(&name) else { continue };
            if branch.is_busy || self.now_ms < branch.waits_until_ms {
                continue;
            }
            let sources = &branch.sources;
            let Some(peer) = self.idle(|_| true).into_iter().find(|peer| sources.contains(peer)) else {
                continue;
            };
            let Some((job, what)) = self.next_request(name, branch) else { continue };
            if let Some(branch) = self.branches.get_mut(&name) {
                branch.is_busy = true;
            }
            self.ask(peer, job, what, out);
        }
    }

    fn next_request(&self, name: H256, branch: &Branch) -> Option<(Job, BlockRequest)> {
        let direction = Direction::Descending;
        if branch.is_grounded {
            let count = branch.blocks.len().min(self.config.chunk_blocks as usize).min(self.room());
            let last = branch.blocks.get(count.checked_sub(1)?)?;
            let fields = Fields { header: true, body: true, proof: true };
            let what = BlockRequest {
                from: From::Hash(last.hash),
                direction,
                max: u32::try_from(count).ok()?,
                fields,
            };
            return Some((Job::Bodies { branch: name }, what));
        }
        let from = match branch.below {
            Some(below) => below,
            None => branch.blocks.front()?.hash,
        };
        let fields = Fields { header: true, body: false, proof: false };
        let what = BlockRequest { from: From::Hash(from), direction, max: self.config.chunk_headers, fields };
        Some((Job::Headers { branch: name }, what))
    }

    /// Headers came, from the lower end of the branch downwards.
    pub(super) fn headers(
        &mut self,
        chain: &dyn Known,
        peer: PeerId,
        name: H256,
        blocks: &[BlockData],
        out: &mut Vec<Effect>,
    ) {
        let finalised = chain.finalised();
        let Some(branch) = self.branches.get_mut(&name) else { return };
        branch.is_busy = false;
        for header in
            blocks.iter().filter_map(|block| block.header.as_ref().map(|header| (block.hash, header)))
        {
            let (hash, header) = header;
            let block = Head { number: header.number, hash };
            if chain.is_known(hash) || self.queue.contains_key(&hash) {
                branch.is_grounded = true;
                break;
            }
            let is_link = branch.below.is_some();
            let fits = match (branch.blocks.front(), is_link) {
                (Some(first), true) => block.number.checked_add(1) == Some(first.number),
                (Some(first), false) => *first == block,
                (None, _) => false,
            };
            let is_above = block.number > finalised.number && !self.bad.contains(&hash);
            if !fits || !is_above || branch.blocks.len() >= self.config.branch_headers_max {
                // Below the last final block there is nothing to join: another chain, a lie, or a bad block.
                let rule = if fits { Rule::OtherChain } else { Rule::WrongAnswer };
                self.branches.remove(&name);
                return self.distrust(chain, peer, rule, out);
            }
            if is_link {
                branch.blocks.push_front(block);
            }
            branch.below = Some(header.parent_hash);
        }
        let is_below_known =
            branch.below.is_some_and(|below| chain.is_known(below) || self.queue.contains_key(&below));
        branch.is_grounded |= is_below_known;
    }

    /// Bodies came, the upper end of a chunk first.
    pub(super) fn bodies(
        &mut self,
        peer: PeerId,
        name: H256,
        mut blocks: Vec<BlockData>,
        out: &mut Vec<Effect>,
    ) {
        let Some(branch) = self.branches.get_mut(&name) else { return };
        branch.is_busy = false;
        blocks.reverse();
        // Blocks may have come another way meanwhile; what is left of the answer must begin where the branch begins.
        let first = branch.blocks.front().map(|block| block.hash);
        let Some(start) = blocks.iter().position(|block| Some(block.hash) == first) else {
            branch.sources.remove(&peer);
            return;
        };
        let blocks = blocks.split_off(start);
        for block in &blocks {
            if branch.blocks.front().is_some_and(|first| first.hash == block.hash) {
                branch.blocks.pop_front();
                branch.below = Some(block.hash);
                branch.handed.push_back(block.hash);
            }
        }
        self.enqueue(peer, blocks, out);
    }

    /// A block of some branch cannot be imported yet: what is above it starts again after a pause.
    pub(super) fn postpone(&mut self, hash: H256) {
        let until = self.now_ms.saturating_add(self.config.retry_ms);
        for branch in self.branches.values_mut() {
            if branch.below == Some(hash) {
                branch.is_grounded = false;
                branch.handed.clear();
                branch.waits_until_ms = until;
            }
        }
    }

    /// R6.
    pub(super) fn condemn(&mut self, hash: H256) {
        self.remember_bad(hash);
        let holds = |branch: &Branch| {
            branch.handed.contains(&hash) || branch.blocks.iter().any(|block| block.hash == hash)
        };
        let names: Vec<H256> =
            self.branches.iter().filter(|(_, b)| holds(b)).map(|(name, _)| *name).collect();
        for branch in names.iter().filter_map(|name| self.branches.remove(name)).collect::<Vec<_>>() {
            let all = branch.handed.iter().copied().chain(branch.blocks.iter().map(|block| block.hash));
            for above in all.skip_while(|at| *at != hash) {
                self.remember_bad(above);
            }
        }
    }
}
