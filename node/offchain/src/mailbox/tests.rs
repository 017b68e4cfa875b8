//! Every refusal, replay, equivocation and restart of a mailbox.

use super::{Intake, Mailbox, Owner, PublishError, Refusal};
use crate::batcher::{BatchLimits, Batcher, Cut, Draft, Event, Sender};
use crate::log::LogOptions;
use crate::signing::tests::TestSigner;
use crate::signing::{BatchSigner, ChannelKeys};
use parity_scale_codec::{Decode as _, Encode as _};
use quire_channel::{BatchHeader, Leaf, SignedBatch};
use quire_core::H256;
use std::path::Path;
use tempfile::TempDir;

pub(crate) const GENESIS: H256 = H256([1; 32]);
pub(crate) const CHANNEL: u64 = 9;

/// Keys of participants 0, 1 and 2.
pub(crate) fn keys() -> ChannelKeys {
    ChannelKeys::new(&[1, 2, 3].map(|seed| TestSigner::new(seed).public()))
}

pub(crate) fn signer(index: u8) -> TestSigner {
    TestSigner::new(index + 1)
}

pub(crate) fn open(dir: &Path, index: u8) -> Mailbox {
    let owner = Owner { genesis: GENESIS, channel: CHANNEL, index };
    Mailbox::open(dir, owner, LogOptions::default()).expect("opens").0
}

/// Drafts of so many messages by one participant; `salt` changes their bodies, which do not compress.
pub(crate) fn drafts(
    index: u8,
    block: u32,
    first_seq: u64,
    count: u64,
    per_batch: u32,
    salt: u8,
) -> Vec<Draft> {
    let sender = Sender { genesis: GENESIS, channel: CHANNEL, index };
    let limits = BatchLimits { messages: per_batch, ..BatchLimits::default() };
    let mut batcher = Batcher::new(sender, limits, first_seq);
    let mut out = Vec::new();
    for seq in first_seq..first_seq + count {
        let key = seq.to_le_bytes();
        let body = quire_core::hash::blake2_128(&[&key[..], &[salt]].concat());
        let event = Event { block, time_ms: seq, kind: u16::from(index), key: &key, body: &body };
        out.extend(batcher.push(&event).expect("within limits").map(Cut::into_draft));
    }
    out.extend(batcher.cut().map(Cut::into_draft));
    out
}

pub(crate) fn signed(draft: &Draft) -> Vec<u8> {
    let mut bytes = super::encode(draft);
    super::put_signature(&mut bytes, &signer(draft.header.sender).sign(&draft.header.signing_bytes()));
    bytes
}

fn receive(mailbox: &Mailbox, bytes: &[u8]) -> Result<Intake, Refusal> {
    let alone = mailbox.receive(&[bytes], &keys()).expect("the disk works").remove(0);
    mailbox.sync().expect("the disk works");
    alone
}

fn one() -> SignedBatch {
    SignedBatch::decode(&mut &signed(&drafts(0, 0, 0, 3, 10, 0)[0])[..]).expect("a batch")
}

fn resign(batch: &mut SignedBatch) {
    let ids: Vec<H256> = batch.leaves.iter().map(Leaf::id).collect();
    batch.header.root = quire_channel::merkle::root(&ids);
    batch.signature = signer(0).sign(&batch.header.signing_bytes());
}

#[test]
fn r1_published_batches_are_durable_signed_and_go_on_after_a_restart() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 0);
    let sent = mailbox.publish(&drafts(0, 0, 0, 25, 10, 0), &signer(0)).expect("published");
    assert_eq!(sent.len(), 3);
    drop(mailbox);
    let mailbox = open(dir.path(), 0);
    assert_eq!(mailbox.next_seq(), 25);
    assert_eq!(mailbox.own_messages(0), 25);
    let stored = mailbox.batches(0);
    let mut bytes = Vec::new();
    for (batch, sent) in stored.iter().zip(&sent) {
        mailbox.read(batch, &mut bytes).expect("reads");
        assert_eq!(&bytes, sent);
    }
    let gap = mailbox.publish(&drafts(0, 0, 26, 1, 10, 0), &signer(0));
    assert!(matches!(gap, Err(PublishError::Sequence { first_seq: 26, next_seq: 25 })));
}

/// A keeper of the key that refuses, as after a crash between logging and signing.
struct Refusing;

impl BatchSigner for Refusing {
    fn sign_batches(&self, _: &[BatchHeader]) -> Result<Vec<[u8; 64]>, String> {
        Err("the guard's disk is full".into())
    }
}

#[test]
fn r1_drafts_are_logged_before_they_are_signed() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 0);
    let drafts = drafts(0, 0, 0, 25, 10, 0);
    let error = mailbox.publish(&drafts, &Refusing).expect_err("refused");
    assert!(error.to_string().contains("logged but not signed: the guard's disk is full"), "{error}");
    drop(mailbox);
    let mailbox = open(dir.path(), 0);
    assert_eq!(mailbox.next_seq(), 25, "the numbers are taken");
    assert_eq!(mailbox.sign_pending(&signer(0)).expect("signed"), 3);
    assert_eq!(mailbox.sign_pending(&signer(0)).expect("nothing left"), 0);
    drop(mailbox);
    let mailbox = open(dir.path(), 0);
    let mut bytes = Vec::new();
    for (stored, draft) in mailbox.batches(0).iter().zip(&drafts) {
        mailbox.read(stored, &mut bytes).expect("reads");
        assert_eq!(bytes, signed(draft));
    }
}

#[test]
fn r2_good_batches_are_taken_and_survive_a_restart() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 1);
    let sent: Vec<Vec<u8>> = drafts(0, 4, 0, 25, 10, 0).iter().map(signed).collect();
    let views: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
    let answers = mailbox.receive(&views, &keys()).expect("the disk works");
    assert_eq!(answers, [Ok(Intake::New(10)), Ok(Intake::New(10)), Ok(Intake::New(5))]);
    mailbox.sync().expect("durable");
    drop(mailbox);
    let mailbox = open(dir.path(), 1);
    assert_eq!(mailbox.batches(4).len(), 3);
    assert_eq!((mailbox.batches(0).len(), mailbox.next_seq()), (0, 0));
    assert_eq!(receive(&mailbox, &sent[0]), Ok(Intake::Known));
}

#[test]
fn r2_every_other_batch_is_refused_and_leaves_no_trace() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 1);
    mailbox.seal(7);
    type Case = (&'static str, fn(&mut SignedBatch), fn(&Refusal) -> bool);
    let cases: [Case; 12] = [
        ("unsigned", |b| b.signature = [0; 64], |r| matches!(r, Refusal::Signature { .. })),
        (
            "wrong key",
            |b| b.signature = signer(1).sign(&b.header.signing_bytes()),
            |r| matches!(r, Refusal::Signature { sender: 0, first_seq: 0 }),
        ),
        ("other header", |b| b.header.block = 1, |r| matches!(r, Refusal::Leaves { .. })),
        ("other chain", |b| b.header.genesis = H256::ZERO, |r| matches!(r, Refusal::Place { .. })),
        ("other channel", |b| b.header.channel = 8, |r| matches!(r, Refusal::Place { channel: 8, .. })),
        ("one's own", |b| b.header.sender = 1, |r| matches!(r, Refusal::Sender { sender: 1 })),
        ("nobody", |b| b.header.sender = 3, |r| matches!(r, Refusal::Sender { sender: 3 })),
        ("leaf missing", |b| drop(b.leaves.pop()), |r| matches!(r, Refusal::Leaves { count: 3, .. })),
        ("only an id", |b| b.leaves[1] = Leaf::Id(b.leaves[1].id()), |r| matches!(r, Refusal::Leaves { .. })),
        ("altered", |b| alter(b, |message| message.body = vec![9]), |r| matches!(r, Refusal::Root { .. })),
        (
            "number",
            |b| {
                alter(b, |message| message.seq += 1);
                resign(b)
            },
            |r| matches!(r, Refusal::Leaves { .. }),
        ),
        ("sealed block", |b| b.header.block = 7, |r| matches!(r, Refusal::Sealed { block: 7 })),
    ];
    for (name, change, is_expected) in cases {
        let mut batch = one();
        change(&mut batch);
        let refusal = receive(&mailbox, &batch.encode()).expect_err(name);
        assert!(is_expected(&refusal), "{name}: {refusal}");
        assert!(refusal.to_string().len() > 30, "{refusal}");
    }
    let bytes = one().encode();
    for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), b"", &vec![0; 17 << 20]] {
        assert!(matches!(receive(&mailbox, wrong), Err(Refusal::Malformed { .. })));
    }
    drop(mailbox);
    let mailbox = open(dir.path(), 1);
    assert!((0..10).all(|block| mailbox.batches(block).is_empty()));
    assert_eq!(receive(&mailbox, &bytes), Ok(Intake::New(3)));
}

fn alter(batch: &mut SignedBatch, change: fn(&mut quire_channel::Message)) {
    if let Some(Leaf::Full(message)) = batch.leaves.get_mut(1) {
        change(message);
    }
}

#[test]
fn r3_a_replayed_batch_is_known() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 1);
    let bytes = one().encode();
    let twice = mailbox.receive(&[&bytes, &bytes], &keys()).expect("the disk works");
    assert_eq!(twice, [Ok(Intake::New(3)), Ok(Intake::Known)]);
    mailbox.seal(0);
    assert_eq!(receive(&mailbox, &bytes), Ok(Intake::Known), "also when the block is sealed");
    assert_eq!(mailbox.batches(0).len(), 1);
}

#[test]
fn r4_equivocation_is_kept_as_evidence() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 1);
    let first = drafts(0, 0, 0, 10, 10, 0);
    let second = drafts(0, 0, 5, 10, 10, 1);
    assert_eq!(receive(&mailbox, &signed(&first[0])), Ok(Intake::New(10)));
    assert_eq!(receive(&mailbox, &signed(&second[0])), Ok(Intake::Equivocation));
    drop(mailbox);
    let mailbox = open(dir.path(), 1);
    let evidence = mailbox.equivocations();
    assert_eq!(evidence.len(), 1);
    assert_eq!((evidence[0].first, evidence[0].second), (first[0].header, second[0].header));
    assert_eq!(mailbox.batches(0).len(), 2, "both go into parts");
}

#[test]
fn r4_another_cut_of_the_same_messages_is_no_equivocation() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 1);
    for draft in drafts(0, 0, 0, 30, 10, 0).iter().chain(&drafts(0, 0, 0, 30, 7, 0)) {
        assert!(matches!(receive(&mailbox, &signed(draft)), Ok(Intake::New(_))));
    }
    assert!(mailbox.equivocations().is_empty());
}

#[test]
fn r5_versions_and_parts_survive_a_restart() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 1);
    assert_eq!(mailbox.next_version(3).expect("durable"), 0);
    drop(mailbox);
    let mailbox = open(dir.path(), 1);
    assert_eq!(mailbox.next_version(3).expect("durable"), 1);
    assert_eq!(mailbox.next_version(4).expect("durable"), 0);
    let anchor = quire_channel::PartAnchor {
        cid: quire_channel::CidBytes::default(),
        root: H256([5; 32]),
        length: 6,
        count: 7,
        key_commitment: H256([8; 32]),
    };
    mailbox.note_part(3, &anchor).expect("durable");
    drop(mailbox);
    let mailbox = open(dir.path(), 1);
    assert_eq!(mailbox.part(3), Some(anchor));
    assert_eq!((mailbox.part(4), mailbox.next_version(3).expect("durable")), (None, 2));
}

#[test]
fn r6_many_at_once_are_judged_like_each_alone() {
    let all: Vec<Vec<u8>> =
        drafts(0, 0, 0, 200, 2, 0).iter().chain(&drafts(2, 0, 0, 60, 3, 0)).map(signed).collect();
    let spoiled: Vec<Vec<u8>> = (0usize..)
        .zip(&all)
        .map(|(n, bytes)| {
            let mut bytes = bytes.clone();
            let at = [None, None, Some(95), None, Some(bytes.len() - 1), None, Some(10)][n % 7];
            at.into_iter().for_each(|at| bytes[at] ^= 1);
            bytes
        })
        .collect();
    let views: Vec<&[u8]> = spoiled.iter().map(Vec::as_slice).collect();
    let (together, alone) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let together = open(together.path(), 1).receive(&views, &keys()).expect("the disk works");
    let alone = open(alone.path(), 1);
    let single: Vec<_> = views.iter().map(|bytes| receive(&alone, bytes)).collect();
    assert_eq!(together, single);
    assert!(single.iter().filter(|answer| answer.is_err()).count() > 30);
}

#[test]
fn what_is_here_is_found_again_with_its_length_and_numbers() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = open(dir.path(), 0);
    assert_eq!(mailbox.own_range(0), (0, 0), "no message yet");
    let sent = mailbox.publish(&drafts(0, 0, 0, 25, 10, 0), &signer(0)).expect("published");
    mailbox.publish(&drafts(0, 2, 25, 5, 10, 0), &signer(0)).expect("published");
    let received = drafts(1, 0, 0, 40, 100, 0);
    assert_eq!(receive(&mailbox, &signed(&received[0])), Ok(Intake::New(40)));
    drop(mailbox);
    let mailbox = open(dir.path(), 0);
    assert_eq!(mailbox.own_range(0), (0, 25), "of the owner's own messages only");
    assert_eq!(mailbox.own_range(1), (30, 30), "the next free number twice");
    assert_eq!(mailbox.own_range(2), (25, 30));
    let all = mailbox.all();
    assert_eq!(all.len(), 5);
    for (batch, bytes) in all.iter().zip(&sent) {
        assert_eq!(batch.bytes(), bytes.len() as u64);
        assert_eq!(mailbox.find(&batch.header), Some(*batch));
    }
    let unknown = drafts(0, 0, 0, 25, 10, 1)[0].header;
    assert_eq!(mailbox.find(&unknown), None);
}
