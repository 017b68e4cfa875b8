//! Parts: owned, built and read agree; limits, damage and anchors.

use super::*;
use crate::batch::Leaf;
use crate::message::Message;
use proptest::prelude::*;

pub(crate) fn message(sender: u8, seq: u64) -> Message {
    Message {
        channel: 1,
        block: 2,
        sender,
        seq,
        time_ms: 5 * seq,
        kind: 1,
        key: alloc::vec![seq as u8; 16],
        body: alloc::vec![7; 8],
    }
}

pub(crate) fn batch(sender: u8, first_seq: u64, count: u64) -> SignedBatch {
    let messages: Vec<Message> = (first_seq..first_seq + count).map(|seq| message(sender, seq)).collect();
    let ids: Vec<H256> = messages.iter().map(Message::id).collect();
    let header = SignedBatch::header_for(H256([9; 32]), &messages[0], &ids).unwrap();
    SignedBatch { header, signature: [sender; 64], leaves: messages.into_iter().map(Leaf::Full).collect() }
}

fn sparse(mut batch: SignedBatch, every: usize) -> SignedBatch {
    for leaf in batch.leaves.iter_mut().step_by(every) {
        *leaf = Leaf::Id(leaf.id());
    }
    batch
}

fn build(batches: &[SignedBatch]) -> (Vec<u8>, PartSummary) {
    let mut builder = PartBuilder::new();
    batches.iter().for_each(|batch| builder.push_batch(batch).unwrap());
    builder.finish()
}

fn anchor(summary: &PartSummary) -> PartAnchor {
    let PartSummary { root, length, count, .. } = *summary;
    PartAnchor { cid: CidBytes::default(), root, length, count, key_commitment: H256::ZERO }
}

#[test]
fn r1_plain_form_is_the_scale_encoding_of_the_batches() {
    let batches = [batch(0, 10, 5), sparse(batch(1, 0, 9), 2), batch(2, 3, 1)];
    let (bytes, summary) = build(&batches);
    let mut expected = alloc::vec![VERSION];
    batches.iter().for_each(|batch| batch.encode_to(&mut expected));
    assert_eq!(bytes, expected);
    assert_eq!(summary, summarize(&bytes).unwrap());
    assert_eq!((summary.count, summary.messages, summary.length), (3, 10, bytes.len() as u64));
    for (read, batch) in PartReader::new(&bytes).unwrap().zip(&batches) {
        let read = read.unwrap();
        assert_eq!((read.header, read.signature), (batch.header, batch.signature));
        assert!(read.leaves().map(|leaf| leaf.id()).eq(batch.leaves.iter().map(Leaf::id)));
        assert!(batch.root_matches());
    }
}

#[test]
fn r2_which_leaves_are_messages_changes_the_root() {
    let whole = build(&[batch(0, 0, 9)]).1;
    let holes = build(&[sparse(batch(0, 0, 9), 3)]).1;
    assert_ne!(whole.root, holes.root);
    assert_eq!(build(&[]).1.root, merkle::EMPTY_ROOT);
}

#[test]
fn r3_what_differs_from_the_anchor_is_told() {
    let (bytes, summary) = build(&[batch(0, 0, 3), batch(1, 0, 3)]);
    let good = anchor(&summary);
    assert_eq!(check_against_anchor(&bytes, &good), Ok(summary));
    let wrong = |change: fn(&mut PartAnchor)| {
        let mut anchor = good.clone();
        change(&mut anchor);
        check_against_anchor(&bytes, &anchor)
    };
    assert_eq!(wrong(|a| a.length += 1), Err(PartError::Anchor { field: "length" }));
    assert_eq!(wrong(|a| a.count = 1), Err(PartError::Anchor { field: "count" }));
    assert_eq!(wrong(|a| a.root = H256::ZERO), Err(PartError::Anchor { field: "root" }));
}

#[test]
fn r3_damage_is_an_error_that_says_where() {
    let (bytes, _) = build(&[batch(0, 0, 2)]);
    assert_eq!(PartReader::new(&[]).unwrap_err(), PartError::Version { found: None });
    assert_eq!(PartReader::new(&[2]).unwrap_err(), PartError::Version { found: Some(2) });
    for len in 2..bytes.len() {
        assert_eq!(summarize(&bytes[..len]), Err(PartError::Short { at: 1 }), "cut at {len}");
    }
    let mut tag = bytes.clone();
    tag[1 + HEADER_BYTES + 64 + 1] = 2;
    assert_eq!(summarize(&tag), Err(PartError::Leaf { at: 1 }));
    let mut key = bytes.clone();
    key[1 + HEADER_BYTES + 64 + 2 + 31] = 0x15; // two-byte length 5 + 64 * next
    key[1 + HEADER_BYTES + 64 + 2 + 32] = 0xff;
    assert!(matches!(summarize(&key), Err(PartError::Message { at: 1, .. })));
    let mut reader = PartReader::new(&tag).unwrap();
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none(), "nothing is read after an error");
}

#[test]
fn a_batch_above_the_limit_is_refused_before_it_is_read() {
    let mut bytes = batch(0, 0, 1).encode();
    bytes.truncate(HEADER_BYTES + 64);
    Compact(MAX_BATCH_MESSAGES + 1).encode_to(&mut bytes);
    assert_eq!(BatchRef::read(&bytes), Err(PartError::TooMany { at: 0 }));
    assert!(SignedBatch::decode(&mut &bytes[..]).is_err());
}

#[test]
fn cid_limit_is_inclusive() {
    assert!(CidBytes::new(alloc::vec![0; 64]).is_some());
    assert!(CidBytes::new(alloc::vec![0; 65]).is_none());
    assert!(CidBytes::decode(&mut &alloc::vec![0u8; 64].encode()[..]).is_ok());
    assert!(CidBytes::decode(&mut &alloc::vec![0u8; 65].encode()[..]).is_err());
}

#[test]
fn r4_receipts_bind_every_field() {
    let anchor = anchor(&build(&[batch(0, 0, 1)]).1);
    let base = receipt_payload(H256::ZERO, 1, 2, 3, &anchor);
    let others = [
        receipt_payload(H256([1; 32]), 1, 2, 3, &anchor),
        receipt_payload(H256::ZERO, 2, 2, 3, &anchor),
        receipt_payload(H256::ZERO, 1, 3, 3, &anchor),
        receipt_payload(H256::ZERO, 1, 2, 4, &anchor),
        receipt_payload(H256::ZERO, 1, 2, 3, &PartAnchor { length: 0, ..anchor.clone() }),
    ];
    assert!(others.iter().all(|other| *other != base));
}

proptest! {
    #[test]
    fn reader_agrees_with_the_codec_on_any_bytes(flips in prop::collection::vec((0usize..600, any::<u8>()), 0..4)) {
        let (mut bytes, _) = build(&[batch(0, 0, 2), sparse(batch(1, 4, 3), 2)]);
        let len = bytes.len();
        for (at, value) in flips {
            bytes[at % len] = value;
        }
        let read: Result<Vec<_>, _> = PartReader::new(&bytes).and_then(Iterator::collect);
        let mut input = &bytes[1..];
        let mut decoded = Vec::new();
        let mut good = bytes[0] == VERSION;
        while good && !input.is_empty() {
            match SignedBatch::decode(&mut input) {
                Ok(batch) => decoded.push(batch),
                Err(_) => good = false,
            }
        }
        prop_assert_eq!(read.is_ok(), good);
        if let Ok(read) = read {
            prop_assert_eq!(read.len(), decoded.len());
            for (read, batch) in read.iter().zip(&decoded) {
                prop_assert_eq!(read.header, batch.header);
                prop_assert!(read.leaves().map(|leaf| leaf.id()).eq(batch.leaves.iter().map(Leaf::id)));
            }
        }
    }
}
