//! Making and finalising blocks by RPC, for development chains: what `engine_*` needs of a node.
use futures::future::BoxFuture;
use quire_core::H256;

/// A node that makes blocks when told to.
pub trait ManualSealing: Send + Sync + 'static {
    /// Makes a block on `parent`, or on the best block, and imports it.
    fn create_block(
        &self,
        is_empty_allowed: bool,
        finalize: bool,
        parent: Option<H256>,
    ) -> BoxFuture<'static, Result<Created, SealError>>;

    /// Makes a block and everything below it final, with the encoded justification if there is one.
    fn finalize_block(
        &self,
        hash: H256,
        justification: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), SealError>>;
}

/// A block that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// Its hash.
    pub hash: H256,
    /// Whether it became the head of the best chain.
    pub is_new_best: bool,
}

/// Why a block was not made or not finalised; the codes are those of Substrate's manual seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// 10000.
    #[error("the node is stopping")]
    Stopping,
    /// 11000.
    #[error("Block import failed: {0}")]
    Import(String),
    /// 12000.
    #[error("Transaction pool is empty, set create_empty to true, if you want to create empty blocks")]
    EmptyPool,
    /// 13000.
    #[error("Supplied parent_hash: {0} doesn't exist among the unfinalised blocks and their parent")]
    UnknownParent(H256),
    /// 14000.
    #[error("Consensus Error: {0}")]
    Consensus(String),
    /// 16000.
    #[error("Finalization Error: {0}")]
    Finalization(String),
    /// 20000.
    #[error("{max} orders wait already; wait for their answers first")]
    Busy {
        /// Orders that may wait.
        max: usize,
    },
}

impl SealError {
    /// The JSON-RPC error code.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Stopping => 10_000,
            Self::Import(_) => 11_000,
            Self::EmptyPool => 12_000,
            Self::UnknownParent(_) => 13_000,
            Self::Consensus(_) => 14_000,
            Self::Finalization(_) => 16_000,
            Self::Busy { .. } => 20_000,
        }
    }
}
