//! The bytes of every encoded type and the hashes that name things, frozen.
//!
//! `vectors/channel.json` maps a name to bytes or hash. A row that differs, is missing or that nobody computes fails the
//! test, which then prints the whole file as it would have to be. Changing the file approves a change of format: a commit
//! of its own, with a reason. `vectors/independent.py` computes the hashes once more without this crate.

use parity_scale_codec::{Decode, Encode};
use quire_channel::part::{Receipt, copy_hash, receipt_payload, summarize};
use quire_channel::program::abi::Context;
use quire_channel::program::record::{CallRecord, Phase};
use quire_channel::rules::{AppliedOutputs, BlockState, Claim, ClaimRank, Progress};
use quire_channel::*;
use quire_core::{AccountId, H256};
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// The rows computed so far, beside the file.
struct Vectors {
    file: Map<String, Value>,
    computed: Map<String, Value>,
}

impl Vectors {
    /// Freezes a value: it encodes to the frozen bytes, and these decode to it.
    fn value<T: Encode + Decode + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = value.encode();
        let mut input = &bytes[..];
        assert_eq!(T::decode(&mut input).as_ref(), Ok(value), "{name}");
        assert!(input.is_empty(), "{name}: bytes left");
        self.bytes(name, &bytes);
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let previous = self.computed.insert(name.to_string(), json!(H256Text(bytes).to_string()));
        assert!(previous.is_none(), "two vectors are named {name}");
    }

    fn check(self) {
        let now = serde_json::to_string_pretty(&self.computed).expect("text maps to JSON");
        assert!(self.file == self.computed, "vectors/channel.json would have to be:\n{now}");
    }
}

struct H256Text<'a>(&'a [u8]);

impl std::fmt::Display for H256Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn message(seq: u64) -> Message {
    let body = (1_000_000 * (seq + 1)).to_le_bytes().to_vec();
    Message {
        channel: 7,
        block: 3,
        sender: 1,
        seq,
        time_ms: 1_500_000_000_000,
        kind: 1,
        key: vec![seq as u8; 16],
        body,
    }
}

fn batch() -> SignedBatch {
    let messages: Vec<Message> = (5..8).map(message).collect();
    let ids: Vec<H256> = messages.iter().map(Message::id).collect();
    let header = SignedBatch::header_for(H256([9; 32]), &messages[0], &ids).expect("three messages fit");
    let mut leaves: Vec<Leaf> = messages.into_iter().map(Leaf::Full).collect();
    leaves[1] = Leaf::Id(ids[1]);
    SignedBatch { header, signature: [0xab; 64], leaves }
}

fn anchor() -> PartAnchor {
    let cid = CidBytes::new(vec![1, 0x55, 0x12, 0x20]).expect("four bytes fit");
    PartAnchor { cid, root: H256([2; 32]), length: 1 << 33, count: 4, key_commitment: H256([5; 32]) }
}

fn records(vectors: &mut Vectors) {
    vectors.value("message", &message(5));
    vectors.bytes("message/id", &message(5).id().0);
    let empty = Message { key: vec![], body: vec![], ..message(5) };
    vectors.value("message/empty", &empty);
    vectors.value("message/long", &Message { key: vec![1; 64], body: vec![2; 100], ..message(5) });
    let batch = batch();
    vectors.value("batch", &batch);
    vectors.value("batch/header", &batch.header);
    vectors.bytes("batch/signing_bytes", &batch.header.signing_bytes());
    vectors.bytes("batch/hash", &batch.header.hash().0);
    vectors.bytes("part/copy_hash", &copy_hash(&batch.header, &batch.signature, &[0b101]).0);
    let mut builder = PartBuilder::new();
    builder.push_batch(&batch).expect("one batch fits");
    let (plain, summary) = builder.finish();
    assert_eq!(summarize(&plain), Ok(summary));
    vectors.bytes("part/plain", &plain);
    vectors.bytes("part/root", &summary.root.0);
    vectors.value("part/anchor", &anchor());
    vectors.bytes("part/receipt_payload", &receipt_payload(H256([9; 32]), 7, 3, 1, &anchor()));
    vectors.value("part/receipt", &Receipt { validator: AccountId([6; 32]), signature: [7; 64] });
}

fn trees(vectors: &mut Vectors) {
    let items: Vec<H256> = (0..5u8).map(|n| H256([n; 32])).collect();
    for count in [0, 1, 2, 3, 5] {
        vectors.bytes(&format!("merkle/root of {count}"), &merkle::root(&items[..count]).0);
    }
    vectors.value("merkle/path to 2 of 5", &merkle::path(&items, 2).expect("inside"));
    vectors.value("merkle/range 1..4 of 5", &merkle::range_proof(&items, 1, 3).expect("inside"));
}

fn channels(vectors: &mut Vectors) {
    let participant =
        Participant { account: AccountId([1; 32]), role: 2, message_key: [3; 32], sealing_key: [4; 32] };
    vectors.value("participant", &participant);
    let windows = Windows { parts: 1, commit: 2, reveal: 3, challenge: 4 };
    let terms = EraTerms {
        period: 60,
        windows,
        program: H256([8; 32]),
        parameters: vec![1, 2, 3],
        exclusions: vec![AccountId([5; 32])],
    };
    vectors.value("era", &Era { first_block: 7, start: 1_000, terms });
    let context = Context::new(7, 3, &[participant.clone(), participant], &[1, 2, 3]);
    vectors.bytes("program/context", &context.encode());
}

fn results(vectors: &mut Vectors) {
    let outputs = [
        ("transfer", Output::Transfer { from: 0, to: 1, amount: 1 << 100 }),
        ("fee", Output::Fee { from: 0, amount: 5 }),
        ("report", Output::Report { key: b"totalSum".to_vec(), value: 9 }),
        ("notice", Output::Notice { node: 2, kind: 0xff01, data: vec![1, 2] }),
    ];
    for (name, output) in &outputs {
        vectors.value(&format!("output/{name}"), output);
        vectors.bytes(&format!("output/{name}/leaf"), &output.leaf().0);
    }
    let header = ResultHeader {
        channel: 7,
        block: 3,
        program: H256([8; 32]),
        parts: 0b111,
        message_count: 3_000_000,
        groups_root: H256([1; 32]),
        groups_count: 2_048,
        outputs_root: H256([2; 32]),
        outputs_count: 13,
        total: 1 << 90,
    };
    vectors.value("result", &header);
    vectors.bytes("result/hash", &header.hash().0);
    let bound = commitment(H256([9; 32]), 7, 3, &AccountId([6; 32]), header.hash(), &[4; 32]);
    vectors.bytes("result/commitment", &bound.0);
    let record = CallRecord {
        stage: 1,
        vbucket: 1023,
        phase: Phase::Reduce,
        index: 4,
        items: 1_024,
        failed: 1,
        read: H256([1; 32]),
        written: H256([2; 32]),
    };
    vectors.value("record", &record);
    vectors.bytes("record/leaf", &record.leaf().0);
}

fn states(vectors: &mut Vectors) {
    use BlockState::*;
    let states =
        [Collecting, Parts, Committing, Revealing, Agreed, Settling, Settled, Disputed, Underfunded, Expired];
    vectors.value("states", &states);
    vectors.value("progress", &Progress { state: Agreed, entered: 77 });
    let mut applied = AppliedOutputs::new(13).expect("thirteen outputs fit");
    applied.apply(3, 7).expect("inside");
    vectors.value("applied", &applied);
    vectors.value("claim", &Claim { rank: ClaimRank::Partners, payee: 1, amount: 9 });
}

#[test]
fn encoded_types_keep_their_bytes() {
    let file =
        serde_json::from_str(include_str!("../vectors/channel.json")).expect("the file is a JSON object");
    let mut vectors = Vectors { file, computed: Map::new() };
    records(&mut vectors);
    trees(&mut vectors);
    channels(&mut vectors);
    results(&mut vectors);
    states(&mut vectors);
    vectors.check();
}
