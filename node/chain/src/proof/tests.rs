//! Pieces of a state of a small chain: one test per rule.

use super::*;
use crate::testing::*;

fn grown() -> (TestChain, crate::Head) {
    let chain = new_chain();
    let calls: Vec<_> = (0..40).map(|n| set(&format!("key{n}"), &"v".repeat(n * 7))).collect();
    let block = author(&chain, chain.genesis(), 1, &calls).block;
    (chain, block)
}

#[test]
fn r1_keys_are_proved_against_the_state_root() {
    let (chain, block) = grown();
    let keys: [&[u8]; 3] = [b"kv/key30", b"kv/key2", b"kv/none"];
    let proof = chain.prove_keys(block.hash, keys).expect("readable");
    let root = chain.header(block.hash).expect("readable").expect("known").state_root;
    let proof = quire_trie::Proof::new(&proof).expect("small");
    assert_eq!(proof.get(root, keys[0]), Ok(Some("v".repeat(210).as_bytes())));
    assert_eq!(proof.get(root, keys[1]), Ok(Some(&b"vvvvvvvvvvvvvv"[..])));
    assert_eq!(proof.get(root, keys[2]), Ok(None));
    let unknown = chain.prove_keys(H256([9; 32]), keys);
    assert!(matches!(unknown, Err(QueryError::UnknownBlock { .. })));
}

#[test]
fn r2_pieces_with_and_without_proof_agree_and_end() {
    let (chain, block) = grown();
    let root = chain.header(block.hash).expect("readable").expect("known").state_root;
    let whole = chain.pairs(block.hash, None, usize::MAX, usize::MAX).expect("readable");
    assert!(whole.is_complete && whole.pairs.len() > 40);
    let (mut proved, mut plain): (Vec<_>, Vec<_>) = Default::default();
    let (mut after, mut pieces) = (None::<Vec<u8>>, 0);
    loop {
        pieces += 1;
        let piece = chain.prove_range(block.hash, after.as_deref(), 2_000).expect("readable");
        let read = quire_trie::read_range(root, &piece.items, after.as_deref()).expect("our own proof");
        let unproved = chain.pairs(block.hash, after.as_deref(), 300, 3).expect("readable");
        assert!(read.is_complete || !read.pairs.is_empty());
        assert!(unproved.pairs.len() <= 3);
        let same = unproved.pairs.len().min(read.pairs.len());
        assert_eq!(unproved.pairs[..same], read.pairs[..same]);
        plain.extend(unproved.pairs);
        proved.extend(read.pairs);
        after = proved.last().map(|(key, _): &(Vec<u8>, Vec<u8>)| key.clone());
        if read.is_complete {
            break;
        }
    }
    assert!(pieces > 2 && !plain.is_empty());
    assert_eq!(proved, whole.pairs);
}
