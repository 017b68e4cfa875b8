//! One subscriber's stream: reply first, then items, with a bound on how long a slow reader is waited for (R2, R7).
use crate::error;
use crate::transport::Outbox;
use jsonrpsee::core::server::SendTimeoutError;
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::{PendingSubscriptionSink, SubscriptionSink, core::SubscriptionError};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// An accepted subscription.
pub(crate) struct Subscriber {
    sink: SubscriptionSink,
    patience: Duration,
    /// What waits for the client; none without a server.
    outbox: Option<Arc<Outbox>>,
    _place: OwnedSemaphorePermit,
}

/// Why a subscription ended.
pub(crate) enum Ended {
    /// The client left or unsubscribed; nobody listens any more.
    Gone,
    /// The node gives up; the client is told why.
    Broken(String),
}

/// What a subscription's body returns.
pub(crate) type Outcome = Result<(), Ended>;

impl From<ErrorObjectOwned> for Ended {
    fn from(error: ErrorObjectOwned) -> Self {
        Self::Broken(error.message().to_owned())
    }
}

/// What jsonrpsee sends after the body returned: nothing, or the reason as an error notification.
pub(crate) fn close(outcome: Outcome) -> Result<(), SubscriptionError> {
    match outcome {
        Ok(()) | Err(Ended::Gone) => Ok(()),
        Err(Ended::Broken(reason)) => Err(SubscriptionError::from(reason)),
    }
}

impl Subscriber {
    /// Sends the reply to the subscribe call. The place among all subscriptions, and the outbox in which items wait,
    /// come from the context.
    pub(crate) async fn accept(
        pending: PendingSubscriptionSink,
        patience: Duration,
        outbox: Option<Arc<Outbox>>,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, Ended> {
        let sink = pending.accept().await.map_err(|_| Ended::Gone)?;
        Ok(Self { sink, patience, outbox, _place: place })
    }

    /// Sends one item, waiting a bounded time for a slow reader.
    pub(crate) async fn send<T: Serialize + ?Sized>(&self, item: &T) -> Outcome {
        let json = serde_json::value::to_raw_value(item).map_err(error::internal)?;
        if let Some(outbox) = &self.outbox {
            let _counted = outbox.hold(json.get().len());
            tokio::time::timeout(self.patience, outbox.room()).await.map_err(|_| self.too_slow())?;
        }
        match self.sink.send_timeout(json, self.patience).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => Err(self.too_slow()),
            Err(SendTimeoutError::Closed(_)) => Err(Ended::Gone),
        }
    }

    fn too_slow(&self) -> Ended {
        Ended::Broken(format!(
            "subscription closed: the client read too little for {} ms; subscribe again",
            self.patience.as_millis()
        ))
    }

    /// The subscription's id, as the reply told it.
    pub(crate) fn id(&self) -> jsonrpsee::types::SubscriptionId<'static> {
        self.sink.subscription_id()
    }

    /// Completes when the client unsubscribed or left.
    pub(crate) async fn closed(&self) {
        self.sink.closed().await;
    }

    /// Waits for `next`, unless the client leaves first.
    pub(crate) async fn until_closed<T>(&self, next: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            biased;
            () = self.closed() => Err(Ended::Gone),
            item = next => Ok(item),
        }
    }
}

/// A subscriber missed events because it was too slow for the node's own buffer.
pub(crate) fn lagged(missed: u64) -> Ended {
    Ended::Broken(format!(
        "subscription closed: {missed} events were missed by a slow reader; subscribe again"
    ))
}
