use super::{CollateError, Selection, collate};
use crate::mailbox::tests::{drafts, keys, open, signed, signer};
use crate::mailbox::{Mailbox, PublishError};
use crate::signing::BatchSigner;
use quire_channel::part::{BatchRef, LeafRef, PartReader, check_against_anchor};
use quire_channel::{BatchHeader, CidBytes, MessageRef, PartAnchor};
use quire_core::H256;
use std::collections::BTreeSet;
use tempfile::TempDir;

/// Keeps what concerns keys that it sent itself and that are even.
#[derive(Default)]
struct Even {
    own: BTreeSet<Vec<u8>>,
    is_learned: bool,
}

impl Selection for Even {
    fn learn(&mut self, own: &MessageRef<'_>) {
        assert!(!self.is_learned, "own messages come first");
        self.own.insert(own.key.to_vec());
    }

    fn learned(&mut self) {
        self.is_learned = true;
    }

    fn keep(&self, other: &MessageRef<'_>) -> bool {
        self.is_learned && self.own.contains(other.key) && other.key[0].is_multiple_of(2)
    }
}

fn mailbox(dir: &TempDir, is_reversed: bool) -> Mailbox {
    let mailbox = open(dir.path(), 1);
    let mut others: Vec<Vec<u8>> =
        drafts(0, 0, 0, 40, 7, 0).iter().chain(&drafts(2, 0, 0, 30, 9, 0)).map(signed).collect();
    if is_reversed {
        others.reverse();
    }
    let views: Vec<&[u8]> = others.iter().map(Vec::as_slice).collect();
    assert!(mailbox.receive(&views, &keys()).expect("the disk works").iter().all(Result::is_ok));
    mailbox.publish(&drafts(1, 0, 0, 20, 6, 0), &signer(1)).expect("published");
    mailbox.publish(&drafts(1, 1, 20, 5, 6, 0), &signer(1)).expect("published");
    mailbox
}

fn full_leaves(plain: &[u8]) -> Vec<(u8, u64)> {
    let batches: Vec<BatchRef<'_>> =
        PartReader::new(plain).expect("a part").map(|batch| batch.expect("reads")).collect();
    let leaves = batches.iter().flat_map(BatchRef::leaves);
    leaves
        .filter_map(|leaf| match leaf {
            LeafRef::Full(message) => Some((message.sender, message.seq)),
            LeafRef::Id(_) => None,
        })
        .collect()
}

#[test]
fn r1_r2_own_messages_are_all_there_and_others_as_selected() {
    let dir = TempDir::new().expect("a folder");
    let (plain, summary) = collate(&mailbox(&dir, false), 0, &mut Even::default()).expect("collated");
    let leaves = full_leaves(&plain);
    let own: Vec<u64> = leaves.iter().filter(|(sender, _)| *sender == 1).map(|(_, seq)| *seq).collect();
    assert_eq!(own, (0..20).collect::<Vec<_>>());
    for other in [0, 2] {
        let kept: Vec<u64> =
            leaves.iter().filter(|(sender, _)| *sender == other).map(|(_, seq)| *seq).collect();
        assert_eq!(kept, (0..20).step_by(2).collect::<Vec<_>>(), "participant {other}");
    }
    assert_eq!(summary.messages, 40);
    // Batches from message 21 on hold nothing that is kept: 3 of sender 0, 3 of sender 2 and 4 of one's own remain.
    assert_eq!(summary.count, 3 + 3 + 4);
    let anchor = PartAnchor {
        cid: CidBytes::default(),
        root: summary.root,
        length: summary.length,
        count: summary.count,
        key_commitment: H256::ZERO,
    };
    assert_eq!(check_against_anchor(&plain, &anchor), Ok(summary));
}

#[test]
fn r4_the_order_of_arrival_does_not_matter() {
    let (first, second) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let build = |dir: &TempDir, is_reversed| {
        collate(&mailbox(dir, is_reversed), 0, &mut Even::default()).expect("collated")
    };
    assert_eq!(build(&first, false), build(&second, true));
}

#[test]
fn an_unknown_block_gives_an_empty_part() {
    let dir = TempDir::new().expect("a folder");
    let (plain, summary) = collate(&mailbox(&dir, false), 5, &mut Even::default()).expect("collated");
    assert_eq!((summary.count, full_leaves(&plain).len()), (0, 0));
}

struct Refusing;

impl BatchSigner for Refusing {
    fn sign_batches(&self, _: &[BatchHeader]) -> Result<Vec<[u8; 64]>, String> {
        Err("no".into())
    }
}

#[test]
fn r5_unsigned_drafts_stop_the_collation() {
    let dir = TempDir::new().expect("a folder");
    let mailbox = mailbox(&dir, false);
    let published = mailbox.publish(&drafts(1, 0, 25, 5, 5, 0), &Refusing);
    assert!(matches!(published, Err(PublishError::Sign(_))));
    let outcome = collate(&mailbox, 0, &mut Even::default());
    assert!(matches!(outcome, Err(CollateError::Unsigned { first_seq: 25 })));
    mailbox.sign_pending(&signer(1)).expect("signed");
    assert!(collate(&mailbox, 0, &mut Even::default()).is_ok());
}
