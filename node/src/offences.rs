//! Proofs that an authority broke the rules: two blocks in one slot, two votes in one round. They are
//! logged, counted and reported to the chain.
use crate::equivocation::{author_report, voter_report};
use crate::service::Inner;
use quire_chain::QueryError;
use quire_consensus::equivocation::EquivocationProof;
use quire_consensus::finality::votes::VoteEquivocation;
use quire_core::{OpaqueExtrinsic, TransactionSource};

/// An author sealed two blocks in one slot.
pub(crate) fn seal(node: &Inner, proof: &EquivocationProof) {
    node.metrics.seal_equivocations.count();
    tracing::warn!(target: "aura", "equivocation: two blocks in one slot by one author: {proof:?}");
    hand_in(node, author_report(&node.chain, proof));
}

/// An authority voted twice in one round.
pub(crate) fn vote(node: &Inner, proof: &VoteEquivocation) {
    node.metrics.vote_equivocations.count();
    tracing::warn!(target: "grandpa", "equivocation: two votes of one kind in one round: {proof:?}");
    hand_in(node, voter_report(&node.chain, proof));
}

/// The report goes to the pool, and from there into a block of ours or of a peer; the pool keeps one for an offence.
fn hand_in(node: &Inner, report: Result<Option<OpaqueExtrinsic>, QueryError>) {
    match report {
        Ok(Some(extrinsic)) => drop(node.pool.submit(TransactionSource::Local, extrinsic)),
        Ok(None) => {}
        Err(why) => tracing::warn!(target: "offences", "an equivocation was not reported: {why}"),
    }
}
