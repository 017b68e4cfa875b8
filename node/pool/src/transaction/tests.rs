//! Tags and senders.

use quire_core::{Era, Extra, MultiSignature, UncheckedExtrinsic};

use super::*;

#[test]
fn tags_differ_as_their_bytes_do() {
    let tags: Vec<Vec<u8>> = [0, 1, 2, 36, 38, 39, 40, 41, 300]
        .iter()
        .flat_map(|length| [vec![0; *length], vec![1; *length]])
        .collect();
    for (i, a) in tags.iter().enumerate() {
        for (j, b) in tags.iter().enumerate() {
            let same = a == b;
            assert_eq!(Tag::new(a) == Tag::new(b), same, "{i} {j}");
        }
    }
}

#[test]
fn the_tag_of_a_nonce_is_substrates() {
    use parity_scale_codec::Encode;
    let account = AccountId([7; 32]);
    assert_eq!(nonce_tag_bytes(&account, 258).to_vec(), (account, 258u32).encode());
}

#[test]
fn senders_are_read_from_the_envelope() {
    let extra = Extra { era: Era::Immortal, nonce: 70_000, tip: 5, mode: 0 };
    let signature = MultiSignature::Sr25519([7; 64]);
    let signed = UncheckedExtrinsic::signed(1u8, AccountId([3; 32]), signature, extra).to_opaque();
    assert_eq!(sender_of(&signed), Some((AccountId([3; 32]), 70_000)));
    assert_eq!(sender_of(&UncheckedExtrinsic::bare(1u8).to_opaque()), None);
    for cut in 0..signed.0.len() - 1 {
        assert_eq!(sender_of(&OpaqueExtrinsic(signed.0[..cut].to_vec())), None);
    }
}
