//! `kill -9` at random moments: the work goes on by itself, nothing acknowledged or finalised is missing, nothing is
//! signed twice differently, balances conserve.

use crate::{
    demo,
    process::{DevNode, Process, free_port},
    reference, rpc,
    rpc::hex0x,
    sign::{self, Domain},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

const KILLS: u32 = 20;

/// Moments between kills, spread by a fixed sequence so that a failure can be repeated.
struct Moments(u64);

impl Moments {
    fn next(&mut self, min_ms: u64, max_ms: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(min_ms + (self.0 >> 33) % (max_ms - min_ms))
    }
}

/// The sum of all accounts' free and reserved balances is the total issuance.
pub(crate) fn balances_conserve(port: u16) {
    let (_, hash) = rpc::finalised(port);
    let accounts = rpc::pairs(port, &pallet_system::storage::ACCOUNT.prefix(), &hash);
    let part =
        |bytes: &[u8], at: usize| u128::from_le_bytes(bytes[at..at + 16].try_into().expect("16 bytes"));
    let sum: u128 = accounts.iter().map(|(_, account)| part(account, 16) + part(account, 32)).sum();
    let key = hex0x(&pallet_balances::storage::TOTAL_ISSUANCE.key());
    let issuance = rpc::bytes(&rpc::call(port, "state_getStorage", json!([key, hash]))).expect("an issuance");
    assert_eq!(sum, part(&issuance, 0), "{} accounts at {hash}", accounts.len());
}

/// Slots and the blocks sealed in them, as the node showed them at any time.
#[derive(Default)]
struct Sealed(BTreeMap<Vec<u8>, String>);

impl Sealed {
    /// Notes the headers from `from` to the best one; two for one slot fail the test.
    fn note(&mut self, port: u16, from: u32) {
        let best = rpc::number(&rpc::call(port, "chain_getHeader", json!([])));
        for number in from..=best {
            let hash = rpc::call(port, "chain_getBlockHash", json!([number]));
            let header = rpc::call(port, "chain_getHeader", json!([hash]));
            let slot = header["digest"]["logs"][0].as_str().map(|log| log.as_bytes().to_vec());
            let (Some(slot), Some(hash)) = (slot, hash.as_str()) else { continue };
            let known = self.0.entry(slot).or_insert_with(|| hash.to_owned());
            assert_eq!(known, hash, "two blocks sealed in one slot");
        }
    }
}

#[test]
fn a_chain_under_load_survives_kills() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let mut moments = Moments(7);
    let mut sealed = Sealed::default();
    let (mut final_at, mut final_hash) = (0, String::new());
    for _ in 0..KILLS {
        let node = DevNode::start(base.path());
        if final_at > 0 {
            assert_eq!(
                rpc::call(node.rpc, "chain_getBlockHash", json!([final_at])),
                json!(final_hash),
                "finalised block {final_at} is gone:\n{}",
                node.output()
            );
        }
        balances_conserve(node.rpc);
        let domain = Domain::of(node.rpc);
        let mut nonce = sign::finalised_nonce(node.rpc);
        let first = rpc::finalised(node.rpc).0;
        let end = Instant::now() + moments.next(100, 3_000);
        while Instant::now() < end {
            let transfer = domain.transfer(nonce, &[9; 32], 2_000_000_000);
            // Refused when the nonce of the last run is still waiting in an unfinalised block: then it is used up.
            let _ = rpc::try_call(node.rpc, "author_submitExtrinsic", json!([hex0x(&transfer)]));
            nonce += 1;
            (final_at, final_hash) = rpc::finalised(node.rpc);
        }
        sealed.note(node.rpc, first.max(1));
        node.kill();
    }
    let node = DevNode::start(base.path());
    balances_conserve(node.rpc);
    sealed.note(node.rpc, 1);
    assert!(rpc::finalised(node.rpc).0 >= final_at);
    assert!(sign::finalised_nonce(node.rpc) > 0, "no transfer was included in {KILLS} runs");
}

#[test]
fn a_demo_survives_kills_and_ends_as_if_nothing_had_happened() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = dir.path().join("access.log");
    fs::write(&log, demo::mixed_log(3_000)).expect("the log is written");
    let (log, base) = (log.to_str().expect("UTF-8").to_owned(), dir.path().join("base"));
    let base = base.to_str().expect("UTF-8").to_owned();
    let mut moments = Moments(11);
    for round in 0..=KILLS {
        let rpc = free_port().to_string();
        let args = ["demo", "--access-log", &log, "--json", "--base-path", &base, "--rpc-port", &rpc];
        let out = dir.path().join(format!("out{round}"));
        let mut process = Process::start(&args, &out);
        if round < KILLS {
            // Early kills hit the setup, later ones collation, results and settlement.
            sleep(moments.next(100, 1_500 + 150 * u64::from(round)));
            process.kill();
            continue;
        }
        let status = process.wait(Duration::from_secs(240));
        let output = process.output();
        assert!(status.success(), "{output}");
        demo::check(&demo::last_json(&output), &reference::recompute(&demo::mixed_log(3_000), 2));
    }
}
