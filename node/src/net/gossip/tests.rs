use super::*;
use std::collections::BTreeMap;

const A: PeerId = PeerId(1);
const B: PeerId = PeerId(2);

fn transaction(seed: u64, bytes: usize) -> Hashed {
    let mut content = seed.to_le_bytes().to_vec();
    content.resize(bytes.max(8), 7);
    let extrinsic = OpaqueExtrinsic(content);
    (extrinsic.hash(), Arc::new(extrinsic))
}

fn decode(mut bytes: &[u8]) -> Vec<OpaqueExtrinsic> {
    let all = decode_vec(&mut bytes, u32::MAX, "test").unwrap();
    assert!(bytes.is_empty());
    all
}

/// What each peer was sent.
fn flush(gossip: &mut Gossip, now_ms: u64) -> BTreeMap<PeerId, Vec<Vec<OpaqueExtrinsic>>> {
    let mut sent: BTreeMap<PeerId, Vec<Vec<OpaqueExtrinsic>>> = BTreeMap::new();
    gossip.flush(now_ms, |peer, bytes| {
        sent.entry(peer).or_default().push(decode(&bytes));
        true
    });
    sent
}

fn gossip(peers: &[PeerId]) -> Gossip {
    let mut gossip = Gossip::new(0);
    peers.iter().for_each(|peer| gossip.opened(*peer, false));
    gossip
}

#[test]
fn r1_each_peer_gets_a_transaction_once_and_its_own_never() {
    let mut gossip = gossip(&[A, B]);
    let (one, two) = (transaction(1, 8), transaction(2, 8));
    let from_a = encode(&[&one]);
    let fresh = gossip.received(0, A, &from_a).unwrap();
    assert_eq!(fresh, vec![(*one.1).clone()]);
    assert!(gossip.received(0, A, &from_a).unwrap().is_empty(), "a repetition is nothing new");
    gossip.propagate(0, [one.clone(), two.clone()]);
    assert!(flush(&mut gossip, BATCH_MS - 1).is_empty(), "others may still join the batch");
    let sent = flush(&mut gossip, BATCH_MS);
    assert_eq!(sent[&A], vec![vec![(*two.1).clone()]]);
    assert_eq!(sent[&B], vec![vec![(*one.1).clone(), (*two.1).clone()]]);
    gossip.propagate(100, [one, two]);
    assert!(flush(&mut gossip, 1_000).is_empty());
}

#[test]
fn r1_what_found_no_room_goes_with_a_sweep() {
    let mut gossip = gossip(&[A]);
    let one = transaction(1, 8);
    gossip.propagate(0, [one.clone()]);
    assert!(gossip.flush(BATCH_MS, |_, _| false).is_empty(), "nobody was told");
    assert!(!gossip.is_sweep_due(SWEEP_MS - 1) && gossip.is_sweep_due(SWEEP_MS));
    assert!(!gossip.is_sweep_due(SWEEP_MS + 1), "once");
    gossip.propagate(SWEEP_MS, [one.clone()]);
    assert_eq!(gossip.wake_at(), Some(SWEEP_MS + BATCH_MS));
    let told = gossip.flush(SWEEP_MS + BATCH_MS, |_, _| true);
    assert_eq!(told, BTreeMap::from([(one.0, vec![A])]));
}

#[test]
fn r2_the_oldest_is_forgotten_first() {
    let mut recent = Recent::default();
    let hash = |n: u8| H256([n; 32]);
    assert!((0..4).all(|n| recent.insert(hash(n), 3)));
    assert!(!recent.insert(hash(3), 3), "known");
    assert!(!recent.contains(&hash(0)) && recent.contains(&hash(1)));
    recent.forget(&hash(2));
    assert!(!recent.contains(&hash(2)) && recent.insert(hash(2), 3), "it is new again");
}

#[test]
fn r3_batches_are_bounded_and_a_large_transaction_goes_alone() {
    let mut gossip = gossip(&[A]);
    let all: Vec<Hashed> = vec![
        transaction(1, BATCH_BYTES / 2),
        transaction(2, BATCH_BYTES / 2),
        transaction(3, 8),
        transaction(4, 2 * BATCH_BYTES),
    ];
    gossip.propagate(0, all.clone());
    let sent = flush(&mut gossip, 0);
    let sizes: Vec<usize> = sent[&A].iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 1, 1], "a full batch does not wait");
    let many = (0..WAITING_MAX as u64 + 10).map(|n| transaction(100 + n, 8));
    gossip.propagate(0, many);
    let sent = flush(&mut gossip, BATCH_MS);
    assert_eq!(sent[&A].iter().map(Vec::len).sum::<usize>(), WAITING_MAX);
}

#[test]
fn r4_a_flood_is_not_read() {
    let mut gossip = gossip(&[A]);
    let all: Vec<Hashed> = (0..u64::from(BATCH_COUNT_MAX)).map(|n| transaction(n, 8)).collect();
    let bytes = encode(&all.iter().collect::<Vec<_>>());
    assert_eq!(gossip.received(0, A, &bytes).unwrap().len(), all.len());
    assert_eq!(gossip.received(999, A, &bytes), Err(Rule::Flood));
    assert!(gossip.received(1_000, A, &bytes).unwrap().is_empty(), "a second later it may speak again");
    for wrong in [&b""[..], &[4], &[4, 8, 1], &[4, 4, 1, 0], &[0xff; 64]] {
        assert!(gossip.received(5_000, A, wrong).is_err(), "{wrong:?}");
    }
    assert!(gossip.received(0, B, &bytes).unwrap().is_empty(), "a stranger");
}

#[test]
fn r5_light_clients_are_sent_nothing() {
    let mut gossip = gossip(&[A]);
    gossip.opened(B, true);
    gossip.propagate(0, [transaction(1, 8)]);
    assert!(!flush(&mut gossip, BATCH_MS).contains_key(&B));
    assert_eq!(gossip.received(0, B, &encode(&[&transaction(2, 8)])).unwrap().len(), 1);
    gossip.gone(A);
    gossip.gone(B);
    assert_eq!(gossip.wake_at(), None, "nobody is there");
}
