use super::*;

fn sample() -> Handshake {
    Handshake {
        roles: AUTHORITY,
        best_number: 0x0102_0304,
        best_hash: H256([0xaa; 32]),
        genesis: H256([0xbb; 32]),
    }
}

#[test]
fn r1_the_bytes_are_substrates() {
    let bytes = sample().encode();
    let expected = [&[4, 4, 3, 2, 1][..], &[0xaa; 32], &[0xbb; 32]].concat();
    assert_eq!(bytes, expected);
    assert_eq!(Handshake::decode(&bytes), Ok(sample()));
}

#[test]
fn r1_every_other_length_is_refused() {
    let bytes = [sample().encode(), vec![0]].concat();
    for length in (0..=bytes.len()).filter(|&length| length != HANDSHAKE_BYTES) {
        assert_eq!(Handshake::decode(&bytes[..length]), Err(HandshakeError::Length(length)));
    }
}

#[test]
fn r2_unknown_roles_are_refused() {
    for roles in (0..=u8::MAX).filter(|roles| ![FULL, LIGHT, AUTHORITY].contains(roles)) {
        let bytes = Handshake { roles, ..sample() }.encode();
        assert_eq!(Handshake::decode(&bytes), Err(HandshakeError::Roles(roles)));
    }
}
