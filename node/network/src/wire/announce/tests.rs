use super::*;
use proptest::prelude::*;
use quire_core::H256;

fn sample() -> BlockAnnounce {
    let header = Header {
        parent_hash: H256([1; 32]),
        number: 5,
        state_root: H256([2; 32]),
        extrinsics_root: H256([3; 32]),
        ..Header::default()
    };
    BlockAnnounce { header, is_best: true, data: Vec::new() }
}

#[test]
fn r1_the_bytes_are_substrates() {
    // Compact(5) = 0x14; an empty digest and empty data are a zero each.
    let expected = [&[1; 32][..], &[0x14], &[2; 32], &[3; 32], &[0], &[1], &[0]].concat();
    assert_eq!(sample().encode(), expected);
    assert_eq!(BlockAnnounce::from_bytes(&expected), Ok(sample()));
}

#[test]
fn r1_other_flags_and_trailing_bytes_are_refused() {
    let bytes = sample().encode();
    let mut flag = bytes.clone();
    flag[98] = 2;
    assert!(BlockAnnounce::from_bytes(&flag).is_err());
    assert!(BlockAnnounce::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
    for cut in 0..bytes.len() {
        assert!(BlockAnnounce::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn r2_data_has_a_limit() {
    let most = BlockAnnounce { data: vec![7; MAX_DATA_BYTES as usize], ..sample() };
    assert_eq!(BlockAnnounce::from_bytes(&most.encode()), Ok(most));
    let more = BlockAnnounce { data: vec![7; MAX_DATA_BYTES as usize + 1], ..sample() };
    assert!(BlockAnnounce::from_bytes(&more.encode()).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(number: u32, is_best: bool, data in prop::collection::vec(any::<u8>(), 0..99)) {
        let announce = BlockAnnounce { header: Header { number, ..Header::default() }, is_best, data };
        prop_assert_eq!(BlockAnnounce::from_bytes(&announce.encode()), Ok(announce));
    }

    #[test]
    fn r1_any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(announce) = BlockAnnounce::from_bytes(&bytes) {
            prop_assert_eq!(announce.encode(), bytes);
        }
    }
}
