//! What the rest of the node sees of peers, sync and finality: a copy that the hub renews after each piece of work.
use crate::clock::Stopwatch;
use quire_chain::Head;
use quire_consensus::finality::voter::Explanation;
use quire_core::BlockNumber;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Blocks behind from which on a node is said to sync, as in Substrate.
pub(crate) const MAJOR_SYNC_BLOCKS: BlockNumber = 5;

/// A connected peer.
#[derive(Debug, Clone)]
pub(crate) struct PeerView {
    /// Its base58 id.
    pub(crate) id: String,
    /// Role bits of its handshake.
    pub(crate) roles: u8,
    /// What it is believed to have as its best block.
    pub(crate) best: Head,
    /// What it may do by its certificate, and why no more.
    pub(crate) standing: Option<String>,
}

/// The copy.
#[derive(Debug)]
pub(crate) struct State {
    /// Peers by link.
    pub(crate) peers: BTreeMap<u64, PeerView>,
    /// The height that half of the peers have reached; none without peers.
    pub(crate) target: Option<BlockNumber>,
    /// Whether that is far above our best block.
    pub(crate) is_syncing: bool,
    /// Blocks that wait for their import.
    pub(crate) queued: usize,
    /// How the vote stands; none before the hub's first step.
    pub(crate) finality: Option<Explanation>,
    /// Whether a key of this node votes.
    pub(crate) is_voter: bool,
}

/// The copy behind a lock, with the clock that its times are of.
#[derive(Debug)]
pub(crate) struct View {
    state: Mutex<State>,
    pub(crate) clock: Stopwatch,
}

impl View {
    pub(crate) fn new() -> Self {
        let state = State {
            peers: BTreeMap::new(),
            target: None,
            is_syncing: false,
            queued: 0,
            finality: None,
            is_voter: false,
        };
        Self { state: Mutex::new(state), clock: Stopwatch::start() }
    }

    /// Locked for a moment.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Plain values: a panic elsewhere cannot leave them half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The height that at least half of `heads` have reached: one liar among several peers does not move it.
pub(super) fn median(heads: impl Iterator<Item = BlockNumber>) -> Option<BlockNumber> {
    let mut numbers: Vec<BlockNumber> = heads.collect();
    numbers.sort_unstable();
    numbers.get(numbers.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn one_liar_among_three_moves_no_target() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([7].into_iter()), Some(7));
        assert_eq!(median([1_000_000, 7].into_iter()), Some(7));
        assert_eq!(median([7, 1_000_000, 8].into_iter()), Some(8));
    }
}
