//! The merge against a naive one, in any order, with every way to go wrong.

use super::*;
use crate::batch::{BatchHeader, Leaf, SignedBatch};
use crate::message::Message;
use crate::part::PartBuilder;
use crate::vbucket::vbucket;
use alloc::collections::BTreeMap;
use proptest::prelude::*;
use quire_core::hash::blake2_256;

const GENESIS: H256 = H256([9; 32]);
const PLACE: MergePlace = MergePlace { genesis: GENESIS, channel: 1, block: 2, participants: 3 };

/// A signature is the sender and the payload's hash.
struct Toy;

fn sign(header: &BatchHeader) -> [u8; 64] {
    let mut signature = [header.sender; 64];
    signature[..32].copy_from_slice(&blake2_256(&header.signing_bytes()));
    signature
}

impl BatchVerifier for Toy {
    fn verify(&self, sender: u8, payload: &[u8], signature: &[u8; 64]) -> bool {
        // The last byte is free, as sr25519 has many valid signatures for one payload.
        signature[..32] == blake2_256(payload) && signature[32..63] == [sender; 31]
    }
}

fn message(sender: u8, seq: u64, key: &[u8], time_ms: u64, body: u8) -> Message {
    Message {
        channel: 1,
        block: 2,
        sender,
        seq,
        time_ms,
        kind: 1,
        key: key.to_vec(),
        body: alloc::vec![body],
    }
}

fn batch(messages: Vec<Message>) -> SignedBatch {
    let ids: Vec<H256> = messages.iter().map(Message::id).collect();
    let header = SignedBatch::header_for(GENESIS, &messages[0], &ids).unwrap();
    SignedBatch { header, signature: sign(&header), leaves: messages.into_iter().map(Leaf::Full).collect() }
}

fn run(sender: u8, seqs: core::ops::Range<u64>) -> SignedBatch {
    batch(seqs.map(|seq| message(sender, seq, &[seq as u8, sender], 10 * seq, 0)).collect())
}

fn sparse(batch: &SignedBatch, keep: impl Fn(usize) -> bool) -> SignedBatch {
    let mut batch = batch.clone();
    for (index, leaf) in batch.leaves.iter_mut().enumerate() {
        if !keep(index) {
            *leaf = Leaf::Id(leaf.id());
        }
    }
    batch
}

/// Signs whatever the header says.
fn resigned(mut batch: SignedBatch, change: impl FnOnce(&mut BatchHeader)) -> SignedBatch {
    change(&mut batch.header);
    batch.signature = sign(&batch.header);
    batch
}

fn plain(batches: &[SignedBatch]) -> Vec<u8> {
    let mut builder = PartBuilder::new();
    batches.iter().for_each(|batch| builder.push_batch(batch).unwrap());
    builder.finish().0
}

fn merge(parts: &[Vec<SignedBatch>]) -> Merged {
    let mut merger = Merger::new(PLACE);
    for (participant, part) in parts.iter().enumerate() {
        merger.add_part(participant as u8, &plain(part), &Toy, &Sequential).unwrap();
    }
    merger.finish(&Sequential)
}

fn messages(merged: &Merged) -> Vec<Message> {
    merged
        .iter()
        .map(|(message, id)| (message.to_message(), *id))
        .inspect(|(m, id)| assert_eq!(m.id(), *id))
        .map(|(m, _)| m)
        .collect()
}

fn only_reason(merged: &Merged) -> (Reason, u64) {
    let reasons: BTreeSet<Reason> = merged.exclusions().kept().map(|exclusion| exclusion.reason).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    let reason = *reasons.first().unwrap();
    (reason, merged.exclusions().count(reason))
}

#[test]
fn r1_parts_are_united_and_broken_ones_count_as_empty() {
    let mut merger = Merger::new(PLACE);
    merger.add_part(0, &plain(&[run(0, 0..5)]), &Toy, &Sequential).unwrap();
    let mut broken = plain(&[run(1, 0..5), run(1, 5..9)]);
    broken.pop();
    assert!(merger.add_part(1, &broken, &Toy, &Sequential).is_err());
    merger.add_empty(2);
    let merged = merger.finish(&Sequential);
    assert_eq!(
        merged.message_count(),
        5,
        "nothing of a broken part counts, not even whole batches before the damage"
    );
    assert_eq!(merged.facts().parts, 0b111);
    assert_eq!(Merger::new(PLACE).finish(&Sequential).message_count(), 0);
}

#[test]
fn r2_copies_are_excluded_with_the_first_reason() {
    let good = run(1, 0..4);
    let unsigned = SignedBatch { signature: [0; 64], ..good.clone() };
    let mut longer = good.clone();
    longer.leaves.push(longer.leaves[3].clone());
    let mut swapped = good.clone();
    swapped.leaves.swap(0, 1);
    let empty = resigned(SignedBatch { leaves: Vec::new(), ..good.clone() }, |h| h.count = 0);
    let cases = [
        (resigned(good.clone(), |h| h.genesis = H256::ZERO), Reason::BatchGenesis),
        (resigned(good.clone(), |h| h.channel = 3), Reason::BatchPlace),
        (resigned(good.clone(), |h| h.block = 3), Reason::BatchPlace),
        (resigned(good.clone(), |h| h.sender = 3), Reason::BatchSender),
        (resigned(good.clone(), |h| h.count = 5), Reason::BatchCount),
        (resigned(good.clone(), |h| h.first_seq = u64::MAX - 2), Reason::BatchCount),
        (longer, Reason::BatchCount),
        (empty, Reason::BatchCount),
        (unsigned, Reason::BatchSignature),
        (SignedBatch { signature: run(0, 0..4).signature, ..good.clone() }, Reason::BatchSignature),
        (resigned(good.clone(), |h| h.root = H256::ZERO), Reason::BatchRoot),
        (swapped, Reason::BatchRoot),
    ];
    for (bad, reason) in cases {
        let merged = merge(&[alloc::vec![bad.clone()]]);
        assert_eq!((merged.message_count(), only_reason(&merged)), (0, (reason, 1)));
        // A good copy beside it counts, whichever comes first.
        for parts in [[bad.clone(), good.clone()], [good.clone(), bad.clone()]] {
            let merged = merge(&[parts.to_vec()]);
            assert_eq!((merged.message_count(), only_reason(&merged)), (4, (reason, 1)), "{reason:?}");
        }
    }
}

#[test]
fn r2_another_valid_signature_over_the_same_header_counts_as_the_same_batch() {
    let mut again = run(0, 0..4);
    again.signature[63] = 77;
    let merged =
        merge(&[alloc::vec![sparse(&run(0, 0..4), |i| i < 2)], alloc::vec![sparse(&again, |i| i >= 2)]]);
    assert_eq!((merged.message_count(), merged.exclusions().total()), (4, 0));
}

#[test]
fn r3_ids_become_messages_when_another_copy_holds_them() {
    let whole = run(0, 0..6);
    let odd = merge(&[alloc::vec![sparse(&whole, |i| i % 2 == 1)]]);
    assert_eq!(odd.message_count(), 3);
    let both = merge(&[alloc::vec![sparse(&whole, |i| i % 2 == 1), sparse(&whole, |i| i % 3 == 0)]]);
    assert_eq!(both.message_count(), 4, "leaves 0, 1, 3 and 5");
    // A copy with a wrong id in place of a message is excluded, the others stay.
    let mut lying = sparse(&whole, |i| i == 0);
    lying.leaves[5] = Leaf::Id(H256::ZERO);
    for parts in [[whole.clone(), lying.clone()], [lying, whole]] {
        let merged = merge(&[parts.to_vec()]);
        assert_eq!((merged.message_count(), only_reason(&merged)), (6, (Reason::BatchRoot, 1)));
    }
}

#[test]
fn r4_messages_that_do_not_fit_their_batch_are_excluded_once() {
    type Fault = (fn(&mut Message), Reason);
    let cases: [Fault; 5] = [
        (|m| m.channel = 9, Reason::MessagePlace),
        (|m| m.block = 9, Reason::MessagePlace),
        (|m| m.sender = 2, Reason::MessageSender),
        (|m| m.seq = 99, Reason::MessageSeq),
        (|m| m.seq = 3, Reason::MessageSeq),
    ];
    for (change, reason) in cases {
        let mut content: Vec<Message> = (4..8).map(|seq| message(1, seq, b"k", seq, 0)).collect();
        change(&mut content[2]);
        let copy = batch(content);
        let merged = merge(&[alloc::vec![copy.clone(), copy.clone()], alloc::vec![copy]]);
        assert_eq!((merged.message_count(), only_reason(&merged)), (3, (reason, 1)));
    }
}

#[test]
fn r5_messages_in_several_batches_count_once() {
    // The sender signed the same messages again, cut differently.
    let parts = [alloc::vec![run(0, 0..10), run(0, 3..5)], alloc::vec![run(0, 4..15), run(0, 14..16)]];
    let merged = merge(&parts);
    assert_eq!((merged.message_count(), merged.exclusions().total()), (16, 0));
}

#[test]
fn r6_the_lowest_id_of_an_equivocation_counts() {
    let mut versions: Vec<Message> = (0..3).map(|body| message(1, 5, b"same", 1, body)).collect();
    versions.sort_by_key(Message::id);
    let batches: Vec<SignedBatch> =
        versions.iter().map(|version| batch(alloc::vec![version.clone()])).collect();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let merged = merge(&[order.iter().map(|i| batches[*i].clone()).collect::<Vec<_>>()]);
        assert_eq!(messages(&merged), versions[..1]);
        assert_eq!(only_reason(&merged), (Reason::Equivocation, 2));
        let told: BTreeSet<H256> = merged.exclusions().kept().map(|exclusion| exclusion.id).collect();
        assert_eq!(told, versions[1..].iter().map(Message::id).collect());
    }
    // Inside one batch too, and another sender's same number is no equivocation.
    let inside = batch(alloc::vec![versions[1].clone(), Message { seq: 5, ..versions[0].clone() }]);
    let merged = merge(&[alloc::vec![inside, batch(alloc::vec![message(0, 5, b"same", 1, 0)])]]);
    assert_eq!(merged.message_count(), 2);
    assert_eq!(only_reason(&merged), (Reason::Equivocation, 1));
}

#[test]
fn r7_order_is_vbucket_key_time_id() {
    let keys: [&[u8]; 8] =
        [b"", b"\0", b"a", b"a\0", b"a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &[b'z'; 17], &[b'z'; 64], &[b'z'; 16]];
    let mut content = Vec::new();
    for (seq, n) in (0..200u64).enumerate() {
        content.push(message(0, seq as u64, keys[(n * 7 % 8) as usize], n % 3, (n / 90) as u8));
    }
    let merged = merge(&[alloc::vec![batch(content.clone())]]);
    content.sort_by_key(|m| (vbucket(&m.key), m.key.clone(), m.time_ms, m.id()));
    assert_eq!(messages(&merged), content);
    let by_bucket: Vec<Message> =
        (0..1024).flat_map(|v| merged.bucket(v).map(|(m, _)| m.to_message()).collect::<Vec<_>>()).collect();
    assert_eq!(by_bucket, content);
    assert_eq!(merged.bucket(1024).len(), 0);
    assert_eq!(merged.bucket(u16::MAX).len(), 0);
}

#[test]
fn r8_exclusions_are_counted_all_and_kept_up_to_the_limit() {
    let many: Vec<SignedBatch> =
        (0..1_100).map(|seq| SignedBatch { signature: [0; 64], ..run(0, seq..seq + 1) }).collect();
    let merged = merge(core::slice::from_ref(&many));
    assert_eq!(merged.exclusions().count(Reason::BatchSignature), 1_100);
    assert_eq!(merged.exclusions().kept().count(), MAX_EXCLUSIONS_KEPT);
    let reversed = merge(&[many.into_iter().rev().collect::<Vec<_>>()]);
    assert_eq!(reversed.exclusions(), merged.exclusions());
}

/// One signed batch of a made-up sender: start, numbers relative to it, keys, bodies.
fn any_batch() -> impl Strategy<Value = SignedBatch> {
    let leaf = (0u64..6, 0u8..5, 0u64..3, 0u8..2);
    (0u8..4, 0u64..12, prop::collection::vec(leaf, 1..5), 0u8..12).prop_map(
        |(sender, first, leaves, fault)| {
            let content = leaves
                .iter()
                .enumerate()
                .map(|(index, (jump, key, time, body))| {
                    let seq = if index == 0 { first } else { first + jump };
                    message(sender, seq, &[*key; 3][..usize::from(*key % 4)], *time, *body)
                })
                .collect();
            let batch = batch(content);
            match fault {
                0 => resigned(batch, |h| h.block = 7),
                1 => SignedBatch { signature: [1; 64], ..batch },
                2 => resigned(batch, |h| h.root = H256::ZERO),
                _ => batch,
            }
        },
    )
}

/// The rules once more, slowly and without indices.
fn naive(parts: &[Vec<SignedBatch>]) -> Vec<Message> {
    let mut lowest: BTreeMap<(u8, u64), Message> = BTreeMap::new();
    for batch in parts.iter().flatten() {
        let h = &batch.header;
        let fits = h.genesis == GENESIS && (h.channel, h.block) == (1, 2) && h.sender < 3;
        if !fits || !Toy.verify(h.sender, &h.signing_bytes(), &batch.signature) || !batch.root_matches() {
            continue;
        }
        for leaf in &batch.leaves {
            let Leaf::Full(message) = leaf else { continue };
            if message.sender != h.sender
                || !(h.first_seq..h.first_seq + u64::from(h.count)).contains(&message.seq)
            {
                continue;
            }
            let slot = lowest.entry((message.sender, message.seq)).or_insert_with(|| message.clone());
            if message.id() < slot.id() {
                *slot = message.clone();
            }
        }
    }
    let mut all: Vec<Message> = lowest.into_values().collect();
    all.sort_by_key(|m| (vbucket(&m.key), m.key.clone(), m.time_ms, m.id()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_parts_in_any_order_merge_like_the_naive_rules(
        pool in prop::collection::vec(any_batch(), 1..6),
        picks in prop::collection::vec((0usize..6, 0u8..3, any::<u8>()), 0..12),
        seed in any::<u64>(),
    ) {
        let mut parts = alloc::vec![Vec::new(); 3];
        for (index, part, holes) in &picks {
            let copy = sparse(&pool[index % pool.len()], |leaf| holes >> (leaf % 8) & 1 == 0);
            parts[usize::from(*part)].push(copy);
        }
        let merged = merge(&parts);
        prop_assert_eq!(messages(&merged), naive(&parts));
        let mut shuffled = parts.clone();
        shuffled.rotate_left((seed % 3) as usize);
        for part in &mut shuffled {
            part.sort_by_key(|batch| blake2_256(&parity_scale_codec::Encode::encode(&(seed, batch))));
        }
        let again = merge(&shuffled);
        prop_assert_eq!(messages(&again), messages(&merged));
        prop_assert_eq!(again.exclusions(), merged.exclusions());
    }
}
