//! The node as JSON-RPC sees it.
use super::{Inner, NodeHandle, session_keys};
use crate::net::view::PeerView;
use crate::sealing::Sealing;
use futures::future::BoxFuture;
use parity_scale_codec::{Decode, Encode};
use quire_chain::{ExecuteError, QueryError, StateError, StateView, StoreError, TreeSnapshot, WaitingBlock};
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_core::{
    AccountId, BlockNumber, GrandpaId, H256, Header, KeyTypeId, Nonce, OpaqueExtrinsic, RuntimeVersion,
    TransactionSource, ss58,
};
use quire_network::wire::handshake::{AUTHORITY, LIGHT};
use quire_rpc::{
    Backend, BackendError, Block, BlockEvent, BlockRef, ChangedKeys, FinalityRound, FinalityState, Health,
    Justification, ManualSealing, Peer, Runtime, Snapshot, SnapshotBlock, SubmitError, SyncState, SystemInfo,
    TxStatus, Votes,
};
use quire_trie::{NodePath, NodeReader, TrieError};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};

pub(super) struct NodeBackend(pub(super) NodeHandle);

impl NodeBackend {
    fn inner(&self) -> &Inner {
        &self.0.0
    }

    fn state(&self, at: &H256) -> Result<Arc<dyn StateView>, BackendError> {
        self.inner().chain.state_at(*at).map_err(|why| query_error(*at, why))
    }
}

/// The nonce in the best state, or after the ready transactions of the pool.
pub(super) fn next_nonce(node: &Inner, account: &AccountId) -> Result<Nonce, BackendError> {
    const METHOD: &str = "AccountNonceApi_account_nonce";
    let at = node.chain.best().hash;
    let answer = node.chain.call(at, METHOD, &account.encode()).map_err(|why| query_error(at, why))?;
    let nonce = Nonce::decode(&mut &answer[..])
        .map_err(|why| BackendError::Execution(format!("{METHOD} answered no nonce: {why}")))?;
    Ok(node.pool.nonce_of(account).unwrap_or(0).max(nonce))
}

/// How the vote stands, if this node votes.
fn finality_state(node: &Inner) -> Option<FinalityState> {
    let state = node.view.lock();
    let finality = state.finality.as_ref().filter(|_| state.is_voter)?;
    let weight = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let votes = |missing: &[GrandpaId]| Votes {
        current_weight: weight(finality.authorities.saturating_sub(missing.len())),
        missing: missing.iter().map(|id| ss58::encode(&AccountId(id.0), ss58_prefix(node))).collect(),
    };
    let best = FinalityRound {
        round: finality.round,
        total_weight: weight(finality.authorities),
        threshold_weight: weight(finality.threshold),
        prevotes: votes(&finality.missing_prevotes),
        precommits: votes(&finality.missing_precommits),
    };
    Some(FinalityState { set_id: finality.set_id, best, background: Vec::new() })
}

fn ss58_prefix(node: &Inner) -> u16 {
    let prefix = node.system.properties.get("ss58Format").and_then(serde_json::Value::as_u64);
    prefix.and_then(|prefix| u16::try_from(prefix).ok()).unwrap_or(42)
}

impl Backend for NodeBackend {
    fn system(&self) -> &SystemInfo {
        &self.inner().system
    }

    fn best(&self) -> BlockRef {
        let head = self.inner().chain.best();
        BlockRef { hash: head.hash, number: head.number }
    }

    fn finalized(&self) -> BlockRef {
        let head = self.inner().chain.finalised();
        BlockRef { hash: head.hash, number: head.number }
    }

    fn block_events(&self) -> broadcast::Receiver<BlockEvent> {
        self.0.block_events()
    }

    fn follow(
        &self,
        finalized_max: u32,
    ) -> Result<(Snapshot, broadcast::Receiver<BlockEvent>), BackendError> {
        let (tree, events) = self
            .inner()
            .announcer
            .between_changes(|events| (self.inner().chain.snapshot(), events.subscribe()));
        Ok((self.snapshot(&tree, finalized_max)?, events))
    }

    fn hashes_at(&self, number: BlockNumber) -> Result<Vec<H256>, BackendError> {
        let waiting = self.inner().chain.waiting_at(number);
        if !waiting.is_empty() { Ok(waiting) } else { Ok(self.hash_at(number)?.into_iter().collect()) }
    }

    fn hash_at(&self, number: BlockNumber) -> Result<Option<H256>, BackendError> {
        self.inner().chain.hash_by_number(number).map_err(store_error)
    }

    fn header(&self, hash: &H256) -> Result<Option<Header>, BackendError> {
        let chain = &self.inner().chain;
        let header = chain.header(*hash).map_err(store_error)?;
        let header = header.or_else(|| chain.dropped(*hash).map(|(header, _)| header));
        Ok(header.map(|header| (*header).clone()))
    }

    fn block(&self, hash: &H256) -> Result<Option<Block>, BackendError> {
        let chain = &self.inner().chain;
        let Some(header) = self.header(hash)? else { return Ok(None) };
        let body = chain.body(*hash).map_err(store_error)?;
        let body = body.or_else(|| chain.dropped(*hash).map(|(_, body)| (*body).clone()));
        let Some(extrinsics) = body else { return Ok(None) };
        let justification = self.justification(hash)?;
        Ok(Some(Block { header, extrinsics, justification }))
    }

    fn justification(&self, hash: &H256) -> Result<Option<Justification>, BackendError> {
        let bytes = self.inner().chain.justification(*hash).map_err(store_error)?;
        Ok(bytes.map(|bytes| Justification { engine: GRANDPA_ENGINE_ID, bytes }))
    }

    fn finality_state(&self) -> Option<FinalityState> {
        finality_state(self.inner())
    }

    fn storage(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BackendError> {
        let state = self.state(at)?;
        keys.iter().map(|key| state.get(key)).collect::<Result<_, _>>().map_err(|why| state_error(*at, why))
    }

    fn keys(
        &self,
        at: &H256,
        prefix: &[u8],
        after: Option<&[u8]>,
        count: u32,
    ) -> Result<Vec<Vec<u8>>, BackendError> {
        let state = self.state(at)?;
        let read = |result: Result<Option<Vec<u8>>, StateError>| result.map_err(|why| state_error(*at, why));
        let mut keys = Vec::new();
        // A start key before the prefix starts at the prefix itself.
        let after = after.filter(|after| *after >= prefix);
        let mut next = match after {
            Some(after) => read(state.next_key(after))?,
            None if read(state.get(prefix))?.is_some() => Some(prefix.to_vec()),
            None => read(state.next_key(prefix))?,
        };
        while let Some(key) = next.filter(|key| key.starts_with(prefix) && keys.len() < count as usize) {
            next = read(state.next_key(&key))?;
            keys.push(key);
        }
        Ok(keys)
    }

    fn merkle_value(&self, at: &H256, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let state = self.state(at)?;
        quire_trie::closest_merkle_value(&Nodes(&*state), key).map_err(|why| trie_error(*at, why))
    }

    fn changed_keys(&self, from: &H256, to: &H256, prefix: &[u8]) -> Result<ChangedKeys, BackendError> {
        let (before, after) = (OwnedNodes(self.state(from)?), OwnedNodes(self.state(to)?));
        let at = *to;
        let keys = quire_trie::Diff::new(before, after, prefix).map_err(|why| trie_error(at, why))?;
        Ok(Box::new(keys.map(move |key| key.map_err(|why| trie_error(at, why)))))
    }

    fn call(&self, at: &H256, method: &str, arguments: &[u8]) -> Result<Vec<u8>, BackendError> {
        self.inner().chain.call(*at, method, arguments).map_err(|why| query_error(*at, why))
    }

    fn runtime_version(&self, at: &H256) -> Result<RuntimeVersion, BackendError> {
        self.inner().chain.runtime_version(*at).map_err(|why| query_error(*at, why))
    }

    fn read_proof(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackendError> {
        let state = self.state(at)?;
        quire_trie::prove(&Nodes(&*state), |key| state.get(key), keys).map_err(|why| trie_error(*at, why))
    }

    fn next_nonce(&self, account: &AccountId) -> Result<Nonce, BackendError> {
        next_nonce(self.inner(), account)
    }

    fn pending(&self) -> Vec<OpaqueExtrinsic> {
        self.inner().pool.pending().iter().map(|extrinsic| (**extrinsic).clone()).collect()
    }

    fn remove_extrinsics(&self, hashes: &[H256]) -> Vec<H256> {
        self.inner().pool.remove(hashes)
    }

    fn submit(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<H256, SubmitError>> {
        self.inner().pool.submit(source, extrinsic)
    }

    fn submit_and_watch(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<mpsc::Receiver<TxStatus>, SubmitError>> {
        self.inner().pool.submit_and_watch(source, extrinsic)
    }

    fn health(&self) -> Health {
        let state = self.inner().view.lock();
        let peers = u32::try_from(state.peers.len()).unwrap_or(u32::MAX);
        Health { peers, is_syncing: state.is_syncing, should_have_peers: !self.is_development() }
    }

    fn peers(&self) -> Vec<Peer> {
        let peer = |peer: &PeerView| Peer {
            peer_id: peer.id.clone(),
            roles: match peer.roles {
                AUTHORITY => "AUTHORITY",
                LIGHT => "LIGHT",
                _ => "FULL",
            }
            .into(),
            best: BlockRef { hash: peer.best.hash, number: peer.best.number },
        };
        self.inner().view.lock().peers.values().map(peer).collect()
    }

    fn sync_state(&self) -> SyncState {
        let current = self.inner().chain.best().number;
        SyncState { starting: self.inner().starting, current, highest: self.inner().sync_target() }
    }

    fn listen_addresses(&self) -> Vec<String> {
        self.inner().network.as_ref().map_or_else(Vec::new, |network| network.listen_addresses())
    }

    fn add_log_filter(&self, directives: &str) -> Result<(), BackendError> {
        crate::logging::add_filter(directives).map_err(BackendError::Refused)
    }

    fn reset_log_filter(&self) -> Result<(), BackendError> {
        crate::logging::reset_filter().map_err(BackendError::Refused)
    }

    fn insert_key(&self, key_type: KeyTypeId, suri: &str, public: &[u8]) -> Result<(), BackendError> {
        let inserted = self.inner().keystore.insert(key_type, suri, Some(public));
        inserted.map(|_| ()).map_err(|why| BackendError::Refused(why.to_string()))
    }

    fn rotate_keys(&self) -> Result<Vec<u8>, BackendError> {
        session_keys::rotate(self.inner())
    }

    fn has_session_keys(&self, encoded: &[u8]) -> Result<Option<bool>, BackendError> {
        session_keys::has(self.inner(), encoded)
    }

    fn has_key(&self, key_type: KeyTypeId, public: &[u8]) -> Result<bool, BackendError> {
        let length = public.len();
        let public = public
            .try_into()
            .map_err(|_| BackendError::Refused(format!("a public key has 32 bytes, this one {length}")))?;
        Ok(self.inner().keystore.has(key_type, public))
    }

    fn explain_finality(&self) -> serde_json::Value {
        crate::explain::finality(self.inner())
    }

    fn explain_peer(&self, peer: Option<&str>) -> serde_json::Value {
        match peer {
            Some(peer) => crate::explain::peer(self.inner(), peer),
            None => crate::explain::peers(self.inner()),
        }
    }

    fn explain_block(&self, hash: &H256) -> Result<serde_json::Value, BackendError> {
        crate::explain::block(self.inner(), *hash).map_err(store_error)
    }

    fn explain_channel_block(&self, channel: u64, block: u32) -> Result<serde_json::Value, BackendError> {
        crate::explain::channel_block(self.inner(), channel, block).map_err(BackendError::Refused)
    }

    fn manual_sealing(&self) -> Option<Arc<dyn ManualSealing>> {
        let node = self.inner();
        (node.sealing == Sealing::Manual).then(|| Arc::new(node.orders.clone()) as Arc<dyn ManualSealing>)
    }
}

impl NodeBackend {
    /// What the RPC knows of a block that a snapshot shows.
    fn snapshot(&self, tree: &TreeSnapshot, finalized_max: u32) -> Result<Snapshot, BackendError> {
        let chain = &self.inner().chain;
        let last = tree.finalised;
        let first = last.number.saturating_sub(finalized_max.saturating_sub(1));
        let mut finalized = Vec::new();
        for number in first..last.number {
            finalized.extend(chain.hash_by_number(number).map_err(store_error)?);
        }
        finalized.push(last.hash);
        let block = |waiting: &WaitingBlock| SnapshotBlock {
            hash: waiting.head.hash,
            parent: waiting.parent,
            new_runtime: waiting.changes_code.then(|| runtime_after(chain, waiting.head.hash)),
        };
        Ok(Snapshot {
            finalized,
            runtime: runtime_after(chain, last.hash),
            blocks: tree.blocks.iter().map(block).collect(),
            best: tree.best.hash,
        })
    }

    fn is_development(&self) -> bool {
        self.inner().system.chain_type == "Development"
    }
}

/// The runtime in the state after a block.
pub(crate) fn runtime_after(chain: &super::Chain, block: H256) -> Arc<Runtime> {
    Arc::new(match chain.runtime_version(block) {
        Ok(version) => Runtime::Valid(version),
        Err(why) => Runtime::Invalid(why.to_string()),
    })
}

/// A state's trie nodes.
struct Nodes<'a>(&'a dyn StateView);

impl NodeReader for Nodes<'_> {
    type Error = StateError;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.0.node(path)
    }
}

/// The same for readers that outlive the call.
struct OwnedNodes(Arc<dyn StateView>);

impl NodeReader for OwnedNodes {
    type Error = StateError;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.0.node(path)
    }
}

fn store_error(why: StoreError) -> BackendError {
    BackendError::Storage(why.to_string())
}

fn state_error(at: H256, why: StateError) -> BackendError {
    match why {
        StateError::Pruned { .. } => BackendError::StateDiscarded(at),
        StateError::Backend { .. } => BackendError::Storage(why.to_string()),
    }
}

fn trie_error(at: H256, why: TrieError<StateError>) -> BackendError {
    match why {
        TrieError::Read(why) => state_error(at, why),
        damaged => BackendError::Storage(damaged.to_string()),
    }
}

pub(super) fn query_error(at: H256, why: QueryError) -> BackendError {
    match why {
        QueryError::UnknownBlock { hash } => BackendError::UnknownBlock(hash),
        QueryError::State(why) | QueryError::Execute(ExecuteError::State(why)) => state_error(at, why),
        QueryError::Store(why) => store_error(why),
        QueryError::Execute(ExecuteError::MethodMissing { method }) => BackendError::MissingMethod(method),
        QueryError::Execute(why) => {
            // The chain's sentence begins as Substrate's does; the RPC adds that beginning itself.
            let text = why.to_string();
            BackendError::Execution(text.strip_prefix("Execution failed: ").unwrap_or(&text).to_owned())
        }
    }
}
