//! The decoder against frames written by hand, cut at every byte.
use super::*;

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1u8, 2, 3, 4];
    let mut bytes = head(first, payload.len());
    bytes[1] |= 0x80;
    bytes.extend(mask);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

fn decode(max: usize, bytes: &[u8], step: usize) -> Result<Vec<Event>, FrameError> {
    let (mut decoder, mut events) = (Decoder::new(max), Vec::new());
    for chunk in bytes.chunks(step) {
        let mut input = chunk;
        while let Some(event) = decoder.next(&mut input)? {
            events.push(event);
        }
        assert!(input.is_empty());
    }
    Ok(events)
}

#[test]
fn messages_come_whole_however_they_are_cut() {
    let long = vec![b'x'; 70_000];
    let mut bytes = frame(0x81, b"one");
    bytes.extend(frame(0x01, b"tw"));
    bytes.extend(frame(0x89, b"ping"));
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x80, b"o"));
    bytes.extend(frame(0x82, &vec![b'y'; 300]));
    bytes.extend(frame(0x81, &long));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x88, &[3, 232]));
    let expected = [
        Event::Message(b"one".to_vec()),
        Event::Ping(b"ping".to_vec()),
        Event::Message(b"two".to_vec()),
        Event::Message(vec![b'y'; 300]),
        Event::Message(long),
        Event::Pong,
        Event::Close,
    ];
    for step in [1, 2, 3, 7, 1_000, usize::MAX] {
        assert_eq!(decode(100_000, &bytes, step).unwrap(), expected, "step {step}");
    }
}

#[test]
fn f1_what_breaks_the_protocol_is_named() {
    let not_masked = [0x81, 1, b'x'];
    let long_ping = frame(0x89, &[0; 126]);
    for (bytes, error) in [
        (frame(0xc1, b"x"), FrameError::ReservedBit),
        (not_masked.to_vec(), FrameError::NotMasked),
        (frame(0x83, b""), FrameError::Opcode(3)),
        (frame(0x8b, b""), FrameError::Opcode(11)),
        (frame(0x09, b""), FrameError::Control),
        (long_ping, FrameError::Control),
        (frame(0x80, b"x"), FrameError::Fragments),
        ([frame(0x01, b"x"), frame(0x81, b"y")].concat(), FrameError::Fragments),
        (vec![0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], FrameError::Length),
    ] {
        assert_eq!(decode(1_000, &bytes, 1), Err(error), "{bytes:?}");
    }
}

#[test]
fn f2_an_announced_length_allocates_nothing() {
    let mut decoder = Decoder::new(20_000_000);
    let mut head: &[u8] = &[0x81, 0xff, 0, 0, 0, 0, 0x01, 0, 0, 0, 1, 2, 3, 4, b'x'];
    assert_eq!(decoder.next(&mut head), Ok(None));
    assert!(decoder.is_amid_message() && decoder.held_bytes() < 64, "{}", decoder.held_bytes());
}

#[test]
fn f3_a_message_above_the_limit_is_skipped_and_reported_once() {
    let mut bytes = frame(0x81, &[b'x'; 11]);
    bytes.extend(frame(0x81, b"ok"));
    // In fragments: the limit holds for the sum.
    bytes.extend(frame(0x01, &[b'x'; 6]));
    bytes.extend(frame(0x00, &[b'x'; 6]));
    bytes.extend(frame(0x80, b""));
    bytes.extend(frame(0x81, &[b'x'; 10]));
    let expected =
        [Event::TooLarge, Event::Message(b"ok".to_vec()), Event::TooLarge, Event::Message(vec![b'x'; 10])];
    for step in [1, 5, usize::MAX] {
        assert_eq!(decode(10, &bytes, step).unwrap(), expected);
    }
}

#[test]
fn f4_outgoing_heads_and_reasons() {
    assert_eq!(text_head(0, 5, 5), [0x81, 5]);
    assert_eq!(text_head(0, 200, 300), [0x01, 126, 0, 200]);
    assert_eq!(text_head(200, 100, 300), [0x80, 100]);
    assert_eq!(text_head(200, 70_000, 90_000), [0x00, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    assert_eq!(close(1008, "slow"), [0x88, 6, 3, 240, b's', b'l', b'o', b'w']);
    let long = close(1000, &"ä".repeat(100));
    assert!(long.len() <= 127 && std::str::from_utf8(&long[4..]).is_ok());
    assert_eq!(pong(b"x"), [0x8a, 1, b'x']);
    assert_eq!(ping(), [0x89, 0]);
}
