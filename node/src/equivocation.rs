//! Turns the equivocations that this node found into the transactions that report them.
//!
//! Rules:
//! * R1 The runtime makes the transaction, on the state of the best block: it knows whose key it was, and whether the
//!   offence is punished already. Then there is nothing to report.
//! * R2 The transaction needs no account and no fee; it goes to the pool like one of this node's own
//!   (`TransactionSource::Local`) and from there to the peers.
//!
//! Out of scope: finding equivocations (`quire_consensus`), what they cost (the pallet Equivocation).

use pallet_equivocation::{AuthorProof, Equivocation, Vote, VoterProof, Votes};
use parity_scale_codec::{Decode, Encode};
use quire_chain::{Chain, Execute, QueryError, Store};
use quire_consensus::equivocation::EquivocationProof;
use quire_consensus::finality::message::Ballot;
use quire_consensus::finality::votes::{Phase, VoteEquivocation};
use quire_core::OpaqueExtrinsic;

/// The report of two blocks in one slot; none when there is nothing to be punished (R1).
///
/// # Errors
/// When the runtime could not be asked.
pub fn author_report<S: Store + ?Sized + 'static, E: Execute + ?Sized>(
    chain: &Chain<S, E>,
    proof: &EquivocationProof,
) -> Result<Option<OpaqueExtrinsic>, QueryError> {
    ask(chain, "QuireSession_report_author", &author_proof(proof).encode())
}

/// The report of two votes in one round; none when there is nothing to be punished (R1).
///
/// # Errors
/// When the runtime could not be asked.
pub fn voter_report<S: Store + ?Sized + 'static, E: Execute + ?Sized>(
    chain: &Chain<S, E>,
    proof: &VoteEquivocation,
) -> Result<Option<OpaqueExtrinsic>, QueryError> {
    ask(chain, "QuireSession_report_voter", &voter_proof(proof).encode())
}

fn ask<S: Store + ?Sized + 'static, E: Execute + ?Sized>(
    chain: &Chain<S, E>,
    method: &str,
    proof: &[u8],
) -> Result<Option<OpaqueExtrinsic>, QueryError> {
    let answer = chain.call(chain.best().hash, method, proof)?;
    // A runtime that answers something else is one that offers no such report.
    Ok(Option::<OpaqueExtrinsic>::decode(&mut answer.as_slice()).ok().flatten())
}

fn author_proof(proof: &EquivocationProof) -> AuthorProof {
    AuthorProof {
        offender: proof.offender,
        slot: proof.slot,
        first_header: (*proof.first).clone(),
        second_header: (*proof.second).clone(),
    }
}

fn voter_proof(proof: &VoteEquivocation) -> VoterProof {
    let vote = |ballot: &Ballot| {
        let vote = Vote { target_hash: ballot.target.hash, target_number: ballot.target.number };
        (vote, ballot.signature)
    };
    let votes = Votes {
        round_number: proof.round,
        identity: proof.offender(),
        first: vote(&proof.first),
        second: vote(&proof.second),
    };
    let equivocation = match proof.phase {
        Phase::Prevote => Equivocation::Prevote(votes),
        Phase::Precommit => Equivocation::Precommit(votes),
    };
    VoterProof { set_id: proof.set_id, equivocation }
}

#[cfg(test)]
mod tests;
