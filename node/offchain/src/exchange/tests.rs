//! The exchange alone and among many.

mod world;

use super::*;
use crate::cid::{ChunkId, Codec};
use crate::seal::SEALED_BYTES;
use quire_channel::{CidBytes, PartAnchor};
use quire_core::AccountId;
use world::{CHANNEL, Dice, GENESIS, Vice, World, batch, key, name, pair};

/// Seeds of the long runs.
const SEEDS: u64 = 24;

fn cut_at_random(world: &mut World, dice: &mut Dice) {
    let count = world.nodes.len() as u64;
    let (a, b) = (dice.below(count) as usize, dice.below(count) as usize);
    if a == b {
        return;
    }
    match dice.below(2) {
        0 => world.cut(a, b),
        _ => world.connect(a, b),
    }
}

/// What the judges hold against a node that let something grow.
fn assert_bounded(world: &World) {
    for (number, node) in world.nodes.iter().enumerate() {
        let worst = node.worst;
        assert!(worst.flight_bytes_max <= feed::WINDOW_BYTES, "node {number}: {worst:?}");
        assert!(worst.intake_bytes_max <= feed::INTAKE_BYTES_MAX, "node {number}: {worst:?}");
        assert!(worst.requests <= fetch::REQUESTS_MAX, "node {number}: {worst:?}");
        assert!(worst.serving <= serve::SERVING_MAX, "node {number}: {worst:?}");
        assert!(worst.peers <= world.nodes.len() * 2, "node {number}: {worst:?}");
    }
}

/// Four participants and two validators, loss, reordering and cuts; after healing everything is everywhere.
fn storm(seed: u64) {
    let mut world = World::new(seed, 6);
    let mut dice = Dice(seed ^ 0xd1ce);
    (world.loss_percent, world.delay_ms) = (dice.below(30), 1 + dice.below(800));
    world.open_channel(4);
    world.connect_all();
    let part = world.store_part(1, 300, &[0]);
    world.tell(4, Input::Fetch { part, providers: vec![key(0), key(5)] });
    world.tell(5, Input::Fetch { part, providers: vec![key(0), key(4)] });
    let (mut next, mut first) = ([0u64; 4], [[0u64; 4]; 2]);
    for round in 0..40u32 {
        let block = u32::from(round >= 20);
        for sender in 0..4u8 {
            let at = usize::from(sender);
            if round == 20 {
                world.tell(at, Input::End { channel: CHANNEL, end: End { block: 0, from: 0, to: next[at] } });
                first[1][at] = next[at];
            }
            let count = 1 + dice.below(50) as u32;
            world.publish(at, &[batch(sender, block, next[at], count, dice.below(200_000) as usize)]);
            next[at] += u64::from(count);
        }
        cut_at_random(&mut world, &mut dice);
        world.run(dice.below(1_500));
    }
    for at in 0..4 {
        world.tell(
            at,
            Input::End { channel: CHANNEL, end: End { block: 1, from: first[1][at], to: next[at] } },
        );
    }
    world.connect_all();
    world.loss_percent = 0;
    world.run(120_000);
    let all: BTreeSet<BatchHeader> =
        world.nodes.iter().flat_map(|node| node.mailbox.keys().copied()).collect();
    assert_eq!(all.len(), 160);
    for participant in 0..4 {
        let node = &world.nodes[participant];
        assert!(
            all.iter().all(|header| node.mailbox.contains_key(header)),
            "participant {participant} lacks batches"
        );
        assert_eq!(node.complete, [(CHANNEL, 0), (CHANNEL, 1)].into(), "participant {participant}");
    }
    for validator in [4, 5] {
        assert!(world.nodes[validator].mailbox.is_empty(), "validators get no plain messages");
        assert!(world.is_whole(validator, &part) && world.nodes[validator].fetched.contains(&part));
    }
    for node in &world.nodes {
        assert_eq!(node.reports, [], "nobody lied");
    }
    assert_bounded(&world);
}

#[test]
fn everything_arrives_in_spite_of_loss_disorder_and_cuts() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        storm(seed);
    }
}

#[test]
fn one_seed_is_one_run() {
    let run = || {
        let mut world = World::new(3, 4);
        world.loss_percent = 20;
        world.open_channel(3);
        world.connect_all();
        world.publish(0, &[batch(0, 0, 0, 5, 1_000), batch(0, 0, 5, 5, 70_000)]);
        world.run(30_000);
        (world.dice.next(), format!("{:?}", world.nodes))
    };
    assert_eq!(run(), run());
}

#[test]
fn r1_a_key_is_shown_to_one_peer_only() {
    let mut machine = Exchange::new(GENESIS, name(0));
    let mut out = Vec::new();
    let nonce = [9; 32];
    machine.step(0, Input::Opened { peer: Peer(1), name: name(1), nonce }, &mut out);
    assert_eq!(out, [Effect::Send { peer: Peer(1), notice: Notice::Challenge { nonce } }]);
    let mut try_proof = |payload: Vec<u8>, signer: usize| {
        let signature = pair(signer).sign_simple(PROOF_CONTEXT, &payload).to_bytes();
        let notice = Notice::Proof { key: key(3), signature };
        let mut out = Vec::new();
        machine.step(0, Input::Notice { peer: Peer(1), notice }, &mut out);
        out.is_empty() && machine.peers.has_proved(Peer(1), &key(3))
    };
    assert!(!try_proof(proof_payload(GENESIS, &name(0), &name(2), &nonce), 3), "made for another prover");
    assert!(!try_proof(proof_payload(GENESIS, &name(2), &name(1), &nonce), 3), "made for another challenger");
    assert!(!try_proof(proof_payload(GENESIS, &name(0), &name(1), &[8; 32]), 3), "an old one");
    assert!(!try_proof(proof_payload(H256::ZERO, &name(0), &name(1), &nonce), 3), "of another chain");
    assert!(!try_proof(proof_payload(GENESIS, &name(0), &name(1), &nonce), 2), "by another key");
    assert!(try_proof(proof_payload(GENESIS, &name(0), &name(1), &nonce), 3));
}

#[test]
fn r2_keys_that_come_later_are_shown_too() {
    let mut world = World::new(1, 2);
    world.connect_all();
    world.run(1_000);
    world.open_channel(2);
    world.run(1_000);
    world.publish(0, &[batch(0, 0, 0, 3, 100)]);
    world.run(1_000);
    assert_eq!(world.nodes[1].mailbox.len(), 1);
}

#[test]
fn r3_r4_strangers_get_nothing_and_are_not_heard() {
    // Node 2 is a participant of nothing: it has no facts, and its key is in nobody's.
    let mut world = World::new(1, 3);
    for node in 0..2 {
        world.tell(node, Input::Keys([key(node)].into()));
        let facts = Facts { validators: BTreeSet::new(), ..world.facts(2, node) };
        world.tell(node, Input::Channel(facts));
    }
    world.tell(2, Input::Keys([key(2)].into()));
    world.connect_all();
    world.run(1_000);
    world.publish(0, &[batch(0, 0, 0, 3, 100)]);
    let link = (1..4).find(|link| world.other(*link, 0) == Some(2)).expect("connected");
    let have = Have { channel: CHANNEL, senders: vec![(0, Vec::new())], ends: Vec::new() };
    world.tell(0, Input::Notice { peer: Peer(link), notice: Notice::Have(have) });
    let forged = vec![batch(1, 0, 0, 3, 100).1];
    world.tell(
        0,
        Input::Notice { peer: Peer(link), notice: Notice::Batches { channel: CHANNEL, batches: forged } },
    );
    world.run(20_000);
    assert!(world.nodes[2].mailbox.is_empty());
    assert_eq!(world.nodes[0].judged, 0);
    assert_eq!(world.nodes[0].reports, [(2, "batches: no key of the channel shown")]);
    assert_eq!(world.nodes[1].mailbox.len(), 1);
}

#[test]
fn r5_a_partner_that_never_acknowledges_costs_a_window() {
    let mut world = World::new(1, 2);
    world.open_channel(2);
    world.connect_all();
    world.run(1_000);
    let batches: Vec<_> = (0..400).map(|at| batch(0, 0, at, 1, 100_000)).collect();
    // It judges nothing: what it says is lost.
    world.loss_percent = 100;
    world.publish(0, &batches);
    world.run(60_000);
    let worst = world.nodes[0].worst;
    assert!(worst.flight_bytes_max <= feed::WINDOW_BYTES && worst.flight_bytes_max > feed::WINDOW_BYTES / 2);
    world.loss_percent = 0;
    world.run(60_000);
    assert_eq!(world.nodes[1].mailbox.len(), 400);
}

#[test]
fn r5_a_batch_above_the_window_travels_alone() {
    let mut world = World::new(1, 2);
    world.open_channel(2);
    world.connect_all();
    let large = feed::WINDOW_BYTES as usize + 1;
    world.publish(0, &[batch(0, 0, 0, 1, large), batch(0, 0, 1, 1, large), batch(0, 0, 2, 1, 10)]);
    world.run(30_000);
    assert_eq!(world.nodes[1].mailbox.len(), 3);
}

#[test]
fn r5_more_than_the_window_is_not_judged() {
    let mut world = World::new(1, 2);
    world.open_channel(2);
    world.connect_all();
    world.run(1_000);
    let (peer, mut out) = (Peer(1), Vec::new());
    let flood = |from: u64| (from..from + 30).map(|at| batch(0, 0, at, 1, 1_000_000).1).collect();
    let notice = Notice::Batches { channel: CHANNEL, batches: flood(0) };
    world.nodes[1].machine.step(world.now, Input::Notice { peer, notice }, &mut out);
    let judged: usize =
        out.iter()
            .map(|effect| {
                if let Effect::Judge { batches, .. } = effect {
                    batches.iter().map(Vec::len).sum()
                } else {
                    0
                }
            })
            .sum();
    assert!(judged as u64 <= feed::INTAKE_BYTES_MAX && judged > 0, "{judged}");
    let is_flood = |effect: &&Effect| matches!(effect, Effect::Report { cost: cost::FLOOD, .. });
    assert_eq!(out.iter().filter(is_flood).count(), 30 - judged / 1_000_000);
}

#[test]
fn r6_a_participant_that_is_cut_off_is_reached_through_a_third() {
    let mut world = World::new(1, 3);
    world.open_channel(3);
    world.connect(0, 1);
    world.connect(1, 2);
    world.publish(0, &[batch(0, 0, 0, 5, 1_000), batch(0, 0, 5, 5, 1_000)]);
    world.tell(0, Input::End { channel: CHANNEL, end: End { block: 0, from: 0, to: 10 } });
    world.run(feed::RELAY_AFTER_MS / 2);
    assert_eq!(world.nodes[1].mailbox.len(), 2);
    assert!(world.nodes[2].mailbox.is_empty(), "the sender itself comes first");
    world.run(feed::RELAY_AFTER_MS * 2);
    assert_eq!(world.nodes[2].mailbox.len(), 2);
    // R7: the end is believed from the sender's own node only.
    for node in [1, 2] {
        world.tell(node, Input::End { channel: CHANNEL, end: End { block: 0, from: 0, to: 0 } });
    }
    world.run(20_000);
    assert!(world.nodes[2].complete.is_empty());
    world.connect(0, 2);
    world.run(20_000);
    assert_eq!(world.nodes[2].complete, [(CHANNEL, 0)].into());
}

#[test]
fn r6_relays_do_not_double_the_traffic_of_a_healthy_mesh() {
    let mut world = World::new(1, 4);
    world.open_channel(4);
    world.connect_all();
    for at in 0..50 {
        world.publish(0, &[batch(0, 0, at, 1, 10_000)]);
        world.run(200);
    }
    world.run(20_000);
    assert!((1..4).all(|node| world.nodes[node].judged == 50), "each batch is judged once");
}

#[test]
fn r6_an_altered_relay_is_refused_and_the_true_one_arrives() {
    let mut world = World::new(1, 4);
    world.open_channel(4);
    world.nodes[1].vice = Vice::WrongBatches;
    for (a, b) in [(0, 1), (0, 3), (1, 2), (3, 2)] {
        world.connect(a, b);
    }
    world.publish(0, &[batch(0, 0, 0, 5, 1_000)]);
    world.run(60_000);
    assert_eq!(world.nodes[2].mailbox.keys().collect::<Vec<_>>(), [&batch(0, 0, 0, 5, 1_000).0]);
    assert!(world.nodes[2].reports.contains(&(1, "batches: a batch that is refused")));
}

#[test]
fn r7_blocks_end_when_all_that_is_wanted_is_here() {
    let mut world = World::new(1, 3);
    world.open_channel(3);
    // Participant 0 wants nothing, participant 1 wants those of 2.
    world.tell(0, Input::Channel(Facts { wanted: 0, ..world.facts(3, 0) }));
    world.tell(1, Input::Channel(Facts { wanted: 1 << 2, ..world.facts(3, 1) }));
    world.connect_all();
    world.publish(1, &[batch(1, 0, 0, 2, 100)]);
    world.publish(2, &[batch(2, 0, 0, 2, 100)]);
    world.run(3_000);
    assert!(world.nodes[0].mailbox.is_empty(), "it wants nothing");
    let end = |to| Input::End { channel: CHANNEL, end: End { block: 0, from: 0, to } };
    world.tell(0, end(0));
    assert_eq!(world.nodes[0].complete, [(CHANNEL, 0)].into());
    world.tell(1, end(2));
    world.run(3_000);
    assert!(world.nodes[1].complete.is_empty(), "participant 2 has not ended");
    // It says that there are more than have come.
    world.tell(2, end(4));
    world.run(3_000);
    assert!(world.nodes[1].complete.is_empty(), "two are missing");
    world.publish(2, &[batch(2, 0, 2, 2, 100)]);
    world.run(3_000);
    assert_eq!(world.nodes[1].complete, [(CHANNEL, 0)].into());
}

#[test]
fn r8_closed_blocks_are_let_go() {
    let mut world = World::new(1, 2);
    world.open_channel(2);
    world.publish(0, &[batch(0, 0, 0, 2, 100), batch(0, 1, 2, 2, 100)]);
    world.tell(0, Input::Channel(Facts { open_from: 1, ..world.facts(2, 0) }));
    assert_eq!(world.nodes[0].machine.sizes().batches, 1);
    world.connect_all();
    world.run(20_000);
    assert_eq!(world.nodes[1].mailbox.len(), 1, "nothing of a closed block is sent");
}

#[test]
fn r8_a_third_cannot_declare_numbers_late() {
    let mut world = World::new(1, 3);
    world.open_channel(3);
    world.connect_all();
    world.run(1_000);
    let (header, _) = batch(0, 9, 0, 1_000, 10);
    let link = (1..4).find(|link| world.other(*link, 2) == Some(1)).expect("connected");
    let verdicts = vec![Verdict::Late { header }];
    world.tell(2, Input::Judged { peer: Peer(link), channel: CHANNEL, bytes: 0, verdicts });
    world.publish(0, &[batch(0, 0, 0, 5, 100)]);
    world.run(5_000);
    assert_eq!(world.nodes[2].mailbox.len(), 1);
}

#[test]
fn r9_to_r12_parts_come_from_many_in_spite_of_liars() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed, 6);
        world.delay_ms = 200;
        world.open_channel(2);
        (world.nodes[2].vice, world.nodes[3].vice) = (Vice::WrongChunks, Vice::Mute);
        let parts: Vec<ChunkId> = (0..40).map(|tag| world.store_part(tag, 100, &[0, 1, 2, 3, 4])).collect();
        world.connect_all();
        world.run(1_000);
        for part in &parts {
            world.tell(5, Input::Fetch { part: *part, providers: (0..5).map(key).collect() });
        }
        world.run(120_000);
        let node = &world.nodes[5];
        assert!(
            parts.iter().all(|part| world.is_whole(5, part) && node.fetched.contains(part)),
            "seed {seed}"
        );
        assert_eq!(node.reports, [(2, "chunks: bytes of another address")], "seed {seed}");
        assert!([0, 1, 4].iter().all(|peer| node.asked_of[peer] > 200), "{:?}", node.asked_of);
        assert!(node.asked_of[&2] <= fetch::PEER_REQUESTS_MAX, "a liar is not asked again");
        assert!(node.worst.ids <= fetch::ACTIVE_MAX * 100, "{:?}", node.worst);
        assert_bounded(&world);
    }
}

#[test]
fn r10_a_restart_goes_on_where_it_was() {
    let mut world = World::new(1, 3);
    world.open_channel(1);
    let part = world.store_part(1, 100, &[0]);
    world.connect_all();
    world.run(1_000);
    world.tell(1, Input::Fetch { part, providers: vec![key(0)] });
    while world.nodes[1].disk.len() < 40 {
        world.run(1);
    }
    let on_disk: Vec<ChunkId> = world.nodes[1].disk.keys().copied().collect();
    world.cut(0, 1);
    world.nodes[1].machine = Exchange::new(GENESIS, name(1));
    world.nodes[1].requested.clear();
    world.tell(1, Input::Keys([key(1)].into()));
    let facts = world.facts(1, 1);
    world.tell(1, Input::Channel(facts));
    world.connect(0, 1);
    world.tell(1, Input::Fetch { part, providers: vec![key(0)] });
    world.run(10_000);
    assert!(world.nodes[1].fetched.contains(&part));
    let requested = &world.nodes[1].requested;
    assert!(on_disk.iter().all(|id| !requested.contains_key(id)), "what is on disk is not fetched again");
    assert_eq!(requested.len(), 101 - on_disk.len());
}

#[test]
fn r12_who_has_it_later_is_asked_later() {
    let mut world = World::new(1, 2);
    world.open_channel(1);
    let part = world.store_part(1, 5, &[]);
    world.connect_all();
    world.tell(1, Input::Fetch { part, providers: vec![key(0)] });
    world.run(10_000);
    assert!(!world.nodes[1].fetched.contains(&part));
    assert!(world.nodes[1].asked_of[&0] <= 11, "not in a tight loop: {:?}", world.nodes[1].asked_of);
    world.store_part(1, 5, &[0]);
    world.run(5_000);
    assert!(world.nodes[1].fetched.contains(&part));
    assert_eq!(world.nodes[1].reports, []);
}

#[test]
fn r13_parts_that_nobody_gives_make_room() {
    let mut world = World::new(1, 2);
    world.open_channel(1);
    let lost: Vec<ChunkId> =
        (0..fetch::ACTIVE_MAX as u8 + 4).map(|tag| world.store_part(tag, 5, &[])).collect();
    let there = world.store_part(200, 5, &[0]);
    world.connect_all();
    for part in lost.iter().chain([&there]) {
        world.tell(1, Input::Fetch { part: *part, providers: vec![key(0)] });
    }
    world.run(4 * fetch::TURN_MS);
    assert!(world.nodes[1].fetched.contains(&there));
    for part in &lost {
        world.tell(1, Input::Abandon { part: *part });
    }
    world.run(20_000);
    assert_eq!(world.nodes[1].machine.sizes().parts, 0);
}

#[test]
fn r13_more_parts_than_the_limit_are_not_taken() {
    let mut machine = Exchange::new(GENESIS, name(0));
    let mut out = Vec::new();
    for number in 0..=fetch::PARTS_MAX as u32 {
        let part = ChunkId::of(Codec::DagCbor, &number.to_le_bytes());
        out.clear();
        machine.step(0, Input::Fetch { part, providers: vec![key(1)] }, &mut out);
    }
    assert!(matches!(out[..], [Effect::NotFetched { .. }]));
    assert_eq!(machine.sizes().parts, fetch::PARTS_MAX);
}

#[test]
fn r14_r15_serving_has_a_door_and_a_meter() {
    let mut world = World::new(1, 2);
    world.open_channel(1);
    let ids = vec![ChunkId::of(Codec::Raw, b"x"); message::REQUEST_CHUNKS_MAX];
    let asked = |token: u64, ids: &[ChunkId]| Input::Asked { peer: Peer(1), token, ids: ids.to_vec() };
    world.connect_all();
    // No proof has come yet.
    let mut out = Vec::new();
    world.nodes[0].machine.step(world.now, asked(1, &ids), &mut out);
    assert!(matches!(out[..], [Effect::Refuse { token: 1 }, Effect::Report { cost: cost::EARLY, .. }]));
    world.run(1_000);
    out.clear();
    world.nodes[0].machine.step(world.now, asked(2, &[]), &mut out);
    assert!(matches!(out[..], [Effect::Refuse { token: 2 }, Effect::Report { cost: cost::JUNK, .. }]));
    // In flight.
    let machine = &mut world.nodes[0].machine;
    let serve = |machine: &mut Exchange, now: u64, token: u64| {
        let mut out = Vec::new();
        machine.step(now, asked(token, &ids), &mut out);
        assert_eq!(out.len(), 1, "who asks much is not blamed");
        matches!(out[0], Effect::Serve { .. })
    };
    let at_once = (10..60).filter(|token| serve(machine, world.now, *token)).count();
    assert_eq!(at_once, serve::PEER_SERVING_MAX);
    let full = message::REQUEST_CHUNKS_MAX as u64 * 256 * 1024;
    (10..60).for_each(|token| machine.step(world.now, Input::Served { token, bytes: full }, &mut Vec::new()));
    // By volume: everything is of full size, so nothing comes back.
    let mut volume = |now: u64| {
        let mut count = 0u64;
        while serve(machine, now, 1_000 + count) {
            machine.step(now, Input::Served { token: 1_000 + count, bytes: full }, &mut Vec::new());
            count += 1;
        }
        count * full
    };
    assert!(volume(world.now) <= serve::BURST_BYTES);
    let later = volume(world.now + 1_000);
    assert!(later <= serve::BYTES_PER_S && later > serve::BYTES_PER_S - 2 * full, "{later}");
}

fn offer(participant: u8, validator: usize) -> Offer {
    let anchor = PartAnchor {
        cid: CidBytes::new(vec![1; 36]).expect("short"),
        root: H256::ZERO,
        length: 1,
        count: 1,
        key_commitment: H256::ZERO,
    };
    let validator = AccountId([validator as u8; 32]);
    Offer { channel: CHANNEL, block: 0, participant, validator, anchor, sealed: [0; SEALED_BYTES] }
}

#[test]
fn r16_offers_are_repeated_until_the_receipt() {
    let mut world = World::new(1, 4);
    world.open_channel(2);
    world.tell(0, Input::Offer { offer: offer(0, 2), to: key(2) });
    world.run(5_000);
    world.connect(0, 2);
    world.loss_percent = 60;
    world.run(300_000);
    let received = &world.nodes[0].received;
    assert_eq!(received.len(), 1, "each receipt counts once");
    assert_eq!((received[0].validator, received[0].signature), (AccountId([2; 32]), [2; 64]));
    assert_eq!(world.nodes[0].machine.sizes().offers, 0);
    // What is over is offered no more.
    world.tell(0, Input::Offer { offer: offer(0, 3), to: key(3) });
    assert_eq!(world.nodes[0].machine.sizes().offers, 1);
    world.tell(0, Input::Channel(Facts { taking: BTreeSet::new(), ..world.facts(2, 0) }));
    assert_eq!(world.nodes[0].machine.sizes().offers, 0);
}

#[test]
fn r17_r18_nobody_speaks_for_another() {
    let mut world = World::new(1, 4);
    world.open_channel(2);
    world.connect_all();
    world.run(1_000);
    let link = |world: &World, a: usize, b: usize| {
        Peer(
            (1..7)
                .find(|link| world.other(*link, a) == Some(b) && world.other(*link, b) == Some(a))
                .expect("connected"),
        )
    };
    let (from_1, from_3) = (link(&world, 2, 1), link(&world, 0, 3));
    world.tell(2, Input::Notice { peer: from_1, notice: Notice::Offer(offer(0, 2)) });
    assert_eq!(world.nodes[2].reports, [(1, "custody: an offer in another's name")]);
    world.loss_percent = 100;
    world.tell(0, Input::Offer { offer: offer(0, 2), to: key(2) });
    let validator = AccountId([2; 32]);
    let receipt = Receipt { channel: CHANNEL, block: 0, participant: 0, validator, signature: [3; 64] };
    world.tell(0, Input::Notice { peer: from_3, notice: Notice::Receipt(receipt) });
    assert!(world.nodes[0].received.is_empty());
    assert_eq!(world.nodes[0].reports, [(3, "custody: a receipt in another's name")]);
}
