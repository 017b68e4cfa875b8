//! Codec of messages: owned and borrowed agree, only canonical bytes pass.

use super::*;
use proptest::prelude::*;

pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u8>(), any::<u64>(), any::<u64>(), any::<u16>());
    let bytes = (prop::collection::vec(any::<u8>(), 0..=64), prop::collection::vec(any::<u8>(), 0..300));
    (numbers, bytes).prop_map(|((channel, block, sender, seq, time_ms, kind), (key, body))| Message {
        channel,
        block,
        sender,
        seq,
        time_ms,
        kind,
        key,
        body,
    })
}

fn example() -> Message {
    Message {
        channel: 7,
        block: 3,
        sender: 1,
        seq: 42,
        time_ms: 1_500_000_000_000,
        kind: 1,
        key: b"0123456789abcdef".to_vec(),
        body: 1_000_000u64.to_le_bytes().to_vec(),
    }
}

#[test]
fn bytes_and_id_are_frozen() {
    let bytes = example().encode();
    let expected = "07000000000000000300000001\
                    2a000000000000000098f73e5d0100000100\
                    403031323334353637383961626364656620\
                    40420f0000000000";
    assert_eq!(hex(&bytes), expected.replace(' ', ""));
    assert_eq!(bytes.len(), 57);
    assert_eq!(example().id(), H256(blake2_256(&bytes)));
}

fn hex(bytes: &[u8]) -> alloc::string::String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

#[test]
fn r2_limits_are_inclusive() {
    for (key, body, good) in [(64, 16_384, true), (65, 0, false), (0, 16_385, false)] {
        let message = Message { key: alloc::vec![1; key], body: alloc::vec![2; body], ..example() };
        let bytes = message.encode();
        assert_eq!(message.check().is_ok(), good);
        assert_eq!(MessageRef::read_exact(&bytes).is_ok(), good);
        assert_eq!(Message::decode(&mut &bytes[..]).is_ok(), good);
    }
}

#[test]
fn r3_longer_prefixes_and_trailing_bytes_are_refused() {
    let message = Message { key: alloc::vec![9; 3], body: Vec::new(), ..example() };
    let mut bytes = message.encode();
    bytes.push(0);
    assert_eq!(MessageRef::read_exact(&bytes), Err(MessageError::Trailing { len: 1 }));
    let mut long = bytes[..31].to_vec();
    long.extend([3 << 2 | 1, 0, 9, 9, 9, 0]);
    assert_eq!(MessageRef::read_exact(&long), Err(MessageError::NotCanonical));
    assert!(Message::decode(&mut &long[..]).is_err());
    let huge = [&bytes[..31], &[0xff; 40]].concat();
    assert_eq!(MessageRef::read(&huge), Err(MessageError::NotCanonical));
    assert!(Message::decode(&mut &huge[..]).is_err());
}

proptest! {
    #[test]
    fn owned_and_borrowed_agree(message in any_message(), tail in prop::collection::vec(any::<u8>(), 0..20)) {
        let bytes = message.encode();
        prop_assert_eq!(&Message::decode(&mut &bytes[..]).unwrap(), &message);
        let joined = [&bytes[..], &tail[..]].concat();
        let (read, rest) = MessageRef::read(&joined).unwrap();
        prop_assert_eq!(rest, &tail[..]);
        prop_assert_eq!(read.bytes, &bytes[..]);
        prop_assert_eq!(read.id(), message.id());
        prop_assert_eq!(read.to_message(), message);
    }

    #[test]
    fn cut_and_random_bytes_never_pass_as_another_message(bytes in prop::collection::vec(any::<u8>(), 0..120), cut in 0usize..57) {
        let whole = example().encode();
        prop_assert!(MessageRef::read_exact(&whole[..cut]).is_err());
        // What reads is exactly what would be written, so bytes, value and id determine each other.
        if let Ok((read, _)) = MessageRef::read(&bytes) {
            prop_assert_eq!(read.to_message().encode(), read.bytes);
            prop_assert!(Message::decode(&mut &bytes[..]).is_ok());
        } else {
            prop_assert!(Message::decode(&mut &bytes[..]).is_err());
        }
    }
}
