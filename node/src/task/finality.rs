//! Finality by a lone authority: one vote and one justification for each new best block.
//!
//! The vote waits a moment after the import. Clients such as polkadot.js fetch the block when they hear that their
//! transaction is in it, and drop that report if finality overtakes the fetch; a quarter of a slot is time enough for
//! them and still well before the next block.
use super::import;
use crate::service::Inner;
use crate::stop::StopReason;
use quire_consensus::finality::solo::{Decision, LastVote, Solo, Vote};
use quire_core::{GrandpaId, H256};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Share of a slot between import and vote: one over this.
const DELAY_SHARE: u64 = 4;
/// How often the voter looks for work without being told, seconds.
const IDLE_S: u64 = 1;

/// Wakes a thread that waits for news.
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

/// Runs until the node stops. Votes with the key of this node that is in the voter set; looks again as long as there is
/// none, so that an inserted key is used without a restart.
pub(crate) fn run(node: &Inner) {
    let mut solo: Option<Solo> = None;
    let mut complained = false;
    while !node.stop.is_thrown() {
        let advanced = match &mut solo {
            Some(solo) => advance(node, solo),
            none => find_key(node).and_then(|id| advance(node, none.insert(voter(node, id)))),
        };
        match advanced {
            Ok(()) => complained = false,
            Err(Trouble::Fatal(why)) => node.stop.throw(StopReason::Fatal(why)),
            Err(Trouble::Waits(why)) => {
                if !complained {
                    tracing::warn!(target: "grandpa", "finality waits: {why}");
                }
                complained = true;
                // The next look may find another key: one that was inserted, or that the set has now.
                solo = None;
            }
        }
        node.voter.wait();
        node.stop.wait(delay(node));
    }
}

/// The voter with the key `id`, where its guard says it stopped.
pub(super) fn voter(node: &Inner, id: GrandpaId) -> Solo {
    Solo::new(id, node.keystore.guard().view(|guard| guard.last_precommit(&id.0)))
}

pub(super) fn find_key(node: &Inner) -> Result<GrandpaId, Trouble> {
    let (voters, _) = node.chain.finality(None);
    let ours = node.keystore.grandpa_keys().into_iter().find(|id| voters.contains(id));
    ours.ok_or_else(|| {
        Trouble::Waits(
            "no key of this node is in the finality set, so it votes nothing; insert one with author_insertKey or quire key insert"
                .into(),
        )
    })
}

fn delay(node: &Inner) -> Duration {
    let slot_ms = node.chain.aura_set(node.chain.best().hash).map_or(0, |set| set.slot_duration_ms);
    Duration::from_millis(slot_ms / DELAY_SHARE)
}

/// Why nothing was made final.
pub(super) enum Trouble {
    /// The node must stop.
    Fatal(String),
    /// It may work later.
    Waits(String),
}

/// Votes for `target` and what must be final before it, until it is final; for a chain whose blocks are finalised on
/// order.
pub(super) fn finalise_to(node: &Inner, solo: &mut Solo, target: H256) -> Result<(), Trouble> {
    while let Some((voters, view)) = node.chain.finality_of(target, solo.last()) {
        match solo.next(&voters, &view).map_err(|why| Trouble::Waits(why.to_string()))? {
            Decision::Idle => return Ok(()),
            Decision::Missing { vote } => return Err(missing(&vote)),
            Decision::Vote(vote) => finalise(node, &vote)?,
        }
    }
    Err(Trouble::Waits(format!("block {target} is unknown or its fork lost")))
}

/// Votes once, if there is something to finalise; what is left waits for its own delay.
fn advance(node: &Inner, solo: &mut Solo) -> Result<(), Trouble> {
    let (voters, view) = node.chain.finality(solo.last());
    match solo.next(&voters, &view).map_err(|why| Trouble::Waits(why.to_string()))? {
        Decision::Idle => Ok(()),
        Decision::Missing { vote } => Err(missing(&vote)),
        Decision::Vote(vote) => {
            finalise(node, &vote)?;
            node.voter.wake();
            Ok(())
        }
    }
}

fn missing(vote: &LastVote) -> Trouble {
    Trouble::Waits(format!(
        "block {} ({}) was voted for and is not in the database: restore the database of this key",
        vote.target_number, vote.target_hash
    ))
}

fn finalise(node: &Inner, vote: &Vote) -> Result<(), Trouble> {
    let signature = node.keystore.sign_precommit(vote).map_err(|why| match why.is_fatal() {
        true => Trouble::Fatal(why.to_string()),
        false => Trouble::Waits(why.to_string()),
    })?;
    node.metrics.precommits.count();
    let finalised = node.announcer.in_order(
        || node.chain.finalise(vote.target_hash, &vote.justify(signature)),
        |done| import::finalised(node, done),
    );
    finalised.map(drop).map_err(|why| match why.is_fatal() {
        true => Trouble::Fatal(why.to_string()),
        false => Trouble::Waits(why.to_string()),
    })
}
