use super::*;
use futures::executor::block_on;
use futures::io::Cursor;

fn read_all(bytes: &[u8], most: usize) -> Result<Option<Vec<u8>>, FrameError> {
    block_on(read(&mut Cursor::new(bytes), most))
}

#[test]
fn frames_are_length_and_payload() {
    let mut out = Cursor::new(Vec::new());
    let large = vec![7; JOIN_BYTES + 1];
    block_on(write(&mut out, &[&b"abc"[..], b"", &large, b"z"])).unwrap();
    let bytes = out.into_inner();
    assert_eq!(&bytes[..5], b"\x03abc\x00");
    assert_eq!(&bytes[5..8], &[0x81, 0x80, 0x01]);
    let mut input = Cursor::new(bytes);
    for expected in [&b"abc"[..], b"", &large, b"z"] {
        assert_eq!(block_on(read(&mut input, large.len())).unwrap().as_deref(), Some(expected));
    }
    assert!(block_on(read(&mut input, 10)).unwrap().is_none());
}

#[test]
fn r1_lengths_above_the_limit_are_refused_unread() {
    assert_eq!(read_all(&[2, 1, 2], 2).unwrap(), Some(vec![1, 2]));
    // Nothing of the payload is there: the length alone decides.
    assert!(matches!(read_all(&[3], 2), Err(FrameError::TooLarge { bytes: 3, most: 2 })));
    let huge = [0xff, 0xff, 0xff, 0xff, 0x7f];
    assert!(matches!(read_all(&huge, 1 << 24), Err(FrameError::TooLarge { .. })));
}

#[test]
fn r1_long_and_needless_varints_are_refused() {
    assert!(matches!(read_all(&[0x80, 0x80, 0x80, 0x80, 0x80, 0], 9), Err(FrameError::Length)));
    assert!(matches!(read_all(&[0x81, 0x00, 1], 9), Err(FrameError::Length)));
}

#[test]
fn r2_a_large_length_allocates_nothing() {
    let length = 16 * 1024 * 1024;
    let mut bytes = Vec::new();
    push_length(&mut bytes, length);
    let mut input = Cursor::new(bytes);
    assert_eq!(block_on(read_length(&mut input, length)).unwrap(), Some(length));
    let mut payload = Vec::new();
    block_on((&mut input).take(length as u64).read_to_end(&mut payload)).unwrap();
    assert!(payload.capacity() < 64 * 1024, "{}", payload.capacity());
}

#[test]
fn r3_an_end_inside_a_frame_is_an_error() {
    assert!(read_all(&[], 9).unwrap().is_none());
    for cut in [&[0x80][..], &[2], &[2, 1]] {
        assert!(matches!(read_all(cut, 999), Err(FrameError::Short)), "{cut:?}");
    }
}
