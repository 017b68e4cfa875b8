//! A whole node in this process: blocks, finality, transactions, restart.
use super::backend::NodeBackend;
use super::*;
use crate::base_path::BasePath;
use parity_scale_codec::{Compact, Encode};
use quire_core::{
    Additional, Era, Extra, InvalidTransaction, MultiAddress, MultiSignature, UncheckedExtrinsic,
    signing_payload,
};
use quire_pool::PoolError;
use quire_rpc::{Backend, BackendError};
use std::time::Duration;
use tempfile::TempDir;

/// Longest wait for anything that takes a block or two.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(folder: &TempDir) -> Node {
    let node = Node::start(Config::in_process(BasePath::at(folder.path()))).unwrap();
    node.keystore().add(keys::ACCOUNT, "//Alice").unwrap();
    node
}

fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, what).await.expect("it happened in time") })
}

fn alice(node: &Node) -> AccountId {
    AccountId(node.keystore().public_keys(keys::ACCOUNT)[0])
}

/// A transfer of 1 QIR from //Alice to an account of nobody.
fn transfer(node: &Node, nonce: Nonce) -> OpaqueExtrinsic {
    // Balances.transfer_keep_alive: what a client reads from the metadata.
    let mut call = vec![2, 3];
    MultiAddress::Id(AccountId([7; 32])).encode_to(&mut call);
    Compact(quire_core::UNITS).encode_to(&mut call);
    let extra = Extra { era: Era::Immortal, nonce, tip: 0, mode: 0 };
    let version = node.chain().runtime_version(node.genesis_hash()).unwrap();
    let additional = Additional {
        spec_version: version.spec_version,
        transaction_version: version.transaction_version,
        genesis_hash: node.genesis_hash(),
        era_hash: node.genesis_hash(),
        metadata_hash: None,
    };
    let payload = signing_payload(&call, &extra, &additional);
    let signature = node.keystore().sign_extrinsic(&alice(node).0, &payload).unwrap();
    let mut body =
        UncheckedExtrinsic::signed((), alice(node), MultiSignature::Sr25519(signature), extra).encode_body();
    body.extend(call);
    OpaqueExtrinsic(body)
}

/// Follows an extrinsic to its end.
fn life(node: &Node, extrinsic: OpaqueExtrinsic) -> Vec<TxStatus> {
    wait(async {
        let mut updates = node.submit_and_watch(extrinsic).await.unwrap();
        let mut seen = Vec::new();
        while let Some(status) = updates.recv().await {
            let is_last = status.is_terminal();
            seen.push(status);
            if is_last {
                break;
            }
        }
        seen
    })
}

#[test]
fn a_transaction_goes_from_ready_to_final_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let nonce = node.next_nonce(&alice(&node)).unwrap();
    assert_eq!(nonce, 0);
    let seen = life(&node, transfer(&node, nonce));
    let [
        TxStatus::Ready,
        TxStatus::InBlock { block: included, .. },
        TxStatus::Finalized { block: finalised, .. },
    ] = seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(included, finalised);
    assert_eq!(node.next_nonce(&alice(&node)).unwrap(), 1);
    let block = NodeBackend(node.handle()).block(&finalised).unwrap().unwrap();
    assert_eq!(block.extrinsics.len(), 3, "timestamp, randomness and transfer");
    let before = node.chain().finalised();
    node.stop();

    let again = start(&folder);
    assert!(again.chain().finalised().number >= before.number);
    assert_eq!(again.chain().hash_by_number(before.number).unwrap(), Some(before.hash));
    assert_eq!(again.next_nonce(&alice(&again)).unwrap(), 1);
    let mut best = again.best();
    let next = wait(async { best.wait_for(|head| head.number > before.number).await.unwrap().hash });
    let seal = again.chain().header(next).unwrap().unwrap();
    assert!(seal.digest.seal().is_some());
}

#[test]
fn the_pool_judges_with_the_runtime_and_orders_by_nonce() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let (first, second) = (transfer(&node, 0), transfer(&node, 1));
    wait(async {
        let mut later = node.submit_and_watch(second).await.unwrap();
        assert_eq!(later.recv().await, Some(TxStatus::Future), "its nonce is ahead");
        node.submit(first.clone()).await.unwrap();
        assert_eq!(later.recv().await, Some(TxStatus::Ready));
        assert!(matches!(later.recv().await, Some(TxStatus::InBlock { .. })));
        let stale = node.submit(first).await;
        assert!(
            matches!(
                stale,
                Err(SubmitError::Pool(
                    PoolError::Invalid(InvalidTransaction::Stale) | PoolError::AlreadyImported(_)
                ))
            ),
            "{stale:?}"
        );
        let mut forged = transfer(&node, 2);
        *forged.0.last_mut().unwrap() ^= 1;
        let refused = node.submit(forged).await;
        assert!(
            matches!(refused, Err(SubmitError::Pool(PoolError::Invalid(InvalidTransaction::BadProof)))),
            "{refused:?}"
        );
        let garbage = node.submit(OpaqueExtrinsic(vec![0x84, 1, 2, 3])).await;
        assert!(garbage.is_err(), "{garbage:?}");
    });
}

#[test]
fn rpc_reads_agree_with_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let backend = NodeBackend(node.handle());
    let at = node.genesis_hash();
    let prefix = [quire_core::hash::twox_128(b"System"), quire_core::hash::twox_128(b"Account")].concat();
    let all = backend.keys(&at, &prefix, None, 1_000).unwrap();
    assert!(all.len() >= 12 && all.is_sorted() && all.iter().all(|key| key.starts_with(&prefix)));
    let mut paged: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = backend.keys(&at, &prefix, paged.last().map(Vec::as_slice), 5).unwrap();
        paged.extend(page.iter().cloned());
        if page.len() < 5 {
            break;
        }
    }
    assert_eq!(paged, all);
    assert_eq!(
        backend.keys(&at, &all[3], None, 10).unwrap(),
        [all[3].clone()],
        "a whole key is its own prefix"
    );
    assert_eq!(backend.keys(&at, &prefix, Some(&[0]), 3).unwrap(), all[..3], "a start key before the prefix");
    let proof = backend.read_proof(&at, &[b":code".to_vec(), b"absent".to_vec()]).unwrap();
    let root = backend.header(&at).unwrap().unwrap().state_root;
    let code = backend.storage(&at, &[b":code".to_vec()]).unwrap().remove(0);
    assert_eq!(quire_trie::verify_proof(root, &proof, b":code").unwrap(), code);
    assert_eq!(quire_trie::verify_proof(root, &proof, b"absent").unwrap(), None);
    let unknown = backend.storage(&H256([9; 32]), &[]);
    assert!(matches!(unknown, Err(BackendError::UnknownBlock(_))));
    let missing = backend.call(&at, "No_such", &[]).err().unwrap().to_string();
    assert!(missing.contains("Exported method No_such is not found"), "{missing}");
}

#[test]
fn session_keys_are_made_by_the_runtime_in_the_keystore_and_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let backend = NodeBackend(node.handle());
    let rotated = backend.rotate_keys().unwrap();
    assert_eq!(rotated.len(), 64);
    assert_ne!(backend.rotate_keys().unwrap(), rotated);
    assert_eq!(backend.has_session_keys(&rotated).unwrap(), Some(true));
    assert!(backend.has_key(keys::AURA, &rotated[..32]).unwrap());
    assert!(backend.has_key(keys::GRANDPA, &rotated[32..]).unwrap());
    let swapped = [&rotated[32..], &rotated[..32]].concat();
    assert_eq!(backend.has_session_keys(&swapped).unwrap(), Some(false));
    assert_eq!(backend.has_session_keys(&rotated[1..]).unwrap(), None);
    let files = std::fs::read_dir(node.chain_dir().join("keystore")).unwrap().count();
    assert_eq!(files, 4, "two keys twice; the development keys are in no file");
    let at = node.genesis_hash();
    let refused = backend.call(&at, "SessionKeys_generate_session_keys", &[0]).err().unwrap().to_string();
    assert!(refused.contains("author_rotateKeys"), "{refused}");
}

#[test]
fn two_nodes_cannot_share_a_base_path_and_a_stop_frees_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&folder);
    let second = Node::start(Config::in_process(BasePath::at(folder.path())));
    assert!(matches!(second, Err(StartError::BasePath(BasePathError::InUse { .. }))));
    let handle = node.handle();
    node.stop();
    assert!(handle.is_stopping());
    let refused = wait(handle.submit(OpaqueExtrinsic(vec![4])));
    assert!(matches!(refused, Err(SubmitError::Internal(_))), "{refused:?}");
    drop(handle);
    start(&folder).stop();
}

#[test]
fn a_base_path_of_another_chain_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    start(&folder).stop();
    let mut other = ChainSpec::local();
    other.id = ChainSpec::dev().id;
    let config = Config { spec: other, ..Config::in_process(BasePath::at(folder.path())) };
    let text = Node::start(config).err().unwrap().to_string();
    assert!(text.contains("genesis") && text.contains("base"), "{text}");
}
