//! The off-chain shell: drives the machines of `quire-offchain` with the chain, the keystore, threads and folders.
//!
//! ```text
//!  finalised heads ──▶ worker thread (all machines of this process) ──▶ transactions
//!        jobs' answers ──▶        │ effects
//!                                 ▼
//!                       job threads: collate, custody, process
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`view`] | what the machines see, read from finalised state |
//! | [`submit`] | signed transactions of accounts in the keystore |
//! | [`key_ring`] | block keys that validators were given, sealed, on disk |
//! | [`program`] | channel programs from chain state, run by the executor's host |
//! | [`job`] | the expensive effects, one function each |
//! | [`worker`] | the loop |
//!
//! Rules:
//! * R1 Machines see finalised state only.
//! * R2 A commitment is permitted by the guard before its transaction is signed; batches before they are signed.
//! * R3 A failing disk stops the process with a sentence; everything acknowledged is on it.

pub(crate) mod job;
pub(crate) mod key_ring;
pub(crate) mod program;
pub(crate) mod submit;
pub(crate) mod view;
pub(crate) mod worker;

use crate::keystore::Keystore;
use crate::stop::StopReason;
use quire_channel::BatchHeader;
use quire_offchain::signing::BatchSigner;
use std::sync::Arc;

/// Why the off-chain side stopped. Each text says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OffchainError {
    /// The chain's state could not be read.
    #[error("the state of the chain cannot be read: {0}")]
    State(String),
    /// A log or chunk store failed (R3).
    #[error("{0}")]
    Disk(String),
    /// Something that goes on being wrong.
    #[error("{0}")]
    Fault(String),
    /// The node below stopped.
    #[error("the node stopped: {0}")]
    Stopped(String),
}

impl From<StopReason> for OffchainError {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Requested => OffchainError::Stopped(
                "it was asked to; the same command goes on where it was if it has a --base-path".into(),
            ),
            StopReason::Fatal(why) => OffchainError::Stopped(why),
        }
    }
}

/// One participant's message key in the keystore (R2).
pub(crate) struct MessageSigner {
    keystore: Arc<Keystore>,
    key: [u8; 32],
}

impl MessageSigner {
    pub(crate) fn new(keystore: Arc<Keystore>, key: [u8; 32]) -> MessageSigner {
        MessageSigner { keystore, key }
    }
}

impl BatchSigner for MessageSigner {
    fn sign_batches(&self, headers: &[BatchHeader]) -> Result<Vec<[u8; 64]>, String> {
        self.keystore.sign_batches(&self.key, headers).map_err(|error| error.to_string())
    }
}
