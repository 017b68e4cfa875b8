//! Every way in which new code can be wrong, made from the runtime that tests upgrade to, on the state of a real chain.

use super::*;
use crate::chain_spec::ChainSpec;
use quire_chain::Genesis;
use quire_core::{Upgrade, UpgradeState, hash};
use quire_store::SledStore;
use quire_tests::mutate::{self, body};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Version of the fixture.
const VERSION: u32 = quire_runtime::version::SPEC_VERSION + 1;

fn fixture() -> &'static [u8] {
    static CODE: OnceLock<Vec<u8>> = OnceLock::new();
    CODE.get_or_init(|| {
        std::fs::read(quire_tests::root().join("runtime/wasm/upgrade_fixture.wasm"))
            .expect("it is checked in")
    })
}

/// A development chain at block 0, in whose state `code` waits as version `spec_version`.
struct World {
    chain: Chain,
    folder: TempDir,
}

impl World {
    fn new(code: &[u8], spec_version: u32) -> World {
        let folder = tempfile::tempdir().unwrap();
        let mut state = ChainSpec::dev().state().unwrap();
        let upgrade = Upgrade {
            code_hash: H256(hash::blake2_256(code)),
            code_bytes: code.len() as u32,
            spec_version,
            proposed_at: 0,
            deadline: 100,
            state: UpgradeState::Attesting,
        };
        state.insert(pallet_upgrade::storage::UPGRADE.key().to_vec(), upgrade.encode());
        state.insert(pallet_upgrade::storage::PENDING_CODE.key().to_vec(), code.encode());
        let genesis = Genesis::new(state).unwrap();
        let store =
            SledStore::open(&folder.path().join("db"), Some(genesis.hash()), Default::default()).unwrap();
        let executor = WasmExecutor::new(Options { cache: Some(cache()), ..Options::default() }).unwrap();
        let chain = Chain::open(Arc::new(store), Arc::new(executor), &genesis, Default::default()).unwrap();
        World { chain, folder }
    }

    fn try_it(&self) -> Result<RuntimeCode, Complaint> {
        let call_limit = Duration::from_secs(2);
        let options = Options { call_limit, ..trial_options(cache()) };
        dry_run(&self.chain, options, self.chain.best(), &|| false)
    }
}

/// Compiled code, kept for the other tests of this process.
fn cache() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().join("compiled")
}

/// What the dry run says about this code.
fn complaint(code: &[u8]) -> String {
    match World::new(code, VERSION).try_it() {
        Err(Complaint::Code(reason)) => reason,
        other => panic!("no complaint about the code: {other:?}"),
    }
}

#[test]
fn good_code_passes_and_can_be_upgraded_again() {
    let world = World::new(fixture(), VERSION);
    assert_eq!(world.try_it().unwrap().hash, H256(hash::blake2_256(fixture())));
    assert_eq!(world.chain.best().number, 0, "nothing was imported");
}

#[test]
fn r1_what_cannot_be_loaded_is_refused() {
    for (code, expected) in [
        (mutate::truncated(fixture()), "no Wasm module"),
        (b"\x52\xbc\x53\x76\x46\xdb\x8e\x05compressed".to_vec(), "compressed with zstd"),
        (
            mutate::without_export(fixture(), "QuirePool_validate_transactions"),
            "entry point QuirePool_validate_transactions",
        ),
        (mutate::without_export(fixture(), "__heap_base"), "__heap_base"),
        (mutate::without_section(fixture(), "runtime_apis"), "0 sections runtime_apis"),
    ] {
        let reason = complaint(&code);
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

#[test]
fn r2_versions_must_agree_and_rise() {
    let at = 2 * (1 + quire_runtime::version::SPEC_NAME.len()) + 4;
    let section = |change: &dyn Fn(&mut Vec<u8>)| mutate::with_section(fixture(), "runtime_version", change);
    let lies = section(&|content| content[at..at + 4].copy_from_slice(&(VERSION + 50).to_le_bytes()));
    assert!(complaint(&lies).contains("Core_version says something else"));
    let renamed = section(&|content| content[1] = b'x');
    assert!(complaint(&renamed).contains("Core_version says something else"));
    let current = World::new(
        &std::fs::read(quire_tests::root().join("runtime/wasm/quire_runtime.wasm")).unwrap(),
        VERSION - 1,
    );
    let reason = current.try_it().unwrap_err().to_string();
    assert!(reason.contains("not higher than the current one"), "{reason}");
    let other = World::new(fixture(), VERSION + 1).try_it().unwrap_err().to_string();
    assert!(other.contains("not the one that was offered"), "{other}");
}

#[test]
fn r3_metadata_must_decode() {
    let reason = complaint(&mutate::with_export_of(fixture(), "Metadata_metadata", "Core_version"));
    assert!(reason.contains("Metadata_metadata") || reason.contains("metadata of version 14"), "{reason}");
}

#[test]
fn r4_authorities_must_stay() {
    let code = mutate::with_body(fixture(), "AuraApi_authorities", &body::answer(0, 1));
    assert!(complaint(&code).contains("AuraApi_authorities answers something else"));
    let code = mutate::with_export_of(fixture(), "GrandpaApi_current_set_id", "AuraApi_slot_duration");
    assert!(complaint(&code).contains("GrandpaApi_current_set_id answers something else"));
}

#[test]
fn r5_blocks_must_be_made_and_accepted() {
    let traps = mutate::with_body(fixture(), "Core_initialize_block", body::UNREACHABLE);
    let reason = complaint(&traps);
    assert!(reason.contains("trapped in Core_initialize_block"), "{reason}");
    let refuses = mutate::with_body(fixture(), "Core_execute_block", body::UNREACHABLE);
    let reason = complaint(&refuses);
    assert!(reason.contains("its own block cannot be executed"), "{reason}");
    let idle = mutate::with_body(fixture(), "Core_execute_block", &body::answer(0, 0));
    let reason = complaint(&idle);
    assert!(reason.contains("gives state root"), "{reason}");
}

#[test]
fn r6_pool_and_rpc_must_be_answered() {
    let takes_all = mutate::with_body(fixture(), "QuirePool_validate_transactions", &body::answer(0, 1));
    let reason = complaint(&takes_all);
    assert!(reason.contains("takes junk"), "{reason}");
    let last = mutate::with_export_of(fixture(), "QuireUpgrade_pending_code", "AuraApi_slot_duration");
    assert!(complaint(&last).contains("QuireUpgrade_pending_code answers something"));
}

#[test]
fn r8_loops_and_hunger_end() {
    let loops = mutate::with_body(fixture(), "BlockBuilder_finalize_block", body::ENDLESS);
    let reason = complaint(&loops);
    assert!(reason.contains("ran longer than 2 s"), "{reason}");
    let malloc = mutate::import(fixture(), "ext_allocator_malloc_version_1");
    let eats = body::call_for_ever(malloc, 16 * 1024 * 1024);
    let reason = complaint(&mutate::with_body(fixture(), "Core_version", &eats));
    assert!(reason.contains("out of memory"), "{reason}");
}

#[test]
fn r9_a_missing_state_is_no_complaint_about_the_code() {
    let world = World::new(fixture(), VERSION);
    let gone = Head { number: 7, hash: H256([9; 32]) };
    let error = dry_run(&world.chain, trial_options(cache()), gone, &|| false).unwrap_err();
    assert!(matches!(error, Complaint::Node(_)) && error.verdict().is_none(), "{error:?}");
    let stopping = dry_run(&world.chain, trial_options(cache()), world.chain.best(), &|| true).unwrap_err();
    assert_eq!(stopping, Complaint::Node("the node is stopping".into()));
    assert!(world.folder.path().exists());
}

#[test]
fn r1_what_nodes_need_is_what_this_runtime_has() {
    for name in NEEDED {
        assert!(quire_runtime::apis::ENTRY_POINTS.contains(name), "{name}");
    }
}

#[test]
fn r5_money_is_neither_made_nor_lost() {
    let world = World::new(fixture(), VERSION);
    let state = world.chain.state_at(world.chain.genesis()).unwrap();
    let issuance = pallet_balances::storage::TOTAL_ISSUANCE.key();
    let more = Layer { values: [(issuance.to_vec(), Some(1u128.encode()))].into(), ..Layer::default() };
    assert!(check_money(&*state, &more).unwrap_err().to_string().contains("total issuance"));
    let rich = pallet_system::storage::ACCOUNT.key_for(&AccountId([7; 32]));
    let mut info = pallet_system::AccountInfo::default();
    info.data.free = 5;
    let gift = Layer { values: [(rich.clone(), Some(info.encode()))].into(), ..Layer::default() };
    assert!(check_money(&*state, &gift).unwrap_err().to_string().contains("hold 5 instead of 0"));
    let odd = Layer { values: [(rich, Some(vec![1, 2, 3]))].into(), ..Layer::default() };
    assert_eq!(check_money(&*state, &odd), Ok(()), "accounts of another form");
    assert_eq!(check_money(&*state, &Layer::default()), Ok(()));
}

#[test]
fn reasons_are_one_line_of_bounded_length() {
    assert_eq!(sentence("a\nb\tc"), "a b c");
    let long = "ä".repeat(limits::MAX_VERDICT_REASON_BYTES as usize);
    let cut = sentence(&long);
    assert!(cut.len() <= limits::MAX_VERDICT_REASON_BYTES as usize && cut.starts_with("ää"));
}
