//! What simulated nodes send each other: the messages of the real protocols before their encoding as frames.

use std::sync::Arc;

use quire_chain::Head;
use quire_chain::sync::{BlockData, BlockRequest, RequestId};
use quire_core::{Header, OpaqueExtrinsic};

/// A message from one node to another.
#[derive(Clone, Debug)]
pub enum Packet {
    /// The handshake of `block-announces/1`.
    Hello {
        /// The sender's best block.
        best: Head,
    },
    /// A notification of `block-announces/1`.
    Announce {
        /// The block.
        header: Arc<Header>,
        /// It is the sender's best.
        is_best: bool,
    },
    /// A request of `sync/2`.
    Request {
        /// Its name at the sender.
        id: RequestId,
        /// What is asked.
        what: BlockRequest,
    },
    /// Its answer.
    Response {
        /// The name of the request.
        id: RequestId,
        /// The blocks.
        blocks: Vec<BlockData>,
    },
    /// A notification of `grandpa/1`.
    Grandpa(Vec<u8>),
    /// A notification of `transactions/1`.
    Transactions(Vec<Arc<OpaqueExtrinsic>>),
}

impl Packet {
    /// Bytes that tell packets apart, for the trace of a run.
    #[must_use]
    pub fn trace(&self) -> Vec<u8> {
        match self {
            Self::Hello { best } => [&[0][..], &best.hash.0].concat(),
            Self::Announce { header, is_best } => [&[1, u8::from(*is_best)][..], &header.hash().0].concat(),
            Self::Request { id, .. } => [&[2][..], &id.0.to_le_bytes()].concat(),
            Self::Response { id, blocks } => {
                let hashes = blocks.iter().flat_map(|block| block.hash.0);
                [3].into_iter().chain(id.0.to_le_bytes()).chain(hashes).collect()
            }
            Self::Grandpa(bytes) => [&[4][..], bytes].concat(),
            Self::Transactions(all) => {
                [5].into_iter().chain(all.iter().flat_map(|one| one.hash().0)).collect()
            }
        }
    }
}
