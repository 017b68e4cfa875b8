//! A node of one block behind the JSON-RPC: the world's state, its runtime, a pool that takes nothing.

use crate::world::{World, world};
use quire_chain::{ExecuteError, Overlay, StateView};
use quire_core::{
    AccountId, BlockNumber, H256, Header, InvalidTransaction, KeyTypeId, Nonce, OpaqueExtrinsic,
    RuntimeVersion, TransactionSource,
};
use quire_pool::PoolError;
use quire_rpc::{
    Backend, BackendError, Block, BlockEvent, BlockRef, ChangedKeys, FinalityState, Health, Justification,
    Peer, Runtime, Snapshot, SubmitError, SyncState, SystemInfo, TxStatus,
};
use serde_json::json;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};

type Soon<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The node.
pub(crate) struct OneBlock {
    system: SystemInfo,
    events: broadcast::Sender<BlockEvent>,
}

impl OneBlock {
    pub(crate) fn new() -> Self {
        let system = SystemInfo {
            chain: "One Block".into(),
            name: "Quire".into(),
            version: "0".into(),
            chain_type: json!("Development"),
            properties: json!({}),
            is_authority: true,
            peer_id: "12D3KooOneBlock".into(),
            genesis_hash: world().genesis,
        };
        Self { system, events: broadcast::channel(1).0 }
    }

    /// The hash of its block.
    pub(crate) fn hash(&self) -> H256 {
        world().head().hash()
    }

    fn at(&self, at: &H256) -> Result<&'static World, BackendError> {
        if *at == self.hash() { Ok(world()) } else { Err(BackendError::UnknownBlock(*at)) }
    }

    fn number(&self) -> BlockNumber {
        world().head().number
    }

    fn refuse(&self) -> SubmitError {
        PoolError::Invalid(InvalidTransaction::Stale).into()
    }
}

impl Backend for OneBlock {
    fn system(&self) -> &SystemInfo {
        &self.system
    }

    fn best(&self) -> BlockRef {
        BlockRef { hash: self.hash(), number: self.number() }
    }

    fn finalized(&self) -> BlockRef {
        self.best()
    }

    fn block_events(&self) -> broadcast::Receiver<BlockEvent> {
        self.events.subscribe()
    }

    fn follow(&self, _: u32) -> Result<(Snapshot, broadcast::Receiver<BlockEvent>), BackendError> {
        let runtime = Arc::new(Runtime::Valid(self.runtime_version(&self.hash())?));
        let snapshot =
            Snapshot { finalized: vec![self.hash()], runtime, blocks: Vec::new(), best: self.hash() };
        Ok((snapshot, self.events.subscribe()))
    }

    fn hash_at(&self, number: BlockNumber) -> Result<Option<H256>, BackendError> {
        Ok((number == self.number()).then(|| self.hash()))
    }

    fn hashes_at(&self, number: BlockNumber) -> Result<Vec<H256>, BackendError> {
        Ok(self.hash_at(number)?.into_iter().collect())
    }

    fn header(&self, hash: &H256) -> Result<Option<Header>, BackendError> {
        Ok(self.at(hash).ok().map(|world| world.head().clone()))
    }

    fn block(&self, hash: &H256) -> Result<Option<Block>, BackendError> {
        let extrinsics = vec![OpaqueExtrinsic(vec![4, 0, 0, 0])];
        Ok(self.header(hash)?.map(|header| Block { header, extrinsics, justification: None }))
    }

    fn justification(&self, _: &H256) -> Result<Option<Justification>, BackendError> {
        Ok(None)
    }

    fn finality_state(&self) -> Option<FinalityState> {
        None
    }

    fn storage(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BackendError> {
        let state = &self.at(at)?.state;
        Ok(keys.iter().map(|key| state.get(key).ok().flatten()).collect())
    }

    fn keys(
        &self,
        at: &H256,
        prefix: &[u8],
        after: Option<&[u8]>,
        count: u32,
    ) -> Result<Vec<Vec<u8>>, BackendError> {
        let state = &self.at(at)?.state;
        let mut keys = Vec::new();
        let mut last = after.unwrap_or(prefix).to_vec();
        while keys.len() < count as usize
            && let Some(next) = state.next_key(&last).ok().flatten().filter(|key| key.starts_with(prefix))
        {
            keys.push(next.clone());
            last = next;
        }
        Ok(keys)
    }

    fn merkle_value(&self, at: &H256, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.at(at).map(|world| world.state.get(key).ok().flatten())
    }

    fn changed_keys(&self, from: &H256, to: &H256, _: &[u8]) -> Result<ChangedKeys, BackendError> {
        self.at(from).and(self.at(to))?;
        Ok(Box::new(std::iter::empty()))
    }

    fn call(&self, at: &H256, method: &str, arguments: &[u8]) -> Result<Vec<u8>, BackendError> {
        self.at(at)?.call(&mut Overlay::new(), method, arguments).map_err(|why| match why {
            ExecuteError::MethodMissing { method } => BackendError::MissingMethod(method),
            why => {
                assert!(!why.is_fatal(), "{method} with bytes from outside would stop the node: {why}");
                BackendError::Execution(why.to_string())
            }
        })
    }

    fn runtime_version(&self, at: &H256) -> Result<RuntimeVersion, BackendError> {
        self.at(at).map(|_| quire_runtime::version::version())
    }

    fn read_proof(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackendError> {
        self.at(at).map(|_| keys.to_vec())
    }

    fn next_nonce(&self, _: &AccountId) -> Result<Nonce, BackendError> {
        Ok(0)
    }

    fn pending(&self) -> Vec<OpaqueExtrinsic> {
        Vec::new()
    }

    fn remove_extrinsics(&self, _: &[H256]) -> Vec<H256> {
        Vec::new()
    }

    fn submit(&self, _: TransactionSource, _: OpaqueExtrinsic) -> Soon<Result<H256, SubmitError>> {
        Box::pin(ready(Err(self.refuse())))
    }

    fn submit_and_watch(
        &self,
        _: TransactionSource,
        _: OpaqueExtrinsic,
    ) -> Soon<Result<mpsc::Receiver<TxStatus>, SubmitError>> {
        Box::pin(ready(Err(self.refuse())))
    }

    fn health(&self) -> Health {
        Health { peers: 0, is_syncing: false, should_have_peers: false }
    }

    fn peers(&self) -> Vec<Peer> {
        Vec::new()
    }

    fn sync_state(&self) -> SyncState {
        SyncState { starting: 0, current: self.number(), highest: self.number() }
    }

    fn listen_addresses(&self) -> Vec<String> {
        Vec::new()
    }

    fn add_log_filter(&self, _: &str) -> Result<(), BackendError> {
        Ok(())
    }

    fn reset_log_filter(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn insert_key(&self, _: KeyTypeId, _: &str, _: &[u8]) -> Result<(), BackendError> {
        Ok(())
    }

    fn has_key(&self, _: KeyTypeId, _: &[u8]) -> Result<bool, BackendError> {
        Ok(false)
    }

    fn rotate_keys(&self) -> Result<Vec<u8>, BackendError> {
        Ok(vec![7; 64])
    }

    fn has_session_keys(&self, _: &[u8]) -> Result<Option<bool>, BackendError> {
        Ok(None)
    }
}
