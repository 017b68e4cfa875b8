//! What is known of the batches in the log, in memory: 300 bytes for a batch.

use crate::log::Position;
use quire_channel::limits::MAX_BATCH_MESSAGES;
use quire_channel::{BatchHeader, PartAnchor};
use quire_core::H256;
use std::collections::BTreeMap;

/// Conflicts that are remembered; one is enough for a case.
const EQUIVOCATIONS_KEPT: usize = 1_024;

/// A batch in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBatch {
    /// What is signed.
    pub header: BatchHeader,
    /// The signature; `None` for a draft of one's own until it is signed.
    pub signature: Option<[u8; 64]>,
    pub(super) position: Position,
}

impl StoredBatch {
    /// Length of the encoded batch.
    pub fn bytes(&self) -> u64 {
        u64::from(self.position.length.saturating_sub(1))
    }
}

/// Evidence: two signed batches of one sender that give one sequence number to two messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equivocation {
    /// The batch that came first.
    pub first: BatchHeader,
    /// The batch that contradicts it.
    pub second: BatchHeader,
}

/// Batches by header and by sender and number.
#[derive(Debug, Default)]
pub(super) struct Index {
    batches: Vec<StoredBatch>,
    by_header: BTreeMap<BatchHeader, usize>,
    by_hash: BTreeMap<H256, usize>,
    by_block: BTreeMap<u32, Vec<usize>>,
    by_seq: BTreeMap<(u8, u64), Vec<usize>>,
    next: BTreeMap<u8, u64>,
    equivocations: Vec<Equivocation>,
    versions: BTreeMap<u32, u32>,
    parts: BTreeMap<u32, PartAnchor>,
}

impl Index {
    pub(super) fn add(&mut self, batch: StoredBatch) {
        let (header, place) = (batch.header, self.batches.len());
        if self.by_header.insert(header, place).is_some() {
            return;
        }
        if batch.signature.is_none() {
            self.by_hash.insert(header.hash(), place);
        }
        self.batches.push(batch);
        self.by_block.entry(header.block).or_default().push(place);
        self.by_seq.entry((header.sender, header.first_seq)).or_default().push(place);
        let end = header.end_seq().unwrap_or(u64::MAX);
        let next = self.next.entry(header.sender).or_default();
        *next = end.max(*next);
    }

    pub(super) fn knows(&self, header: &BatchHeader) -> bool {
        self.by_header.contains_key(header)
    }

    pub(super) fn find(&self, header: &BatchHeader) -> Option<StoredBatch> {
        self.by_header.get(header).and_then(|place| self.batches.get(*place)).copied()
    }

    pub(super) fn all(&self) -> &[StoredBatch] {
        &self.batches
    }

    pub(super) fn next_seq(&self, sender: u8) -> u64 {
        self.next.get(&sender).copied().unwrap_or(0)
    }

    pub(super) fn attach(&mut self, header: &BatchHeader, signature: [u8; 64]) {
        self.attach_by_hash(&header.hash(), signature);
    }

    pub(super) fn attach_by_hash(&mut self, hash: &H256, signature: [u8; 64]) {
        // Only drafts are listed by hash, and only until they are signed.
        if let Some(batch) = self.by_hash.remove(hash).and_then(|place| self.batches.get_mut(place)) {
            batch.signature = Some(signature);
        }
    }

    /// Drafts without a signature, in the order of their numbers.
    pub(super) fn unsigned(&self) -> Vec<BatchHeader> {
        let mut headers: Vec<BatchHeader> = self
            .by_hash
            .values()
            .filter_map(|place| self.batches.get(*place))
            .map(|batch| batch.header)
            .collect();
        headers.sort_unstable_by_key(|header| header.first_seq);
        headers
    }

    pub(super) fn batches(&self, block: u32) -> Vec<StoredBatch> {
        let places = self.by_block.get(&block).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<StoredBatch> =
            places.iter().filter_map(|place| self.batches.get(*place)).copied().collect();
        found.sort_unstable_by_key(|batch| (batch.header.sender, batch.header.first_seq, batch.header.root));
        found
    }

    /// Batches of the same sender whose numbers meet those of `header`.
    pub(super) fn conflicts(&self, header: &BatchHeader) -> Vec<StoredBatch> {
        let end = header.end_seq().unwrap_or(u64::MAX);
        let from = header.first_seq.saturating_sub(u64::from(MAX_BATCH_MESSAGES));
        // Numbers rise, so most batches begin where nothing is known yet.
        if self.next_seq(header.sender) <= header.first_seq {
            return Vec::new();
        }
        let range = self.by_seq.range((header.sender, from)..(header.sender, end));
        let near = range.flat_map(|(_, places)| places).filter_map(|place| self.batches.get(*place));
        let meets = |batch: &&StoredBatch| {
            batch.header != *header && batch.header.end_seq().unwrap_or(u64::MAX) > header.first_seq
        };
        near.filter(meets).copied().collect()
    }

    pub(super) fn note_conflict(&mut self, second: &BatchHeader, first: Option<StoredBatch>) {
        if let Some(first) = first
            && self.equivocations.len() < EQUIVOCATIONS_KEPT
        {
            self.equivocations.push(Equivocation { first: first.header, second: *second });
        }
    }

    /// The next number of an encryption; it is taken with this call.
    pub(super) fn next_version(&mut self, block: u32) -> u32 {
        let version = self.versions.get(&block).map_or(0, |last| last.saturating_add(1));
        self.note_version(block, version);
        version
    }

    pub(super) fn note_version(&mut self, block: u32, version: u32) {
        let last = self.versions.entry(block).or_default();
        *last = version.max(*last);
    }

    pub(super) fn note_part(&mut self, block: u32, anchor: PartAnchor) {
        self.parts.insert(block, anchor);
    }

    pub(super) fn part(&self, block: u32) -> Option<PartAnchor> {
        self.parts.get(&block).cloned()
    }

    pub(super) fn equivocations(&self) -> &[Equivocation] {
        &self.equivocations
    }
}
