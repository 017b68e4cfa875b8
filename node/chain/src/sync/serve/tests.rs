//! Answers from a real chain: one test per rule.

use super::*;
use crate::sync::Fields;
use crate::testing::runtime::Call;
use crate::testing::*;

const ALL: Fields = Fields { header: true, body: true, proof: true };

fn ask(from: From, direction: Direction, max: u32, fields: Fields) -> BlockRequest {
    BlockRequest { from, direction, max, fields }
}

#[test]
fn r1_answers_have_a_limit() {
    let chain = new_chain();
    let mut parent = chain.genesis();
    for slot in 1..=140 {
        parent = author(&chain, parent, slot, &[]).block.hash;
    }
    let headers = Fields { body: false, proof: false, ..ALL };
    for (max, expected) in [(0, 0), (1, 1), (1_000, 128)] {
        let what = ask(From::Hash(parent), Direction::Descending, max, headers);
        assert_eq!(chain.answer(&what).expect("readable").len(), expected);
    }
    let what = ask(From::Number(138), Direction::Ascending, 128, headers);
    assert_eq!(chain.answer(&what).expect("readable").len(), 3, "up to the head");
}

#[test]
fn r1_large_blocks_end_an_answer() {
    let chain = new_chain();
    let large = "x".repeat(3 * 1024 * 1024);
    let mut parent = chain.genesis();
    for slot in 1..=4 {
        parent = author(&chain, parent, slot, &[set("large", &large)]).block.hash;
    }
    let what = ask(From::Number(1), Direction::Ascending, 128, ALL);
    assert_eq!(chain.answer(&what).expect("readable").len(), 2);
}

#[test]
fn r2_both_directions_and_proofs() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let fork = author(&chain, chain.genesis(), 2, &[]).block;
    let two = author(&chain, one.hash, 3, &[set("a", "b")]).block;
    let hashes = |from, direction| -> Vec<H256> {
        let answer = chain.answer(&ask(from, direction, 128, ALL)).expect("readable");
        answer.iter().map(|block| block.hash).collect()
    };
    assert_eq!(hashes(From::Number(1), Direction::Ascending), [one.hash, two.hash]);
    assert_eq!(hashes(From::Hash(two.hash), Direction::Descending), [two.hash, one.hash, chain.genesis()]);
    assert_eq!(hashes(From::Hash(fork.hash), Direction::Descending), [fork.hash, chain.genesis()]);
    assert_eq!(hashes(From::Hash(fork.hash), Direction::Ascending), [], "it is not in the best chain");
    finalise(&chain, one);
    let proof = ask(
        From::Hash(one.hash),
        Direction::Ascending,
        1,
        Fields { header: false, body: false, proof: true },
    );
    let [block] = &chain.answer(&proof).expect("readable")[..] else { panic!("one block") };
    assert!(block.proof.is_some() && block.header.is_none() && block.body.is_none());
}

#[test]
fn r3_unknown_blocks_give_an_empty_answer() {
    let chain = new_chain();
    for from in [From::Hash(H256([7; 32])), From::Number(1), From::Number(u32::MAX)] {
        assert_eq!(chain.answer(&ask(from, Direction::Ascending, 9, ALL)).expect("readable"), []);
    }
}

#[test]
fn an_open_change_is_seen_until_it_is_final() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    assert_eq!(chain.open_change(), None);
    let voters = vec![(grandpa_id(1), 1), (grandpa_id(2), 1)];
    let change = author(&chain, one.hash, 2, &[Call::SetVoters { set_id: 1, voters }]).block;
    author(&chain, change.hash, 3, &[]);
    assert_eq!(chain.open_change(), Some(change));
    finalise(&chain, change);
    assert_eq!(chain.open_change(), None);
}
