//! Mail to the hub from the other threads of the node.
//!
//! Rules
//! - R1 News of the chain is never lost. There is one letter for each durable change of the chain, so disk and runtime
//!   bound how many wait.
//! - R2 Transactions to pass on and complaints about peers are bounded; what does not fit is dropped: a later sweep of the
//!   pool finds the first, and a peer that deserves the second goes on to.
use super::gossip::Hashed;
use quire_chain::sync::Outcome;
use quire_consensus::PeerId;
use quire_consensus::finality::message::Target;
use quire_core::{GrandpaJustification, H256, Header};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Transactions that wait for the hub (R2).
const TRANSACTIONS_MAX: usize = 32_768;
/// Complaints that wait for the hub (R2).
const COMPLAINTS_MAX: usize = 1_024;

/// News of the chain.
#[derive(Debug)]
pub(crate) enum Letter {
    /// A block is in the chain.
    Block {
        /// Its hash.
        hash: H256,
        /// Its header.
        header: Arc<Header>,
        /// It is the new best block.
        is_best: bool,
    },
    /// Blocks became final.
    Finalised {
        /// The last of them.
        target: Target,
        /// What proves it.
        proof: Arc<GrandpaJustification>,
        /// Finality moved the best head.
        moved_best: bool,
    },
    /// The import queue is done with a block.
    Imported {
        /// The block.
        hash: H256,
        /// What became of it.
        outcome: Outcome,
    },
}

#[derive(Debug, Default)]
struct Loose {
    transactions: Vec<Hashed>,
    complaints: Vec<PeerId>,
}

/// The letter box.
#[derive(Debug)]
pub(crate) struct Post {
    letters: mpsc::UnboundedSender<Letter>,
    /// Taken by the hub.
    unread: Mutex<Option<mpsc::UnboundedReceiver<Letter>>>,
    loose: Mutex<Loose>,
    /// Something loose is there.
    pub(super) bell: Notify,
}

impl Default for Post {
    fn default() -> Self {
        let (letters, unread) = mpsc::unbounded_channel();
        Self { letters, unread: Mutex::new(Some(unread)), loose: Mutex::default(), bell: Notify::new() }
    }
}

impl Post {
    /// R1.
    pub(crate) fn send(&self, letter: Letter) {
        // The hub has stopped: nobody needs to know.
        let _ = self.letters.send(letter);
    }

    /// A transaction to pass on.
    pub(crate) fn propagate(&self, transaction: Hashed) {
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        if loose.transactions.len() < TRANSACTIONS_MAX {
            loose.transactions.push(transaction);
            self.bell.notify_one();
        }
    }

    /// A peer sent a transaction that no honest node has.
    pub(crate) fn complain(&self, peer: PeerId) {
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        if loose.complaints.len() < COMPLAINTS_MAX {
            loose.complaints.push(peer);
            self.bell.notify_one();
        }
    }

    /// The letters; once.
    pub(super) fn unread(&self) -> Option<mpsc::UnboundedReceiver<Letter>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Everything loose.
    pub(super) fn take_loose(&self) -> (Vec<Hashed>, Vec<PeerId>) {
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        let Loose { transactions, complaints } = std::mem::take(&mut *loose);
        (transactions, complaints)
    }
}
