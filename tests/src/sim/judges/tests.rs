//! Each judge is seen to fire: what it must not let pass is put before it, beside the same thing done rightly.

use parity_scale_codec::Encode;
use quire_chain::{Chain, Head};
use quire_consensus::equivocation::EquivocationProof;
use quire_consensus::finality::message::{Ballot, Message, SignedVote, Target, VoteMessage, payload};
use quire_consensus::finality::voter;
use quire_consensus::finality::votes::{Phase, VoteEquivocation};
use quire_consensus::vote_guard::VoteKind;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{Digest, DigestItem, H256, Header, OpaqueExtrinsic, Slot};
use std::sync::{Arc, Mutex};

use super::Judges;
use crate::sim::disk::Disk;
use crate::sim::keys::Keys;
use crate::sim::node::{Birth, DiskSpeed, Node, Observation};
use crate::sim::packet::Packet;
use crate::sim::rng::Rng;
use crate::sim::runtime::{genesis, transfer};

const ACCOUNTS: u8 = 3;
/// Node 3 is byzantine.
const HONEST: [bool; 4] = [true, true, true, false];

fn judges() -> Judges {
    judges_of(ACCOUNTS)
}

fn judges_of(accounts: u8) -> Judges {
    let ids = (0..HONEST.len()).map(|index| Keys::new(index).grandpa_id()).collect();
    Judges::new(HONEST.to_vec(), ids, accounts)
}

/// A node that has only the genesis block.
fn node() -> Node {
    let keys: Vec<Keys> = (0..HONEST.len()).map(Keys::new).collect();
    let aura: Vec<_> = keys.iter().map(Keys::aura_id).collect();
    let voters: Vec<_> = keys.iter().map(Keys::grandpa_id).collect();
    let genesis = genesis(&aura, &voters, ACCOUNTS, None).expect("a genesis state");
    let birth = Birth {
        index: 0,
        genesis: &genesis,
        disk: Arc::new(Mutex::new(Disk::default())),
        speed: DiskSpeed { min_ms: 1, max_ms: 1 },
        rng: Rng::new(1),
        config: voter::Config::default(),
        unfinalised_max: 64,
    };
    Node::start(1_000_000, birth).expect("a node on an empty disk")
}

fn head(number: u32, fork: u8) -> Head {
    Head { number, hash: H256([fork; 32]) }
}

fn body(transactions: &[u32]) -> Arc<Vec<OpaqueExtrinsic>> {
    let inherent = transfer(0, 0, 0, 0);
    Arc::new(
        [inherent].into_iter().chain(transactions.iter().map(|nonce| transfer(1, *nonce, 2, 5))).collect(),
    )
}

/// One word for the judges that fired.
fn fired(judges: &Judges) -> Vec<&str> {
    judges.violations.iter().map(|violation| violation.split(':').next().unwrap_or_default()).collect()
}

#[test]
fn j1_two_final_blocks_at_one_height() {
    let mut judges = judges();
    judges.finalised(0, head(1, 7), &body(&[]));
    judges.finalised(1, head(1, 7), &body(&[]));
    judges.finalised(3, head(1, 8), &body(&[]));
    assert_eq!(fired(&judges), [""; 0], "the same block, and what a byzantine node says");
    judges.finalised(2, head(1, 8), &body(&[]));
    assert_eq!(fired(&judges), ["J1"]);
}

#[test]
fn j2_a_gap_in_the_final_chain_and_a_block_forgotten_over_a_crash() {
    let mut judges = judges();
    judges.finalised(0, head(1, 1), &body(&[]));
    judges.finalised(0, head(2, 2), &body(&[]));
    assert_eq!(fired(&judges), [""; 0]);
    judges.finalised(0, head(4, 4), &body(&[]));
    assert_eq!(fired(&judges), ["J2"]);
    // Node 1 told of block 1; after its crash it has nothing but block 0.
    let mut judges = self::judges();
    judges.finalised(1, head(1, 1), &body(&[]));
    judges.restarted(1, &node().chain);
    assert_eq!(fired(&judges), ["J2"]);
}

#[test]
fn j3_a_transaction_final_twice_or_not_where_the_pool_said() {
    let chain = node().chain;
    let mut judges = judges();
    judges.finalised(0, head(1, 1), &body(&[0]));
    let said = |block| Observation::TransactionFinal { hash: transfer(1, 0, 2, 5).hash(), block };
    judges.observe(0, &chain, &said(head(1, 1).hash));
    assert_eq!(fired(&judges), [""; 0]);
    judges.observe(0, &chain, &said(head(1, 9).hash));
    judges.finalised(0, head(2, 2), &body(&[0]));
    assert_eq!(fired(&judges), ["J3", "J3"]);
}

#[test]
fn j4_money_out_of_nothing() {
    let chain = node().chain;
    let genesis = vec![(Chain::finalised(&chain), body(&[]))];
    let mut right = judges();
    right.observe(0, &chain, &Observation::Finalised(genesis.clone()));
    assert_eq!(fired(&right), [""; 0]);
    // With one account more in the books the same state lacks an endowment.
    let mut wrong = judges_of(ACCOUNTS + 1);
    wrong.observe(0, &chain, &Observation::Finalised(genesis));
    assert_eq!(fired(&wrong), ["J4"]);
}

fn ballot(voter: usize, block: u8, round: u64) -> Ballot {
    let keys = Keys::new(voter);
    let target = Target { hash: H256([block; 32]), number: 5 };
    let signature = keys.vote(&payload(VoteKind::Prevote, target, round, 0));
    Ballot { target, signature, id: keys.grandpa_id() }
}

fn vote(voter: usize, block: u8, round: u64) -> Packet {
    let vote = SignedVote { kind: VoteKind::Prevote, ballot: ballot(voter, block, round) };
    Packet::Grandpa(Message::Vote(VoteMessage { round, set_id: 0, vote }).encode())
}

fn sealed(author: usize, slot: u64, number: u32) -> Arc<Header> {
    let mut header = Header { number, digest: Digest::for_slot(Slot(slot)), ..Header::default() };
    let seal = Keys::new(author).seal(header.hash());
    header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, seal.to_vec()));
    Arc::new(header)
}

#[test]
fn j5_two_votes_in_a_round_and_two_seals_in_a_slot() {
    let announce = |slot, number| Packet::Announce { header: sealed(0, slot, number), is_best: true };
    let byzantine = |slot, number| Packet::Announce { header: sealed(3, slot, number), is_best: true };
    let mut judges = judges();
    for packet in [vote(0, 1, 1), vote(0, 1, 1), vote(0, 2, 2), vote(1, 9, 1), announce(4, 1), announce(8, 2)]
    {
        judges.overhear(0, &packet);
    }
    for packet in [vote(3, 1, 1), vote(3, 2, 1), byzantine(7, 1), byzantine(7, 2)] {
        judges.overhear(3, &packet);
    }
    assert_eq!(
        fired(&judges),
        [""; 0],
        "again, in another round or slot, of others passed on, of a byzantine node"
    );
    judges.overhear(0, &vote(0, 2, 1));
    judges.overhear(0, &announce(4, 3));
    assert_eq!(fired(&judges), ["J5", "J5"]);
}

fn accusation(first: Ballot, second: Ballot) -> Observation {
    Observation::VoteTwice(Box::new(VoteEquivocation {
        set_id: 0,
        round: 1,
        phase: Phase::Prevote,
        first,
        second,
    }))
}

#[test]
fn j6_accusations_that_prove_nothing_or_strike_the_honest() {
    let chain = node().chain;
    let mut right = judges();
    right.observe(0, &chain, &accusation(ballot(3, 1, 1), ballot(3, 2, 1)));
    assert_eq!((fired(&right).len(), right.caught.contains(&3)), (0, true));

    let forged = Ballot { target: Target { hash: H256([9; 32]), number: 5 }, ..ballot(3, 1, 1) };
    let wrong = [
        (ballot(3, 1, 1), ballot(3, 1, 1), "the same vote"),
        (ballot(3, 1, 1), forged, "a signature of something else"),
        (ballot(3, 1, 1), ballot(3, 2, 2), "a vote of another round"),
        (ballot(1, 1, 1), ballot(1, 2, 1), "an honest node"),
        (ballot(9, 1, 1), ballot(9, 2, 1), "a stranger"),
    ];
    for (first, second, what) in wrong {
        let mut judges = judges();
        judges.observe(0, &chain, &accusation(first, second));
        assert_eq!(fired(&judges), ["J6"], "{what}");
    }
    let seals = |first: (usize, u64, u32), second: (usize, u64, u32)| {
        let [first, second] = [first, second].map(|(author, slot, number)| sealed(author, slot, number));
        let offender = Keys::new(3).aura_id();
        let slot = first.digest.aura_slot().expect("made with a slot");
        let mut judges = judges();
        judges.observe(
            0,
            &chain,
            &Observation::SealTwice(EquivocationProof { offender, slot, first, second }),
        );
        judges.violations.len()
    };
    assert_eq!(seals((3, 5, 1), (3, 5, 2)), 0, "two headers of the byzantine node in a slot");
    assert_eq!(seals((3, 5, 1), (3, 5, 1)), 1, "one header");
    assert_eq!(seals((3, 5, 1), (3, 6, 2)), 1, "two slots");
    assert_eq!(seals((3, 5, 1), (1, 5, 2)), 1, "two authors");
    assert_eq!(seals((1, 5, 1), (1, 5, 2)), 1, "an honest author");
    assert_eq!(seals((9, 5, 1), (9, 5, 2)), 1, "a stranger");
}

#[test]
fn j7_honest_nodes_that_accuse_each_other() {
    let chain = node().chain;
    let mut judges = judges();
    let report = |peer, cost| Observation::Report { peer, rule: "some rule", cost };
    judges.observe(0, &chain, &report(1, 1));
    judges.observe(0, &chain, &report(3, 100));
    judges.observe(3, &chain, &report(0, 100));
    assert_eq!(fired(&judges), [""; 0]);
    judges.observe(0, &chain, &report(1, 100));
    assert_eq!(fired(&judges), ["J7"]);
}

#[test]
fn j8_who_stays_behind_and_what_was_never_final() {
    let mut judges = judges();
    judges.finalised(0, head(1, 1), &body(&[0]));
    let (known, lost) = (transfer(1, 0, 2, 5).hash(), transfer(1, 1, 2, 5).hash());
    judges.finish(&[(9, 10), (9, 10), (9, 10), (0, 0)], 9, &[known]);
    assert_eq!(fired(&judges), [""; 0]);
    judges.finish(&[(9, 10), (8, 10), (9, 10), (0, 0)], 9, &[known, lost]);
    assert_eq!(fired(&judges), ["J8", "J8"]);
}
