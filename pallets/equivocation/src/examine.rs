//! Whether a report proves an offence that is not punished yet (R1 to R3, R5).

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pallet_support::{DispatchError, ensure, host};
use parity_scale_codec::Encode;
use quire_core::{
    AuraId, GrandpaId, H256, Header, InvalidTransaction, KeyTypeId, Slot, TransactionValidity,
    ValidTransaction, keys, limits,
};

use crate::storage::PUNISHED;
use crate::types::{Accused, AuthorProof, Equivocation, MembershipProof, Offence, Vote, VoterProof, Votes};
use crate::{Call, Error};

/// Tags of votes in what is signed.
const PREVOTE: u8 = 0;
const PRECOMMIT: u8 = 1;
/// For how many blocks a report stays valid without being looked at again.
const LONGEVITY_BLOCKS: u64 = 64;
/// First part of the tag that reports of one offence share.
const TAG: &[u8] = b"quire/equivocation";

/// Who did what, when the report proves it and it is not punished.
///
/// # Errors
/// See [`Error`].
pub fn examine(call: &Call) -> Result<Accused, DispatchError> {
    ensure!(
        call.encoded_size() <= limits::MAX_EQUIVOCATION_PROOF_BYTES as usize,
        Error::InvalidEquivocationProof
    );
    // What is cheap to refuse is refused before signatures are looked at.
    let accused = match call {
        Call::report_author { equivocation_proof: proof, key_owner_proof } => {
            let offence = Offence::Authored { session: key_owner_proof.session };
            let accused = owner(key_owner_proof, keys::AURA, &proof.offender.0, offence, Some(proof.slot))?;
            ensure!(is_double_block(proof), Error::InvalidEquivocationProof);
            accused
        }
        Call::report_voter { equivocation_proof: proof, key_owner_proof } => {
            let offence = Offence::Voted { set_id: proof.set_id };
            let (Equivocation::Prevote(votes) | Equivocation::Precommit(votes)) = &proof.equivocation;
            let accused = owner(key_owner_proof, keys::GRANDPA, &votes.identity.0, offence, None)?;
            ensure!(is_double_vote(proof), Error::InvalidEquivocationProof);
            accused
        }
    };
    Ok(accused)
}

/// R3, and that it is not punished (R4).
fn owner(
    proof: &MembershipProof,
    key_type: KeyTypeId,
    key: &[u8; 32],
    offence: Offence,
    slot: Option<Slot>,
) -> Result<Accused, DispatchError> {
    let record = pallet_session::record(proof.session).ok_or(Error::InvalidKeyOwnershipProof)?;
    let is_that = match offence {
        Offence::Authored { .. } => slot.is_some_and(|slot| record.covers(slot)),
        Offence::Voted { set_id } => record.set_id == set_id,
    };
    let is_whole = proof.trie_nodes.is_empty() && proof.validator_count as usize == record.authorities.len();
    ensure!(is_that && is_whole, Error::InvalidKeyOwnershipProof);
    let who = record.owner(key_type, key).ok_or(Error::InvalidKeyOwnershipProof)?;
    ensure!(!PUNISHED.contains(&offence, &who), Error::DuplicateOffenceReport);
    Ok(Accused { who, offence })
}

/// R1.
fn is_double_block(proof: &AuthorProof) -> bool {
    let first = sealed_payload(&proof.first_header, &proof.offender, proof.slot);
    let second = sealed_payload(&proof.second_header, &proof.offender, proof.slot);
    matches!((first, second), (Some(first), Some(second)) if first != second)
}

/// The hash that a header's seal signs, when the seal is this key's and the header claims this slot.
fn sealed_payload(header: &Header, key: &AuraId, slot: Slot) -> Option<H256> {
    let (seal, payload) = (header.digest.seal()?, header.pre_hash());
    let is_good = header.digest.aura_slot() == Some(slot) && host::sr25519_verify(&seal, &payload.0, &key.0);
    is_good.then_some(payload)
}

/// R2.
fn is_double_vote(proof: &VoterProof) -> bool {
    let (tag, votes) = match &proof.equivocation {
        Equivocation::Prevote(votes) => (PREVOTE, votes),
        Equivocation::Precommit(votes) => (PRECOMMIT, votes),
    };
    let Votes { round_number, identity, first, second } = votes;
    let is_signed = |(vote, signature): &(Vote, [u8; 64])| {
        let message = (tag, vote, round_number, proof.set_id).encode();
        host::ed25519_verify(signature, &message, &identity.0)
    };
    first.0 != second.0 && is_signed(first) && is_signed(second)
}

/// Whether a report may be in a block (R5).
///
/// # Errors
/// `BadProof`, or `Stale` when the offence is punished.
pub fn validate(call: &Call) -> TransactionValidity {
    let accused = examine(call).map_err(|why| {
        if why == Error::DuplicateOffenceReport.into() {
            InvalidTransaction::Stale
        } else {
            InvalidTransaction::BadProof
        }
    })?;
    Ok(ValidTransaction {
        priority: u64::MAX,
        requires: Vec::new(),
        provides: vec![(TAG, accused).encode()],
        longevity: LONGEVITY_BLOCKS,
        propagate: true,
    })
}

/// The report of two blocks, if they prove an offence that is not punished.
pub fn report_author(proof: AuthorProof) -> Option<Call> {
    let session = pallet_session::session_of_slot(proof.slot)?;
    let call =
        Call::report_author { equivocation_proof: Box::new(proof), key_owner_proof: membership(session)? };
    examine(&call).is_ok().then_some(call)
}

/// The report of two votes, if they prove an offence that is not punished.
pub fn report_voter(proof: VoterProof) -> Option<Call> {
    let (Equivocation::Prevote(votes) | Equivocation::Precommit(votes)) = &proof.equivocation;
    let key_owner_proof = key_ownership(proof.set_id, &votes.identity)?;
    let call = Call::report_voter { equivocation_proof: Box::new(proof), key_owner_proof };
    examine(&call).is_ok().then_some(call)
}

/// That a key voted in a set, if there is a record of it.
pub fn key_ownership(set_id: u64, key: &GrandpaId) -> Option<MembershipProof> {
    let session = pallet_session::session_of_set(set_id)?;
    pallet_session::record(session)?.owner(keys::GRANDPA, &key.0)?;
    membership(session)
}

fn membership(session: u32) -> Option<MembershipProof> {
    let count = pallet_session::record(session)?.authorities.len();
    Some(MembershipProof { session, trie_nodes: Vec::new(), validator_count: u32::try_from(count).ok()? })
}
