//! Which transactions are ready, in which order, and which wait for others.
//!
//! ```text
//!             all required tags have a ready provider, or the chain provides them
//!   future -------------------------------------------------------------------------> ready
//!          <-------------------------------------------------------------------------
//!             a provider left the pool without getting into a block
//! ```
//!
//! Rules
//! - R1 A tag has at most one provider in the pool.
//! - R2 A transaction is ready if each tag it requires is provided by a ready transaction or by the chain.
//! - R3 Ready transactions come by priority, higher first; none before what it requires. At one priority chains of
//!   dependent transactions (a sender's nonces) take turns: first the first of each chain in order of arrival, then the
//!   second ones, so that a sender with thousands delays another one by its number of chains, not of transactions.
//! - R4 Nothing here walks over all transactions: each step costs its own tags and dependents, times a logarithm.
//!
//! Out of scope: validity, limits, who is told.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, btree_set};
use std::iter::Peekable;
use std::sync::Arc;

use quire_core::{AccountId, BlockNumber, H256, Nonce};

use crate::key::Key;
use crate::transaction::{Place, Tag, Transaction};

/// Order of arrival; names a transaction inside this module.
type Id = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    transaction: Transaction,
    /// Required tags without a ready provider and not provided by the chain. Ready when 0.
    missing: usize,
    /// Required tags whose provider is in the pool.
    in_pool: usize,
    /// Blocks under construction that refused it.
    refusals: u8,
}

/// Transactions with their dependencies; see the module doc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    next_id: Id,
    /// Boxed, so that the nodes of the map stay small.
    entries: BTreeMap<Id, Box<Entry>>,
    by_hash: BTreeMap<Key, Id>,
    providers: BTreeMap<Tag, Id>,
    /// Who requires a tag.
    waiters: BTreeSet<(Tag, Id)>,
    /// Tags that somebody requires and the best block provides.
    on_chain: BTreeSet<Tag>,
    /// Ready ones that require nothing in the pool, in order (R3).
    roots: BTreeSet<(Reverse<u64>, Id)>,
    /// All ready ones, worst first: lowest priority, then latest arrival.
    worst: BTreeSet<(u64, Reverse<Id>)>,
    futures: BTreeSet<Id>,
    ready_bytes: usize,
    future_bytes: usize,
    /// Nonces of ready transactions.
    senders: BTreeSet<(Key, Nonce)>,
    /// Transactions of each sender, ready or not.
    counts: BTreeMap<Key, usize>,
    /// Transactions whose validity ends some day.
    by_expiry: BTreeSet<(BlockNumber, Id)>,
    by_validation: BTreeSet<(Place, Id)>,
    /// How often a transaction became ready.
    promotions: u64,
}

/// Transactions that changed sides in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    pub(crate) to_ready: Vec<H256>,
    pub(crate) to_future: Vec<H256>,
}

impl Order {
    pub(crate) fn contains(&self, hash: &H256) -> bool {
        self.by_hash.contains_key(&hash.into())
    }

    pub(crate) fn get(&self, hash: &H256) -> Option<&Transaction> {
        self.entry(hash).map(|entry| &entry.transaction)
    }

    pub(crate) fn is_ready(&self, hash: &H256) -> bool {
        self.entry(hash).is_some_and(|entry| entry.missing == 0)
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.worst.len()
    }

    pub(crate) fn promotions(&self) -> u64 {
        self.promotions
    }

    pub(crate) fn future_len(&self) -> usize {
        self.futures.len()
    }

    pub(crate) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    pub(crate) fn future_bytes(&self) -> usize {
        self.future_bytes
    }

    /// Hashes of the transactions that provide any of `tags`, in order of arrival.
    pub(crate) fn providers_of(&self, tags: &[Tag]) -> Vec<H256> {
        let ids: BTreeSet<Id> = tags.iter().filter_map(|tag| self.providers.get(tag).copied()).collect();
        ids.into_iter().filter_map(|id| self.entries.get(&id)).map(|entry| entry.transaction.hash).collect()
    }

    /// Whether all of `tags` are provided for a ready transaction.
    pub(crate) fn is_satisfied(&self, tags: &[Tag]) -> bool {
        tags.iter().all(|tag| self.on_chain.contains(tag) || self.ready_provider(tag))
    }

    /// Whether the best chain is known to provide any of `tags`.
    pub(crate) fn is_on_chain(&self, tags: &[Tag]) -> bool {
        tags.iter().any(|tag| self.on_chain.contains(tag))
    }

    /// Whether a transaction here provides `tag`, ready or not.
    pub(crate) fn has_provider(&self, tag: &Tag) -> bool {
        self.providers.contains_key(tag)
    }

    /// The nonce after the last ready one of `account`.
    pub(crate) fn nonce_after(&self, account: &AccountId) -> Option<Nonce> {
        let account = Key::from(account);
        let (_, last) = self.senders.range((account, Nonce::MIN)..=(account, Nonce::MAX)).next_back()?;
        last.checked_add(1)
    }

    /// Transactions of `account`, ready or not.
    pub(crate) fn count_of(&self, account: &AccountId) -> usize {
        self.counts.get(&account.into()).copied().unwrap_or(0)
    }

    /// Notes that a block under construction refused a transaction; returns how many did so far.
    pub(crate) fn refuse(&mut self, hash: &H256) -> u8 {
        let id = self.by_hash.get(&hash.into());
        let Some(entry) = id.and_then(|id| self.entries.get_mut(id)) else { return 0 };
        entry.refusals = entry.refusals.saturating_add(1);
        entry.refusals
    }

    /// The ready transaction that is first to be evicted.
    pub(crate) fn worst_ready(&self) -> Option<H256> {
        self.worst.first().and_then(|(_, Reverse(id))| self.hash_of(*id))
    }

    /// The future transaction that is first to be evicted: the one that waits longest.
    pub(crate) fn oldest_future(&self) -> Option<H256> {
        self.futures.first().and_then(|id| self.hash_of(*id))
    }

    /// Transactions whose validity ended at height `best` or before.
    pub(crate) fn expired(&self, best: BlockNumber) -> Vec<H256> {
        self.by_expiry
            .iter()
            .take_while(|(till, _)| *till <= best)
            .filter_map(|(_, id)| self.hash_of(*id))
            .collect()
    }

    /// Up to `count` transactions whose last validation is before `before`, oldest first.
    pub(crate) fn stale(&self, before: Place, count: usize) -> Vec<H256> {
        self.by_validation
            .iter()
            .take_while(|(at, _)| *at < before)
            .take(count)
            .filter_map(|(_, id)| self.hash_of(*id))
            .collect()
    }

    /// Notes that a transaction is still valid.
    pub(crate) fn renew(&mut self, hash: &H256, valid_till: BlockNumber, validated_at: Place) {
        let Some(id) = self.by_hash.get(&hash.into()).copied() else { return };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let transaction = &mut entry.transaction;
        self.by_expiry.remove(&(transaction.valid_till, id));
        self.by_validation.remove(&(transaction.validated_at, id));
        transaction.valid_till = valid_till;
        transaction.validated_at = validated_at;
        self.note_times(id, valid_till, validated_at);
    }

    /// Adds a transaction whose hash and tags nobody else here has. The caller has removed what it replaces.
    pub(crate) fn insert(&mut self, transaction: Transaction, moves: &mut Moves) {
        let id = self.next_id;
        self.next_id += 1;
        // First what it provides: that may take away what it requires itself, when tags go in a circle.
        for tag in transaction.provides.iter() {
            self.provide(id, *tag, moves);
        }
        for tag in transaction.requires.iter() {
            self.waiters.insert((*tag, id));
        }
        let (mut in_pool, mut missing) = (0, 0);
        for tag in transaction.requires.iter() {
            in_pool += usize::from(self.providers.contains_key(tag));
            missing += usize::from(!self.on_chain.contains(tag) && !self.ready_provider(tag));
        }
        let hash = transaction.hash;
        self.by_hash.insert(Key::from(&hash), id);
        self.note_times(id, transaction.valid_till, transaction.validated_at);
        self.futures.insert(id);
        self.future_bytes += transaction.size_bytes();
        if let Some((account, _)) = &transaction.sender {
            *self.counts.entry(account.into()).or_default() += 1;
        }
        self.entries.insert(id, Box::new(Entry { transaction, missing, in_pool, refusals: 0 }));
        if missing == 0 {
            self.promote(vec![id], moves);
        } else {
            moves.to_future.push(hash);
        }
    }

    /// Removes a transaction that will not be applied; what depends on it waits again.
    pub(crate) fn remove(&mut self, hash: &H256, moves: &mut Moves) -> Option<Transaction> {
        let id = *self.by_hash.get(&hash.into())?;
        let entry = self.entries.remove(&id)?;
        if entry.missing == 0 {
            self.unready(id, &entry.transaction);
        }
        for tag in entry.transaction.provides.iter() {
            self.unprovide(tag);
            if entry.missing == 0 && !self.on_chain.contains(tag) {
                self.lose(tag, moves);
            }
        }
        self.forget(id, &entry.transaction);
        Some(entry.transaction)
    }

    /// Removes a transaction and everything that depends on it, the transaction itself first.
    pub(crate) fn remove_with_dependents(&mut self, hash: &H256, moves: &mut Moves) -> Vec<Transaction> {
        let mut removed = Vec::new();
        let mut queue = vec![*hash];
        while let Some(next) = queue.pop() {
            let Some(entry) = self.entry(&next) else { continue };
            for tag in entry.transaction.provides.iter() {
                queue.extend(self.waiters_of(tag).filter_map(|id| self.hash_of(id)));
            }
            removed.extend(self.remove(&next, moves));
        }
        removed
    }

    /// Removes a transaction that is in the best chain now: its tags are provided by the chain.
    pub(crate) fn remove_included(&mut self, hash: &H256, moves: &mut Moves) -> Option<Transaction> {
        let provides = self.get(hash)?.provides.clone();
        for tag in provides.iter() {
            self.provide_on_chain(tag, moves);
        }
        self.remove(hash, moves)
    }

    /// Notes that the best chain provides `tag`.
    pub(crate) fn provide_on_chain(&mut self, tag: &Tag, moves: &mut Moves) {
        let waiters: Vec<Id> = self.waiters_of(tag).collect();
        if waiters.is_empty() {
            return;
        }
        let had_provider = self.ready_provider(tag);
        if !self.on_chain.insert(*tag) || had_provider {
            return;
        }
        let ready = self.satisfy(&waiters);
        self.promote(ready, moves);
    }

    /// Notes that the best chain does not provide `tag` after all.
    pub(crate) fn withdraw_on_chain(&mut self, tag: &Tag, moves: &mut Moves) {
        if self.on_chain.remove(tag) && !self.ready_provider(tag) {
            self.lose(tag, moves);
        }
    }

    /// Ready transactions in order (R3).
    pub(crate) fn ready(&self) -> Ready<'_> {
        Ready {
            order: self,
            roots: self.roots.iter().peekable(),
            unlocked: BinaryHeap::new(),
            waiting_for: BTreeMap::new(),
        }
    }

    /// All transactions, in order of arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.entries.values().map(|entry| &entry.transaction)
    }

    fn entry(&self, hash: &H256) -> Option<&Entry> {
        self.entries.get(self.by_hash.get(&hash.into())?).map(|entry| &**entry)
    }

    fn hash_of(&self, id: Id) -> Option<H256> {
        self.entries.get(&id).map(|entry| entry.transaction.hash)
    }

    fn waiters_of(&self, tag: &Tag) -> impl Iterator<Item = Id> + '_ {
        self.waiters.range((*tag, Id::MIN)..=(*tag, Id::MAX)).map(|(_, id)| *id)
    }

    fn ready_provider(&self, tag: &Tag) -> bool {
        let provider = self.providers.get(tag).and_then(|id| self.entries.get(id));
        provider.is_some_and(|entry| entry.missing == 0)
    }

    fn note_times(&mut self, id: Id, valid_till: BlockNumber, validated_at: Place) {
        if valid_till < BlockNumber::MAX {
            self.by_expiry.insert((valid_till, id));
        }
        self.by_validation.insert((validated_at, id));
    }

    /// `id` provides `tag` from now on; it is not ready yet. A tag that is provided again is not the chain's any more:
    /// the block that provided it was retracted.
    fn provide(&mut self, id: Id, tag: Tag, moves: &mut Moves) {
        if self.on_chain.remove(&tag) {
            self.lose(&tag, moves);
        }
        for waiter in self.waiters_of(&tag).collect::<Vec<_>>() {
            self.change_in_pool(waiter, true);
        }
        self.providers.insert(tag, id);
    }

    fn unprovide(&mut self, tag: &Tag) {
        self.providers.remove(tag);
        for waiter in self.waiters_of(tag).collect::<Vec<_>>() {
            self.change_in_pool(waiter, false);
        }
    }

    fn change_in_pool(&mut self, id: Id, more: bool) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let root = (Reverse(entry.transaction.priority), id);
        entry.in_pool = if more { entry.in_pool + 1 } else { entry.in_pool.saturating_sub(1) };
        if entry.in_pool > 0 {
            self.roots.remove(&root);
        } else if entry.missing == 0 {
            self.roots.insert(root);
        }
    }

    /// One required tag of each waiter is provided now; returns those that miss nothing any more.
    fn satisfy(&mut self, waiters: &[Id]) -> Vec<Id> {
        let mut ready = Vec::new();
        for id in waiters {
            let Some(entry) = self.entries.get_mut(id) else { continue };
            entry.missing = entry.missing.saturating_sub(1);
            if entry.missing == 0 {
                ready.push(*id);
            }
        }
        ready
    }

    /// Makes transactions ready that miss nothing, and everything that waited for them alone.
    fn promote(&mut self, mut queue: Vec<Id>, moves: &mut Moves) {
        while let Some(id) = queue.pop() {
            let Some(entry) = self.entries.get(&id) else { continue };
            let (transaction, in_pool) = (&entry.transaction, entry.in_pool);
            self.promotions += 1;
            moves.to_ready.push(transaction.hash);
            self.futures.remove(&id);
            self.future_bytes -= transaction.size_bytes();
            self.ready_bytes += transaction.size_bytes();
            self.worst.insert((transaction.priority, Reverse(id)));
            if in_pool == 0 {
                self.roots.insert((Reverse(transaction.priority), id));
            }
            self.senders.extend(transaction.sender.map(|(account, nonce)| (Key::from(&account), nonce)));
            for tag in transaction.provides.clone().iter() {
                let waiters: Vec<Id> = self.waiters_of(tag).collect();
                if !waiters.is_empty() && !self.on_chain.contains(tag) {
                    queue.extend(self.satisfy(&waiters));
                }
            }
        }
    }

    /// Nothing ready provides `tag` any more: its waiters miss it, and what waits for them in turn.
    fn lose(&mut self, tag: &Tag, moves: &mut Moves) {
        let mut queue = vec![*tag];
        while let Some(tag) = queue.pop() {
            for id in self.waiters_of(&tag).collect::<Vec<_>>() {
                let Some(entry) = self.entries.get_mut(&id) else { continue };
                entry.missing += 1;
                if entry.missing > 1 {
                    continue;
                }
                let transaction = entry.transaction.clone();
                moves.to_future.push(transaction.hash);
                self.unready(id, &transaction);
                self.futures.insert(id);
                queue.extend(transaction.provides.iter().filter(|tag| !self.on_chain.contains(tag)));
            }
        }
    }

    /// Takes a transaction out of the ready side's books, into the future side's sum of bytes.
    fn unready(&mut self, id: Id, transaction: &Transaction) {
        self.worst.remove(&(transaction.priority, Reverse(id)));
        self.roots.remove(&(Reverse(transaction.priority), id));
        self.ready_bytes -= transaction.size_bytes();
        self.future_bytes += transaction.size_bytes();
        if let Some((account, nonce)) = &transaction.sender {
            self.senders.remove(&(account.into(), *nonce));
        }
    }

    /// Drops the last traces of a transaction that is in the future side's sum of bytes and provides nothing.
    fn forget(&mut self, id: Id, transaction: &Transaction) {
        self.by_hash.remove(&Key::from(&transaction.hash));
        self.futures.remove(&id);
        self.future_bytes -= transaction.size_bytes();
        if let Some((account, _)) = &transaction.sender {
            let count = self.counts.entry(account.into()).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&account.into());
            }
        }
        self.by_expiry.remove(&(transaction.valid_till, id));
        self.by_validation.remove(&(transaction.validated_at, id));
        for tag in transaction.requires.iter() {
            self.waiters.remove(&(*tag, id));
            if self.waiters_of(tag).next().is_none() {
                self.on_chain.remove(tag);
            }
        }
    }
}

/// Priority, then how many of its chain were given out before it, then arrival; the greatest goes first.
type Turn = (u64, Reverse<usize>, Reverse<Id>);

/// Iterates over ready transactions; see [`Order::ready`].
pub(crate) struct Ready<'a> {
    order: &'a Order,
    roots: Peekable<btree_set::Iter<'a, (Reverse<u64>, Id)>>,
    /// Transactions whose last provider was given out.
    unlocked: BinaryHeap<Turn>,
    /// Providers that are still to be given out, and the latest turn of those that were.
    waiting_for: BTreeMap<Id, (usize, usize)>,
}

impl<'a> Iterator for Ready<'a> {
    type Item = &'a Arc<quire_core::OpaqueExtrinsic>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_transaction().map(|transaction| &transaction.extrinsic)
    }
}

impl<'a> Ready<'a> {
    pub(crate) fn next_transaction(&mut self) -> Option<&'a Transaction> {
        let root = self.roots.peek().map(|(Reverse(priority), id)| (*priority, Reverse(0), Reverse(*id)));
        let turn = if root >= self.unlocked.peek().copied() {
            self.roots.next();
            root
        } else {
            self.unlocked.pop()
        };
        let (_, Reverse(turn), Reverse(id)) = turn?;
        let transaction = &self.order.entries.get(&id)?.transaction;
        for tag in transaction.provides.iter() {
            for waiter in self.order.waiters_of(tag) {
                self.provided(waiter, turn);
            }
        }
        Some(transaction)
    }

    fn provided(&mut self, id: Id, provider_turn: usize) {
        let Some(entry) = self.order.entries.get(&id) else { return };
        let (left, latest) = self.waiting_for.entry(id).or_insert((entry.in_pool, 0));
        *left = left.saturating_sub(1);
        *latest = provider_turn.max(*latest);
        let turn = latest.saturating_add(1);
        if *left == 0 && entry.missing == 0 {
            self.waiting_for.remove(&id);
            self.unlocked.push((entry.transaction.priority, Reverse(turn), Reverse(id)));
        }
    }
}

#[cfg(test)]
mod tests;
