use super::*;
use proptest::prelude::*;

fn request() -> BlockRequest {
    BlockRequest {
        header: true,
        body: true,
        justification: true,
        from: From::Number(258),
        descending: true,
        max_blocks: 64,
    }
}

fn block() -> BlockData {
    BlockData {
        hash: H256([9; 32]),
        header: Some(Header { number: 3, ..Header::default() }),
        body: vec![OpaqueExtrinsic(vec![1, 2, 3]), OpaqueExtrinsic(vec![4])],
        justifications: vec![(GRANDPA_ENGINE_ID, vec![5; 70])],
    }
}

#[test]
fn r5_a_request_as_substrate_writes_it() {
    // fields = 0x13000000, number = 258, direction, max_blocks = 64, many justifications.
    let expected = [0x08, 0x80, 0x80, 0x80, 0x98, 0x01, 0x1a, 4, 2, 1, 0, 0, 0x28, 1, 0x30, 64, 0x38, 1];
    assert_eq!(request().encode(), expected);
    assert_eq!(BlockRequest::decode(&expected), Ok(request()));
    let by_hash =
        BlockRequest { from: From::Hash(H256([7; 32])), descending: false, body: false, ..request() };
    assert_eq!(BlockRequest::decode(&by_hash.encode()), Ok(by_hash));
}

#[test]
fn r2_none_and_too_many_mean_the_most() {
    for asked in [0, MAX_BLOCKS, MAX_BLOCKS + 1, u32::MAX] {
        let bytes = BlockRequest { max_blocks: asked, ..request() }.encode();
        assert_eq!(BlockRequest::decode(&bytes).map(|request| request.max_blocks), Ok(MAX_BLOCKS), "{asked}");
    }
}

#[test]
fn wrong_requests_are_refused_with_the_reason() {
    assert_eq!(BlockRequest::decode(&[]), Err(BlockError::NoStart));
    assert_eq!(BlockRequest::decode(&[0x1a, 1, 0]), Err(BlockError::Length { field: 3, bytes: 1 }));
    assert_eq!(BlockRequest::decode(&[0x12, 1, 0]), Err(BlockError::Length { field: 2, bytes: 1 }));
    let mut sideways = request().encode();
    sideways[13] = 2;
    assert_eq!(BlockRequest::decode(&sideways), Err(BlockError::Direction(2)));
}

#[test]
fn an_answer_as_substrate_writes_it() {
    let one = BlockData { header: None, body: vec![OpaqueExtrinsic(vec![1, 2])], ..block() };
    let justifications = [&[4][..], b"FRNK", &[0x19, 0x01], &[5; 70]].concat();
    let inner = [
        &[0x0a, 32][..],
        &[9; 32],
        // The extrinsic with its SCALE length.
        &[0x1a, 3, 8, 1, 2],
        &[0x42, 77],
        &justifications,
    ]
    .concat();
    let expected = [&[0x0a, inner.len() as u8][..], &inner].concat();
    assert_eq!(encode_response(std::slice::from_ref(&one)), expected);
    assert_eq!(decode_response(&expected), Ok(vec![one]));
}

#[test]
fn the_older_single_justification_is_read() {
    let inner = [&[0x0a, 32][..], &[9; 32], &[0x32, 2, 7, 7]].concat();
    let bytes = [&[0x0a, inner.len() as u8][..], &inner].concat();
    let read = decode_response(&bytes).expect("an answer");
    assert_eq!(read[0].justifications, [(GRANDPA_ENGINE_ID, vec![7, 7])]);
}

#[test]
fn r3_more_blocks_or_extrinsics_are_refused() {
    let empty = BlockData { hash: H256([1; 32]), ..BlockData::default() };
    let most = vec![empty.clone(); MAX_BLOCKS as usize];
    assert_eq!(decode_response(&encode_response(&most)), Ok(most.clone()));
    let more = [most, vec![empty]].concat();
    assert_eq!(decode_response(&encode_response(&more)), Err(BlockError::TooMany));
    // Two blocks that together have one too many.
    let half = |extra| BlockData {
        hash: H256([1; 32]),
        body: vec![OpaqueExtrinsic(Vec::new()); MAX_EXTRINSICS / 2 + extra],
        ..BlockData::default()
    };
    assert!(decode_response(&encode_response(&[half(0), half(0)])).is_ok());
    assert_eq!(decode_response(&encode_response(&[half(0), half(1)])), Err(BlockError::TooMany));
}

#[test]
fn r4_incomplete_headers_and_extrinsics_are_refused() {
    let wrap = |field: u64, bytes: &[u8]| {
        let (mut inner, mut out) = (Vec::new(), Vec::new());
        put_bytes(&mut inner, 1, &[9; 32]);
        put_bytes(&mut inner, field, bytes);
        put_bytes(&mut out, 1, &inner);
        out
    };
    let header = Header::default().encode();
    assert!(decode_response(&wrap(2, &header)).is_ok());
    let longer = [header.as_slice(), &[0]].concat();
    assert_eq!(decode_response(&wrap(2, &longer)), Err(BlockError::Scale("header")));
    assert_eq!(decode_response(&wrap(2, &header[1..])), Err(BlockError::Scale("header")));
    assert_eq!(decode_response(&wrap(3, &[8, 1])), Err(BlockError::Scale("extrinsic")));
    assert_eq!(decode_response(&wrap(8, &[4, 1])), Err(BlockError::Scale("justification")));
    let missing = ProtobufError::Missing { number: 1 };
    assert_eq!(decode_response(&[0x0a, 0]), Err(BlockError::Protobuf(missing)));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        bodies in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9), 0..9),
        justification: Option<Vec<u8>>,
    ) {
        let blocks: Vec<BlockData> = bodies
            .into_iter()
            .map(|body| BlockData {
                body: body.into_iter().map(OpaqueExtrinsic).collect(),
                justifications: justification.clone().map(|bytes| (GRANDPA_ENGINE_ID, bytes)).into_iter().collect(),
                ..block()
            })
            .collect();
        prop_assert_eq!(decode_response(&encode_response(&blocks)), Ok(blocks));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(request) = BlockRequest::decode(&bytes) {
            prop_assert_eq!(BlockRequest::decode(&request.encode()), Ok(request));
        }
        if let Ok(blocks) = decode_response(&bytes) {
            prop_assert_eq!(decode_response(&encode_response(&blocks)), Ok(blocks));
        }
    }
}
