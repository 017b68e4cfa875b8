//! What peers may still ask for.
//!
//! Rules
//! - R1 Every peer has an account, and all of them together have one. Both fill up with time, up to a limit.
//! - R2 Who has anything left may ask; the cost is known afterwards and may lead below zero.
//! - R3 At most [`ACCOUNTS_MAX`] accounts are kept. Full ones are forgotten first, since a new one is full as well; while
//!   there is no room, strangers are refused.

use std::collections::BTreeMap;

/// Accounts kept (R3).
const ACCOUNTS_MAX: usize = 1_024;

/// Size and speed of an account, in units of a byte of an answer.
#[derive(Clone, Copy, Debug)]
struct Terms {
    full: i64,
    per_ms: i64,
}

/// One peer: a runtime with its proofs in one go, then eight megabytes a second.
const PEER: Terms = Terms { full: 64 * 1024 * 1024, per_ms: 8 * 1024 };
/// All peers: what half a core and a fast line can give.
const ALL: Terms = Terms { full: 256 * 1024 * 1024, per_ms: 48 * 1024 };

#[derive(Clone, Copy, Debug)]
struct Account {
    left: i64,
    at_ms: u64,
}

impl Account {
    fn fill(&mut self, terms: Terms, now_ms: u64) {
        let passed = i64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(i64::MAX);
        self.left = self.left.saturating_add(passed.saturating_mul(terms.per_ms)).min(terms.full);
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn take(&mut self, cost: u64) {
        self.left = self.left.saturating_sub(i64::try_from(cost).unwrap_or(i64::MAX));
    }
}

/// See the module doc.
#[derive(Debug)]
pub(super) struct Ledger {
    peers: BTreeMap<String, Account>,
    all: Account,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { peers: BTreeMap::new(), all: Account { left: ALL.full, at_ms: 0 } }
    }
}

impl Ledger {
    /// R2.
    pub(super) fn may_ask(&mut self, now_ms: u64, peer: &str) -> bool {
        self.all.fill(ALL, now_ms);
        if self.all.left <= 0 {
            return false;
        }
        match self.peers.get_mut(peer) {
            Some(account) => {
                account.fill(PEER, now_ms);
                account.left > 0
            }
            None => self.has_room(now_ms),
        }
    }

    /// Takes the cost of an answer.
    pub(super) fn charge(&mut self, now_ms: u64, peer: &str, cost: u64) {
        self.all.fill(ALL, now_ms);
        self.all.take(cost);
        if !self.peers.contains_key(peer) && !self.has_room(now_ms) {
            return;
        }
        let new = || Account { left: PEER.full, at_ms: now_ms };
        let account = self.peers.entry(peer.to_owned()).or_insert_with(new);
        account.fill(PEER, now_ms);
        account.take(cost);
    }

    /// R3.
    fn has_room(&mut self, now_ms: u64) -> bool {
        if self.peers.len() >= ACCOUNTS_MAX {
            self.peers.retain(|_, account| {
                account.fill(PEER, now_ms);
                account.left < PEER.full
            });
        }
        self.peers.len() < ACCOUNTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn r1_r2_a_greedy_peer_waits_and_another_does_not() {
        let mut ledger = Ledger::default();
        let mut asked = 0;
        while ledger.may_ask(0, "greedy") {
            ledger.charge(0, "greedy", 3 * MIB);
            asked += 1;
        }
        assert_eq!(asked, 22, "64 MiB, the last one leads below zero");
        assert!(ledger.may_ask(0, "modest"));
        assert!(!ledger.may_ask(200, "greedy"));
        assert!(ledger.may_ask(300, "greedy"), "two MiB below zero are filled after a quarter of a second");
        ledger.charge(300, "greedy", u64::MAX);
        assert!(!ledger.may_ask(1_000_000, "greedy"));
    }

    #[test]
    fn r1_many_peers_together_have_a_limit_too() {
        let mut ledger = Ledger::default();
        let served = (0..100).filter(|n| {
            let peer = n.to_string();
            let may = ledger.may_ask(0, &peer);
            if may {
                ledger.charge(0, &peer, 10 * MIB);
            }
            may
        });
        assert_eq!(served.count(), 26);
        assert!(ledger.may_ask(1_000, "late"), "48 MiB in a second");
    }

    #[test]
    fn r3_strangers_do_not_fill_the_memory() {
        let mut ledger = Ledger::default();
        for n in 0..10 * ACCOUNTS_MAX {
            let peer = n.to_string();
            if ledger.may_ask(0, &peer) {
                ledger.charge(0, &peer, 1);
            }
        }
        assert_eq!(ledger.peers.len(), ACCOUNTS_MAX);
        assert!(!ledger.may_ask(0, "late"));
        assert!(ledger.may_ask(1, "late"), "all accounts are full again and forgotten");
    }
}
