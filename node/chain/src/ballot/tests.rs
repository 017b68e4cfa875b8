//! What is voted for: one test per rule.

use super::*;
use crate::testing::runtime::Call;
use crate::testing::*;

#[test]
fn r1_the_best_head_above_the_base() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let best = author(&chain, one.hash, 2, &[]).block;
    let fork = author(&chain, one.hash, 3, &[]).block;
    let higher = author(&chain, fork.hash, 4, &[]).block;
    assert_eq!(chain.best_containing(chain.genesis()), Some(target(higher)));
    assert_eq!(chain.best_containing(best.hash), Some(target(best)), "not the best head, but on the base");
    assert_eq!(chain.best_containing(H256([9; 32])), None);
    assert_eq!(Blocks::parent(&chain, fork.hash), Some((2, one.hash)));
}

#[test]
fn r1_a_set_change_is_voted_for_first() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let voters = vec![(grandpa_id(1), 1), (grandpa_id(2), 1)];
    let change = author(&chain, one.hash, 2, &[Call::SetVoters { set_id: 1, voters }]).block;
    let three = author(&chain, change.hash, 3, &[]).block;
    assert_eq!(chain.best_containing(one.hash), Some(target(change)));
    assert_eq!(chain.best_containing(three.hash), None, "the old set has nothing to say above the change");
    finalise(&chain, change);
    assert_eq!(chain.best_containing(change.hash), Some(target(three)));
}

#[test]
fn r2_a_fork_that_lost_is_gone() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let fork = author(&chain, chain.genesis(), 2, &[]).block;
    let two = author(&chain, one.hash, 3, &[]).block;
    finalise(&chain, one);
    assert_eq!(chain.best_containing(fork.hash), None);
    assert_eq!(Blocks::parent(&chain, fork.hash), None);
    assert_eq!(Blocks::header(&chain, fork.hash), None);
    assert_eq!(
        chain.best_containing(chain.genesis()),
        Some(target(two)),
        "final blocks are below everything"
    );
}
