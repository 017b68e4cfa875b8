use super::*;
use proptest::prelude::*;
use quire_core::{AccountId, H256};
use quire_offchain::exchange::Key;

fn offer(participant: u8) -> Offer {
    let anchor = Decode::decode(&mut &anchor_bytes()[..]).expect("an anchor");
    Offer { channel: 1, block: 2, participant, validator: AccountId([3; 32]), anchor, sealed: [4; 80] }
}

/// Address, root, length, count, key commitment: as `quire_channel` encodes them.
fn anchor_bytes() -> Vec<u8> {
    (vec![1u8; 36], H256([2; 32]), 3u64, 4u32, H256([5; 32])).encode()
}

fn notices() -> impl Strategy<Value = Notice> {
    let ranges = proptest::collection::vec(1u64..1_000, 0..8).prop_map(|steps| {
        let (mut at, mut ranges) = (0, Vec::new());
        for step in steps {
            ranges.push((at, at + step));
            at += step + 1;
        }
        ranges
    });
    let have = (any::<u64>(), proptest::collection::btree_map(0u8..16, ranges, 0..5), 0u32..60).prop_map(
        |(channel, senders, ends)| {
            let ends = (0..ends).map(|block| End { block, from: 5, to: 5 + u64::from(block) }).collect();
            Notice::Have(Have { channel, senders: senders.into_iter().collect(), ends })
        },
    );
    let batch = proptest::collection::vec(any::<u8>(), 0..300);
    let batches = (any::<u64>(), proptest::collection::vec(batch, 1..10))
        .prop_map(|(channel, batches)| Notice::Batches { channel, batches });
    let receipt = any::<(u64, u32, u8)>().prop_map(|(channel, block, participant)| {
        let validator = AccountId([7; 32]);
        Notice::Receipt(Receipt { channel, block, participant, validator, signature: [8; 64] })
    });
    prop_oneof![
        any::<[u8; 32]>().prop_map(|nonce| Notice::Challenge { nonce }),
        any::<Key>().prop_map(|key| Notice::Proof { key, signature: [9; 64] }),
        have,
        batches,
        any::<u8>().prop_map(|participant| Notice::Offer(offer(participant))),
        receipt,
    ]
}

proptest! {
    #[test]
    fn r1_notices_survive_the_round_trip(notice in notices()) {
        let bytes = encode(&notice);
        prop_assert_eq!(decode(&bytes), Ok(notice));
        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err(), "cut to {}", length);
        }
        prop_assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(NoticeError::Rest(1)));
    }

    #[test]
    fn r1_what_is_read_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0u8..7) {
        let bytes = [&[kind][..], &bytes].concat();
        if let Ok(notice) = decode(&bytes) {
            prop_assert_eq!(encode(&notice), bytes);
        }
    }
}

#[test]
fn the_format_is_frozen() {
    let have =
        Have { channel: 258, senders: vec![(2, vec![(0, 5)])], ends: vec![End { block: 1, from: 3, to: 5 }] };
    let expected = [
        &[2, 2, 1, 0, 0, 0, 0, 0, 0, 4, 2, 4][..],
        &[0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 4],
        &[1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(encode(&Notice::Have(have)), expected.concat());
    let batches = Notice::Batches { channel: 1, batches: vec![b"ab".to_vec()] };
    assert_eq!(encode(&batches), [3, 1, 0, 0, 0, 0, 0, 0, 0, 4, 8, b'a', b'b']);
}

#[test]
fn r1_length_and_kind_are_checked() {
    assert_eq!(decode(&[]), Err(NoticeError::Short));
    assert_eq!(decode(&[6]), Err(NoticeError::Kind(6)));
    let long = vec![3; NOTICE_BYTES_MAX + 1];
    assert_eq!(decode(&long), Err(NoticeError::TooLong(NOTICE_BYTES_MAX + 1)));
}

#[test]
fn r2_disorder_is_refused() {
    let have = |senders: Vec<(u8, Vec<Range>)>, ends: Vec<(u32, u64, u64)>| {
        let ends = ends.into_iter().map(|(block, from, to)| End { block, from, to }).collect();
        decode(&encode(&Notice::Have(Have { channel: 1, senders, ends })))
    };
    assert!(have(vec![(0, vec![(1, 2), (3, 4)]), (1, vec![])], vec![(1, 0, 0), (2, 0, 0)]).is_ok());
    for senders in [
        vec![(1, vec![]), (0, vec![])],
        vec![(1, vec![]), (1, vec![])],
        vec![(0, vec![(2, 2)])],
        vec![(0, vec![(3, 2)])],
        vec![(0, vec![(1, 2), (2, 3)])],
        vec![(0, vec![(5, 6), (1, 2)])],
    ] {
        assert_eq!(have(senders, vec![]), Err(NoticeError::Order));
    }
    for ends in [vec![(1, 0, 0), (1, 0, 0)], vec![(2, 0, 0), (1, 0, 0)], vec![(1, 5, 4)]] {
        assert_eq!(have(vec![], ends), Err(NoticeError::Order));
    }
}

#[test]
fn r3_lists_have_limits() {
    let ranges = |count: u64| (0..count).map(|at| (3 * at, 3 * at + 1)).collect::<Vec<_>>();
    let have = |senders, ends: u32| {
        let ends = (0..ends).map(|block| End { block, from: 0, to: 0 }).collect();
        decode(&encode(&Notice::Have(Have { channel: 1, senders, ends })))
    };
    assert!(have(vec![(0, ranges(RANGES_MAX as u64))], ENDS_MAX as u32).is_ok());
    assert_eq!(
        have(vec![(0, ranges(RANGES_MAX as u64 + 1))], 0),
        Err(NoticeError::Count(RANGES_MAX as u32 + 1))
    );
    assert_eq!(have(vec![], ENDS_MAX as u32 + 1), Err(NoticeError::Count(ENDS_MAX as u32 + 1)));
    let senders = (0..=SENDERS_MAX as u8).map(|sender| (sender, vec![])).collect();
    assert_eq!(have(senders, 0), Err(NoticeError::Count(SENDERS_MAX as u32 + 1)));
    for count in [0, NOTICE_BATCHES_MAX + 1] {
        let batches = Notice::Batches { channel: 1, batches: vec![Vec::new(); count] };
        assert_eq!(decode(&encode(&batches)), Err(NoticeError::Count(count as u32)));
    }
}

#[test]
fn r4_a_length_that_lies_allocates_nothing() {
    let bytes = [&[BATCHES][..], &1u64.encode(), &Compact(1u32).encode(), &Compact(u32::MAX).encode(), b"ab"]
        .concat();
    assert_eq!(decode(&bytes), Err(NoticeError::Short));
}
