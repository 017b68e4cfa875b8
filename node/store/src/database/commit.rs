//! From the chain's commit to rows.

use super::{Database, Plan, store_error};
use crate::{
    backend::Backend,
    cell::{Writer, none},
    column::{Column, by_hash, by_number},
    history::{self, Entry},
    pruning::Pruning,
    schema::Record,
};
use parity_scale_codec::Encode;
use quire_chain::{Commit, Finalise, Head, Install, NewBlock, Store, StoreError};
use quire_core::{BlockNumber, H256};
use quire_trie::NodePath;
use std::collections::{BTreeMap, BTreeSet};

/// Most blocks whose history one commit prunes beyond those that it finalises.
const PRUNE_STEP: u32 = 4;

/// The key of a trie node.
pub(super) fn node_key(path: &NodePath) -> Vec<u8> {
    Column::Node.key(&[path.as_bytes()])
}

/// The key of a small value of the chain.
pub(super) fn meta_key(key: &[u8]) -> Vec<u8> {
    Column::Meta.key(&[b"c", key])
}

/// Rows of one commit, and what it already changed.
struct Planner<'a, B: Backend> {
    store: &'a Database<B>,
    writer: Writer,
    /// Cacheable rows changed so far: the latest row of each key for what follows in this commit.
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    record: Record,
}

/// Turns a commit into one batch.
pub(super) fn plan<B: Backend>(
    store: &Database<B>,
    before: Record,
    commit: &Commit,
) -> Result<Plan, StoreError> {
    let record = Record { sequence: before.sequence + 1, ..before };
    let mut planner = Planner { store, writer: Writer::new(record.sequence), rows: BTreeMap::new(), record };
    let final_now: BTreeSet<H256> = commit.finalise.iter().map(|block| block.hash).collect();
    let dropped: BTreeSet<H256> = commit.dropped.iter().copied().collect();
    let new: BTreeSet<H256> = commit.blocks.iter().map(|block| block.hash).collect();
    for block in commit.blocks.iter().filter(|block| !dropped.contains(&block.hash)) {
        planner.insert(block, !final_now.contains(&block.hash));
    }
    for block in &commit.finalise {
        planner.finalise(block, new.contains(&block.hash))?;
    }
    if let Some(install) = &commit.install {
        planner.install(install)?;
    }
    for hash in dropped.difference(&new) {
        planner.forget(Column::Header, *hash)?;
        planner.forget(Column::Body, *hash)?;
        planner.forget(Column::Journal, *hash)?;
    }
    for (key, value) in &commit.meta {
        match value {
            Some(value) => planner.writer.put(meta_key(key), value),
            None => planner.writer.batch.delete(meta_key(key)),
        }
    }
    if commit.install.is_none() {
        let finalised = u32::try_from(commit.finalise.len()).unwrap_or(u32::MAX);
        planner.prune(before.oldest_state, finalised)?;
        planner.prune_bodies(before.oldest_body, finalised)?;
    }
    Ok(planner.finish())
}

impl<B: Backend> Planner<'_, B> {
    fn insert(&mut self, block: &NewBlock, is_journalled: bool) {
        let header = self.writer.cell(&block.header.encode());
        self.rows.insert(by_hash(Column::Header, block.hash), Some(header));
        self.writer.put(by_hash(Column::Body, block.hash), &block.body.encode());
        if is_journalled {
            self.writer.put(by_hash(Column::Journal, block.hash), &block.layer.encode());
        }
    }

    fn finalise(&mut self, block: &Finalise, is_new: bool) -> Result<(), StoreError> {
        let expected = self.record.head.map_or(0, |head| head.number.saturating_add(1));
        if block.number != expected {
            let reason = format!("the chain finalises block {} where block {expected} follows", block.number);
            return Err(StoreError::Backend { what: "a commit".into(), reason });
        }
        let mut diff = Vec::new();
        for (key, value) in &block.layer.values {
            self.change(Column::State.key(&[key]), value.as_deref(), true, &mut diff)?;
        }
        for (path, node) in &block.layer.nodes {
            self.change(node_key(path), node.as_deref(), false, &mut diff)?;
        }
        if block.number > 0 {
            diff.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            history::write(&mut self.writer, block.number, &diff);
        }
        self.rows.insert(by_number(Column::Number, block.number), Some(block.hash.0.to_vec()));
        if let Some(justification) = &block.justification {
            self.writer.put(by_hash(Column::Justification, block.hash), justification);
        }
        if !is_new {
            self.forget(Column::Journal, block.hash)?;
        }
        self.record.head = Some(Head { number: block.number, hash: block.hash });
        Ok(())
    }

    /// Puts a whole state in the place of that of the genesis block (R8).
    fn install(&mut self, install: &Install) -> Result<(), StoreError> {
        let head = Head { number: install.block.header.number, hash: install.block.hash };
        if self.record.head.is_none_or(|old| old.number != 0) || head.number == 0 {
            let reason = "a state is installed above a genesis block that stands alone".into();
            return Err(StoreError::Backend { what: "a commit".into(), reason });
        }
        self.clear(Column::State)?;
        self.clear(Column::Node)?;
        for (key, value) in &install.layer.values {
            self.put(Column::State.key(&[key]), value.as_deref());
        }
        for (path, node) in &install.layer.nodes {
            self.put(node_key(path), node.as_deref());
        }
        for block in install.below.iter().chain([&install.block]) {
            let header = self.writer.cell(&block.header.encode());
            self.rows.insert(by_hash(Column::Header, block.hash), Some(header));
            self.writer.put(by_hash(Column::Justification, block.hash), &block.justification);
            self.rows.insert(by_number(Column::Number, block.header.number), Some(block.hash.0.to_vec()));
        }
        self.record.head = Some(head);
        self.record.oldest_state = head.number;
        self.record.oldest_body = head.number.saturating_add(1);
        Ok(())
    }

    /// Deletes every row of a column, with what its cells own.
    fn clear(&mut self, column: Column) -> Result<(), StoreError> {
        let rows = self.store.backend.range(&column.key(&[]), &column.end(), usize::MAX);
        for (key, cell) in rows.map_err(|error| store_error("the rows to replace", &error))? {
            self.writer.free(&cell);
            self.rows.insert(key, None);
        }
        Ok(())
    }

    fn put(&mut self, key: Vec<u8>, value: Option<&[u8]>) {
        let cell = value.map(|value| self.writer.cell(value));
        self.rows.insert(key, cell);
    }

    /// Replaces a row of the state or of the trie, and notes what it was.
    fn change(
        &mut self,
        key: Vec<u8>,
        value: Option<&[u8]>,
        is_state: bool,
        diff: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let old = self.latest(&key)?;
        let new = value.map(|value| self.writer.cell(value));
        if old == new {
            return Ok(());
        }
        let is_gone = is_state && new.is_none();
        diff.push(Entry { key: key.clone(), old: old.unwrap_or_else(none), is_gone });
        self.rows.insert(key, new);
        Ok(())
    }

    /// The row as the commit has left it so far.
    fn latest(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(row) = self.rows.get(key) {
            return Ok(row.clone());
        }
        let row = self.store.latest(key).map_err(|error| store_error("the rows under a commit", &error))?;
        Ok(row.map(|row| row.to_vec()))
    }

    /// Deletes a row and what its cell owns.
    fn forget(&mut self, column: Column, hash: H256) -> Result<(), StoreError> {
        let key = by_hash(column, hash);
        let cell = self.store.backend.get(&key).map_err(|error| store_error("a block to forget", &error))?;
        if let Some(cell) = cell {
            self.writer.free(&cell);
            if column == Column::Header {
                self.rows.insert(key, None);
            } else {
                self.writer.batch.delete(key);
            }
        }
        Ok(())
    }

    /// Prunes the history of blocks that no readable height needs any more.
    fn prune(&mut self, from: BlockNumber, finalised: u32) -> Result<(), StoreError> {
        // The diff of a block serves the heights below it; those written by this very commit are not on disk yet.
        let oldest = self.oldest(self.record.keeping().states, from, finalised);
        for block in from.saturating_add(1)..=oldest {
            history::prune(&mut self.writer, &self.store.backend, block)
                .map_err(|error| store_error("the history to prune", &error))?;
        }
        self.record.oldest_state = oldest;
        Ok(())
    }

    /// Prunes bodies; that of block 0 stays.
    fn prune_bodies(&mut self, from: BlockNumber, finalised: u32) -> Result<(), StoreError> {
        let oldest = self.oldest(self.record.keeping().bodies, from, finalised);
        for block in from..oldest {
            if let Some(hash) = self.store.hash_by_number(block)? {
                self.forget(Column::Body, hash)?;
            }
        }
        self.record.oldest_body = oldest;
        Ok(())
    }

    /// The lowest height that keeps something after this commit, `from` being that before it.
    fn oldest(&self, pruning: Pruning, from: BlockNumber, finalised: u32) -> BlockNumber {
        let (Pruning::Keep(blocks), Some(head)) = (pruning, self.record.head) else { return from };
        let most = from.saturating_add(finalised).saturating_add(PRUNE_STEP);
        let durable = self.store.head().map_or(0, |head| head.number);
        head.number.saturating_sub(blocks.max(1)).min(most).min(durable).max(from)
    }

    fn finish(mut self) -> Plan {
        let (key, value) = self.record.row();
        self.writer.batch.put(key, value);
        for (key, row) in &self.rows {
            match row {
                Some(row) => self.writer.batch.put(key.clone(), row.clone()),
                None => self.writer.batch.delete(key.clone()),
            }
        }
        Plan { batch: self.writer.batch, record: self.record, rows: self.rows.into_iter().collect() }
    }
}
