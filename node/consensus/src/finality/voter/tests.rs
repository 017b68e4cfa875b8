//! The voter: one test per rule, in a network of voters on a virtual clock.

use parity_scale_codec::Encode;

use super::*;
use crate::finality::message::{Ballot, CatchUpRequest, Neighbour, VoteMessage};
use crate::finality::testing::{Net, ballot, id, voters};
use crate::finality::votes::Phase;

/// Lets blocks come in every second.
fn seconds(net: &mut Net, count: u32) {
    for _ in 0..count {
        let best = net.nodes[0].tree.best();
        net.grow(best, 0);
        net.run(1_000);
    }
}

fn vote_bytes(kind: VoteKind, round: u64, ballot: Ballot) -> Vec<u8> {
    Message::Vote(VoteMessage { round, set_id: 0, vote: SignedVote { kind, ballot } }).encode()
}

fn send(net: &mut Net, from: usize, to: usize, bytes: Vec<u8>) {
    net.input(to, Input::Message { peer: PeerId(from as u64), bytes });
}

#[test]
fn a_new_block_is_final_after_two_hops() {
    let mut net = Net::new(4);
    net.run(500);
    for _ in 0..5 {
        let best = net.nodes[0].tree.best();
        let block = net.grow(best, 0);
        let began = net.now_ms;
        net.run(1_000);
        for node in &net.nodes {
            let latency = node.final_at[&block.number] - began;
            assert!(latency <= 2 * net.delay_ms, "prevotes and precommits, no timer: {latency} ms");
        }
    }
    assert!(net.nodes.iter().all(|node| node.reports.is_empty()));
}

#[test]
fn r1_nothing_is_counted_before_it_is_signed() {
    let mut net = Net::new(1);
    let genesis = net.nodes[0].tree.genesis;
    let block = net.nodes[0].tree.grow(genesis, 0);
    let node = &mut net.nodes[0];
    let mut out = Vec::new();
    node.voter.step(0, &node.tree, Input::Imported, &mut out);
    let requests = out.iter().filter(|effect| matches!(effect, Effect::Sign(_))).count();
    assert_eq!(requests, 2, "R6: a lone authority asks for both votes at once");
    assert!(!out.iter().any(|effect| matches!(effect, Effect::Finalise { .. })), "not before they come back");
    let Some(Effect::Sign(first)) = out.first() else { panic!("{out:?}") };
    assert!(first.record.is_some() && first.target == block, "the record goes with the first vote");
}

#[test]
fn r6_a_lone_authority_finalises_without_a_timer() {
    let mut net = Net::new(1);
    for number in 1..=5 {
        let best = net.nodes[0].tree.best();
        net.grow(best, 0);
        assert_eq!(net.finalised(), [number], "in the step of the import");
    }
    assert_eq!(net.nodes[0].signed, 10);
}

#[test]
fn a_lone_authority_goes_on_after_votes_that_were_cast_without_this_machine() {
    let mut net = Net::new(1);
    let node = &mut net.nodes[0];
    let genesis = node.tree.genesis;
    let block = node.tree.grow(genesis, 0);
    let last = LastVote { set_id: 0, round: 7, target_hash: genesis.hash, target_number: genesis.number };
    let round_of = |kept: Option<RoundRecord>| {
        let own = OwnVotes { precommit: Some(last), ..OwnVotes::default() };
        let record = RoundRecord::of_lone(kept, last);
        let start = Start { id: Some(id(0)), voters: voters(0, 1), own, record };
        let mut voter = Voter::new(Config::default(), 0, start, &node.tree);
        let mut out = Vec::new();
        voter.step(0, &node.tree, Input::Imported, &mut out);
        let Some(Effect::Sign(request)) = out.first() else { panic!("{out:?}") };
        (request.round, request.target)
    };
    assert_eq!(round_of(None), (8, block));
    let older = RoundRecord::of_lone(None, LastVote { round: 3, ..last }).unwrap();
    assert_eq!(round_of(Some(older)), (8, block), "its record is from before");
    let same = RoundRecord::of_lone(None, LastVote { round: 6, ..last }).unwrap();
    assert_eq!(round_of(Some(same.clone())).0, 7, "the votes of round 7 are repeated");
    assert_eq!(RoundRecord::of_lone(Some(same.clone()), last), Some(same));
}

#[test]
fn r2_prevotes_stay_on_the_estimate() {
    let mut net = Net::new(4);
    // All prevote 1, and nobody's precommit arrives: the estimate of round 1 stays 1.
    net.passes = Box::new(
        |_, _, message, _| !matches!(message, Message::Vote(vote) if vote.vote.kind == VoteKind::Precommit),
    );
    let one = net.grow(net.nodes[0].tree.genesis, 0);
    net.run(200);
    let genesis = net.nodes[0].tree.genesis;
    let better = (1..20).fold(genesis, |at, _| net.grow(at, 7));
    net.passes = Box::new(|_, _, _, _| true);
    net.run(10_000);
    for node in &net.nodes {
        assert!(contains_block(&node.tree, one), "a longer fork does not win against an estimate");
    }
    assert!(net.finalised().iter().all(|number| *number < better.number));
}

fn contains_block(tree: &crate::finality::testing::Tree, block: Target) -> bool {
    crate::finality::blocks::contains(tree, block.hash, tree.finalised.hash)
}

#[test]
fn r3_one_missing_authority_costs_two_gossip_times() {
    let mut net = Net::new(4);
    net.nodes[3].is_up = false;
    net.run(500);
    let best = net.nodes[0].tree.best();
    net.grow(best, 0);
    let began = net.now_ms;
    net.run(1_000);
    let latency = net.nodes[0].final_at[&1] - began;
    let bound = 2 * net.config.gossip_ms + 2 * net.delay_ms;
    assert!(latency > 2 * net.delay_ms && latency <= bound, "{latency} ms");
    assert_eq!(net.nodes[0].voter.explain().awaiting, Awaiting::News);
}

#[test]
fn r5_an_idle_chain_signs_nothing() {
    let mut net = Net::new(4);
    seconds(&mut net, 3);
    let signed: Vec<_> = net.nodes.iter().map(|node| node.signed).collect();
    net.run(60_000);
    assert_eq!(net.nodes.iter().map(|node| node.signed).collect::<Vec<_>>(), signed);
    assert_eq!(net.finalised(), [3; 4]);
}

#[test]
fn r7_a_restarted_voter_repeats_itself_and_goes_on() {
    let mut net = Net::new(4);
    seconds(&mut net, 3);
    // A prevote of node 0 gets out, then everybody stops.
    net.passes = Box::new(|_, _, _, _| false);
    let best = net.nodes[0].tree.best();
    let four = net.grow(best, 0);
    net.run(50);
    let own = net.nodes[0].guard.own_votes(&id(0).0);
    assert_eq!(own.prevote.map(|vote| vote.target_hash), Some(four.hash));
    let other = net.grow(best, 1);
    let five = net.grow(other, 1);
    assert_eq!(net.nodes[0].tree.best(), five, "another block would be voted for now");
    for at in 0..4 {
        net.restart(at);
    }
    net.passes = Box::new(|_, _, _, _| true);
    net.run(5_000);
    assert_eq!(
        net.nodes[0].guard.own_votes(&id(0).0).prevote,
        own.prevote,
        "the vote was repeated, not changed"
    );
    assert!(net.nodes.iter().all(|node| node.equivocations.is_empty()));
    assert!(net.finalised().iter().all(|number| *number >= 4), "{:?}", net.finalised());
}

#[test]
fn r7_what_a_precommit_relied_on_survives_a_restart_of_all() {
    // Node 3 prevotes twice and shows only node 0 both, so node 0 alone sees a ghost and precommits to it.
    let mut net = Net::new(4);
    net.nodes[3].is_up = false;
    net.passes = Box::new(|_, _, message, _| !matches!(message, Message::Vote(_)));
    let genesis = net.nodes[0].tree.genesis;
    let (best, other) = (net.grow(genesis, 1), net.grow(genesis, 2));
    net.run(50);
    for vote in [ballot(1, VoteKind::Prevote, best, 1, 0), ballot(3, VoteKind::Prevote, best, 1, 0)] {
        send(&mut net, 1, 0, vote_bytes(VoteKind::Prevote, 1, vote));
    }
    send(&mut net, 1, 0, vote_bytes(VoteKind::Prevote, 1, ballot(3, VoteKind::Prevote, other, 1, 0)));
    net.run(500);
    let precommit = net.nodes[0].guard.own_votes(&id(0).0).precommit.expect("there were enough prevotes");
    assert_eq!(precommit.target_hash, best.hash);
    net.restart(0);
    let round = &net.nodes[0].voter.current.round;
    assert_eq!(round.state().ghost, Some(best), "the evidence is still there, both votes of node 3 included");
    assert_eq!(round.votes().ballots(Phase::Prevote).count(), 4);
}

#[test]
fn r7_the_estimate_survives_a_restart_of_all() {
    // Block 1 becomes final at node 0 alone; the others precommitted and forget everything but their disks.
    let mut net = Net::new(4);
    let one = net.grow(net.nodes[0].tree.genesis, 0);
    net.passes = Box::new(|_, to, message, _| {
        to == 0
            || matches!(message, Message::Vote(vote) if vote.vote.kind == VoteKind::Prevote)
            || matches!(message, Message::Neighbour(_))
    });
    net.run(300);
    assert_eq!(net.finalised(), [1, 0, 0, 0]);
    net.nodes[0].is_up = false;
    let genesis = net.nodes[0].tree.genesis;
    (0..5).fold(genesis, |at, _| net.grow(at, 9));
    for at in 1..4 {
        net.restart(at);
    }
    net.passes = Box::new(|_, _, _, _| true);
    net.run(20_000);
    assert!(net.finalised()[1..].iter().all(|number| *number == 1), "{:?}", net.finalised());
    assert!(net.nodes.iter().all(|node| node.tree.finalised == one));
}

#[test]
fn r8_losses_are_made_good() {
    for loss in [5, 30] {
        let mut net = Net::new(7);
        net.passes = Box::new(move |_, _, _, number| {
            // A fixed shuffle of the message's number.
            let mixed = (number ^ 0x9e37_79b9).wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
            mixed % 100 >= loss
        });
        seconds(&mut net, 60);
        net.run(20_000);
        assert!(net.finalised().iter().all(|number| *number == 60), "{loss}%: {:?}", net.finalised());
        assert!(net.nodes.iter().all(|node| node.reports.is_empty()), "{:?}", net.nodes[0].reports);
    }
}

#[test]
fn r8_who_was_away_catches_up() {
    let mut net = Net::new(4);
    seconds(&mut net, 2);
    net.passes = Box::new(|a, b, _, _| a != 3 && b != 3);
    seconds(&mut net, 20);
    assert_eq!(net.finalised(), [22, 22, 22, 2]);
    let explained = net.nodes[0].voter.explain();
    assert_eq!(explained.missing_prevotes.len(), 4, "a new round waits for news: {explained:?}");
    net.passes = Box::new(|_, _, _, _| true);
    net.run(5_000);
    assert_eq!(net.finalised(), [22; 4]);
    assert_eq!(net.nodes[3].voter.round(), net.nodes[0].voter.round());
    seconds(&mut net, 3);
    assert_eq!(net.finalised(), [25; 4]);
}

#[test]
fn r8_two_of_four_stop_finality_and_both_halves_explain_it() {
    let mut net = Net::new(4);
    seconds(&mut net, 2);
    net.passes = Box::new(|a, b, _, _| (a < 2) == (b < 2));
    seconds(&mut net, 10);
    assert!(net.finalised().iter().all(|number| *number <= 3), "{:?}", net.finalised());
    let explained = net.nodes[0].voter.explain();
    let mut expected = [id(2), id(3)];
    expected.sort();
    assert_eq!(explained.missing_prevotes, expected);
    assert_eq!((explained.awaiting, explained.threshold), (Awaiting::Prevotes, 3));
    net.passes = Box::new(|_, _, _, _| true);
    net.run(10_000);
    assert_eq!(net.finalised(), [12; 4], "and go on by themselves");
}

#[test]
fn r9_a_set_change_begins_at_round_one() {
    let mut net = Net::new(4);
    seconds(&mut net, 3);
    let target = net.nodes[0].tree.finalised;
    net.set = voters(1, 4);
    for at in 0..4 {
        net.input(at, Input::Finalised { target, voters: net.set.clone(), proof: None });
        assert_eq!(net.nodes[at].voter.round(), 1);
    }
    let stale = ballot(1, VoteKind::Prevote, target, 1, 0);
    send(&mut net, 1, 0, vote_bytes(VoteKind::Prevote, 1, stale));
    assert!(net.nodes[0].reports.is_empty(), "a vote of the old set is nobody's fault");
    seconds(&mut net, 3);
    assert_eq!(net.finalised(), [6; 4]);
}

#[test]
fn equivocations_come_with_both_votes() {
    let mut net = Net::new(4);
    net.run(10);
    let genesis = net.nodes[0].tree.genesis;
    let (a, b) = (net.nodes[0].tree.clone().grow(genesis, 1), net.nodes[0].tree.clone().grow(genesis, 2));
    for (target, kind) in [(a, VoteKind::Precommit), (b, VoteKind::Precommit), (a, VoteKind::Precommit)] {
        let bytes = vote_bytes(kind, 1, ballot(3, kind, target, 1, 0));
        send(&mut net, 3, 0, bytes);
    }
    let [proof] = &net.nodes[0].equivocations[..] else { panic!("{:?}", net.nodes[0].equivocations) };
    assert_eq!((proof.offender(), proof.phase, proof.round), (id(3), Phase::Precommit, 1));
    assert_eq!((proof.first.target, proof.second.target), (a, b));
    assert!(
        proof.first.is_signed(VoteKind::Precommit, 1, 0) && proof.second.is_signed(VoteKind::Precommit, 1, 0)
    );
    net.run(100);
    assert_eq!(net.nodes[1].equivocations.len(), 1, "passed on, so everybody has the proof");
    assert!(
        net.nodes.iter().all(|node| node.reports.is_empty()),
        "who passes a vote on is not punished for it"
    );
    assert_eq!(net.nodes[0].fetches, [a, b], "blocks that are voted for are fetched");
}

#[test]
fn r10_each_wrong_has_its_name() {
    let mut net = Net::new(4);
    net.run(50);
    let genesis = net.nodes[0].tree.genesis;
    let target = net.nodes[0].tree.clone().grow(genesis, 1);
    let stranger = ballot(9, VoteKind::Prevote, target, 1, 0);
    let mut forged = ballot(1, VoteKind::Prevote, target, 1, 0);
    forged.signature[3] ^= 1;
    let commit = |votes: Vec<Ballot>| {
        Message::Commit(Commit { round: 1, set_id: 0, target, precommits: votes }).encode()
    };
    let precommits: Vec<_> = (0..3).map(|seed| ballot(seed, VoteKind::Precommit, target, 1, 0)).collect();
    let mut bad_commit = precommits.clone();
    bad_commit[2].signature[0] ^= 1;
    let catch_up = Message::CatchUp(crate::finality::message::CatchUp {
        set_id: 0,
        round: 9,
        prevotes: vec![],
        precommits: vec![],
        base: genesis,
    });
    let cases = [
        (vec![9, 9], Rule::Undecodable),
        (vote_bytes(VoteKind::Prevote, 1, stranger), Rule::UnknownVoter),
        (vote_bytes(VoteKind::Prevote, 1, forged), Rule::BadSignature),
        (commit(precommits[..2].to_vec()), Rule::BadCommit),
        (commit(bad_commit), Rule::BadCommit),
        (catch_up.encode(), Rule::UnsolicitedCatchUp),
    ];
    for (bytes, rule) in cases {
        send(&mut net, 2, 0, bytes);
        assert_eq!(net.nodes[0].reports.pop(), Some((PeerId(2), rule)));
    }
    // A right commit for a block that is not here is kept until the block comes.
    send(&mut net, 2, 0, commit(precommits));
    assert!(net.nodes[0].reports.is_empty());
    net.grow_at(0, genesis, 1);
    assert_eq!(net.nodes[0].tree.finalised, target);
}

#[test]
fn r10_floods_are_cut_off_and_forgiven() {
    let mut net = Net::new(4);
    net.run(50);
    let view = |round| Message::Neighbour(Neighbour { round, set_id: 0, finalised: 0 }).encode();
    for _ in 0..2_000 {
        send(&mut net, 2, 0, view(1));
    }
    let floods = net.nodes[0].reports.iter().filter(|report| **report == (PeerId(2), Rule::Flood)).count();
    assert!((1_400..2_000).contains(&floods), "{floods}");
    net.nodes[0].reports.clear();
    net.run(5_000);
    send(&mut net, 2, 0, view(1));
    assert!(net.nodes[0].reports.is_empty());
}

#[test]
fn r10_catch_up_requests_are_answered_at_a_pace() {
    let mut net = Net::new(4);
    seconds(&mut net, 5);
    let request = Message::CatchUpRequest(CatchUpRequest { round: 1, set_id: 0 }).encode();
    for _ in 0..3 {
        send(&mut net, 2, 0, request.clone());
    }
    assert_eq!(net.nodes[0].reports, [(PeerId(2), Rule::CatchUpFlood); 2]);
}

#[test]
fn light_clients_get_packets_and_commits_only() {
    let mut net = Net::new(4);
    let light = PeerId(77);
    let mut out = Vec::new();
    let node = &mut net.nodes[0];
    node.voter.step(0, &node.tree, Input::Connected { peer: light, role: Role::Light }, &mut out);
    let view = Message::Neighbour(Neighbour { round: 1, set_id: 0, finalised: 0 }).encode();
    node.voter.step(0, &node.tree, Input::Message { peer: light, bytes: view }, &mut out);
    assert!(matches!(&out[0], Effect::Send { to, message: Message::Neighbour(_) } if *to == [light]));
    // The block comes, and the votes of the others; the effects of node 0 are watched.
    let genesis = net.nodes[0].tree.genesis;
    let block = net.nodes[0].tree.grow(genesis, 0);
    let node = &mut net.nodes[0];
    out.clear();
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        for seed in 1..4 {
            let bytes = vote_bytes(kind, 1, ballot(seed, kind, block, 1, 0));
            node.voter.step(1, &node.tree, Input::Message { peer: PeerId(seed as u64), bytes }, &mut out);
        }
    }
    assert!(out.iter().any(|effect| matches!(effect, Effect::Finalise { target, .. } if *target == block)));
    let to_light: Vec<_> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { to, message } if to.contains(&light) => Some(message),
            _ => None,
        })
        .collect();
    assert!(
        to_light.iter().any(|message| matches!(message, Message::Commit(commit) if commit.target == block))
    );
    assert!(!to_light.iter().any(|message| matches!(message, Message::Vote(_))), "{to_light:?}");
}

#[test]
fn memory_of_a_peer_is_bounded() {
    let mut net = Net::new(4);
    seconds(&mut net, 30);
    let text = format!("{:?}", net.nodes[0].voter.peers);
    let names = text.matches("Prevote").count() + text.matches("Precommit").count();
    assert!(names <= 3 * 3 * 8 * 2, "{names} names of votes for three peers and three rounds");
}
