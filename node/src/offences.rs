//! Proofs that an authority broke the rules: two blocks in one slot, two votes in one round.
use crate::service::Inner;
use quire_consensus::equivocation::EquivocationProof;
use quire_consensus::finality::votes::VoteEquivocation;

/// An author sealed two blocks in one slot.
pub(crate) fn seal(node: &Inner, proof: &EquivocationProof) {
    node.metrics.seal_equivocations.count();
    tracing::warn!(target: "aura", "equivocation: two blocks in one slot by one author: {proof:?}");
}

/// An authority voted twice in one round.
pub(crate) fn vote(node: &Inner, proof: &VoteEquivocation) {
    node.metrics.vote_equivocations.count();
    tracing::warn!(target: "grandpa", "equivocation: two votes of one kind in one round: {proof:?}");
}
