//! Answers the requests of peers, on two threads below the author's priority: blocks and proofs of finality do not wait
//! behind runtime calls and pieces of states.
//!
//! Rules
//! - R1 At most [`WAITING_MAX`] requests wait for each thread, and of one peer [`WAITING_PER_PEER`] in all; the rest is
//!   refused at once.
//! - R2 What cannot be read or answered is refused; the chain decides how much an answer holds, and
//!   [`crate::serve`] how much a peer may ask for. Bytes that are no request lower the peer's score.
use crate::serve::Refusal;
use crate::service::Inner;
use crate::stop::StopReason;
use quire_network::{Link, Method};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Requests that wait (R1).
const WAITING_MAX: usize = 256;
/// Requests of one peer that wait (R1).
const WAITING_PER_PEER: usize = 16;

/// What a request with a broken envelope costs; a peer with 100 is disconnected.
const JUNK_COST: u32 = 50;

/// A request of a peer.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The peer's link, if it has one.
    pub(super) link: Option<Link>,
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
    quick: SyncSender<Asked>,
    heavy: SyncSender<Asked>,
    waiting: Counts,
}

/// One of the other ends.
#[derive(Debug)]
pub(crate) struct Waiting {
    receiver: Receiver<Asked>,
    waiting: Counts,
}

/// An empty queue with its ends: of quick requests, and of heavy ones.
pub(crate) fn queue() -> (Queue, [Waiting; 2]) {
    let (quick, of_quick) = sync_channel(WAITING_MAX);
    let (heavy, of_heavy) = sync_channel(WAITING_MAX);
    let waiting = Counts::default();
    let end = |receiver| Waiting { receiver, waiting: waiting.clone() };
    let ends = [end(of_quick), end(of_heavy)];
    (Queue { quick, heavy, waiting }, ends)
}

fn is_heavy(method: Method) -> bool {
    matches!(method, Method::Light | Method::State)
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
        let sender = if is_heavy(asked.method) { &self.heavy } else { &self.quick };
        match sender.try_send(asked) {
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
    while let Ok(Asked { link, peer, method, bytes, answer }) = waiting.receiver.recv() {
        if node.stop.is_thrown() {
            return;
        }
        // Who asked may have given up meanwhile.
        if !answer.is_closed()
            && let Some(bytes) = answer_to(node, (link, &peer), method, &bytes)
        {
            let _ = answer.send(bytes);
        }
        change(&waiting.waiting, &peer, |count| count.saturating_sub(1));
    }
}

/// R2.
fn answer_to(
    node: &Inner,
    (link, peer): (Option<Link>, &str),
    method: Method,
    bytes: &[u8],
) -> Option<Vec<u8>> {
    match method {
        Method::Sync if node.serve.may_ask(peer) => {
            let answer = super::blocks::answer(node, bytes);
            node.serve.charge(peer, answer.as_ref().map_or(0, Vec::len));
            answer
        }
        Method::Light | Method::State | Method::Warp => match node.serve.answer(peer, method, bytes) {
            Ok(answer) => Some(answer),
            Err(Refusal::Poor | Refusal::Unknown) => None,
            Err(Refusal::Junk(rule)) => {
                if let (Some(network), Some(link)) = (&node.network, link) {
                    network.report(link, rule, JUNK_COST);
                }
                None
            }
            Err(Refusal::Fatal(why)) => {
                node.stop.throw(StopReason::Fatal(why.to_string()));
                None
            }
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str) -> Asked {
        Asked {
            link: None,
            peer: peer.into(),
            method: Method::Sync,
            bytes: Vec::new(),
            answer: oneshot::channel().0,
        }
    }

    #[test]
    fn r1_one_peer_leaves_room_for_others() {
        let (queue, ends) = queue();
        assert!((0..WAITING_PER_PEER).all(|_| queue.push(asked("greedy"))));
        assert!(!queue.push(asked("greedy")) && queue.push(asked("modest")));
        let others: usize = (0..WAITING_MAX).filter(|n| queue.push(asked(&n.to_string()))).count();
        assert_eq!(others, WAITING_MAX - WAITING_PER_PEER - 1, "all queues together are bounded");
        let heavy = Asked { method: Method::Light, ..asked("greedier") };
        assert!(queue.push(heavy), "the other thread has room");
        drop(ends);
        assert!(!queue.push(asked("late")));
    }
}
