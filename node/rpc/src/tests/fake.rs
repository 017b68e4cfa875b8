//! A node that lives in a few maps.
use crate::{
    Backend, BackendError, Block, BlockEvent, BlockRef, ChangedKeys, FinalityRound, FinalityState, Health,
    Justification, Peer, Runtime, Snapshot, SnapshotBlock, SubmitError, SyncState, SystemInfo, TxStatus,
    Votes,
};
use futures::future::{BoxFuture, FutureExt};
use parity_scale_codec::Encode;
use quire_core::{
    AccountId, BlockNumber, Digest, DigestItem, DispatchClass, H256, Header, InvalidTransaction, KeyTypeId,
    Nonce, OpaqueExtrinsic, RuntimeVersion, TransactionSource, UnknownTransaction, Weight,
};
use quire_pool::PoolError;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{broadcast, mpsc};

pub(super) type State = BTreeMap<Vec<u8>, Vec<u8>>;

struct Stored {
    header: Header,
    body: Vec<OpaqueExtrinsic>,
    state: State,
    spec_version: u32,
}

pub(super) struct Fake {
    system: SystemInfo,
    blocks: Mutex<Vec<Stored>>,
    finalized: Mutex<usize>,
    best: Mutex<usize>,
    /// Held by a test while the runtime call `wait` shall not end.
    pub(super) gate: tokio::sync::Mutex<()>,
    /// A block whose state is pruned.
    pub(super) discarded: Mutex<Option<H256>>,
    submitted: std::sync::atomic::AtomicUsize,
    /// Calls of `wait` that have begun.
    pub(super) waits: std::sync::atomic::AtomicUsize,
    events: broadcast::Sender<BlockEvent>,
}

pub(super) fn header(number: BlockNumber, parent: H256) -> Header {
    let logs = vec![DigestItem::PreRuntime(*b"aura", vec![7, 0, 0, 0, 0, 0, 0, 0])];
    Header {
        parent_hash: parent,
        number,
        state_root: H256([1; 32]),
        extrinsics_root: H256([2; 32]),
        digest: Digest { logs },
    }
}

impl Fake {
    /// Three blocks, the second of them final. Key `k` changes in each, `:code` is there, `gone` disappears.
    pub(super) fn new() -> Arc<Self> {
        let genesis = header(0, H256::ZERO);
        let system = SystemInfo {
            chain: "Fake Development".into(),
            name: "Quire".into(),
            version: "0.1.0".into(),
            chain_type: json!("Development"),
            properties: json!({ "ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "QIR" }),
            is_authority: true,
            peer_id: "12D3KooFake".into(),
            genesis_hash: genesis.hash(),
        };
        let fake = Self {
            system,
            blocks: Mutex::new(Vec::new()),
            finalized: Mutex::new(1),
            best: Mutex::new(0),
            gate: tokio::sync::Mutex::default(),
            discarded: Mutex::default(),
            submitted: Default::default(),
            waits: Default::default(),
            events: broadcast::channel(32).0,
        };
        for number in 0..3u8 {
            let mut state =
                State::from([(b":code".to_vec(), b"wasm".to_vec()), (b"k".to_vec(), vec![number])]);
            if number < 2 {
                state.insert(b"gone".to_vec(), vec![9]);
            }
            fake.push(state, 1);
        }
        Arc::new(fake)
    }

    /// Adds a best block and tells the subscribers.
    pub(super) fn push(&self, state: State, spec_version: u32) -> H256 {
        let parent = match self.blocks.lock().unwrap().is_empty() {
            true => None,
            false => Some(*self.best.lock().unwrap()),
        };
        self.push_on(parent, state, spec_version, true)
    }

    /// Adds a block over the block with this place, and tells the subscribers.
    pub(super) fn push_on(
        &self,
        parent: Option<usize>,
        state: State,
        spec_version: u32,
        is_best: bool,
    ) -> H256 {
        let mut blocks = self.blocks.lock().unwrap();
        let parent = parent.map(|place| &blocks[place]);
        let before = parent.map_or(spec_version, |parent| parent.spec_version);
        let number = parent.map_or(0, |parent| parent.header.number + 1);
        let mut header = header(number, parent.map_or(H256::ZERO, |parent| parent.header.hash()));
        let is_fork = blocks.iter().any(|block| block.header.number == number);
        header.extrinsics_root.0[0] += u8::from(is_fork);
        let hash = header.hash();
        let body = vec![OpaqueExtrinsic(vec![4, 1, 2])];
        blocks.push(Stored { header: header.clone(), body, state, spec_version });
        if is_best {
            *self.best.lock().unwrap() = blocks.len() - 1;
        }
        drop(blocks);
        let header = Arc::new(header);
        let new_runtime = (before != spec_version).then(|| self.runtime(&hash));
        let _ = self.events.send(BlockEvent::Imported { hash, header, is_best, new_runtime });
        hash
    }

    fn runtime(&self, hash: &H256) -> Arc<Runtime> {
        Arc::new(Runtime::Valid(self.runtime_version(hash).unwrap()))
    }

    pub(super) fn finalize(&self, number: usize) {
        let before = std::mem::replace(&mut *self.finalized.lock().unwrap(), number);
        let headers: Vec<Header> =
            self.blocks.lock().unwrap().iter().map(|block| block.header.clone()).collect();
        let mut chain = vec![headers[number].clone()];
        while let Some(parent) = headers.iter().find(|header| header.hash() == chain[0].parent_hash)
            && parent.hash() != headers[before].hash()
        {
            chain.insert(0, parent.clone());
        }
        for header in &chain {
            let header = Arc::new(header.clone());
            let _ = self.events.send(BlockEvent::Finalized { hash: header.hash(), header });
        }
        let finalized = chain.iter().map(Header::hash).collect();
        let _ = self.events.send(BlockEvent::FinalityMoved { finalized, best: self.best() });
    }

    /// Extrinsics that were handed in to be watched.
    pub(super) fn submitted(&self) -> usize {
        self.submitted.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Makes the events that are on their way too many for every subscriber.
    pub(super) fn overrun(&self) {
        let finalized: Arc<[H256]> = Vec::new().into();
        for _ in 0..64 {
            let event = BlockEvent::FinalityMoved { finalized: finalized.clone(), best: self.best() };
            let _ = self.events.send(event);
        }
    }

    pub(super) fn hash(&self, number: usize) -> H256 {
        self.blocks.lock().unwrap()[number].header.hash()
    }

    fn with<T>(&self, at: &H256, read: impl FnOnce(&Stored) -> T) -> Result<T, BackendError> {
        let blocks = self.blocks.lock().unwrap();
        blocks.iter().find(|b| b.header.hash() == *at).map(read).ok_or(BackendError::UnknownBlock(*at))
    }

    fn judge(extrinsic: &OpaqueExtrinsic) -> Result<H256, SubmitError> {
        match extrinsic.0.first() {
            Some(1) => Err(PoolError::Invalid(InvalidTransaction::Stale).into()),
            Some(2) => Err(PoolError::AlreadyImported(extrinsic.hash()).into()),
            Some(3) => Err(PoolError::TooLowPriority { old: 5, new: 4 }.into()),
            Some(5) => Err(PoolError::Unknown(UnknownTransaction::CannotLookup).into()),
            Some(6) => Err(PoolError::Invalid(InvalidTransaction::Custom(7)).into()),
            Some(7) => Err(PoolError::ImmediatelyDropped.into()),
            Some(8) => Err(SubmitError::Internal("the node is stopping".into())),
            _ => Ok(extrinsic.hash()),
        }
    }
}

impl Backend for Fake {
    fn system(&self) -> &SystemInfo {
        &self.system
    }

    fn best(&self) -> BlockRef {
        let blocks = self.blocks.lock().unwrap();
        let header = &blocks[*self.best.lock().unwrap()].header;
        BlockRef { hash: header.hash(), number: header.number }
    }

    fn finalized(&self) -> BlockRef {
        let number = *self.finalized.lock().unwrap();
        BlockRef { hash: self.hash(number), number: u32::try_from(number).unwrap() }
    }

    fn block_events(&self) -> broadcast::Receiver<BlockEvent> {
        self.events.subscribe()
    }

    fn follow(
        &self,
        finalized_max: u32,
    ) -> Result<(Snapshot, broadcast::Receiver<BlockEvent>), BackendError> {
        let events = self.events.subscribe();
        let blocks = self.blocks.lock().unwrap();
        let last = *self.finalized.lock().unwrap();
        let first = (last + 1).saturating_sub(finalized_max as usize);
        let hashes: Vec<H256> = blocks.iter().map(|block| block.header.hash()).collect();
        let above = blocks[last + 1..].iter().map(|block| SnapshotBlock {
            hash: block.header.hash(),
            parent: block.header.parent_hash,
            new_runtime: None,
        });
        let above = above.collect();
        drop(blocks);
        let snapshot = Snapshot {
            finalized: hashes[first..=last].to_vec(),
            runtime: self.runtime(&hashes[last]),
            blocks: above,
            best: self.best().hash,
        };
        Ok((snapshot, events))
    }

    fn hashes_at(&self, number: BlockNumber) -> Result<Vec<H256>, BackendError> {
        let blocks = self.blocks.lock().unwrap();
        let at = blocks.iter().filter(|block| block.header.number == number);
        Ok(at.map(|block| block.header.hash()).collect())
    }

    fn changed_keys(&self, from: &H256, to: &H256, prefix: &[u8]) -> Result<ChangedKeys, BackendError> {
        let (from, to) = (self.with(from, |b| b.state.clone())?, self.with(to, |b| b.state.clone())?);
        let keys: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).cloned().collect();
        let prefix = prefix.to_vec();
        let keys = keys.into_iter().filter(move |key| key.starts_with(&prefix));
        Ok(Box::new(keys.filter(move |key| from.get(key) != to.get(key)).map(Ok)))
    }

    fn merkle_value(&self, at: &H256, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.with(at, |block| block.state.get(key).cloned())
    }

    fn hash_at(&self, number: BlockNumber) -> Result<Option<H256>, BackendError> {
        let blocks = self.blocks.lock().unwrap();
        Ok(blocks.get(number as usize).map(|block| block.header.hash()))
    }

    fn header(&self, hash: &H256) -> Result<Option<Header>, BackendError> {
        Ok(self.with(hash, |block| block.header.clone()).ok())
    }

    fn block(&self, hash: &H256) -> Result<Option<Block>, BackendError> {
        let show = |block: &Stored| Block {
            header: block.header.clone(),
            extrinsics: block.body.clone(),
            justification: (block.header.number == 1)
                .then(|| Justification { engine: *b"FRNK", bytes: vec![1, 2, 3] }),
        };
        Ok(self.with(hash, show).ok())
    }

    fn storage(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BackendError> {
        if *at == H256([0xdd; 32]) || *self.discarded.lock().unwrap() == Some(*at) {
            return Err(BackendError::StateDiscarded(*at));
        }
        self.with(at, |block| keys.iter().map(|key| block.state.get(key).cloned()).collect())
    }

    fn keys(
        &self,
        at: &H256,
        prefix: &[u8],
        after: Option<&[u8]>,
        count: u32,
    ) -> Result<Vec<Vec<u8>>, BackendError> {
        let all = |block: &Stored| {
            let keys = block.state.keys().filter(|key| key.starts_with(prefix));
            keys.filter(|key| after.is_none_or(|after| key.as_slice() > after))
                .take(count as usize)
                .cloned()
                .collect()
        };
        self.with(at, all)
    }

    fn call(&self, at: &H256, method: &str, arguments: &[u8]) -> Result<Vec<u8>, BackendError> {
        self.with(at, |_| ())?;
        match method {
            "echo" => Ok(arguments.to_vec()),
            "nap" => {
                // A read that holds its thread for a while: nothing sends here.
                let _ = std::sync::mpsc::channel::<()>().1.recv_timeout(std::time::Duration::from_millis(20));
                Ok(Vec::new())
            }
            "wait" => {
                self.waits.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                drop(self.gate.blocking_lock());
                Ok(b"waited".to_vec())
            }
            "BlockBuilder_apply_extrinsic" if arguments.ends_with(&[9]) => Ok(vec![0, 0]),
            "Metadata_metadata" => Ok(b"meta\x0e".to_vec().encode()),
            "TransactionPaymentApi_query_info" => {
                Ok((Weight::from_parts(3, 4), DispatchClass::Operational, u128::from(arguments[0])).encode())
            }
            "TransactionPaymentApi_query_fee_details" => Ok((Some((1u128, 2u128, 255u128)), 0u128).encode()),
            "trap" => Err(BackendError::Execution("wasm trap".into())),
            other => Err(BackendError::MissingMethod(other.into())),
        }
    }

    fn runtime_version(&self, at: &H256) -> Result<RuntimeVersion, BackendError> {
        self.with(at, |block| RuntimeVersion {
            spec_name: "fake".into(),
            impl_name: "fake-impl".into(),
            authoring_version: 1,
            spec_version: block.spec_version,
            impl_version: 2,
            apis: vec![(*b"\xdf\x6a\xcb\x68\x99\x07\x60\x9b", 5)].into(),
            transaction_version: 3,
            system_version: 1,
        })
    }

    fn read_proof(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackendError> {
        self.with(at, |_| keys.to_vec())
    }

    fn next_nonce(&self, account: &AccountId) -> Result<Nonce, BackendError> {
        Ok(u32::from(account.0[0]))
    }

    fn pending(&self) -> Vec<OpaqueExtrinsic> {
        vec![OpaqueExtrinsic(vec![4, 9])]
    }

    fn submit(
        &self,
        _: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<H256, SubmitError>> {
        async move { Self::judge(&extrinsic) }.boxed()
    }

    fn submit_and_watch(
        &self,
        _: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<mpsc::Receiver<TxStatus>, SubmitError>> {
        let (first, last) = (self.hash(1), self.hash(2));
        self.submitted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            Self::judge(&extrinsic)?;
            let (sender, receiver) = mpsc::channel(16);
            if extrinsic.0.first() == Some(&10) {
                sender.try_send(TxStatus::Dropped).unwrap();
                return Ok(receiver);
            }
            let life = [
                TxStatus::Future,
                TxStatus::Ready,
                TxStatus::Broadcast(vec!["12D3KooPeer".into()]),
                TxStatus::InBlock { block: first, index: 1 },
                TxStatus::Retracted(first),
                TxStatus::InBlock { block: last, index: 0 },
                TxStatus::Finalized { block: last, index: 0 },
            ];
            for status in life {
                sender.try_send(status).unwrap();
            }
            Ok(receiver)
        }
        .boxed()
    }

    fn remove_extrinsics(&self, hashes: &[H256]) -> Vec<H256> {
        let known = OpaqueExtrinsic(vec![4, 9]).hash();
        hashes.iter().copied().filter(|hash| *hash == known).collect()
    }

    fn justification(&self, hash: &H256) -> Result<Option<Justification>, BackendError> {
        Ok(self.block(hash)?.and_then(|block| block.justification))
    }

    fn finality_state(&self) -> Option<FinalityState> {
        let votes = || Votes { current_weight: 1, missing: vec!["5Missing".into()] };
        let round = |round| FinalityRound {
            round,
            total_weight: 2,
            threshold_weight: 2,
            prevotes: votes(),
            precommits: votes(),
        };
        let is_voter = self.best().number == 2;
        is_voter.then(|| FinalityState { set_id: 3, best: round(5), background: vec![round(4)] })
    }

    fn add_log_filter(&self, directives: &str) -> Result<(), BackendError> {
        match directives {
            "rpc=debug" => Ok(()),
            other => Err(BackendError::Refused(format!("{other} is no filter"))),
        }
    }

    fn reset_log_filter(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn health(&self) -> Health {
        Health { peers: 2, is_syncing: false, should_have_peers: true }
    }

    fn peers(&self) -> Vec<Peer> {
        vec![Peer { peer_id: "12D3KooPeer".into(), roles: "FULL".into(), best: self.best() }]
    }

    fn sync_state(&self) -> SyncState {
        SyncState { starting: 0, current: 2, highest: 3 }
    }

    fn listen_addresses(&self) -> Vec<String> {
        vec!["/ip4/127.0.0.1/tcp/30333/p2p/12D3KooFake".into()]
    }

    fn insert_key(&self, _: KeyTypeId, suri: &str, _: &[u8]) -> Result<(), BackendError> {
        if suri == "//Alice" {
            Ok(())
        } else {
            Err(BackendError::Refused("the public key is not that of the URI".into()))
        }
    }

    fn rotate_keys(&self) -> Result<Vec<u8>, BackendError> {
        Ok(vec![7; 64])
    }

    fn has_session_keys(&self, encoded: &[u8]) -> Result<Option<bool>, BackendError> {
        Ok((encoded.len() == 64).then(|| encoded == [7; 64]))
    }

    fn has_key(&self, key_type: KeyTypeId, public: &[u8]) -> Result<bool, BackendError> {
        Ok(key_type.0 == *b"aura" && public == [1; 32])
    }
}
