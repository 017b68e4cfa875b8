//! The answer of `quire/overlay/1`: the ids of a node's peers, each as `u8` length and its bytes.
//!
//! Rules:
//! * R1 Every id is a peer id, and the list has at most as many as the reader allows.

use libp2p::PeerId;

/// The bytes of a list. Ids longer than 255 bytes do not exist.
pub fn encode(list: &[PeerId]) -> Vec<u8> {
    let mut out = Vec::new();
    for id in list.iter().map(|id| id.to_bytes()) {
        if let Ok(length) = u8::try_from(id.len()) {
            out.push(length);
            out.extend_from_slice(&id);
        }
    }
    out
}

/// Reads a list of at most `most` ids; none if the bytes are no such list.
pub fn decode(bytes: &[u8], most: usize) -> Option<Vec<PeerId>> {
    let (mut rest, mut list) = (bytes, Vec::new());
    while let Some((&length, tail)) = rest.split_first() {
        let (id, tail) = tail.split_at_checked(usize::from(length))?;
        if list.len() >= most {
            return None;
        }
        list.push(PeerId::from_bytes(id).ok()?);
        rest = tail;
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(count: u8) -> Vec<PeerId> {
        (1..=count)
            .map(|seed| {
                let key = libp2p::identity::Keypair::ed25519_from_bytes([seed; 32]).expect("32 bytes");
                PeerId::from(key.public())
            })
            .collect()
    }

    #[test]
    fn r1_lists_are_read_back_up_to_the_limit() {
        let (list, bytes) = (ids(3), encode(&ids(3)));
        assert_eq!(bytes.len(), 3 * 39);
        assert_eq!(decode(&bytes, 3), Some(list));
        assert_eq!(decode(&bytes, 2), None);
        assert_eq!(decode(&[], 0), Some(Vec::new()));
    }

    #[test]
    fn r1_what_is_cut_or_no_id_is_refused() {
        let bytes = encode(&ids(1));
        for cut in 1..bytes.len() {
            assert_eq!(decode(&bytes[..cut], 9), None, "{cut}");
        }
        assert_eq!(decode(&[0], 9), None);
        assert_eq!(decode(&[2, 7, 7], 9), None);
    }

    proptest! {
        #[test]
        fn r1_any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Some(list) = decode(&bytes, 9) {
                prop_assert_eq!(decode(&encode(&list), 9), Some(list));
            }
        }
    }
}
