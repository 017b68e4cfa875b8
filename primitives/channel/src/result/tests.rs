//! One test per rule of the module.

use super::*;
use proptest::prelude::*;

fn report(key: &str, value: u128) -> Output {
    Output::Report { key: key.as_bytes().to_vec(), value }
}

fn finish(outputs: impl IntoIterator<Item = Output>) -> Outputs {
    let mut set = OutputSet::new();
    outputs.into_iter().for_each(|output| set.add(output));
    set.finish()
}

#[test]
fn r1_header_is_bound_field_by_field() {
    let header = ResultHeader {
        channel: 1,
        block: 2,
        program: H256([3; 32]),
        parts: 4,
        message_count: 5,
        groups_root: H256([6; 32]),
        groups_count: 7,
        outputs_root: H256([8; 32]),
        outputs_count: 9,
        total: 10,
    };
    let bytes = header.encode();
    assert_eq!(bytes.len(), 8 + 4 + 32 + 4 + 8 + 32 + 8 + 32 + 4 + 16);
    assert_eq!(ResultHeader::decode(&mut &bytes[..]).unwrap(), header);
    for index in 0..bytes.len() {
        let mut other = bytes.clone();
        other[index] ^= 1;
        assert_ne!(ResultHeader::decode(&mut &other[..]).unwrap().hash(), header.hash());
    }
}

#[test]
fn r2_outputs_are_summed_ordered_and_without_zeros() {
    let outputs = finish([
        report("b", 0),
        Output::Notice { node: 1, kind: 2, data: alloc::vec![3] },
        Output::Fee { from: 0, amount: 5 },
        Output::Transfer { from: 0, to: 2, amount: 7 },
        Output::Transfer { from: 0, to: 1, amount: 1 },
        Output::Notice { node: 1, kind: 2, data: alloc::vec![3] },
        report("a", 4),
        Output::Transfer { from: 0, to: 2, amount: 3 },
        Output::Fee { from: 1, amount: 0 },
        report("a", 1),
    ]);
    let expected = [
        Output::Transfer { from: 0, to: 1, amount: 1 },
        Output::Transfer { from: 0, to: 2, amount: 10 },
        Output::Fee { from: 0, amount: 5 },
        report("a", 5),
        report("b", 0),
        Output::Notice { node: 1, kind: 2, data: alloc::vec![3] },
    ];
    assert_eq!(outputs.as_slice(), expected);
    assert_eq!(outputs.total(), 16, "r4: transfers and fees");
}

#[test]
fn r3_slices_prove_themselves_against_the_header() {
    let outputs = finish((0..23).map(|n| report(&alloc::format!("key{n:02}"), n)));
    let facts = MergeFacts { channel: 1, block: 2, parts: 3, message_count: 4 };
    let header = assemble(&facts, H256::ZERO, &[H256([1; 32])], &outputs);
    assert_eq!((header.outputs_count, header.groups_count), (23, 1));
    for first in 0..23 {
        for len in 1..=23 - first {
            let (slice, proof) = outputs.slice(first, len).unwrap();
            assert!(verify_slice(&header, first, &slice, &proof));
            assert!(!verify_slice(&header, first + 1, &slice, &proof));
        }
    }
    assert_eq!(outputs.slice(20, 4), None);
    assert_eq!(outputs.slice(u32::MAX, 1), None);
    let (mut slice, proof) = outputs.slice(3, 2).unwrap();
    slice[0] = report("key03", 4);
    assert!(!verify_slice(&header, 3, &slice, &proof));
}

#[test]
fn r5_too_many_outputs_become_one_notice() {
    let most = finish((0..u128::from(MAX_OUTPUTS)).map(|n| report(&alloc::format!("{n}"), 1)));
    assert_eq!(most.count(), MAX_OUTPUTS);
    let repeated = (0..u128::from(MAX_OUTPUTS)).chain([7]).map(|n| report(&alloc::format!("{n}"), 1));
    assert_eq!(finish(repeated).count(), MAX_OUTPUTS, "a sum is no new output");
    let over = (0..=u128::from(MAX_OUTPUTS)).map(|n| report(&alloc::format!("{n}"), 1));
    let over = finish(over.chain([Output::Fee { from: 0, amount: 1 }]));
    assert!(matches!(over.as_slice(), [Output::Notice { kind: notice::TOO_MANY_OUTPUTS, .. }]));
    assert_eq!(over.total(), 0);
}

#[test]
fn r5_overflow_becomes_one_notice() {
    let fee = |from, amount| Output::Fee { from, amount };
    for outputs in [
        alloc::vec![fee(0, u128::MAX), fee(0, 1)],
        alloc::vec![fee(0, u128::MAX), fee(1, 1)],
        alloc::vec![report("a", u128::MAX), report("a", 1)],
    ] {
        let outputs = finish(outputs);
        assert!(matches!(outputs.as_slice(), [Output::Notice { kind: notice::OVERFLOW, .. }]));
        assert_eq!(outputs.total(), 0);
    }
    assert_eq!(finish([fee(0, u128::MAX)]).total(), u128::MAX);
}

#[test]
fn r6_commitment_binds_everything() {
    let base = |genesis, channel, block, who, hash, salt| {
        commitment(H256([genesis; 32]), channel, block, &AccountId([who; 32]), H256([hash; 32]), &[salt; 32])
    };
    let one = base(1, 2, 3, 4, 5, 6);
    for other in [
        base(0, 2, 3, 4, 5, 6),
        base(1, 0, 3, 4, 5, 6),
        base(1, 2, 0, 4, 5, 6),
        base(1, 2, 3, 0, 5, 6),
        base(1, 2, 3, 4, 0, 6),
        base(1, 2, 3, 4, 5, 0),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn outputs_of_programs_are_checked() {
    let long = |len| Output::Report { key: alloc::vec![0; len], value: 1 };
    assert!(check_output(&long(64), 3).is_ok());
    assert_eq!(check_output(&long(65), 3), Err(OutputError::TooLong { len: 65, limit: 64 }));
    let unknown = Err(OutputError::UnknownParticipant { index: 3, participants: 3 });
    assert_eq!(check_output(&Output::Transfer { from: 0, to: 3, amount: 1 }, 3), unknown);
    assert_eq!(check_output(&Output::Fee { from: 3, amount: 1 }, 3), unknown);
    let told = |node, kind| check_output(&Output::Notice { node, kind, data: Vec::new() }, 3);
    assert_eq!(told(2, 1), Ok(()));
    assert_eq!(told(notice::NOBODY, 1), Ok(()));
    assert_eq!(told(3, 1), unknown);
    assert_eq!(told(0, notice::TRAP), Err(OutputError::ReservedKind { kind: notice::TRAP }));
}

fn any_output() -> impl Strategy<Value = Output> {
    prop_oneof![
        (0u8..4, 0u8..4, 0u128..9).prop_map(|(from, to, amount)| Output::Transfer { from, to, amount }),
        (0u8..4, 0u128..9).prop_map(|(from, amount)| Output::Fee { from, amount }),
        (prop::collection::vec(any::<u8>(), 0..3), any::<u64>())
            .prop_map(|(key, value)| Output::Report { key, value: value.into() }),
        (0u8..4, 0u16..4, prop::collection::vec(any::<u8>(), 0..3))
            .prop_map(|(node, kind, data)| Output::Notice { node, kind, data }),
    ]
}

proptest! {
    #[test]
    fn order_of_arrival_does_not_matter(outputs in prop::collection::vec(any_output(), 0..40), seed in any::<u64>()) {
        let mut shuffled = outputs.clone();
        shuffled.sort_by_key(|output| blake2_256(&(seed, output).encode()));
        prop_assert_eq!(finish(outputs), finish(shuffled));
    }

    #[test]
    fn outputs_decode_as_encoded(output in any_output(), noise in prop::collection::vec(any::<u8>(), 0..60)) {
        prop_assert_eq!(Output::decode(&mut &output.encode()[..]).unwrap(), output);
        if let Ok(output) = Output::decode(&mut &noise[..]) {
            prop_assert!(noise.starts_with(&output.encode()));
        }
    }
}
