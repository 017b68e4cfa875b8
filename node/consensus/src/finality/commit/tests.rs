//! Proofs: every one passes the strict check of light clients, and what cannot pass is not offered.

use proptest::prelude::*;

use super::*;
use crate::finality::justification::verify;
use crate::finality::testing::{Tree, ballot, voters};
use crate::vote_guard::VoteKind;

fn precommit(seed: usize, target: Target) -> Ballot {
    ballot(seed, VoteKind::Precommit, target, 3, 5)
}

fn check(proof: &GrandpaJustification, count: usize) -> Target {
    let target = Target { hash: proof.target_hash, number: proof.target_number };
    verify(proof, (target.hash, target.number), &voters(5, count)).expect("light clients take it");
    target
}

#[test]
fn r1_an_equivocator_votes_once() {
    let mut tree = Tree::new();
    let one = tree.grow(tree.genesis, 1);
    let other = tree.grow(tree.genesis, 2);
    let votes = [precommit(0, one), precommit(1, one), precommit(2, other), precommit(2, one)];
    assert_eq!(prove(3, votes, &voters(5, 4), &tree), Err(Unproven::TooFew));
    let proof =
        prove(3, [votes[0], votes[1], votes[3], votes[2]], &voters(5, 4), &tree).expect("three on one");
    assert_eq!(check(&proof, 4), one);
}

#[test]
fn r2_r3_votes_beside_the_chain_are_left_out() {
    let mut tree = Tree::new();
    let one = tree.grow(tree.genesis, 1);
    let two = tree.grow(one, 1);
    let beside = tree.grow(one, 2);
    let three = tree.grow(two, 1);
    let votes = [precommit(0, two), precommit(1, three), precommit(2, two), precommit(3, beside)];
    let proof = prove(3, votes, &voters(5, 4), &tree).expect("three above two");
    assert_eq!(check(&proof, 4), two);
    assert_eq!(proof.precommits.len(), 3);
    assert_eq!(proof.votes_ancestries.len(), 1);
    // Above `one` there are enough votes, but none on it: no justification can have it as its base.
    let votes = [precommit(0, two), precommit(1, two), precommit(3, beside)];
    assert_eq!(prove(3, votes, &voters(5, 4), &tree), Err(Unproven::TooFew));
}

#[test]
fn r4_unknown_blocks_are_waited_for() {
    let mut tree = Tree::new();
    let far = tree.clone().grow(tree.genesis, 7);
    let one = tree.grow(tree.genesis, 1);
    let votes = [precommit(0, one), precommit(1, one), precommit(2, far)];
    assert_eq!(prove(3, votes, &voters(5, 4), &tree), Err(Unproven::Unknown(far)));
    let wrong = Target { number: 2, ..one };
    let votes = [precommit(0, one), precommit(1, one), precommit(2, wrong)];
    assert_eq!(prove(3, votes, &voters(5, 4), &tree), Err(Unproven::Unknown(wrong)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn what_is_proven_passes_the_strict_check(
        count in 1usize..8,
        parents in proptest::collection::vec(0usize..20, 1..8),
        targets in proptest::collection::vec(0usize..20, 1..8),
    ) {
        let mut tree = Tree::new();
        let mut blocks = vec![tree.genesis];
        for (salt, parent) in parents.iter().enumerate() {
            let parent = blocks[parent % blocks.len()];
            blocks.push(tree.grow(parent, salt as u8));
        }
        let votes: Vec<_> =
            targets.iter().take(count).enumerate().map(|(seed, at)| precommit(seed, blocks[at % blocks.len()])).collect();
        match prove(3, votes.clone(), &voters(5, count), &tree) {
            Ok(proof) => {
                check(&proof, count);
                let commit = to_commit(&proof, 5);
                prop_assert_eq!(prove(3, commit.precommits, &voters(5, count), &tree), Ok(proof));
            }
            // With a vote on every level of a lone chain there is nothing that could not be proven.
            Err(_) => prop_assert!(votes.len() < voters(5, count).threshold() || parents.len() > 1),
        }
    }
}
