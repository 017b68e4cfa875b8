//! Answers the requests of peers, on a thread of its own below the author's priority.
//!
//! Rules
//! - R1 At most [`WAITING_MAX`] requests wait, and of one peer [`WAITING_PER_PEER`]; the rest is refused at once.
//! - R2 What cannot be read or answered is refused; the chain decides how much an answer holds.
use crate::service::Inner;
use quire_network::Method;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Requests that wait (R1).
const WAITING_MAX: usize = 256;
/// Requests of one peer that wait (R1).
const WAITING_PER_PEER: usize = 16;

/// A request of a peer.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The peer's base58 id.
    pub(super) peer: String,
    /// What for.
    pub(super) method: Method,
    /// The request.
    pub(super) bytes: Vec<u8>,
    /// Where the answer goes; dropped, it refuses.
    pub(super) answer: oneshot::Sender<Vec<u8>>,
}

type Counts = Arc<Mutex<BTreeMap<String, usize>>>;

/// Where requests wait.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    sender: SyncSender<Asked>,
    waiting: Counts,
}

/// The other end.
#[derive(Debug)]
pub(crate) struct Waiting {
    receiver: Receiver<Asked>,
    waiting: Counts,
}

/// An empty queue.
pub(crate) fn queue() -> (Queue, Waiting) {
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let waiting = Counts::default();
    (Queue { sender, waiting: waiting.clone() }, Waiting { receiver, waiting })
}

fn change(counts: &Counts, peer: &str, by: impl FnOnce(usize) -> usize) -> usize {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = by(counts.remove(peer).unwrap_or(0));
    if count > 0 {
        counts.insert(peer.to_owned(), count);
    }
    count
}

impl Queue {
    /// R1: false if the request was refused.
    pub(super) fn push(&self, asked: Asked) -> bool {
        let peer = asked.peer.clone();
        let less = |count: usize| count.saturating_sub(1);
        if change(&self.waiting, &peer, |count| count.saturating_add(1)) > WAITING_PER_PEER {
            change(&self.waiting, &peer, less);
            return false;
        }
        match self.sender.try_send(asked) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                change(&self.waiting, &peer, less);
                false
            }
        }
    }
}

/// Runs until the hub or the node stops.
pub(crate) fn run(node: &Inner, waiting: &Waiting) {
    while let Ok(Asked { peer, method, bytes, answer }) = waiting.receiver.recv() {
        if node.stop.is_thrown() {
            return;
        }
        // Who asked may have given up meanwhile.
        if !answer.is_closed()
            && let Some(bytes) = answer_to(node, method, &bytes)
        {
            let _ = answer.send(bytes);
        }
        change(&waiting.waiting, &peer, |count| count.saturating_sub(1));
    }
}

/// R2.
fn answer_to(node: &Inner, method: Method, bytes: &[u8]) -> Option<Vec<u8>> {
    match method {
        Method::Sync => super::blocks::answer(node, bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str) -> Asked {
        Asked { peer: peer.into(), method: Method::Sync, bytes: Vec::new(), answer: oneshot::channel().0 }
    }

    #[test]
    fn r1_one_peer_leaves_room_for_others() {
        let (queue, waiting) = queue();
        assert!((0..WAITING_PER_PEER).all(|_| queue.push(asked("greedy"))));
        assert!(!queue.push(asked("greedy")) && queue.push(asked("modest")));
        let others: usize = (0..WAITING_MAX).filter(|n| queue.push(asked(&n.to_string()))).count();
        assert_eq!(others, WAITING_MAX - WAITING_PER_PEER - 1, "all queues together are bounded");
        drop(waiting);
        assert!(!queue.push(asked("late")));
    }
}
