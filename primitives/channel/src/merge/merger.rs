//! Takes in parts (R1–R4 of [`crate::merge`]).

use super::bucket::{self, Merged};
use super::{BatchVerifier, Exclusions, MergePlace, Parallel, Reason, SignatureCheck};
use crate::batch::BatchHeader;
use crate::limits::MAX_BATCH_MESSAGES;
use crate::merkle;
use crate::message::MessageRef;
use crate::part::{BatchRef, LeafRef, PartError, PartReader};
use crate::vbucket::vbucket;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use quire_core::H256;

/// Leaves whose ids are held beside the merge while a part is examined: bounds the extra memory to 8 MiB.
const WINDOW_LEAVES: u64 = 262_144;

/// Where a leaf's message lies in the arena, or why it lies nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Place {
    /// Only the id is known (R3).
    pub(super) const MISSING: Self = Self(usize::MAX);
    /// The message is known and does not count (R4–R6).
    pub(super) const EXCLUDED: Self = Self(usize::MAX - 1);

    /// Offset in the arena.
    #[inline]
    pub(super) fn offset(self) -> Option<usize> {
        (self.0 < Self::EXCLUDED.0).then_some(self.0)
    }
}

/// A batch of which at least one copy counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownBatch {
    pub(super) header: BatchHeader,
    /// A signature that was found valid; an equal one needs no second check.
    signature: [u8; 64],
    /// Its leaves are `first..first + header.count` of the flat lists.
    pub(super) first: usize,
}

/// The flat lists, one entry per leaf of every known batch.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    pub(super) arena: Vec<u8>,
    pub(super) ids: Vec<H256>,
    pub(super) places: Vec<Place>,
    pub(super) vbuckets: Vec<u16>,
}

impl Leaves {
    /// The message of leaf `index`, if it counts.
    #[inline]
    pub(super) fn message(&self, index: usize) -> Option<MessageRef<'_>> {
        let offset = self.places.get(index)?.offset()?;
        // Only whole messages are put into the arena, so this reads what was read when it went in.
        MessageRef::read(self.arena.get(offset..)?).ok().map(|(message, _)| message)
    }
}

/// Gathers the parts of one block.
#[derive(Debug)]
pub struct Merger {
    place: MergePlace,
    parts: u32,
    known: BTreeMap<BatchHeader, usize>,
    batches: Vec<KnownBatch>,
    leaves: Leaves,
    exclusions: Exclusions,
}

/// What looking at a copy gave.
enum Examined {
    /// First copy of its batch: ids of its leaves, which give the root.
    New(Vec<H256>),
    /// Agrees with the known batch.
    Known(usize),
    /// R2.
    WrongRoot,
}

impl Merger {
    /// Nothing merged yet.
    pub fn new(place: MergePlace) -> Self {
        let (known, batches) = (BTreeMap::new(), Vec::new());
        Self { place, parts: 0, known, batches, leaves: Leaves::default(), exclusions: Exclusions::default() }
    }

    /// A counted part that cannot be had in plain form (does not decrypt, differs from its anchor): counts as empty (R1).
    pub fn add_empty(&mut self, participant: u8) {
        self.parts |= 1u32.checked_shl(u32::from(participant)).unwrap_or(0);
    }

    /// Adds the counted part of `participant` in plain form. An error says why it counts as empty (R1); the merge goes on
    /// either way.
    pub fn add_part(
        &mut self,
        participant: u8,
        plain: &[u8],
        verifier: &impl BatchVerifier,
        parallel: &impl Parallel,
    ) -> Result<(), PartError> {
        self.add_empty(participant);
        // The whole part is decoded before anything of it counts.
        let copies = PartReader::new(plain)?.collect::<Result<Vec<_>, _>>()?;
        let signed = self.check_signatures(copies, verifier);
        let mut seen = BTreeSet::new();
        let (first, again): (Vec<_>, Vec<_>) = signed.into_iter().partition(|copy| seen.insert(copy.header));
        self.reserve(&first);
        let mut rest = first.as_slice();
        while !rest.is_empty() {
            let (window, tail) = rest.split_at(window_len(rest));
            rest = tail;
            let mut examined: Vec<Option<Examined>> = window.iter().map(|_| None).collect();
            parallel
                .each(&mut examined, |index, slot| *slot = window.get(index).map(|copy| self.examine(copy)));
            for (copy, examined) in window.iter().zip(examined) {
                self.absorb(copy, examined);
            }
        }
        // Repeats inside one part are rare; each is compared with what is known by then.
        for copy in &again {
            let examined = self.examine(copy);
            self.absorb(copy, Some(examined));
        }
        Ok(())
    }

    /// Makes room for the batches among `copies` that are new: exactly, since doubling would waste hundreds of megabytes.
    fn reserve(&mut self, copies: &[BatchRef<'_>]) {
        let new = copies.iter().filter(|copy| !self.known.contains_key(&copy.header));
        let (leaves, bytes) = new.fold((0usize, 0usize), |(leaves, bytes), copy| {
            (leaves.saturating_add(copy.leaf_count as usize), bytes.saturating_add(copy.leaf_bytes()))
        });
        self.leaves.arena.reserve_exact(bytes);
        self.leaves.ids.reserve_exact(leaves);
        self.leaves.places.reserve_exact(leaves);
        self.leaves.vbuckets.reserve_exact(leaves);
    }

    /// Orders everything (R5–R7).
    pub fn finish(self, parallel: &impl Parallel) -> Merged {
        bucket::order(self.place, self.parts, self.batches, self.leaves, self.exclusions, parallel)
    }

    /// R2 up to the signature; what fails is excluded.
    fn check_signatures<'a>(
        &mut self,
        copies: Vec<BatchRef<'a>>,
        verifier: &impl BatchVerifier,
    ) -> Vec<BatchRef<'a>> {
        let mut plausible = Vec::with_capacity(copies.len());
        for copy in copies {
            match check_header(&self.place, &copy) {
                Ok(()) => plausible.push(copy),
                Err(reason) => self.exclusions.add(reason, copy.header.sender, copy.header.hash()),
            }
        }
        let unknown = |copy: &&BatchRef<'a>| {
            let known = self.known.get(&copy.header).and_then(|index| self.batches.get(*index));
            known.is_none_or(|batch| batch.signature != copy.signature)
        };
        let checks: Vec<SignatureCheck> = plausible
            .iter()
            .filter(unknown)
            .map(|copy| SignatureCheck {
                sender: copy.header.sender,
                payload: copy.header.signing_bytes(),
                signature: copy.signature,
            })
            .collect();
        let needed: Vec<bool> = plausible.iter().map(|copy| unknown(&copy)).collect();
        let mut answers = verifier.verify_many(&checks).into_iter();
        let mut valid = Vec::with_capacity(plausible.len());
        for (copy, needed) in plausible.into_iter().zip(needed) {
            if !needed || answers.next().unwrap_or(false) {
                valid.push(copy);
            } else {
                self.exclusions.add(Reason::BatchSignature, copy.header.sender, copy.header.hash());
            }
        }
        valid
    }

    /// R2: do the leaves give the root? Against a known batch a comparison of bytes answers that.
    fn examine(&self, copy: &BatchRef<'_>) -> Examined {
        let known = self.known.get(&copy.header).and_then(|index| Some((*index, self.batches.get(*index)?)));
        let Some((index, batch)) = known else {
            let ids: Vec<H256> = copy.leaves().map(|leaf| leaf.id()).collect();
            let matches = merkle::root(&ids) == copy.header.root;
            return if matches { Examined::New(ids) } else { Examined::WrongRoot };
        };
        let same = copy.leaves().enumerate().all(|(n, leaf)| self.same_leaf(batch.first + n, &leaf));
        if same { Examined::Known(index) } else { Examined::WrongRoot }
    }

    #[inline]
    fn same_leaf(&self, index: usize, leaf: &LeafRef<'_>) -> bool {
        if let (LeafRef::Full(message), Some(Some(offset))) =
            (leaf, self.leaves.places.get(index).map(|p| p.offset()))
        {
            let known =
                offset.checked_add(message.bytes.len()).and_then(|end| self.leaves.arena.get(offset..end));
            // Messages are self-delimiting, so equal bytes are the whole message.
            if known == Some(message.bytes) {
                return true;
            }
        }
        self.leaves.ids.get(index) == Some(&leaf.id())
    }

    fn absorb(&mut self, copy: &BatchRef<'_>, examined: Option<Examined>) {
        let first = match examined {
            Some(Examined::New(ids)) => {
                let first = self.leaves.ids.len();
                self.known.insert(copy.header, self.batches.len());
                self.batches.push(KnownBatch { header: copy.header, signature: copy.signature, first });
                self.leaves.ids.extend_from_slice(&ids);
                self.leaves.places.resize(self.leaves.ids.len(), Place::MISSING);
                self.leaves.vbuckets.resize(self.leaves.ids.len(), 0);
                first
            }
            Some(Examined::Known(index)) => match self.batches.get(index) {
                Some(batch) => batch.first,
                None => return,
            },
            Some(Examined::WrongRoot) | None => {
                self.exclusions.add(Reason::BatchRoot, copy.header.sender, copy.header.hash());
                return;
            }
        };
        for (n, leaf) in copy.leaves().enumerate() {
            if let LeafRef::Full(message) = leaf {
                self.take(first + n, &copy.header, &message);
            }
        }
    }

    /// R4; a message that is known already is left alone.
    #[inline]
    fn take(&mut self, index: usize, header: &BatchHeader, message: &MessageRef<'_>) {
        let Some(place) = self.leaves.places.get_mut(index) else { return };
        if *place != Place::MISSING {
            return;
        }
        if let Err(reason) = check_message(header, message) {
            *place = Place::EXCLUDED;
            let id = self.leaves.ids.get(index).copied().unwrap_or_default();
            self.exclusions.add(reason, header.sender, id);
            return;
        }
        *place = Place(self.leaves.arena.len());
        self.leaves.arena.extend_from_slice(message.bytes);
        if let Some(slot) = self.leaves.vbuckets.get_mut(index) {
            *slot = vbucket(message.key);
        }
    }
}

/// How many copies of the front make up a window, at least one.
fn window_len(copies: &[BatchRef<'_>]) -> usize {
    let mut leaves = 0u64;
    let fits = copies.iter().take_while(|copy| {
        leaves += u64::from(copy.leaf_count);
        leaves <= WINDOW_LEAVES
    });
    fits.count().max(1)
}

/// R2 without signature and root.
fn check_header(place: &MergePlace, copy: &BatchRef<'_>) -> Result<(), Reason> {
    let header = &copy.header;
    if header.genesis != place.genesis {
        return Err(Reason::BatchGenesis);
    }
    if (header.channel, header.block) != (place.channel, place.block) {
        return Err(Reason::BatchPlace);
    }
    if header.sender >= place.participants {
        return Err(Reason::BatchSender);
    }
    let counted = header.count == copy.leaf_count && (1..=MAX_BATCH_MESSAGES).contains(&header.count);
    if !counted || header.end_seq().is_none() {
        return Err(Reason::BatchCount);
    }
    Ok(())
}

/// R4.
#[inline]
fn check_message(header: &BatchHeader, message: &MessageRef<'_>) -> Result<(), Reason> {
    if (message.channel, message.block) != (header.channel, header.block) {
        return Err(Reason::MessagePlace);
    }
    if message.sender != header.sender {
        return Err(Reason::MessageSender);
    }
    // The subtraction cannot overflow the range: end_seq was checked with the header.
    match message.seq.checked_sub(header.first_seq) {
        Some(n) if n < u64::from(header.count) => Ok(()),
        _ => Err(Reason::MessageSeq),
    }
}
