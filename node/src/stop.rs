//! One switch that stops every thread and task of a node, with the reason.
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Why a node stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked for it.
    Requested,
    /// Going on would be wrong; the sentence says why and what to do.
    Fatal(String),
}

/// The switch. The first reason stays.
pub(crate) struct Stop {
    reason: Mutex<Option<StopReason>>,
    thrown: Condvar,
    tasks: watch::Sender<Option<StopReason>>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Self { reason: Mutex::default(), thrown: Condvar::new(), tasks: watch::channel(None).0 }
    }

    /// Throws the switch.
    pub(crate) fn throw(&self, reason: StopReason) {
        let mut known = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            if let StopReason::Fatal(why) = &reason {
                tracing::error!("the node stops: {why}");
            }
            *known = Some(reason.clone());
            self.tasks.send_replace(Some(reason));
            self.thrown.notify_all();
        }
    }

    /// Whether it was thrown.
    pub(crate) fn is_thrown(&self) -> bool {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Waits for `time` at most; true when it was thrown. For threads.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.thrown.wait_timeout_while(reason, time, |reason| reason.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_some()
    }

    /// Completes when it was thrown. For tasks.
    pub(crate) async fn thrown(&self) -> StopReason {
        let mut tasks = self.tasks.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let reason = tasks.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or(StopReason::Requested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_first_reason_stays_and_everybody_wakes() {
        let stop = Arc::new(Stop::new());
        assert!(!stop.is_thrown() && !stop.wait(Duration::from_millis(1)));
        let waiting = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::from_secs(60))
        });
        stop.throw(StopReason::Fatal("disk full".into()));
        stop.throw(StopReason::Requested);
        assert!(waiting.join().unwrap() && stop.is_thrown());
        assert_eq!(futures::executor::block_on(stop.thrown()), StopReason::Fatal("disk full".into()));
    }
}
