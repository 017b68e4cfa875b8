//! What the RPC methods need of a node, and the plain values that travel between the two.
use crate::sealing::ManualSealing;
use futures::future::BoxFuture;
use quire_core::TransactionSource;
use quire_core::{AccountId, BlockNumber, H256, Header, KeyTypeId, Nonce, OpaqueExtrinsic, RuntimeVersion};
use quire_pool::PoolError;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};

/// A node as its JSON-RPC sees it. All plain methods may block on disk or Wasm and are called on blocking threads,
/// except [`system`](Backend::system), [`best`](Backend::best), [`finalized`](Backend::finalized) and
/// [`block_events`](Backend::block_events), which must answer from memory.
pub trait Backend: Send + Sync + 'static {
    /// Facts that do not change while the node runs.
    fn system(&self) -> &SystemInfo;
    /// The head of the best chain.
    fn best(&self) -> BlockRef;
    /// The last finalised block.
    fn finalized(&self) -> BlockRef;
    /// Blocks imported and finalised from now on. A receiver that falls behind is told so by the channel.
    fn block_events(&self) -> broadcast::Receiver<BlockEvent>;
    /// The chain at one instant, with up to `finalized_max` of the last finalised blocks, and every event after it:
    /// nothing is missing between the two, and nothing is in both.
    fn follow(&self, finalized_max: u32)
    -> Result<(Snapshot, broadcast::Receiver<BlockEvent>), BackendError>;

    /// The hash of the block with this number on the best chain.
    fn hash_at(&self, number: BlockNumber) -> Result<Option<H256>, BackendError>;
    /// The hashes of all known blocks with this number: exactly one up to the last finalised block.
    fn hashes_at(&self, number: BlockNumber) -> Result<Vec<H256>, BackendError>;
    /// The header of a known block.
    fn header(&self, hash: &H256) -> Result<Option<Header>, BackendError>;
    /// Header, body and justification of a known block.
    fn block(&self, hash: &H256) -> Result<Option<Block>, BackendError>;

    /// The proof of finality that a block carries, if it carries one.
    fn justification(&self, hash: &H256) -> Result<Option<Justification>, BackendError>;
    /// How the finality vote stands; none when this node does not vote.
    fn finality_state(&self) -> Option<FinalityState>;

    /// The values of several keys in the state after block `at`, in the order of the keys.
    fn storage(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BackendError>;
    /// Up to `count` keys that start with `prefix`, strictly after `after`, in ascending order.
    fn keys(
        &self,
        at: &H256,
        prefix: &[u8],
        after: Option<&[u8]>,
        count: u32,
    ) -> Result<Vec<Vec<u8>>, BackendError>;
    /// The Merkle value of the trie node at `key` after block `at`, or of the closest one below it.
    fn merkle_value(&self, at: &H256, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;
    /// The keys that start with `prefix` and whose values differ between the states after two blocks, ascending. Reads
    /// as it goes, and costs what differs, not what is there.
    fn changed_keys(&self, from: &H256, to: &H256, prefix: &[u8]) -> Result<ChangedKeys, BackendError>;
    /// A runtime call against the state after block `at`; the raw SCALE result.
    fn call(&self, at: &H256, method: &str, arguments: &[u8]) -> Result<Vec<u8>, BackendError>;
    /// The version of the runtime that executes the child of block `at`.
    fn runtime_version(&self, at: &H256) -> Result<RuntimeVersion, BackendError>;
    /// Trie nodes and hashed values that prove the values, or the absence, of `keys` after block `at`.
    fn read_proof(&self, at: &H256, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, BackendError>;

    /// The nonce that the next extrinsic of `account` needs, ready extrinsics of the pool included.
    fn next_nonce(&self, account: &AccountId) -> Result<Nonce, BackendError>;
    /// The extrinsics waiting in the pool, ready ones first.
    fn pending(&self) -> Vec<OpaqueExtrinsic>;
    /// Throws extrinsics out of the pool and bars them for a while; gives those that were in it.
    fn remove_extrinsics(&self, hashes: &[H256]) -> Vec<H256>;
    /// Offers an extrinsic to the pool; answers when the pool has judged it.
    fn submit(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<H256, SubmitError>>;
    /// Like [`submit`](Backend::submit), and follows the extrinsic until a terminal status.
    fn submit_and_watch(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<mpsc::Receiver<TxStatus>, SubmitError>>;

    /// Peers and whether the node is catching up.
    fn health(&self) -> Health;
    /// Connected peers.
    fn peers(&self) -> Vec<Peer>;
    /// Where the node started, is and wants to be.
    fn sync_state(&self) -> SyncState;
    /// Multiaddresses that the node listens on, each ending in `/p2p/<peer id>`.
    fn listen_addresses(&self) -> Vec<String>;

    /// Adds comma-separated `target=level` directives to the filter of the log.
    fn add_log_filter(&self, directives: &str) -> Result<(), BackendError>;
    /// Goes back to the log filter that the node started with.
    fn reset_log_filter(&self) -> Result<(), BackendError>;

    /// Puts a key given by its secret URI into the keystore; `public` is checked against it.
    fn insert_key(&self, key_type: KeyTypeId, suri: &str, public: &[u8]) -> Result<(), BackendError>;
    /// Whether the keystore holds the secret of `public`.
    fn has_key(&self, key_type: KeyTypeId, public: &[u8]) -> Result<bool, BackendError>;
    /// Makes new session keys in the keystore; their public keys as the runtime encodes them.
    fn rotate_keys(&self) -> Result<Vec<u8>, BackendError>;
    /// Whether the keystore holds the secrets of all session keys; none when they do not decode.
    fn has_session_keys(&self, encoded: &[u8]) -> Result<Option<bool>, BackendError>;

    /// Where the finality vote stands, for people; null on a node that does not look.
    fn explain_finality(&self) -> Value {
        Value::Null
    }
    /// What is known of a peer, or of all.
    fn explain_peer(&self, _peer: Option<&str>) -> Value {
        Value::Null
    }
    /// What a block of the chain waits for.
    fn explain_block(&self, hash: &H256) -> Result<Value, BackendError> {
        Err(BackendError::UnknownBlock(*hash))
    }
    /// What a block of a channel waits for.
    fn explain_channel_block(&self, channel: u64, _block: u32) -> Result<Value, BackendError> {
        Err(BackendError::Refused(format!("this node knows no channel {channel}")))
    }

    /// Who makes blocks on order; none on a node whose blocks come by themselves.
    fn manual_sealing(&self) -> Option<Arc<dyn ManualSealing>> {
        None
    }
}

/// Answer of [`Backend::changed_keys`].
pub type ChangedKeys = Box<dyn Iterator<Item = Result<Vec<u8>, BackendError>> + Send>;

/// Facts that do not change while a node runs.
#[derive(Debug, Clone)]
pub struct SystemInfo {
    /// The chain's display name, from its spec.
    pub chain: String,
    /// The implementation's name.
    pub name: String,
    /// The implementation's version.
    pub version: String,
    /// `"Development"`, `"Local"`, `"Live"` or `{"Custom": name}`.
    pub chain_type: Value,
    /// SS58 prefix, token symbol and decimals.
    pub properties: Value,
    /// Whether the node runs with `--validator` or a development key.
    pub is_authority: bool,
    /// The peer id of the node key, base58.
    pub peer_id: String,
    /// Hash of block 0.
    pub genesis_hash: H256,
}

/// A block's hash and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    /// Hash of the header, seal included.
    pub hash: H256,
    /// Height.
    pub number: BlockNumber,
}

/// A block as `chain_getBlock` shows it.
#[derive(Debug, Clone)]
pub struct Block {
    /// The header, seal included.
    pub header: Header,
    /// The body in order.
    pub extrinsics: Vec<OpaqueExtrinsic>,
    /// Proof of finality, when this block carries one.
    pub justification: Option<Justification>,
}

/// A proof that a block is final.
#[derive(Debug, Clone)]
pub struct Justification {
    /// The finality engine, `FRNK` for GRANDPA.
    pub engine: [u8; 4],
    /// Its SCALE bytes.
    pub bytes: Vec<u8>,
}

/// How a finality vote stands, as `grandpa_roundState` shows it.
#[derive(Debug, Clone)]
pub struct FinalityState {
    /// Counts the changes of the voter set since genesis.
    pub set_id: u64,
    /// The round that is being voted.
    pub best: FinalityRound,
    /// Earlier rounds that are not complete.
    pub background: Vec<FinalityRound>,
}

/// One round of the finality vote. Every voter weighs one.
#[derive(Debug, Clone)]
pub struct FinalityRound {
    /// Its number, from 1.
    pub round: u64,
    /// Number of voters.
    pub total_weight: u32,
    /// Votes needed.
    pub threshold_weight: u32,
    /// First vote.
    pub prevotes: Votes,
    /// Second vote.
    pub precommits: Votes,
}

/// Votes seen in one half of a round.
#[derive(Debug, Clone)]
pub struct Votes {
    /// Voters that voted.
    pub current_weight: u32,
    /// The others, as SS58 addresses.
    pub missing: Vec<String>,
}

/// What happened to the chain.
#[derive(Debug, Clone)]
pub enum BlockEvent {
    /// A block was imported.
    Imported {
        /// Its hash.
        hash: H256,
        /// Its header.
        header: Arc<Header>,
        /// Whether it became the head of the best chain.
        is_best: bool,
        /// The runtime of its children, if that is another than its own.
        new_runtime: Option<Arc<Runtime>>,
    },
    /// A block became final. Every block of the chain is reported, in order.
    Finalized {
        /// Its hash.
        hash: H256,
        /// Its header.
        header: Arc<Header>,
    },
    /// Closes the blocks that became final together, after the [`Finalized`](Self::Finalized) of each. What does not
    /// descend from the last of them has lost.
    FinalityMoved {
        /// Their hashes, ascending; never empty.
        finalized: Arc<[H256]>,
        /// The head of the best chain now: it moves here when it was on a fork that lost.
        best: BlockRef,
    },
}

/// The runtime in the state after a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// What it says of itself.
    Valid(RuntimeVersion),
    /// Why it cannot be used.
    Invalid(String),
}

/// The chain at one instant; see [`Backend::follow`].
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The last finalised blocks, ascending; never empty.
    pub finalized: Vec<H256>,
    /// The runtime after the last of them.
    pub runtime: Arc<Runtime>,
    /// The blocks that wait for finality, parents before children.
    pub blocks: Vec<SnapshotBlock>,
    /// The head of the best chain.
    pub best: H256,
}

/// A block that waits for finality.
#[derive(Debug, Clone)]
pub struct SnapshotBlock {
    /// Its hash.
    pub hash: H256,
    /// The hash of its parent.
    pub parent: H256,
    /// The runtime of its children, if that is another than its own.
    pub new_runtime: Option<Arc<Runtime>>,
}

/// How an extrinsic fares, in the order of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxStatus {
    /// Valid, but an earlier nonce is missing.
    Future,
    /// Waiting for a block.
    Ready,
    /// Sent to these peers.
    Broadcast(Vec<String>),
    /// In a block of the best chain.
    InBlock {
        /// The block.
        block: H256,
        /// Its place in the body.
        index: u32,
    },
    /// This block is no longer on the best chain.
    Retracted(H256),
    /// No finality for this block in time.
    FinalityTimeout(H256),
    /// In a final block.
    Finalized {
        /// The block.
        block: H256,
        /// Its place in the body.
        index: u32,
    },
    /// Replaced by another extrinsic of the same account and nonce.
    Usurped(H256),
    /// Pushed out by the limits of the pool.
    Dropped,
    /// No longer valid.
    Invalid,
}

impl TxStatus {
    /// Whether nothing can follow.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::FinalityTimeout(_)
                | Self::Finalized { .. }
                | Self::Usurped(_)
                | Self::Dropped
                | Self::Invalid
        )
    }
}

/// Answer of `system_health`.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// Connected peers.
    pub peers: u32,
    /// Whether the node is far behind.
    pub is_syncing: bool,
    /// Whether it is wrong to have no peer.
    pub should_have_peers: bool,
}

/// One line of `system_peers`.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Base58 peer id.
    pub peer_id: String,
    /// `FULL`, `AUTHORITY` or `LIGHT`.
    pub roles: String,
    /// Its best block.
    pub best: BlockRef,
}

/// Answer of `system_syncState`.
#[derive(Debug, Clone, Copy)]
pub struct SyncState {
    /// Height at start.
    pub starting: BlockNumber,
    /// Height now.
    pub current: BlockNumber,
    /// The greatest height that was seen.
    pub highest: BlockNumber,
}

/// Why the node could not answer a read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackendError {
    /// No such block.
    #[error("UnknownBlock: Header was not found in the database: {0:?}")]
    UnknownBlock(H256),
    /// The block is known, its state is pruned.
    #[error("UnknownBlock: State already discarded for {0:?}")]
    StateDiscarded(H256),
    /// The runtime trapped, or has no such function.
    #[error("Execution failed: {0}")]
    Execution(String),
    /// The runtime exports no function of this name.
    #[error("Execution failed: Exported method {0} is not found")]
    MissingMethod(String),
    /// The request makes no sense to this node.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error("Backend error: {0}")]
    Storage(String),
}

/// Why an extrinsic was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// The pool or the runtime refused it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The node is stopping or broken.
    #[error("{0}")]
    Internal(String),
}
