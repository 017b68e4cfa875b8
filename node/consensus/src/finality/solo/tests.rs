//! The lone voter.

use ed25519_zebra::{SigningKey, VerificationKey};
use proptest::prelude::*;

use super::*;
use crate::finality::justification::verify;

fn key() -> SigningKey {
    SigningKey::from([1; 32])
}

fn id() -> GrandpaId {
    GrandpaId(VerificationKey::from(&key()).into())
}

fn hash(number: u32) -> H256 {
    H256([number as u8 + 1; 32])
}

fn view(finalised: u32, candidate: u32, last_target_known: bool) -> ChainView {
    let at = |number| (number, hash(number));
    ChainView { finalised: at(finalised), candidate: at(candidate), last_target_known }
}

fn voters(set_id: u64) -> VoterSet {
    VoterSet::new(set_id, [id()])
}

fn vote(solo: &mut Solo, voters: &VoterSet, chain: &ChainView) -> Vote {
    match solo.next(voters, chain) {
        Ok(Decision::Vote(vote)) => vote,
        other => panic!("expected a vote, got {other:?}"),
    }
}

#[test]
fn r1_rounds_rise_with_targets() {
    let mut solo = Solo::new(id(), None);
    let one = vote(&mut solo, &voters(0), &view(0, 1, false));
    let two = vote(&mut solo, &voters(0), &view(1, 5, true));
    assert_eq!([(one.round, one.target_number), (two.round, two.target_number)], [(1, 1), (2, 5)]);
    assert_eq!(solo.next(&voters(0), &view(5, 5, true)), Ok(Decision::Idle));
    let proof = two.justify(key().sign(&two.payload()).into());
    assert_eq!(verify(&proof, (hash(5), 5), &voters(0)), Ok(()));
}

#[test]
fn r2_the_same_vote_again() {
    let mut solo = Solo::new(id(), None);
    let one = vote(&mut solo, &voters(0), &view(0, 1, false));
    let mut restarted = Solo::new(id(), solo.last());
    assert_eq!(vote(&mut restarted, &voters(0), &view(0, 3, true)), one);
    assert_eq!(vote(&mut restarted, &voters(0), &view(1, 3, true)).round, 2);
}

#[test]
fn r3_a_lost_target_stops_the_voter() {
    let mut solo = Solo::new(id(), None);
    let one = vote(&mut solo, &voters(0), &view(0, 1, false));
    let mut restarted = Solo::new(id(), solo.last());
    let expected = LastVote { set_id: 0, round: 1, target_hash: one.target_hash, target_number: 1 };
    assert_eq!(restarted.next(&voters(0), &view(0, 2, false)), Ok(Decision::Missing { vote: expected }));
    assert_eq!(restarted.last(), Some(expected), "nothing was voted");
}

#[test]
fn r4_a_new_set_starts_at_round_one() {
    let mut solo = Solo::new(id(), None);
    vote(&mut solo, &voters(0), &view(0, 1, false));
    let next = vote(&mut solo, &voters(1), &view(1, 2, true));
    assert_eq!((next.set_id, next.round), (1, 1));
}

#[test]
fn only_alone() {
    let mut solo = Solo::new(id(), None);
    for set in [
        VoterSet::new(0, []),
        VoterSet::new(0, [id(), GrandpaId([9; 32])]),
        VoterSet::new(0, [GrandpaId([9; 32])]),
    ] {
        assert!(matches!(solo.next(&set, &view(0, 1, false)), Err(SoloError::NotAlone { .. })));
    }
    let last = LastVote { set_id: 0, round: u64::MAX, target_hash: hash(1), target_number: 1 };
    let mut solo = Solo::new(id(), Some(last));
    let error = solo.next(&voters(0), &view(1, 2, true));
    assert_eq!(error, Err(SoloError::RoundsExhausted { round: u64::MAX }));
}

proptest! {
    /// Blocks come, votes are made, some of them lead to finality, the node restarts: no round has two targets.
    #[test]
    fn r1_no_round_has_two_targets(events in proptest::collection::vec(0u8..4, 1..60)) {
        let (mut best, mut finalised) = (0u32, 0u32);
        let mut solo = Solo::new(id(), None);
        let mut votes = std::collections::BTreeMap::new();
        for event in events {
            match event {
                0 => best += 1,
                1 => solo = Solo::new(id(), solo.last()),
                _ => {
                    if let Ok(Decision::Vote(vote)) = solo.next(&voters(0), &view(finalised, best, true)) {
                        let known = votes.insert(vote.round, vote.target_hash);
                        prop_assert!(known.is_none_or(|known| known == vote.target_hash));
                        if event == 3 {
                            finalised = vote.target_number;
                        }
                    }
                }
            }
        }
    }
}
