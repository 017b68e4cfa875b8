//! Orders to the author: blocks to make and to finalise when RPC says so (`--sealing manual`), and the news that the
//! pool has something.
//!
//! Rules:
//! * R1 Orders are carried out one after the other by the author's thread, in the order in which they came, so a client
//!   that waits for each answer sees exactly the chain it asked for.
//! * R2 At most [`ORDERS_MAX`] wait; further ones are refused.
use futures::future::{BoxFuture, FutureExt};
use quire_core::H256;
use quire_rpc::{Created, ManualSealing, SealError};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Orders that wait for the author (R2).
const ORDERS_MAX: usize = 1_024;

/// What a client of RPC asks for.
pub(crate) enum Order {
    /// Make a block.
    Create {
        /// Even if no transaction is ready.
        is_empty_allowed: bool,
        /// Finalise it at once.
        finalize: bool,
        /// Its parent; the best block if not given.
        parent: Option<H256>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Created, SealError>>,
    },
    /// Finalise a block and everything below it.
    Finalize {
        /// The block.
        hash: H256,
        /// An encoded justification; made here if not given.
        justification: Option<Vec<u8>>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), SealError>>,
    },
}

#[derive(Default)]
struct Desk {
    orders: VecDeque<Order>,
    has_news: bool,
    is_closed: bool,
}

/// The author's desk. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<(Mutex<Desk>, Condvar)>);

/// What the author found on its desk.
pub(crate) enum Found {
    /// Something to do.
    Order(Order),
    /// The pool changed, or the time is over.
    News,
    /// The node stops.
    Closed,
}

impl Orders {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool has something new.
    pub(crate) fn pool_changed(&self) {
        self.desk().has_news = true;
        self.0.1.notify_one();
    }

    /// Refuses what waits and everything that comes.
    pub(crate) fn close(&self) {
        let mut desk = self.desk();
        desk.is_closed = true;
        desk.orders.clear();
        self.0.1.notify_one();
    }

    /// Waits for an order or for news, at most `time`.
    pub(crate) fn wait(&self, time: Option<Duration>) -> Found {
        let is_quiet = |desk: &mut Desk| desk.orders.is_empty() && !desk.has_news && !desk.is_closed;
        let desk = self.desk();
        let mut desk = match time {
            Some(time) => {
                self.0.1.wait_timeout_while(desk, time, is_quiet).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.0.1.wait_while(desk, is_quiet).unwrap_or_else(PoisonError::into_inner),
        };
        if desk.is_closed {
            return Found::Closed;
        }
        if let Some(order) = desk.orders.pop_front() {
            return Found::Order(order);
        }
        desk.has_news = false;
        Found::News
    }

    fn order<T: Send + 'static>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, SealError>>) -> Order,
    ) -> BoxFuture<'static, Result<T, SealError>> {
        let (reply, answer) = oneshot::channel();
        let mut desk = self.desk();
        if desk.is_closed {
            drop(reply);
        } else if desk.orders.len() >= ORDERS_MAX {
            let _ = reply.send(Err(SealError::Busy { max: ORDERS_MAX }));
        } else {
            desk.orders.push_back(order(reply));
            self.0.1.notify_one();
        }
        drop(desk);
        async move { answer.await.unwrap_or(Err(SealError::Stopping)) }.boxed()
    }
}

impl ManualSealing for Orders {
    fn create_block(
        &self,
        is_empty_allowed: bool,
        finalize: bool,
        parent: Option<H256>,
    ) -> BoxFuture<'static, Result<Created, SealError>> {
        self.order(|reply| Order::Create { is_empty_allowed, finalize, parent, reply })
    }

    fn finalize_block(
        &self,
        hash: H256,
        justification: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), SealError>> {
        self.order(|reply| Order::Finalize { hash, justification, reply })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn r1_first_come_first_served_and_orders_before_news() {
        let orders = Orders::default();
        orders.pool_changed();
        let first = orders.finalize_block(H256([1; 32]), None);
        let second = orders.finalize_block(H256([2; 32]), None);
        for expected in [1, 2] {
            let Found::Order(Order::Finalize { hash, reply, .. }) = orders.wait(None) else { panic!() };
            assert_eq!(hash, H256([expected; 32]));
            reply.send(Ok(())).unwrap();
        }
        assert!(block_on(first).is_ok() && block_on(second).is_ok());
        assert!(matches!(orders.wait(None), Found::News));
        assert!(matches!(orders.wait(Some(Duration::ZERO)), Found::News), "the time is over");
    }

    #[test]
    fn r2_a_full_desk_and_a_closed_one_refuse() {
        let orders = Orders::default();
        let waiting: Vec<_> = (0..ORDERS_MAX).map(|_| orders.create_block(true, false, None)).collect();
        let refused = block_on(orders.create_block(true, false, None));
        assert!(matches!(refused, Err(SealError::Busy { max: ORDERS_MAX })), "{refused:?}");
        orders.close();
        assert!(matches!(orders.wait(None), Found::Closed));
        for one in waiting.into_iter().chain([orders.create_block(true, false, None)]) {
            assert!(matches!(block_on(one), Err(SealError::Stopping)));
        }
    }
}
