//! Wakes a thread that waits for news.
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often the thread looks for work without being told, seconds.
const IDLE_S: u64 = 1;

/// See the module doc.
#[derive(Default)]
pub(crate) struct Bell {
    is_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    pub(crate) fn wake(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rung.notify_one();
    }

    pub(crate) fn wait(&self) {
        let is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(is_rung, Duration::from_secs(IDLE_S), |is_rung| !*is_rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
