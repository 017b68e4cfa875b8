//! Orders what was taken in (R5–R7 of [`crate::merge`]) and hands it out vBucket by vBucket.

use super::merger::{KnownBatch, Leaves, Place};
use super::{Exclusions, MergePlace, Parallel, Reason};
use crate::message::MessageRef;
use crate::result::MergeFacts;
use crate::vbucket::VBUCKETS;
use alloc::vec::Vec;
use core::cmp::Ordering;
use quire_core::H256;

/// The ordered, distinct messages of a block.
#[derive(Debug)]
pub struct Merged {
    place: MergePlace,
    parts: u32,
    leaves: Leaves,
    /// Leaf indices in the order of R7.
    order: Vec<u32>,
    /// `order[starts[v]..starts[v + 1]]` is vBucket v.
    starts: Vec<u32>,
    exclusions: Exclusions,
}

impl Merged {
    /// What the result header says of the merge.
    pub fn facts(&self) -> MergeFacts {
        MergeFacts {
            channel: self.place.channel,
            block: self.place.block,
            parts: self.parts,
            message_count: self.message_count(),
        }
    }

    /// Distinct messages.
    pub fn message_count(&self) -> u64 {
        self.order.len() as u64
    }

    /// What does not count.
    pub fn exclusions(&self) -> &Exclusions {
        &self.exclusions
    }

    /// Messages of one vBucket by (key, time_ms, id). Empty for numbers from 1,024.
    pub fn bucket(&self, vbucket: u16) -> BucketMessages<'_> {
        let bounds = self.starts.get(usize::from(vbucket)..).and_then(|s| Some((*s.first()?, *s.get(1)?)));
        let order =
            bounds.and_then(|(from, to)| self.order.get(from as usize..to as usize)).unwrap_or_default();
        BucketMessages { leaves: &self.leaves, order: order.iter() }
    }

    /// All messages in the order of R7.
    pub fn iter(&self) -> BucketMessages<'_> {
        BucketMessages { leaves: &self.leaves, order: self.order.iter() }
    }
}

/// Messages with their ids, in order.
#[derive(Clone, Debug)]
pub struct BucketMessages<'a> {
    leaves: &'a Leaves,
    order: core::slice::Iter<'a, u32>,
}

impl<'a> Iterator for BucketMessages<'a> {
    type Item = (MessageRef<'a>, &'a H256);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let index = *self.order.next()? as usize;
        Some((self.leaves.message(index)?, self.leaves.ids.get(index)?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.order.size_hint()
    }
}

impl ExactSizeIterator for BucketMessages<'_> {}

pub(super) fn order(
    place: MergePlace,
    parts: u32,
    batches: Vec<KnownBatch>,
    mut leaves: Leaves,
    mut exclusions: Exclusions,
    parallel: &impl Parallel,
) -> Merged {
    settle_duplicates(&batches, &mut leaves, &mut exclusions);
    let starts = starts(&leaves);
    let mut order = fill(&leaves, &starts);
    {
        let mut buckets = Vec::with_capacity(usize::from(VBUCKETS));
        let mut rest = order.as_mut_slice();
        for bounds in starts.windows(2) {
            let len =
                bounds.last().zip(bounds.first()).map_or(0, |(to, from)| to.saturating_sub(*from) as usize);
            let (bucket, tail) = core::mem::take(&mut rest).split_at_mut(len);
            buckets.push(bucket);
            rest = tail;
        }
        parallel.each(&mut buckets, |_, bucket| sort_bucket(&leaves, bucket));
    }
    Merged { place, parts, leaves, order, starts, exclusions }
}

/// R5 and R6. Only batches of one sender whose ranges of sequence numbers meet, or whose own messages do not count up
/// one by one, can hold two messages with one (sender, seq); all others are skipped.
fn settle_duplicates(batches: &[KnownBatch], leaves: &mut Leaves, exclusions: &mut Exclusions) {
    let mut suspects: Vec<(u8, u64, u32)> = Vec::new();
    for batch in suspicious(batches, leaves) {
        for index in batch.first..batch.first + batch.header.count as usize {
            if let Some(message) = leaves.message(index) {
                suspects.push((message.sender, message.seq, index as u32));
            }
        }
    }
    let id = |index: u32| leaves.ids.get(index as usize).copied().unwrap_or_default();
    suspects.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| id(a.2).cmp(&id(b.2))));
    let mut dropped = Vec::new();
    let mut last: Option<(u8, u64, H256)> = None;
    for (sender, seq, index) in suspects {
        let id = id(index);
        match last {
            // The lowest id of this (sender, seq) came first, so anything else is higher or the same again.
            Some((s, n, previous)) if (s, n) == (sender, seq) => {
                dropped.push(index);
                if previous != id {
                    exclusions.add(Reason::Equivocation, sender, id);
                    last = Some((sender, seq, id));
                }
            }
            _ => last = Some((sender, seq, id)),
        }
    }
    for index in dropped {
        if let Some(place) = leaves.places.get_mut(index as usize) {
            *place = Place::EXCLUDED;
        }
    }
}

fn suspicious(batches: &[KnownBatch], leaves: &Leaves) -> Vec<KnownBatch> {
    let mut ordered = batches.to_vec();
    ordered.sort_unstable_by_key(|batch| (batch.header.sender, batch.header.first_seq, batch.header));
    let mut marked: Vec<bool> = ordered.iter().map(|batch| !counts_up(batch, leaves)).collect();
    // The batch that reaches furthest so far; a run of overlapping batches is marked whole.
    let mut furthest: Option<(usize, u8, u64)> = None;
    for (n, batch) in ordered.iter().enumerate() {
        let end = batch.header.end_seq().unwrap_or(u64::MAX);
        match furthest {
            Some((holder, sender, reach))
                if sender == batch.header.sender && batch.header.first_seq < reach =>
            {
                for index in [holder, n] {
                    if let Some(mark) = marked.get_mut(index) {
                        *mark = true;
                    }
                }
                if end > reach {
                    furthest = Some((n, sender, end));
                }
            }
            _ => furthest = Some((n, batch.header.sender, end)),
        }
    }
    ordered.into_iter().zip(marked).filter_map(|(batch, marked)| marked.then_some(batch)).collect()
}

/// Is message n of the batch number `first_seq + n`, wherever it is known?
fn counts_up(batch: &KnownBatch, leaves: &Leaves) -> bool {
    (0..batch.header.count).all(|n| {
        let message = leaves.message(batch.first + n as usize);
        message.is_none_or(|message| message.seq.checked_sub(batch.header.first_seq) == Some(u64::from(n)))
    })
}

fn starts(leaves: &Leaves) -> Vec<u32> {
    let mut starts = alloc::vec![0u32; usize::from(VBUCKETS) + 1];
    for (place, vbucket) in leaves.places.iter().zip(&leaves.vbuckets) {
        if place.offset().is_some()
            && let Some(count) = starts.get_mut(usize::from(*vbucket) + 1)
        {
            *count = count.saturating_add(1);
        }
    }
    let mut sum = 0u32;
    for start in &mut starts {
        sum = sum.saturating_add(*start);
        *start = sum;
    }
    starts
}

fn fill(leaves: &Leaves, starts: &[u32]) -> Vec<u32> {
    let mut next = starts.to_vec();
    let mut order = alloc::vec![0u32; starts.last().copied().unwrap_or(0) as usize];
    for (index, (place, vbucket)) in leaves.places.iter().zip(&leaves.vbuckets).enumerate() {
        if place.offset().is_some()
            && let Some(slot) = next.get_mut(usize::from(*vbucket))
            && let Some(entry) = order.get_mut(*slot as usize)
        {
            *entry = index as u32;
            *slot = slot.saturating_add(1);
        }
    }
    order
}

/// What two messages are compared by before anything else has to be looked up.
struct SortKey {
    /// First 16 bytes of the key, zeros behind a shorter one, big-endian.
    prefix: u128,
    time_ms: u64,
    /// First 8 bytes of the id, big-endian.
    id_prefix: u64,
    index: u32,
    key_len: u8,
}

fn sort_bucket(leaves: &Leaves, bucket: &mut [u32]) {
    let mut keys: Vec<SortKey> = bucket.iter().filter_map(|index| sort_key(leaves, *index)).collect();
    keys.sort_unstable_by(|a, b| compare(leaves, a, b));
    for (slot, key) in bucket.iter_mut().zip(keys) {
        *slot = key.index;
    }
}

fn sort_key(leaves: &Leaves, index: u32) -> Option<SortKey> {
    let message = leaves.message(index as usize)?;
    let mut prefix = [0u8; 16];
    for (to, from) in prefix.iter_mut().zip(message.key) {
        *to = *from;
    }
    let key_len = message.key.len() as u8; // at most MAX_MESSAGE_KEY_BYTES
    let id_prefix = u64::from_be_bytes(*leaves.ids.get(index as usize)?.0.first_chunk()?);
    Some(SortKey { prefix: u128::from_be_bytes(prefix), time_ms: message.time_ms, id_prefix, index, key_len })
}

fn compare(leaves: &Leaves, a: &SortKey, b: &SortKey) -> Ordering {
    a.prefix
        .cmp(&b.prefix)
        .then_with(|| compare_tails(leaves, a, b))
        .then_with(|| a.time_ms.cmp(&b.time_ms))
        .then_with(|| a.id_prefix.cmp(&b.id_prefix))
        .then_with(|| leaves.ids.get(a.index as usize).cmp(&leaves.ids.get(b.index as usize)))
}

/// Keys with equal prefixes: short ones differ at most in trailing zeros, where the shorter comes first.
fn compare_tails(leaves: &Leaves, a: &SortKey, b: &SortKey) -> Ordering {
    if a.key_len <= 16 && b.key_len <= 16 {
        return a.key_len.cmp(&b.key_len);
    }
    let key = |index: u32| leaves.message(index as usize).map(|message| message.key);
    key(a.index).cmp(&key(b.index))
}
