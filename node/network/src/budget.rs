//! How many bytes from peers may lie in memory before the node takes them.
//!
//! Rules:
//! * R1 Of one connection at most [`LINK_BYTES`], of all together [`TOTAL_BYTES`], counted from a frame's announced
//!   length until the node takes the event. Whoever finds no room reads no further, so that the sender's line fills up.
//! * R2 Frames of up to [`SMALL_BYTES`] count for their connection only, so that large ones never hold up votes.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of one connection.
pub(crate) const LINK_BYTES: usize = 32 * 1024 * 1024;
/// Of all connections, in frames that are not small.
pub(crate) const TOTAL_BYTES: usize = 256 * 1024 * 1024;
/// What a small frame is.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;

/// The budget of a connection.
#[derive(Clone)]
pub(crate) struct Budget {
    link: Arc<Semaphore>,
    total: Arc<Semaphore>,
}

/// A claim on the budget, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Permit {
    _link: Option<OwnedSemaphorePermit>,
    _total: Option<OwnedSemaphorePermit>,
}

/// The budget that all connections share.
pub(crate) fn total() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(TOTAL_BYTES))
}

impl Budget {
    pub(crate) fn new(total: &Arc<Semaphore>) -> Self {
        Self { link: Arc::new(Semaphore::new(LINK_BYTES)), total: total.clone() }
    }

    /// Waits for room for a frame. Frames are at most as large as the smallest limit of a budget allows.
    pub(crate) async fn claim(&self, bytes: usize) -> Permit {
        let count = u32::try_from(bytes.min(LINK_BYTES)).unwrap_or(u32::MAX);
        // A semaphore that nobody closes.
        let link = self.link.clone().acquire_many_owned(count).await.ok();
        let total = match bytes > SMALL_BYTES {
            true => self.total.clone().acquire_many_owned(count).await.ok(),
            false => None,
        };
        Permit { _link: link, _total: total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn r1_a_connection_waits_until_its_frames_are_taken() {
        let total = total();
        let (one, other) = (Budget::new(&total), Budget::new(&total));
        let first = one.claim(LINK_BYTES).now_or_never().expect("room");
        assert!(one.claim(1).now_or_never().is_none());
        assert!(other.claim(LINK_BYTES).now_or_never().is_some());
        drop(first);
        assert!(one.claim(1).now_or_never().is_some());
    }

    #[test]
    fn r1_all_connections_share_the_total_r2_except_for_small_frames() {
        let total = total();
        let links: Vec<_> = (0..=TOTAL_BYTES / LINK_BYTES).map(|_| Budget::new(&total)).collect();
        let (last, first) = links.split_last().expect("some");
        let held: Vec<_> =
            first.iter().map(|link| link.claim(LINK_BYTES).now_or_never().expect("room")).collect();
        assert!(last.claim(SMALL_BYTES + 1).now_or_never().is_none());
        assert!(last.claim(SMALL_BYTES).now_or_never().is_some());
        drop(held);
        assert!(last.claim(SMALL_BYTES + 1).now_or_never().is_some());
    }
}
