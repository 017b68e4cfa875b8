//! The chain as a whole: the tree of blocks, who reads and who writes it.
//!
//! ```text
//!  readers (RPC, pool)      writers (import, author, finality)
//!        |  tree: RwLock          |  writer: Mutex, one at a time
//!        v                        v
//!   head, header, view      store.commit() durable  ->  tree changes  ->  event returned
//! ```
//!
//! Rules
//! - R1 A block is visible, and an event about it is returned, only after the store said that it is durable.
//! - R2 Execution runs without a lock; the writer's lock spans commit and change of the tree, so events of one caller
//!   come in the order of the changes.
//! - R3 Every change of the store is one [`Commit`] through one private door (`durable`), where group commit can be
//!   put later without a change of anything else.
//! - R4 A block's code and authority sets are inherited from its parent unless the block says otherwise in its digest
//!   or changes `:code`.
//! - R5 Unfinalised blocks and their layers are limited in number and bytes; above the limits the chain refuses blocks
//!   for the moment ([`crate::ImportError::FinalityLags`]) instead of eating memory. Own blocks end at a quarter of the
//!   limits: else the two halves of a partition could fill their trees apart, have no room for each other's blocks after
//!   it, and never agree.
//!
//! Out of scope: fetching blocks, voting, announcing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use parity_scale_codec::{Decode, Encode};
use quire_consensus::equivocation::EquivocationDetector;
use quire_consensus::{AuraSet, VoterSet};
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::{AuraId, BlockNumber, DigestItem, GrandpaId, H256, Header, Slot, codec, limits};

use crate::dropped::DroppedBlocks;
use crate::environment::{
    CODE_KEY, Commit, Execute, ExecuteError, Finalise, Journalled, NewBlock, RuntimeCode, StateError,
    StateView, Store, StoreError,
};
use crate::genesis::Genesis;
use crate::layer::Layer;
use crate::overlay::Overlay;
use crate::tree::{Node, Tree};
use crate::view::{GROUP_BLOCKS, Group, Index, View};
use crate::warp::index;

/// Meta key: height from which on the finalised chain runs the code of its head.
const META_CODE_SINCE: &[u8] = b"chain/code_since";

/// Limits of the chain's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most unfinalised blocks in the tree.
    pub unfinalised_blocks_max: usize,
    /// Most bytes in the layers of unfinalised blocks.
    pub unfinalised_bytes_max: usize,
}

impl Default for Config {
    /// An hour of 1 s blocks, and half a gibibyte.
    fn default() -> Self {
        Self { unfinalised_blocks_max: 4_096, unfinalised_bytes_max: 512 * 1024 * 1024 }
    }
}

/// What the tree keeps with each block.
#[derive(Clone, Debug)]
pub(crate) struct BlockData {
    pub(crate) header: Arc<Header>,
    /// Difference to the parent; empty for the root.
    pub(crate) layer: Arc<Layer>,
    /// Of layer and index.
    pub(crate) layer_bytes: usize,
    /// Index over this layer and those of the ancestors in its group, if this block closes one.
    pub(crate) index: Option<Arc<Index>>,
    pub(crate) sets: Sets,
}

/// What a block leaves to its children.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    pub(crate) code: RuntimeCode,
    pub(crate) aura: Arc<AuraSet>,
    pub(crate) voters: Arc<VoterSet>,
}

/// State guarded by the writer's lock.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) equivocations: EquivocationDetector,
}

/// The chain; share it as `Arc<Chain<..>>`.
pub struct Chain<S: ?Sized, E: ?Sized> {
    pub(crate) store: Arc<S>,
    pub(crate) executor: Arc<E>,
    pub(crate) config: Config,
    genesis: H256,
    tree: RwLock<Tree<BlockData>>,
    writer: Mutex<Writer>,
    dropped: Mutex<DroppedBlocks>,
    /// Height from which on the root's code is valid.
    code_since: RwLock<BlockNumber>,
}

/// The chain cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The database belongs to another chain.
    #[error(
        "the database holds the chain with genesis {found}, the chain spec describes {expected}: use another base path or purge it"
    )]
    OtherChain {
        /// Genesis hash of the spec.
        expected: H256,
        /// Genesis hash in the database.
        found: H256,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The runtime does not answer what a chain needs to know.
    #[error("the runtime does not work on its own state: {0}")]
    Execute(#[from] ExecuteError),
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Opens the chain in `store`, or starts it there from `genesis`. Restores unfinalised blocks from the journal
    /// without executing them.
    pub fn open(
        store: Arc<S>,
        executor: Arc<E>,
        genesis: &Genesis,
        config: Config,
    ) -> Result<Self, OpenError> {
        let expected = genesis.hash();
        if store.finalised()?.is_none() {
            store.commit(genesis_commit(genesis))?;
        }
        let found = store.hash_by_number(0)?.unwrap_or(H256::ZERO);
        if found != expected {
            return Err(OpenError::OtherChain { expected, found });
        }
        index::restore(&*store)?;
        let root = open_root(&store, &*executor)?;
        let code_since = match store.meta(META_CODE_SINCE)? {
            Some(bytes) => BlockNumber::decode(&mut bytes.as_slice())
                .map_err(|error| corrupted("meta chain/code_since", &error.to_string()))?,
            None => root.number,
        };
        let chain = Self {
            store,
            executor,
            config,
            genesis: expected,
            tree: RwLock::new(Tree::new(root)),
            writer: Mutex::default(),
            dropped: Mutex::default(),
            code_since: RwLock::new(code_since),
        };
        chain.restore()?;
        Ok(chain)
    }

    /// Hash of the genesis block.
    #[must_use]
    pub fn genesis(&self) -> H256 {
        self.genesis
    }

    /// The store, for what the chain does not wrap.
    #[must_use]
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// The executor, for what the chain does not wrap.
    #[must_use]
    pub fn executor(&self) -> &Arc<E> {
        &self.executor
    }

    fn restore(&self) -> Result<(), OpenError> {
        let mut journal = self.store.journal()?;
        journal.sort_by_key(|entry| (entry.header.number, entry.hash));
        for Journalled { hash, header, layer } in journal {
            let parent = self.tree().get(header.parent_hash).map(|node| node.data.sets.clone());
            let parent = parent
                .ok_or_else(|| corrupted(&format!("journalled block {hash}"), "its parent is not there"))?;
            let header = Arc::new(header);
            let layer = Arc::new(layer);
            let view = self.view_over(header.parent_hash, Some(layer.clone()));
            let view = view
                .ok_or_else(|| corrupted(&format!("journalled block {hash}"), "its parent is not there"))?;
            let sets = self.sets_after(&parent, &header, &layer, &view)?;
            let mut node = block_node(hash, header, layer, sets);
            self.close_group(&mut node);
            self.tree_mut()
                .insert(node)
                .map_err(|error| corrupted(&format!("journalled block {hash}"), &error.to_string()))?;
        }
        Ok(())
    }

    /// R4: code and authority sets after a block. A runtime that fails to name its authorities keeps those that it had:
    /// the failure is the same on every node, and the next block shows it.
    pub(crate) fn sets_after(
        &self,
        parent: &Sets,
        header: &Header,
        layer: &Layer,
        state: &dyn StateView,
    ) -> Result<Sets, ExecuteError> {
        let code = match layer.values.get(CODE_KEY) {
            Some(Some(bytes)) if **bytes != *parent.code.bytes => RuntimeCode::new(bytes),
            _ => parent.code.clone(),
        };
        let new_code = code.hash != parent.code.hash;
        let says = |engine| {
            let about = |item: &DigestItem| matches!(item, DigestItem::Consensus(id, _) if *id == engine);
            new_code || header.digest.logs.iter().any(about)
        };
        let aura = if says(AURA_ENGINE_ID) {
            inherit(aura_set(&*self.executor, &code, state), &parent.aura)?
        } else {
            parent.aura.clone()
        };
        let voters = if says(GRANDPA_ENGINE_ID) {
            inherit(voter_set(&*self.executor, &code, state), &parent.voters)?
        } else {
            parent.voters.clone()
        };
        Ok(Sets { code, aura, voters })
    }

    /// The state after `parent` with `top` over it; `None` if the parent is not in the tree.
    pub(crate) fn view_over(&self, parent: H256, top: Option<Arc<Layer>>) -> Option<View<S>> {
        let tree = self.tree();
        let groups = top.map(Group::Single).into_iter().chain(groups(&tree, parent)?).collect();
        Some(View { store: self.store.clone(), base: tree.root().number, groups })
    }

    /// Gives a block that closes a group its index.
    pub(crate) fn close_group(&self, node: &mut Node<BlockData>) {
        if let Some(index) = self.index_at(node) {
            node.data.layer_bytes = node.data.layer_bytes.saturating_add(index.size_bytes());
            node.data.index = Some(Arc::new(index));
        }
    }

    /// The index that a block closes, if it does: over its own layer and those of its ancestors.
    fn index_at(&self, node: &Node<BlockData>) -> Option<Index> {
        if !node.number.is_multiple_of(GROUP_BLOCKS) {
            return None;
        }
        let tree = self.tree();
        let mut layers = vec![node.data.layer.clone()];
        let mut at = node.parent;
        while layers.len() < GROUP_BLOCKS as usize {
            let ancestor = tree.get(at).filter(|ancestor| ancestor.number > tree.root().number)?;
            layers.push(ancestor.data.layer.clone());
            at = ancestor.parent;
        }
        Some(Index::new(layers))
    }

    pub(crate) fn tree(&self) -> RwLockReadGuard<'_, Tree<BlockData>> {
        // The tree changes in single steps after a commit; a panic of another thread leaves none of them half done.
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tree_mut(&self) -> RwLockWriteGuard<'_, Tree<BlockData>> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn dropped_blocks(&self) -> MutexGuard<'_, DroppedBlocks> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn code_since(&self) -> BlockNumber {
        *self.code_since.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// R3: the only way by which the running chain changes the store.
    pub(crate) fn durable(
        &self,
        mut commit: Commit,
        code_since: Option<BlockNumber>,
    ) -> Result<(), StoreError> {
        if let Some(number) = code_since {
            commit.meta.insert(META_CODE_SINCE.to_vec(), Some(number.encode()));
        }
        self.store.commit(commit)?;
        if let Some(number) = code_since {
            *self.code_since.write().unwrap_or_else(PoisonError::into_inner) = number;
        }
        Ok(())
    }
}

/// The layers from `head` down to the root, newest first, in groups where they have an index.
pub(crate) fn groups(tree: &Tree<BlockData>, head: H256) -> Option<Vec<Group>> {
    let root = tree.root();
    let mut groups = Vec::new();
    let mut at = tree.get(head)?;
    while at.number > root.number {
        let index = at.data.index.as_ref().filter(|_| at.number - root.number >= GROUP_BLOCKS);
        let skipped = if index.is_some() { GROUP_BLOCKS } else { 1 };
        groups.push(match index {
            Some(index) => Group::Indexed(index.clone()),
            None => Group::Single(at.data.layer.clone()),
        });
        for _ in 0..skipped {
            at = tree.get(at.parent)?;
        }
    }
    Some(groups)
}

/// A node of the tree for an executed block.
pub(crate) fn block_node(hash: H256, header: Arc<Header>, layer: Arc<Layer>, sets: Sets) -> Node<BlockData> {
    Node {
        hash,
        parent: header.parent_hash,
        number: header.number,
        slot: header.digest.aura_slot().unwrap_or(Slot(0)),
        data: BlockData { layer_bytes: layer.size_bytes(), header, layer, index: None, sets },
    }
}

fn genesis_commit(genesis: &Genesis) -> Commit {
    let header = Arc::new(genesis.header());
    let hash = header.hash();
    let layer = Arc::new(genesis.layer().clone());
    let mut commit = Commit {
        blocks: vec![NewBlock { hash, header, body: Arc::default(), layer: layer.clone() }],
        finalise: vec![Finalise { number: 0, hash, layer, justification: None }],
        ..Commit::default()
    };
    commit.meta.insert(META_CODE_SINCE.to_vec(), Some(BlockNumber::MIN.encode()));
    commit
}

fn open_root<S: Store + ?Sized + 'static, E: Execute + ?Sized>(
    store: &Arc<S>,
    executor: &E,
) -> Result<Node<BlockData>, OpenError> {
    let head =
        store.finalised()?.ok_or_else(|| corrupted("finalised head", "missing after the genesis commit"))?;
    let what = format!("finalised block {}", head.hash);
    let header = store.header(head.hash)?.ok_or_else(|| corrupted(&what, "its header is missing"))?;
    let view = View { store: store.clone(), base: head.number, groups: Vec::new() };
    let code = view.get(CODE_KEY)?.ok_or_else(|| corrupted(&what, "its state has no :code"))?;
    let code = RuntimeCode::new(&code);
    let aura = Arc::new(aura_set(executor, &code, &view)?);
    let voters = Arc::new(voter_set(executor, &code, &view)?);
    Ok(block_node(head.hash, Arc::new(header), Arc::default(), Sets { code, aura, voters }))
}

fn corrupted(what: &str, reason: &str) -> StoreError {
    StoreError::Corrupted { what: what.into(), reason: reason.into() }
}

/// The set that was read, or the parent's if the runtime fails to name one; failures of this node go on.
fn inherit<T>(read: Result<T, ExecuteError>, parent: &Arc<T>) -> Result<Arc<T>, ExecuteError> {
    match read {
        Ok(set) => Ok(Arc::new(set)),
        Err(error) if error.is_fatal() => Err(error),
        Err(_) => Ok(parent.clone()),
    }
}

/// Asks the runtime for its Aura authorities and slot duration.
pub(crate) fn aura_set<E: Execute + ?Sized>(
    executor: &E,
    code: &RuntimeCode,
    state: &dyn StateView,
) -> Result<AuraSet, ExecuteError> {
    let method = "AuraApi_authorities";
    let answer = executor.call(code, state, &mut Overlay::new(), method, &[])?;
    let authorities = codec::decode_vec::<AuraId, _>(&mut answer.as_slice(), limits::MAX_AUTHORITIES, method)
        .map_err(|error| bad_result(method, &error.to_string()))?;
    let method = "AuraApi_slot_duration";
    let answer = executor.call(code, state, &mut Overlay::new(), method, &[])?;
    let slot_duration_ms =
        u64::decode(&mut answer.as_slice()).map_err(|error| bad_result(method, &error.to_string()))?;
    if slot_duration_ms == 0 {
        return Err(bad_result(method, "a slot lasts 0 ms"));
    }
    Ok(AuraSet { authorities, slot_duration_ms })
}

/// Asks the runtime for its GRANDPA authorities and the number of their set.
pub(crate) fn voter_set<E: Execute + ?Sized>(
    executor: &E,
    code: &RuntimeCode,
    state: &dyn StateView,
) -> Result<VoterSet, ExecuteError> {
    let method = "GrandpaApi_grandpa_authorities";
    let answer = executor.call(code, state, &mut Overlay::new(), method, &[])?;
    let weighted =
        codec::decode_vec::<(GrandpaId, u64), _>(&mut answer.as_slice(), limits::MAX_AUTHORITIES, method)
            .map_err(|error| bad_result(method, &error.to_string()))?;
    let method = "GrandpaApi_current_set_id";
    let answer = executor.call(code, state, &mut Overlay::new(), method, &[])?;
    let set_id =
        u64::decode(&mut answer.as_slice()).map_err(|error| bad_result(method, &error.to_string()))?;
    Ok(VoterSet::new(set_id, weighted.into_iter().map(|(id, _)| id)))
}

pub(crate) fn bad_result(method: &str, reason: &str) -> ExecuteError {
    ExecuteError::BadResult { method: method.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
