//! `quire --dev`: blocks, finality, a transfer, the next start on the same folder.

use crate::{
    process::{DevNode, wait_for},
    rpc::{self, hex0x},
    sign::{self, Domain},
};
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const BOB: [u8; 32] = [
    0x8e, 0xaf, 0x04, 0x15, 0x16, 0x87, 0x73, 0x63, 0x26, 0xc9, 0xfe, 0xa1, 0x7e, 0x25, 0xfc, 0x52, 0x87,
    0x61, 0x36, 0x93, 0xc9, 0x12, 0x90, 0x9c, 0xb2, 0x26, 0xaa, 0x47, 0x94, 0xf2, 0x6a, 0x48,
];

fn free(port: u16, who: &[u8; 32]) -> u128 {
    let key = pallet_system::storage::ACCOUNT.key_for(&quire_core::AccountId(*who));
    let account = rpc::storage(port, &key).unwrap_or_else(|| vec![0; 80]);
    u128::from_le_bytes(account[16..32].try_into().expect("free stands at byte 16"))
}

#[test]
fn a_transfer_is_finalised_and_survives_a_restart() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(base.path());
    let before = free(node.rpc, &BOB);
    let domain = Domain::of(node.rpc);
    let nonce = sign::finalised_nonce(node.rpc);
    let transfer = domain.transfer(nonce, &BOB, 1_234_500_000_000);
    let hash = rpc::call(node.rpc, "author_submitExtrinsic", json!([hex0x(&transfer)]));
    assert_eq!(rpc::bytes(&hash).expect("a hash"), quire_core::hash::blake2_256(&transfer));
    wait_for("finality of the transfer", SOON, || (sign::finalised_nonce(node.rpc) > nonce).then_some(()));
    assert_eq!(free(node.rpc, &BOB) - before, 1_234_500_000_000);
    let (number, hash) = rpc::finalised(node.rpc);
    let refused = rpc::try_call(node.rpc, "author_submitExtrinsic", json!([hex0x(&transfer)]));
    assert!(refused.as_ref().is_err_and(|e| e.contains("1010")), "a replay is outdated: {refused:?}");
    node.kill();

    let node = DevNode::start(base.path());
    assert_eq!(rpc::call(node.rpc, "chain_getBlockHash", json!([number])), json!(hash));
    assert_eq!(free(node.rpc, &BOB) - before, 1_234_500_000_000);
    wait_for("the chain goes on", SOON, || (rpc::finalised(node.rpc).0 > number + 1).then_some(()));
}
