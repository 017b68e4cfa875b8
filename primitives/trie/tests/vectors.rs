//! The bytes of nodes, positions, roots and proofs, frozen in `vectors/trie.json`.
//!
//! A row that differs, is missing or that nobody computes fails the test, which then prints the whole file as it would
//! have to be. Changing the file approves a change of format: a commit of its own, with a reason.

use quire_core::H256;
use quire_trie::{NoNodes, NodePath, StateVersion, ordered_root, prove, root, update, verify_proof};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn hex_of(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

/// Every kind of node: a hashed and a plain leaf, branches without value, with a plain and with a hashed one, an
/// embedded leaf, a partial key of more than 63 nibbles.
fn pairs() -> BTreeMap<Vec<u8>, Vec<u8>> {
    [
        (b"do".to_vec(), vec![0x55; 40]),
        (b"dog".to_vec(), b"puppy".to_vec()),
        (b"doge".to_vec(), vec![0x66; 33]),
        (b"dogs".to_vec(), b"s".to_vec()),
        (b"horse".to_vec(), vec![0x77; 32]),
        ([&[0x78; 50][..], b"a"].concat(), b"long".to_vec()),
    ]
    .into()
}

fn trie(rows: &mut Map<String, Value>, version: StateVersion) {
    let name = format!("{version:?}");
    let pairs = pairs();
    let changes = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    let (found, written) = update(&NoNodes, version, &changes).expect("nothing to read");
    assert_eq!(found, root(version, &pairs));
    rows.insert(format!("{name}/root"), hex_of(&found.0));
    let nodes: BTreeMap<NodePath, Vec<u8>> =
        written.into_iter().filter_map(|(path, row)| Some((path, row?))).collect();
    for (path, row) in &nodes {
        rows.insert(format!("{name}/node {path}"), hex_of(row));
    }
    for key in [&b"do"[..], b"cat"] {
        let proof = prove(&nodes, |key| Ok(pairs.get(key).cloned()), [key]).expect("rows are complete");
        assert_eq!(verify_proof(found, &proof, key), Ok(pairs.get(key).cloned()));
        let items: Vec<Value> = proof.iter().map(|item| hex_of(item)).collect();
        rows.insert(format!("{name}/proof of {}", String::from_utf8_lossy(key)), json!(items));
    }
}

#[test]
fn trie_formats_keep_their_bytes() {
    let mut rows = Map::new();
    for nibbles in [&[][..], &[0], &[15], &[0, 0], &[1, 2], &[1, 2, 3]] {
        let path = NodePath::from_nibbles(nibbles);
        rows.insert(format!("position {path}"), hex_of(path.as_bytes()));
    }
    rows.insert("root of nothing".to_string(), hex_of(&quire_trie::EMPTY_ROOT.0));
    let items: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; usize::from(n)]).collect();
    let roots: [(&str, H256); 3] = [
        ("ordered root of nothing", ordered_root::<Vec<u8>>(StateVersion::V0, &[])),
        ("ordered root/V0", ordered_root(StateVersion::V0, &items)),
        ("ordered root/V1", ordered_root(StateVersion::V1, &items)),
    ];
    for (name, root) in roots {
        rows.insert(name.to_string(), hex_of(&root.0));
    }
    trie(&mut rows, StateVersion::V0);
    trie(&mut rows, StateVersion::V1);
    let file: Map<String, Value> =
        serde_json::from_str(include_str!("../vectors/trie.json")).expect("the vector file is a JSON object");
    let wrong: Vec<&String> =
        rows.keys().chain(file.keys()).filter(|name| rows.get(*name) != file.get(*name)).collect();
    let whole = serde_json::to_string_pretty(&rows).expect("JSON");
    assert!(wrong.is_empty(), "vectors/trie.json differs in {wrong:?}; it would have to be:\n{whole}");
}
