//! Finality on order: a lone authority proves the block that a client of `--sealing manual` names.
//!
//! The voter of [`crate::net`] finalises whatever is best by itself, and cannot be told a block; an order names one, on
//! whatever fork. So on-demand sealing keeps a decider of its own.
use super::import;
use crate::service::Inner;
use quire_consensus::finality::solo::{Decision, LastVote, Solo, Vote};
use quire_core::{GrandpaId, H256};
use std::sync::Arc;

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

/// Why nothing was made final.
pub(super) enum Trouble {
    /// The node must stop.
    Fatal(String),
    /// It may work later.
    Waits(String),
}

/// Votes for `target` and what must be final before it, until it is final.
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
    let proof = Arc::new(vote.justify(signature));
    let finalised = node.announcer.in_order(
        || node.chain.finalise(vote.target_hash, &proof),
        |done| import::finalised(node, done, &proof),
    );
    finalised.map(drop).map_err(|why| match why.is_fatal() {
        true => Trouble::Fatal(why.to_string()),
        false => Trouble::Waits(why.to_string()),
    })
}
