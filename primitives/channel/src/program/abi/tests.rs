//! Layouts by hand, and refusal of everything else.

use super::*;
use crate::message::Message;
use parity_scale_codec::Encode;
use proptest::prelude::*;

#[test]
fn context_layout_is_frozen() {
    let context =
        Context { channel: 0x0102, block: 3, roles: alloc::vec![0, 1, 2], parameters: alloc::vec![9, 8] };
    assert_eq!(context.encode(), [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 1, 2, 2, 0, 0, 0, 9, 8]);
    assert_eq!((context.participants(), context.role(2), context.role(3)), (3, 2, 255));
}

#[test]
fn message_layout_is_frozen() {
    let message = Message {
        channel: 1,
        block: 2,
        sender: 3,
        seq: 4,
        time_ms: 5,
        kind: 0x0607,
        key: alloc::vec![0xaa, 0xbb],
        body: alloc::vec![0xcc],
    };
    let encoded = message.encode();
    let mut bytes = Vec::new();
    begin_list(&mut bytes);
    push_message(&mut bytes, &MessageRef::read_exact(&encoded).unwrap(), 9);
    end_list(&mut bytes, 1);
    let expected = [
        1, 0, 0, 0, 3, 9, 7, 6, 2, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb,
        0xcc,
    ];
    assert_eq!(bytes, expected);
    assert_eq!(bytes.len(), 4 + MESSAGE_HEAD_BYTES + 3);
}

#[test]
fn pairs_and_groups_are_frozen() {
    let mut bytes = Vec::new();
    begin_list(&mut bytes);
    push_pair(&mut bytes, b"k", b"vw");
    end_list(&mut bytes, 1);
    assert_eq!(bytes, [1, 0, 0, 0, 1, 0, 2, 0, 0, 0, b'k', b'v', b'w']);
    let mut seen = Vec::new();
    assert_eq!(read_pairs(&bytes, |pair| seen.push(pair)), Ok(1));
    assert_eq!(seen, [PairRef { key: b"k", value: b"vw" }]);
    begin_list(&mut bytes);
    push_group(&mut bytes, b"k", 2);
    push_value(&mut bytes, b"v");
    push_value(&mut bytes, b"");
    end_list(&mut bytes, 1);
    assert_eq!(bytes, [1, 0, 0, 0, 1, 0, 2, 0, 0, 0, b'k', 1, 0, 0, 0, b'v', 0, 0, 0, 0]);
}

/// Emits as a program would write them.
fn emits(list: &[EmitRef<'_>]) -> Vec<u8> {
    let mut bytes = (list.len() as u32).to_le_bytes().to_vec();
    for emit in list {
        match emit {
            EmitRef::Pair(pair) => {
                bytes.push(0);
                push_pair(&mut bytes, pair.key, pair.value);
            }
            EmitRef::Output(Output::Transfer { from, to, amount }) => {
                bytes.extend([1, *from, *to]);
                bytes.extend(amount.to_le_bytes());
            }
            EmitRef::Output(Output::Fee { from, amount }) => {
                bytes.extend([2, *from]);
                bytes.extend(amount.to_le_bytes());
            }
            EmitRef::Output(Output::Report { key, value }) => {
                bytes.push(3);
                bytes.extend((key.len() as u16).to_le_bytes());
                bytes.extend(value.to_le_bytes());
                bytes.extend(key);
            }
            EmitRef::Output(Output::Notice { node, kind, data }) => {
                bytes.extend([4, *node]);
                bytes.extend(kind.to_le_bytes());
                bytes.extend((data.len() as u16).to_le_bytes());
                bytes.extend(data);
            }
        }
    }
    bytes
}

fn examples() -> Vec<EmitRef<'static>> {
    alloc::vec![
        EmitRef::Output(Output::Transfer { from: 1, to: 2, amount: 3 << 100 }),
        EmitRef::Pair(PairRef { key: b"key", value: b"" }),
        EmitRef::Output(Output::Fee { from: 1, amount: 7 }),
        EmitRef::Output(Output::Report { key: b"total".to_vec(), value: 9 }),
        EmitRef::Output(Output::Notice { node: 2, kind: 5, data: alloc::vec![1, 2] }),
    ]
}

#[test]
fn every_emit_is_read_back_and_no_cut_passes() {
    let bytes = emits(&examples());
    let mut seen = Vec::new();
    assert_eq!(read_emits(&bytes, |emit| seen.push(emit)), Ok(5));
    assert_eq!(seen, examples());
    for len in 0..bytes.len() {
        assert_eq!(read_emits(&bytes[..len], |_| ()), Err(AbiError::Short), "cut at {len}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(read_emits(&longer, |_| ()), Err(AbiError::Trailing { len: 1 }));
}

#[test]
fn r6_limits_and_tags() {
    let report = |len| emits(&[EmitRef::Output(Output::Report { key: alloc::vec![0; len], value: 0 })]);
    assert_eq!(read_emits(&report(64), |_| ()), Ok(1));
    assert_eq!(read_emits(&report(65), |_| ()), Err(AbiError::TooLong { len: 65, limit: 64 }));
    let notice =
        |len| emits(&[EmitRef::Output(Output::Notice { node: 0, kind: 0, data: alloc::vec![0; len] })]);
    assert_eq!(read_emits(&notice(256), |_| ()), Ok(1));
    assert!(read_emits(&notice(257), |_| ()).is_err());
    assert_eq!(read_emits(&[1, 0, 0, 0, 5], |_| ()), Err(AbiError::Tag { tag: 5 }));
    let pair = |key: usize, value: usize| {
        let mut bytes = 1u32.to_le_bytes().to_vec();
        push_pair(&mut bytes, &alloc::vec![0; key], &alloc::vec![0; value]);
        read_pairs(&bytes, |_| ())
    };
    assert_eq!(pair(64, 16_384), Ok(1));
    assert_eq!(pair(65, 0), Err(AbiError::TooLong { len: 65, limit: 64 }));
    assert_eq!(pair(0, 16_385), Err(AbiError::TooLong { len: 16_385, limit: 16_384 }));
    assert_eq!(read_pairs(&[0xff; 4], |_| ()), Err(AbiError::Short), "a count that lies costs nothing");
}

#[test]
fn packed_results_are_length_and_pointer() {
    assert_eq!(pack(0x10, 0x20), 0x20_0000_0010);
    for (ptr, len) in [(0, 0), (u32::MAX, 1), (1, u32::MAX), (0x8000_0000, 0x8000_0000)] {
        assert_eq!(unpack(pack(ptr, len)), (ptr, len));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0u32..4) {
        let _ = read_pairs(&bytes, |_| ());
        let counted = [&count.to_le_bytes()[..], &bytes[..]].concat();
        let mut seen = Vec::new();
        if let Ok(read) = read_emits(&counted, |emit| seen.push(emit)) {
            prop_assert_eq!(read as usize, seen.len());
            prop_assert_eq!(emits(&seen), counted);
        }
    }
}
