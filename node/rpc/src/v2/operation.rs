//! What `body`, `call` and `storage` do between their reply and their last event.
use crate::api::Context;
use crate::backend::{Backend, BackendError};
use crate::transport::Outbox;
use crate::v2::event::OperationEvent;
use crate::v2::storage::{PageLimits, Pages, Query};
use parity_scale_codec::Encode;
use quire_core::H256;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot};

/// An event on its way from an operation to the client.
pub(crate) struct Told {
    pub(crate) id: u64,
    pub(crate) event: OperationEvent,
    /// Dropped when the event was sent.
    pub(crate) sent: oneshot::Sender<()>,
}

/// An operation's way to its follow.
pub(crate) struct Operation {
    pub(crate) id: u64,
    pub(crate) context: Arc<Context>,
    /// What waits for the client; none without a server.
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) events: mpsc::Sender<Told>,
    /// Wakes it after `chainHead_v1_continue`.
    pub(crate) resumed: Arc<Notify>,
}

/// What an operation is about.
pub(crate) enum Work {
    /// The extrinsics of a block.
    Body(H256),
    /// A runtime call: entry point and arguments.
    Call(H256, String, Vec<u8>),
    /// Storage.
    Storage(H256, Vec<Query>),
}

/// The follow has ended; nobody waits for the rest.
struct Left;

impl Operation {
    /// Runs to the last event.
    pub(crate) async fn run(self, work: Work) {
        let done = match work {
            Work::Body(at) => self.body(at).await,
            Work::Call(at, method, arguments) => self.call(at, method, arguments).await,
            Work::Storage(at, queries) => self.storage(at, queries).await,
        };
        // Without a follow there is nobody to tell.
        drop(done);
    }

    /// Tells an event, and waits until it was sent.
    async fn tell(&self, event: OperationEvent) -> Result<(), Left> {
        let _counted = self.outbox.as_ref().map(|outbox| outbox.hold(event.size_bytes()));
        let (sent, is_sent) = oneshot::channel();
        self.events.send(Told { id: self.id, event, sent }).await.map_err(|_| Left)?;
        // The follow drops its end; it never sends.
        let _ = is_sent.await;
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Backend) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, OperationEvent> {
        match self.context.read_for(self.outbox.clone(), |backend| Ok(read(backend))).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(failure(&why)),
            Err(why) => Err(OperationEvent::Error(why.message().to_owned())),
        }
    }

    async fn body(&self, at: H256) -> Result<(), Left> {
        let block = self.read(move |backend| backend.block(&at)).await;
        self.tell(match block {
            Ok(Some(block)) => {
                OperationEvent::BodyDone(block.extrinsics.iter().map(Encode::encode).collect())
            }
            Ok(None) => OperationEvent::Inaccessible,
            Err(failed) => failed,
        })
        .await
    }

    async fn call(&self, at: H256, method: String, arguments: Vec<u8>) -> Result<(), Left> {
        let output = self.read(move |backend| backend.call(&at, &method, &arguments)).await;
        self.tell(output.map_or_else(|failed| failed, OperationEvent::CallDone)).await
    }

    async fn storage(&self, at: H256, queries: Vec<Query>) -> Result<(), Left> {
        let config = &self.context.config;
        let limits = PageLimits { items: config.max_keys_per_page, bytes: config.storage_page_bytes };
        let mut pages = Pages::new(at, queries, limits);
        let mut told_bytes = 0_usize;
        while !pages.is_done() {
            let page = self.read(move |backend| pages.next(backend).map(|items| (pages, items))).await;
            let items = match page {
                Ok((rest, items)) => {
                    pages = rest;
                    items
                }
                Err(failed) => return self.tell(failed).await,
            };
            if !items.is_empty() {
                let event = OperationEvent::StorageItems(items);
                told_bytes = told_bytes.saturating_add(event.size_bytes());
                self.tell(event).await?;
            }
            if told_bytes >= config.storage_bytes_before_continue && !pages.is_done() {
                told_bytes = 0;
                self.tell(OperationEvent::WaitingForContinue).await?;
                self.resumed.notified().await;
            }
        }
        self.tell(OperationEvent::StorageDone).await
    }
}

/// R6, R7: what is gone is inaccessible, what the runtime or the node cannot do is an error.
fn failure(why: &BackendError) -> OperationEvent {
    match why {
        BackendError::UnknownBlock(_) | BackendError::StateDiscarded(_) => OperationEvent::Inaccessible,
        _ => OperationEvent::Error(why.to_string()),
    }
}
