//! Justifications: right ones, one test per rule broken, and random votes against a naive judge.

use ed25519_zebra::{SigningKey, VerificationKey};
use proptest::prelude::*;

use super::*;

const SET_ID: u64 = 3;
const ROUND: u64 = 7;

fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

fn id(seed: u8) -> GrandpaId {
    GrandpaId(VerificationKey::from(&key(seed)).into())
}

fn voters(count: u8) -> VoterSet {
    VoterSet::new(SET_ID, (1..=count).map(id))
}

/// Headers of a chain: block `n` on block `n - 1`, from 10 upwards. `fork` changes the hashes.
fn chain(fork: u8, parent: H256, first: u32, count: u32) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for number in first..first + count {
        let parent_hash = headers.last().map_or(parent, Header::hash);
        headers.push(Header { number, parent_hash, state_root: H256([fork; 32]), ..Header::default() });
    }
    headers
}

fn vote(seed: u8, header: &Header) -> SignedPrecommit {
    let (target_hash, target_number) = (header.hash(), header.number);
    let signature = key(seed).sign(&precommit_payload(target_hash, target_number, ROUND, SET_ID)).into();
    SignedPrecommit { target_hash, target_number, signature, id: id(seed) }
}

fn justification(
    target: &Header,
    precommits: Vec<SignedPrecommit>,
    ancestries: &[Header],
) -> GrandpaJustification {
    GrandpaJustification {
        round: ROUND,
        target_hash: target.hash(),
        target_number: target.number,
        precommits,
        votes_ancestries: ancestries.to_vec(),
    }
}

fn check(justification: &GrandpaJustification, voters: &VoterSet) -> Result<(), JustificationError> {
    verify(justification, (justification.target_hash, justification.target_number), voters)
}

#[test]
fn thresholds() {
    let thresholds: Vec<usize> = (0..8).map(|count| voters(count).threshold()).collect();
    assert_eq!(thresholds, [1, 1, 2, 3, 3, 4, 5, 5]);
    assert_eq!(VoterSet::new(0, [id(2), id(1), id(2)]).authorities().len(), 2, "duplicates are dropped");
}

#[test]
fn three_of_four_on_the_target() {
    let blocks = chain(0, H256::ZERO, 10, 1);
    let votes = (1..=3).map(|seed| vote(seed, &blocks[0])).collect();
    assert_eq!(check(&justification(&blocks[0], votes, &[]), &voters(4)), Ok(()));
}

#[test]
fn votes_above_the_target_are_linked() {
    // 10 -- 11 -- 12; 10 has one vote, 11 one, 12 two: with three needed, 11 is final.
    let blocks = chain(0, H256::ZERO, 10, 3);
    let votes = vec![vote(1, &blocks[0]), vote(2, &blocks[1]), vote(3, &blocks[2]), vote(4, &blocks[2])];
    assert_eq!(check(&justification(&blocks[1], votes.clone(), &blocks[1..]), &voters(4)), Ok(()));
    let low = justification(&blocks[0], votes.clone(), &blocks[1..]);
    assert_eq!(check(&low, &voters(4)), Err(JustificationError::WrongGhost), "more than 10 is final");
    let high = justification(&blocks[2], votes, &blocks[1..]);
    assert_eq!(check(&high, &voters(4)), Err(JustificationError::WrongGhost), "12 has too few");
}

#[test]
fn r1_foreign_and_duplicate_votes() {
    let blocks = chain(0, H256::ZERO, 10, 1);
    let foreign = vec![vote(1, &blocks[0]), vote(2, &blocks[0]), vote(9, &blocks[0])];
    assert_eq!(
        check(&justification(&blocks[0], foreign, &[]), &voters(4)),
        Err(JustificationError::NotInSet { id: id(9) })
    );
    let twice = vec![vote(1, &blocks[0]), vote(2, &blocks[0]), vote(2, &blocks[0])];
    assert_eq!(
        check(&justification(&blocks[0], twice, &[]), &voters(4)),
        Err(JustificationError::Duplicate { id: id(2) })
    );
}

#[test]
fn r2_too_few() {
    let blocks = chain(0, H256::ZERO, 10, 1);
    for count in 0..3u8 {
        let votes = (1..=count).map(|seed| vote(seed, &blocks[0])).collect();
        let error = JustificationError::TooFew { votes: usize::from(count), threshold: 3 };
        assert_eq!(check(&justification(&blocks[0], votes, &[]), &voters(4)), Err(error));
    }
    let none = justification(&blocks[0], Vec::new(), &[]);
    assert_eq!(check(&none, &voters(0)), Err(JustificationError::TooFew { votes: 0, threshold: 1 }));
}

#[test]
fn r3_signatures_cover_round_set_and_target() {
    let blocks = chain(0, H256::ZERO, 10, 1);
    let votes: Vec<_> = (1..=3).map(|seed| vote(seed, &blocks[0])).collect();
    let good = justification(&blocks[0], votes, &[]);
    let mut other_round = good.clone();
    other_round.round += 1;
    let mut broken = good.clone();
    broken.precommits[1].signature[9] ^= 1;
    let mut swapped = good.clone();
    swapped.precommits[0].signature = good.precommits[1].signature;
    for bad in [&other_round, &broken, &swapped] {
        assert!(matches!(check(bad, &voters(4)), Err(JustificationError::BadSignature { .. })));
    }
    let other_set = VoterSet::new(SET_ID + 1, (1..=4).map(id));
    assert!(matches!(check(&good, &other_set), Err(JustificationError::BadSignature { .. })));
}

#[test]
fn r4_every_vote_reaches_the_base() {
    let blocks = chain(0, H256::ZERO, 10, 3);
    let fork = chain(1, H256::ZERO, 10, 1);
    let votes = vec![vote(1, &blocks[0]), vote(2, &blocks[0]), vote(3, &blocks[2])];
    let unlinked = Err(JustificationError::Unlinked { hash: blocks[2].hash(), number: 12 });
    assert_eq!(check(&justification(&blocks[0], votes.clone(), &[]), &voters(4)), unlinked);
    assert_eq!(check(&justification(&blocks[0], votes.clone(), &blocks[2..]), &voters(4)), unlinked);
    assert_eq!(check(&justification(&blocks[0], votes, &blocks[1..]), &voters(4)), Ok(()));
    let elsewhere = vec![vote(1, &blocks[0]), vote(2, &blocks[0]), vote(3, &fork[0])];
    assert!(matches!(
        check(&justification(&blocks[0], elsewhere, &[]), &voters(4)),
        Err(JustificationError::Unlinked { .. })
    ));
    // A vote that lies about the height of its block.
    let mut lying = vote(3, &blocks[2]);
    lying.target_number = 13;
    let votes = vec![vote(1, &blocks[0]), vote(2, &blocks[0]), lying];
    assert!(matches!(
        check(&justification(&blocks[0], votes, &blocks[1..]), &voters(4)),
        Err(JustificationError::Unlinked { .. })
    ));
}

#[test]
fn r5_another_block_or_number() {
    let blocks = chain(0, H256::ZERO, 10, 2);
    let votes: Vec<_> = (1..=3).map(|seed| vote(seed, &blocks[0])).collect();
    let good = justification(&blocks[0], votes, &[]);
    let error = verify(&good, (blocks[1].hash(), 11), &voters(4));
    assert!(matches!(error, Err(JustificationError::WrongTarget { .. })));
    let mut renamed = good;
    renamed.target_hash = blocks[1].hash();
    assert_eq!(check(&renamed, &voters(4)), Err(JustificationError::WrongGhost));
}

#[test]
fn r6_no_header_too_many() {
    let blocks = chain(0, H256::ZERO, 10, 3);
    let votes: Vec<_> = (1..=3).map(|seed| vote(seed, &blocks[1])).collect();
    let spare =
        |ancestries: &[Header]| check(&justification(&blocks[1], votes.clone(), ancestries), &voters(4));
    assert_eq!(spare(&blocks[2..]), Err(JustificationError::UnusedHeader { hash: blocks[2].hash() }));
    assert_eq!(
        spare(&blocks[1..2]),
        Err(JustificationError::UnusedHeader { hash: blocks[1].hash() }),
        "the base"
    );
    let votes = vec![vote(1, &blocks[0]), vote(2, &blocks[1]), vote(3, &blocks[1])];
    let twice = [blocks[1].clone(), blocks[1].clone()];
    let error = check(&justification(&blocks[0], votes, &twice), &voters(4));
    assert_eq!(error, Err(JustificationError::UnusedHeader { hash: blocks[1].hash() }));
    let many = vec![blocks[1].clone(); limits::MAX_VOTES_ANCESTRIES as usize + 1];
    assert!(matches!(spare(&many), Err(JustificationError::TooManyHeaders { .. })));
}

#[test]
fn keys_that_are_none_do_not_verify() {
    assert!(!verify_signature(&GrandpaId([0xff; 32]), b"x", &[0; 64]));
    assert!(!verify_signature(&id(1), b"x", &[0xff; 64]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Votes of five authorities on a tree of two branches; the judge counts by walking lists of ancestors.
    #[test]
    fn agrees_with_a_naive_judge(picks in proptest::collection::vec(0usize..7, 4..=5), target in 0usize..7) {
        // 10 -- 11 -- 12 -- 13
        //         \-- 12'-- 13'-- 14'
        let trunk = chain(0, H256::ZERO, 10, 4);
        let branch = chain(1, trunk[1].hash(), 12, 3);
        let blocks: Vec<Header> = trunk.iter().chain(&branch).cloned().collect();
        let ancestors = |block: usize| -> Vec<usize> {
            if block < 4 { (0..=block).collect() } else { [0, 1].into_iter().chain(4..=block).collect() }
        };
        let votes: Vec<SignedPrecommit> =
            (1u8..).zip(&picks).map(|(seed, pick)| vote(seed, &blocks[*pick])).collect();
        let lowest = *picks.iter().min_by_key(|pick| blocks[**pick].number).expect("some votes");
        let linked = picks.iter().all(|pick| ancestors(*pick).contains(&lowest));
        let used: BTreeSet<usize> = picks.iter().flat_map(|pick| ancestors(*pick))
            .filter(|block| blocks[*block].number > blocks[lowest].number).collect();
        let headers: Vec<Header> = used.iter().map(|block| blocks[*block].clone()).collect();
        let count = |block: usize| picks.iter().filter(|pick| ancestors(**pick).contains(&block)).count();
        let ghost = (0..7).filter(|block| ancestors(*block).contains(&lowest) && count(*block) >= 4)
            .max_by_key(|block| blocks[*block].number);
        let right = linked && ghost == Some(target);
        let verdict = check(&justification(&blocks[target], votes, &headers), &voters(5));
        prop_assert_eq!(verdict.is_ok(), right, "{:?}", verdict);
    }
}
