//! One test per rule of Equivocation.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pallet_bonds::storage::LEDGERS;
use pallet_session::{SessionKeys, ends_with};
use pallet_support::testing::{has_event, new_test};
use pallet_support::{DispatchError, Origin};
use parity_scale_codec::Encode;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{
    AccountId, AuraId, Balance, Digest, DigestItem, GrandpaId, H256, Header, InvalidTransaction, Slot, UNITS,
    limits,
};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};

use super::*;
use crate::examine::key_ownership;
use crate::genesis::Config;

const LENGTH: u32 = 10;
const BOND: Balance = 1_000 * UNITS;
const UNBONDING: Balance = 500 * UNITS;

fn sr25519(n: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[n; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn ed25519(n: u8) -> ed25519_zebra::SigningKey {
    ed25519_zebra::SigningKey::from([n; 32])
}

fn keys_of(n: u8) -> SessionKeys {
    let grandpa = ed25519_zebra::VerificationKeyBytes::from(&ed25519(n)).into();
    SessionKeys { aura: AuraId(sr25519(n).public.to_bytes()), grandpa: GrandpaId(grandpa) }
}

fn who(n: u8) -> AccountId {
    AccountId([n; 32])
}

/// A chain of four authorities with bonds, in its first session.
fn chain<R>(work: impl FnOnce() -> R) -> R {
    new_test(|| {
        let members: Vec<_> = (1..=4).map(who).collect();
        let balances = members.iter().map(|who| (*who, 2 * BOND)).collect();
        pallet_balances::genesis::Config { balances }.build().unwrap();
        pallet_members::genesis::Config::simple(&members).build().unwrap();
        pallet_bonds::genesis::Config::default().build().unwrap();
        for n in 1..=4 {
            let bond = |call| pallet_bonds::dispatch(call, Origin::Signed(who(n))).unwrap();
            bond(pallet_bonds::Call::bond { amount: BOND + UNBONDING });
            bond(pallet_bonds::Call::unbond { amount: UNBONDING });
        }
        pallet_session::genesis::Config {
            parameters: pallet_session::Parameters { length_slots: LENGTH, minimum_stake: 0 },
            authorities: (1..=4).map(|n| (who(n), keys_of(n))).collect(),
        }
        .build()
        .unwrap();
        Config::default().build().unwrap();
        block(1);
        let result = work();
        pallet_bonds::check_invariants().unwrap();
        pallet_session::check_invariants().unwrap();
        check_invariants().unwrap();
        result
    })
}

fn block(slot: u64) {
    pallet_system::initialize(slot as u32, H256::ZERO, Digest::for_slot(Slot(slot)));
    pallet_aura::on_initialize().unwrap();
    if ends_with(Slot(slot)) {
        on_forgotten(&pallet_session::on_finalize(Slot(slot), &[7; 32]));
    }
}

/// A header of this slot, sealed by a key.
fn header(n: u8, slot: u64, state: u8) -> Header {
    let mut header = Header {
        number: 5,
        state_root: H256([state; 32]),
        digest: Digest::for_slot(Slot(slot)),
        ..Header::default()
    };
    let seal = sr25519(n).sign(signing_context(b"substrate").bytes(&header.hash().0)).to_bytes();
    header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, seal.to_vec()));
    header
}

fn blocks(n: u8, slot: u64) -> AuthorProof {
    AuthorProof {
        offender: keys_of(n).aura,
        slot: Slot(slot),
        first_header: header(n, slot, 1),
        second_header: header(n, slot, 2),
    }
}

fn signed(n: u8, tag: u8, target: u8, round: u64, set_id: u64) -> (Vote, [u8; 64]) {
    let vote = Vote { target_hash: H256([target; 32]), target_number: target.into() };
    let signature = ed25519(n).sign(&(tag, vote, round, set_id).encode());
    (vote, signature.into())
}

/// Two votes of a kind: 0 prevotes, 1 precommits.
fn votes(n: u8, tag: u8, round: u64, set_id: u64) -> VoterProof {
    let votes = Votes {
        round_number: round,
        identity: keys_of(n).grandpa,
        first: signed(n, tag, 1, round, set_id),
        second: signed(n, tag, 2, round, set_id),
    };
    let equivocation = if tag == 0 { Equivocation::Prevote(votes) } else { Equivocation::Precommit(votes) };
    VoterProof { set_id, equivocation }
}

fn of(session: u32) -> MembershipProof {
    MembershipProof { session, trie_nodes: vec![], validator_count: 4 }
}

fn author_call(proof: AuthorProof, session: u32) -> Call {
    Call::report_author { equivocation_proof: Box::new(proof), key_owner_proof: of(session) }
}

fn voter_call(proof: VoterProof, session: u32) -> Call {
    Call::report_voter { equivocation_proof: Box::new(proof), key_owner_proof: of(session) }
}

/// Sends a report, and checks that validation and dispatch are of one opinion.
fn send(call: Call) -> Result<(), DispatchError> {
    let valid = validate(&call).is_ok();
    let result = dispatch(call, Origin::None).map(|_| ()).map_err(|failed| failed.error);
    assert_eq!(valid, result.is_ok());
    result
}

fn bonded(n: u8) -> Balance {
    LEDGERS.get_or_default(&who(n)).total()
}

fn set() -> Vec<AccountId> {
    let mut set = pallet_session::storage::VALIDATORS.get_or_default();
    set.sort_unstable();
    set
}

#[test]
fn r1_two_blocks_in_a_slot_are_punished_once() {
    chain(|| {
        let issuance = pallet_balances::total_issuance();
        let call = report_author(blocks(2, 5)).unwrap();
        assert_eq!(call, author_call(blocks_of(&call), 0));
        send(call.clone()).unwrap();
        let slashed = (BOND + UNBONDING) / 10;
        assert_eq!(bonded(2), BOND + UNBONDING - slashed, "unbonding money counts");
        assert_eq!(pallet_balances::total_issuance(), issuance - slashed, "it is burned");
        let offence = Offence::Authored { session: 0 };
        assert!(has_event(INDEX, &Event::Punished { who: who(2), offence, slashed }));
        assert_eq!(send(call), Err(Error::DuplicateOffenceReport.into()));
        assert_eq!(send(author_call(blocks(2, 6), 0)), Err(Error::DuplicateOffenceReport.into()));
        assert_eq!(report_author(blocks(2, 7)), None);
        assert_eq!(bonded(2), BOND + UNBONDING - slashed);
        send(author_call(blocks(3, 5), 0)).unwrap();
        block(11);
        assert_eq!(set().len(), 3, "of two offenders in four one leaves");
        block(21);
        assert_eq!(set(), [who(1), who(4)]);
    });
}

fn blocks_of(call: &Call) -> AuthorProof {
    match call {
        Call::report_author { equivocation_proof, .. } => (**equivocation_proof).clone(),
        Call::report_voter { .. } => unreachable!("the test reports blocks"),
    }
}

#[test]
fn r1_what_does_not_contradict_or_is_not_signed_is_refused() {
    chain(|| {
        let refused = |proof: AuthorProof| {
            assert_eq!(report_author(proof.clone()), None);
            assert_eq!(send(author_call(proof, 0)), Err(Error::InvalidEquivocationProof.into()));
        };
        let good = blocks(2, 5);
        refused(AuthorProof { second_header: good.first_header.clone(), ..good.clone() });
        let sealed_again = header(2, 5, 1);
        assert_ne!(sealed_again, good.first_header, "sr25519 signatures differ each time");
        refused(AuthorProof { second_header: sealed_again, ..good.clone() });
        refused(AuthorProof { second_header: header(3, 5, 2), ..good.clone() });
        refused(AuthorProof { second_header: header(2, 6, 2), ..good.clone() });
        refused(AuthorProof { slot: Slot(6), ..good.clone() });
        refused(AuthorProof { offender: keys_of(3).aura, ..good.clone() });
        let mut unsealed = good.clone();
        unsealed.second_header.digest.logs.pop();
        refused(unsealed);
        let mut changed = good.clone();
        changed.second_header.number += 1;
        refused(changed);
        let mut large = good;
        large
            .second_header
            .digest
            .logs
            .insert(0, DigestItem::Other(vec![0; limits::MAX_EQUIVOCATION_PROOF_BYTES as usize]));
        refused(large);
        assert_eq!(bonded(2), BOND + UNBONDING);
    });
}

#[test]
fn r2_two_votes_in_a_round_are_punished_once_for_a_set() {
    chain(|| {
        send(report_voter(votes(1, 0, 9, 0)).unwrap()).unwrap();
        let offence = Offence::Voted { set_id: 0 };
        assert!(has_event(
            INDEX,
            &Event::Punished { who: who(1), offence, slashed: (BOND + UNBONDING) / 10 }
        ));
        for again in [votes(1, 0, 9, 0), votes(1, 1, 9, 0), votes(1, 0, 10, 0)] {
            assert_eq!(send(voter_call(again, 0)), Err(Error::DuplicateOffenceReport.into()));
        }
        send(voter_call(votes(2, 1, 9, 0), 0)).unwrap();
        block(11);
        assert_eq!(send(voter_call(votes(2, 1, 3, 0), 0)), Err(Error::DuplicateOffenceReport.into()));
    });
}

#[test]
fn r2_what_does_not_contradict_or_is_not_signed_is_refused() {
    chain(|| {
        let refused = |change: &dyn Fn(&mut Votes)| {
            let mut proof = votes(2, 1, 9, 0);
            let (Equivocation::Prevote(inner) | Equivocation::Precommit(inner)) = &mut proof.equivocation;
            change(inner);
            assert_eq!(send(voter_call(proof, 0)), Err(Error::InvalidEquivocationProof.into()));
        };
        refused(&|votes| votes.second = votes.first);
        refused(&|votes| votes.second = signed(3, 1, 2, 9, 0));
        refused(&|votes| votes.second = signed(2, 0, 2, 9, 0));
        refused(&|votes| votes.second = signed(2, 1, 2, 8, 0));
        refused(&|votes| votes.second = signed(2, 1, 2, 9, 1));
        refused(&|votes| votes.round_number = 10);
        refused(&|votes| votes.identity = keys_of(3).grandpa);
        refused(&|votes| votes.first.1[3] ^= 1);
        let mut other_kind = votes(2, 1, 9, 0);
        if let Equivocation::Precommit(votes) = other_kind.equivocation {
            other_kind.equivocation = Equivocation::Prevote(votes);
        }
        assert_eq!(send(voter_call(other_kind, 0)), Err(Error::InvalidEquivocationProof.into()));
    });
}

#[test]
fn r3_the_key_is_whose_it_was_in_that_session() {
    chain(|| {
        let refused = Err(Error::InvalidKeyOwnershipProof.into());
        assert_eq!(send(author_call(blocks(2, 5), 1)), refused, "no such session");
        assert_eq!(send(author_call(blocks(9, 5), 0)), refused, "nobody's key");
        assert_eq!(send(voter_call(votes(9, 0, 1, 0), 0)), refused);
        assert_eq!(send(voter_call(votes(2, 0, 1, 1), 0)), refused, "another set");
        for wrong in [
            MembershipProof { validator_count: 3, ..of(0) },
            MembershipProof { trie_nodes: vec![vec![]], ..of(0) },
        ] {
            let call =
                Call::report_author { equivocation_proof: Box::new(blocks(2, 5)), key_owner_proof: wrong };
            assert_eq!(send(call), refused);
        }
        // The keys pass to another account: who had them in the session of the slot is punished.
        let purge = pallet_session::Call::purge_keys {};
        pallet_session::dispatch(purge, Origin::Signed(who(2))).unwrap();
        block(11);
        block(21);
        assert_eq!(set(), [1, 3, 4].map(who));
        assert_eq!(send(author_call(blocks(2, 15), 0)), refused, "slot 15 is of session 1");
        assert_eq!(send(author_call(blocks(2, 25), 2)), refused);
        send(report_author(blocks(2, 15)).unwrap()).unwrap();
        assert_eq!(key_ownership(0, &keys_of(2).grandpa), Some(of(1)));
        assert_eq!(key_ownership(1, &keys_of(2).grandpa), None);
        send(report_voter(votes(2, 1, 1, 0)).unwrap()).unwrap();
        assert_eq!(bonded(2), (BOND + UNBONDING) * 81 / 100);
    });
}

#[test]
fn r4_the_offender_is_out_at_the_boundary_and_what_is_noted_goes_with_the_record() {
    chain(|| {
        send(author_call(blocks(2, 5), 0)).unwrap();
        send(voter_call(votes(2, 1, 1, 0), 0)).unwrap();
        block(11);
        assert_eq!(set(), [1, 3, 4].map(who));
        assert_eq!(storage::PUNISHED.iter().count(), 2);
        pallet_timestamp::storage::CHANNEL_CLOCK.put(&100_000);
        block(21);
        assert_eq!(storage::PUNISHED.iter().count(), 0);
        assert_eq!(send(author_call(blocks(2, 5), 0)), Err(Error::InvalidKeyOwnershipProof.into()));
    });
}

#[test]
fn r4_who_has_nothing_left_is_barred_all_the_same() {
    chain(|| {
        LEDGERS.remove(&who(4));
        pallet_bonds::storage::TOTAL_BONDED.mutate_default(|total| *total -= BOND + UNBONDING);
        send(author_call(blocks(4, 5), 0)).unwrap();
        let offence = Offence::Authored { session: 0 };
        assert!(has_event(INDEX, &Event::Punished { who: who(4), offence, slashed: 0 }));
        assert_eq!(send(author_call(blocks(4, 6), 0)), Err(Error::DuplicateOffenceReport.into()));
        block(11);
        assert_eq!(set(), [1, 2, 3].map(who));
    });
}

#[test]
fn r5_reports_are_valid_unsigned_once_for_an_offence() {
    chain(|| {
        let (one, other) = (author_call(blocks(2, 5), 0), author_call(blocks(2, 6), 0));
        let valid = validate(&one).unwrap();
        assert_eq!(valid.provides, validate(&other).unwrap().provides, "the pool keeps one of them");
        assert_ne!(valid.provides, validate(&author_call(blocks(3, 5), 0)).unwrap().provides);
        assert_ne!(valid.provides, validate(&voter_call(votes(2, 0, 1, 0), 0)).unwrap().provides);
        assert!(valid.propagate);
        let bad = author_call(AuthorProof { slot: Slot(4), ..blocks(2, 5) }, 0);
        assert_eq!(validate(&bad), Err(InvalidTransaction::BadProof.into()));
        for origin in [Origin::Root, Origin::Signed(who(1))] {
            let refused = dispatch(one.clone(), origin).unwrap_err().error;
            assert_eq!(refused, DispatchError::BadOrigin);
        }
        send(one).unwrap();
        assert_eq!(validate(&other), Err(InvalidTransaction::Stale.into()));
    });
}

#[test]
fn more_than_everything_cannot_be_slashed() {
    new_test(|| {
        let parameters = Parameters { slash_percent: 101 };
        assert!(Config { parameters }.build().unwrap_err().contains("101 %"));
    });
}
