//! New code on its way to `:code`, as one node sees it: tries it, has an opinion, is ready for it.
//!
//! Terms: the *dry run* is everything that the node tries with the code on the live state; its *verdict* is what the
//! node's blocks tell the chain. The rules of the chain are those of the pallet Upgrade.
//!
//! ```text
//!   best block ──> Attestor ── Try ──> dry run ── Tried ──> Attestor ── Say ──> Opinion ──> inherents of own blocks
//!                 (decides)           (this thread, low priority)
//! ```
//!
//! Every node does this, also one that authors nothing: it then knows, says so in its log, and has the code compiled
//! before the first block needs it.
//!
//! | module | holds |
//! |---|---|
//! | `attestor` | when to try, and what stands as the verdict |
//! | `dry_run` | what is tried, in which order, and the words of a refusal |

mod attestor;
mod dry_run;

pub(crate) use attestor::{Attestor, Effect, Input, Open};
pub(crate) use dry_run::{Complaint, dry_run, trial_options};

use crate::task::bell::Bell;
use quire_core::upgrade::VERDICT_ID;
use quire_core::{H256, InherentData, Verdict};
use std::sync::{Mutex, PoisonError};

/// What this node's blocks say about the open upgrade, and the bell that wakes its worker.
#[derive(Default)]
pub(crate) struct Opinion {
    said: Mutex<Option<(H256, Verdict)>>,
    bell: Bell,
}

impl Opinion {
    /// Replaces what own blocks say.
    pub(crate) fn set(&self, said: Option<(H256, Verdict)>) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }

    /// Adds the verdict to what the runtime is told; the runtime takes it when it is news.
    pub(crate) fn tell(&self, inherents: &mut InherentData) {
        if let Some(said) = &*self.said.lock().unwrap_or_else(PoisonError::into_inner) {
            inherents.put(VERDICT_ID, said);
        }
    }

    /// The best block moved, or the node stops.
    pub(crate) fn wake(&self) {
        self.bell.wake();
    }

    /// Waits for [`wake`](Self::wake), or a second.
    pub(crate) fn wait(&self) {
        self.bell.wait();
    }
}
