//! The notifications that wait for one peer on one channel.
//!
//! Rules:
//! * R1 At most [`Channel::queue_count`] of them and [`Channel::queue_bytes`]; what does not fit is refused, nothing that
//!   waits is dropped.
//! * R2 Payloads are shared with the outboxes of other peers, not copied.
//! * R3 A closed outbox takes nothing and forgets what it had.

use crate::event::QueueFull;
use crate::protocol::Channel;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Notifications handed to the writer at a time.
const BATCH_COUNT: usize = 64;
/// Bytes of them, but at least one.
const BATCH_BYTES: usize = 64 * 1024;

pub(crate) struct Outbox {
    channel: Channel,
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Default)]
struct Queue {
    open: bool,
    waiting: VecDeque<Arc<[u8]>>,
    bytes: usize,
    overflown: bool,
}

impl Outbox {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel, queue: Mutex::default(), filled: Notify::new() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // Plain values: a panic elsewhere cannot leave them half written.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes notifications from now on.
    pub(crate) fn open(&self) {
        self.lock().open = true;
    }

    /// R3.
    pub(crate) fn close(&self) {
        *self.lock() = Queue::default();
    }

    /// Whether it takes notifications.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Whether something did not fit since it was opened.
    pub(crate) fn has_overflown(&self) -> bool {
        self.lock().overflown
    }

    /// R1.
    pub(crate) fn push(&self, payload: Arc<[u8]>) -> Result<(), QueueFull> {
        let mut queue = self.lock();
        let bytes = queue.bytes.saturating_add(payload.len());
        let fits = queue.waiting.len() < self.channel.queue_count() && bytes <= self.channel.queue_bytes();
        if !queue.open || payload.len() > self.channel.max_bytes() {
            return Err(QueueFull);
        }
        if !fits {
            queue.overflown = true;
            return Err(QueueFull);
        }
        queue.bytes = bytes;
        queue.waiting.push_back(payload);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    /// The next notifications, when there are any.
    pub(crate) async fn pop(&self) -> Vec<Arc<[u8]>> {
        loop {
            let batch = self.take();
            if !batch.is_empty() {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Vec<Arc<[u8]>> {
        let mut queue = self.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0_usize);
        while batch.len() < BATCH_COUNT && bytes < BATCH_BYTES {
            let Some(payload) = queue.waiting.pop_front() else { break };
            queue.bytes = queue.bytes.saturating_sub(payload.len());
            bytes = bytes.saturating_add(payload.len());
            batch.push(payload);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(channel: Channel) -> Outbox {
        let outbox = Outbox::new(channel);
        outbox.open();
        outbox
    }

    #[test]
    fn r1_the_count_is_bounded_and_nothing_is_lost() {
        let outbox = outbox(Channel::Compact);
        let most = Channel::Compact.queue_count();
        for n in 0..most {
            assert_eq!(outbox.push(Arc::from([n as u8])), Ok(()), "{n}");
        }
        assert!(!outbox.has_overflown());
        assert_eq!(outbox.push(Arc::from([0])), Err(QueueFull));
        assert!(outbox.has_overflown());
        let taken: Vec<u8> = futures::executor::block_on(outbox.pop()).iter().map(|one| one[0]).collect();
        assert_eq!(taken, (0..most as u8).collect::<Vec<_>>());
        assert_eq!(outbox.push(Arc::from([0])), Ok(()));
    }

    #[test]
    fn r1_the_bytes_are_bounded() {
        let outbox = outbox(Channel::BlockAnnounces);
        let half: Arc<[u8]> = vec![0; Channel::BlockAnnounces.queue_bytes() / 2].into();
        assert_eq!(outbox.push(half.clone()), Ok(()));
        assert_eq!(outbox.push(half.clone()), Ok(()));
        assert_eq!(outbox.push(Arc::from([0])), Err(QueueFull));
        let too_large: Arc<[u8]> = vec![0; Channel::BlockAnnounces.max_bytes() + 1].into();
        outbox.close();
        outbox.open();
        assert_eq!(outbox.push(too_large), Err(QueueFull));
    }

    #[test]
    fn r2_payloads_are_shared() {
        let payload: Arc<[u8]> = vec![0; 1000].into();
        let outboxes: Vec<Outbox> = (0..9).map(|_| outbox(Channel::Grandpa)).collect();
        outboxes.iter().for_each(|outbox| outbox.push(payload.clone()).expect("room"));
        assert_eq!(Arc::strong_count(&payload), 10);
    }

    #[test]
    fn r3_a_closed_outbox_takes_and_keeps_nothing() {
        let outbox = outbox(Channel::Grandpa);
        let payload: Arc<[u8]> = Arc::from([1]);
        outbox.push(payload.clone()).expect("room");
        outbox.close();
        assert_eq!(Arc::strong_count(&payload), 1);
        assert_eq!(outbox.push(payload), Err(QueueFull));
    }
}
