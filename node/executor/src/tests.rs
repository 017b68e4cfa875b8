//! Small runtimes as text, run by the real executor.

use crate::{Options, WasmExecutor};
use parity_scale_codec::{Decode, Encode};
use quire_chain::{Execute, ExecuteError, Overlay, RuntimeCode, StateError, StateView};
use quire_core::{RuntimeVersion, hash};
use quire_trie::{NodePath, StateVersion, verify_proof};
use std::{collections::BTreeMap, ops::Bound, os::unix::fs::PermissionsExt, time::Duration};

mod keys;

/// A state of plain maps.
#[derive(Default)]
struct MapState {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    nodes: BTreeMap<NodePath, Vec<u8>>,
    is_broken: bool,
}

impl MapState {
    fn new(values: &[(&[u8], &[u8])]) -> Self {
        let values: BTreeMap<_, _> =
            values.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        let changes = values.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let empty = MapState::default();
        let (_, nodes) = quire_trie::update(&Nodes(&empty), StateVersion::V1, &changes).unwrap();
        let nodes = nodes.into_iter().filter_map(|(path, node)| Some((path, node?))).collect();
        MapState { values, nodes, is_broken: false }
    }
}

struct Nodes<'a>(&'a MapState);

impl quire_trie::NodeReader for Nodes<'_> {
    type Error = StateError;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        StateView::node(self.0, path)
    }
}

impl StateView for MapState {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.is_broken {
            true if key != b":heappages" => {
                Err(StateError::Backend { what: "a value".into(), reason: "the disk is gone".into() })
            }
            _ => Ok(self.values.get(key).cloned()),
        }
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let above = (Bound::Excluded(key), Bound::Unbounded);
        Ok(self.values.range::<[u8], _>(above).next().map(|(key, _)| key.clone()))
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(path).cloned())
    }
}

/// Imports, memory and data of every test runtime; `body` holds its functions.
fn runtime(body: &str) -> RuntimeCode {
    let text = format!(
        r#"(module
        (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
        (import "env" "ext_allocator_free_version_1" (func $free (param i32)))
        (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
        (import "env" "ext_storage_read_version_1" (func $read (param i64 i64 i32) (result i64)))
        (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
        (import "env" "ext_storage_clear_version_1" (func $clear (param i64)))
        (import "env" "ext_storage_exists_version_1" (func $exists (param i64) (result i32)))
        (import "env" "ext_storage_append_version_1" (func $append (param i64 i64)))
        (import "env" "ext_storage_next_key_version_1" (func $next (param i64) (result i64)))
        (import "env" "ext_storage_clear_prefix_version_2" (func $clear_prefix (param i64 i64) (result i64)))
        (import "env" "ext_storage_root_version_2" (func $root (param i32) (result i64)))
        (import "env" "ext_storage_start_transaction_version_1" (func $start))
        (import "env" "ext_storage_rollback_transaction_version_1" (func $rollback))
        (import "env" "ext_storage_commit_transaction_version_1" (func $commit))
        (import "env" "ext_hashing_blake2_256_version_1" (func $blake2 (param i64) (result i32)))
        (import "env" "ext_hashing_twox_64_version_1" (func $twox (param i64) (result i32)))
        (import "env" "ext_crypto_sr25519_generate_version_1" (func $make_sr25519 (param i32 i64) (result i32)))
        (import "env" "ext_crypto_ed25519_generate_version_1" (func $make_ed25519 (param i32 i64) (result i32)))
        (import "env" "ext_crypto_sr25519_verify_version_2" (func $sr25519 (param i32 i64 i32) (result i32)))
        (import "env" "ext_crypto_ed25519_verify_version_1" (func $ed25519 (param i32 i64 i32) (result i32)))
        (import "env" "ext_trie_blake2_256_ordered_root_version_2" (func $ordered (param i64 i32) (result i32)))
        (import "env" "ext_logging_log_version_1" (func $log (param i32 i64 i64)))
        (import "env" "ext_misc_runtime_version_version_1" (func $version (param i64) (result i64)))
        (import "env" "ext_future_invention_version_9" (func $unknown (param i64) (result i64)))
        (memory (export "memory") 2)
        (global (export "__heap_base") i32 (i32.const 1024))
        (global $count (mut i32) (i32.const 0))
        (data (i32.const 0) "runtime: it broke here")
        (func $span (param $at i32) (param $length i32) (result i64)
            (i64.or (i64.extend_i32_u (local.get $at)) (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
        {body})"#
    );
    RuntimeCode::new(&wat::parse_str(text).unwrap())
}

fn executor() -> WasmExecutor {
    WasmExecutor::new(Options { call_limit: Duration::from_millis(300), ..Options::default() }).unwrap()
}

fn entry(name: &str, body: &str) -> String {
    format!(r#"(func (export "{name}") (param $at i32) (param $length i32) (result i64) {body})"#)
}

const ARGS: &str = "(call $span (local.get $at) (local.get $length))";

fn run(
    code: &RuntimeCode,
    state: &MapState,
    overlay: &mut Overlay,
    method: &str,
    args: &[u8],
) -> Result<Vec<u8>, ExecuteError> {
    executor().call(code, state, overlay, method, args)
}

fn reason(error: ExecuteError) -> String {
    match error {
        ExecuteError::Trapped { reason, .. } | ExecuteError::BadCode { reason, .. } => reason,
        other => panic!("neither trap nor bad code: {other}"),
    }
}

#[test]
fn r2_arguments_come_back() {
    let code = runtime(&entry("echo", ARGS));
    let executor = executor();
    for size in [0, 1, 7, 1_000, 100_000, 5_000_000] {
        let args: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let answer = executor.call(&code, &MapState::default(), &mut Overlay::new(), "echo", &args).unwrap();
        assert!(answer == args, "{size} bytes");
    }
}

#[test]
fn r2_answers_outside_the_memory_are_refused() {
    for span in ["0x00000001ffffffff", "0x7fffffff00000000", "0xffffffffffffffff", "0x0002000000000001"] {
        let code = runtime(&entry("lie", &format!("(i64.const {span})")));
        let error = run(&code, &MapState::default(), &mut Overlay::new(), "lie", &[]).unwrap_err();
        assert!(reason(error).contains("outside the runtime's memory"));
    }
}

#[test]
fn r1_nothing_survives_from_call_to_call() {
    let body = "(global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (i32.const 700) (i32.add (i32.load8_u (i32.const 700)) (global.get $count)))
        (call $span (i32.const 700) (i32.const 1))";
    let (code, executor) = (runtime(&entry("count", body)), executor());
    for _ in 0..40 {
        assert_eq!(
            executor.call(&code, &MapState::default(), &mut Overlay::new(), "count", &[]).unwrap(),
            [1]
        );
    }
}

#[test]
fn methods_that_are_missing_are_named_as_clients_expect() {
    let code = runtime("");
    let error = run(&code, &MapState::default(), &mut Overlay::new(), "Core_nothing", &[]).unwrap_err();
    assert_eq!(error.to_string(), "Exported method Core_nothing is not found");
    let error = run(&code, &MapState::default(), &mut Overlay::new(), "memory", &[]).unwrap_err();
    assert!(matches!(error, ExecuteError::MethodMissing { .. }));
}

#[test]
fn r3_an_endless_loop_ends() {
    let code = runtime(&entry("hang", "(loop $again (br $again)) (unreachable)"));
    let error = run(&code, &MapState::default(), &mut Overlay::new(), "hang", &[]).unwrap_err();
    assert_eq!(reason(error), "it ran longer than 0.3 s, the limit of one call");
}

#[test]
fn r4_more_calls_than_instances_wait_for_their_turn() {
    let code = runtime(&entry("echo", ARGS));
    let executor = WasmExecutor::new(Options { instances: 2, ..Options::default() }).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let answer =
                        executor.call(&code, &MapState::default(), &mut Overlay::new(), "echo", b"x");
                    assert_eq!(answer.unwrap(), b"x");
                }
            });
        }
    });
}

#[test]
fn r5_a_panic_is_reported_with_its_message() {
    let log = "(call $log (i32.const 1) (call $span (i32.const 0) (i32.const 7)) (call $span (i32.const 9) (i32.const 13)))";
    let code = runtime(&format!(
        "{}{}{}",
        entry("panics", &format!("{log} (unreachable)")),
        entry("traps", "(unreachable)"),
        entry("divides", &format!("{log} (i64.div_u (i64.const 1) (i64.const 0))"))
    ));
    let call = |method| run(&code, &MapState::default(), &mut Overlay::new(), method, &[]).unwrap_err();
    assert_eq!(call("panics").to_string(), "Execution failed: runtime trapped in panics: it broke here");
    assert!(reason(call("traps")).contains("unreachable"));
    let divides = reason(call("divides"));
    assert!(
        divides.contains("divide by zero") && divides.contains("last error message: it broke here"),
        "{divides}"
    );
    assert!(!call("traps").is_fatal());
}

#[test]
fn r6_transactions_end_where_they_began() {
    let set = format!("(call $set {ARGS} {ARGS})");
    let code = runtime(&format!(
        "{}{}{}{}",
        entry(
            "balanced",
            &format!("(call $start) {set} (call $rollback) (call $start) (call $commit) {ARGS}")
        ),
        entry("left_open", &format!("(call $start) {set} {ARGS}")),
        entry("foreign", &format!("(call $rollback) {ARGS}")),
        entry("deep", "(loop $again (call $start) (br $again)) (unreachable)")
    ));
    let mut overlay = Overlay::new();
    overlay.start_transaction().unwrap();
    let mut call = |method| {
        let answer = run(&code, &MapState::default(), &mut overlay, method, b"key");
        (answer, overlay.depth(), overlay.changes().len())
    };
    let (answer, depth, changes) = call("balanced");
    assert_eq!((answer.unwrap(), depth, changes), (b"key".to_vec(), 1, 0));
    let (answer, depth, changes) = call("left_open");
    assert_eq!(
        (reason(answer.unwrap_err()).as_str(), depth, changes),
        ("it left a storage transaction open", 1, 0)
    );
    let (answer, depth, _) = call("foreign");
    assert!(reason(answer.unwrap_err()).contains("did not open"));
    assert_eq!(depth, 1);
    let (answer, depth, _) = call("deep");
    assert!(reason(answer.unwrap_err()).contains("nest deeper"));
    assert_eq!(depth, 1);
}

#[test]
fn storage_reads_through_and_writes_into_the_overlay() {
    let code = runtime(&[
        entry("get", &format!("(call $get {ARGS})")),
        entry("next", &format!("(call $next {ARGS})")),
        entry("clear", &format!("(call $clear {ARGS}) {ARGS}")),
        entry("set", &format!("(call $set {ARGS} {ARGS}) {ARGS}")),
        entry("append", &format!("(call $append {ARGS} {ARGS}) {ARGS}")),
        entry("exists", &format!("(i32.store (i32.const 900) (call $exists {ARGS})) (call $span (i32.const 900) (i32.const 1))")),
        entry("read", &format!("(call $read {ARGS} (call $span (i32.const 900) (i32.const 4)) (i32.const 2))")),
        entry("read_out", &format!("(drop (call $read {ARGS} (call $span (i32.const 900) (i32.const 4)) (i32.const 2)))
            (call $span (i32.const 900) (i32.const 4))")),
        entry("clear_prefix", &format!("(i32.store (i32.const 900) (i32.const 0x201))
            (call $clear_prefix {ARGS} (call $span (i32.const 900) (i32.const 5)))")),
        entry("clear_all", &format!("(i32.store (i32.const 900) (i32.const 0))
            (call $clear_prefix {ARGS} (call $span (i32.const 900) (i32.const 1)))")),
        entry("root", "(call $root (i32.const 1))"),
    ].concat());
    let state = MapState::new(&[(b"ab", b"123456"), (b"ac", b"x"), (b"ad", b"y"), (b"b", b"z")]);
    let (executor, mut overlay) = (executor(), Overlay::new());
    let mut call = |method, args: &[u8]| executor.call(&code, &state, &mut overlay, method, args).unwrap();
    assert_eq!(call("get", b"ab"), Some(b"123456".to_vec()).encode());
    assert_eq!(call("get", b"zz"), [0]);
    assert_eq!(call("read", b"ab"), Some(4u32).encode());
    assert_eq!(call("read_out", b"ab"), b"3456");
    assert_eq!(call("read", b"zz"), [0]);
    assert_eq!(call("exists", b"ab"), [1]);
    call("clear", b"ab");
    assert_eq!(call("exists", b"ab"), [0]);
    assert_eq!(call("next", b"a"), Some(b"ac".to_vec()).encode());
    assert_eq!(call("next", b"b"), [0]);
    call("set", b"c");
    assert_eq!(call("next", b"b"), Some(b"c".to_vec()).encode());
    call("append", b"list");
    call("append", b"list");
    assert_eq!(call("get", b"list"), Some([&[8][..], b"listlist"].concat()).encode());
    assert_eq!(call("clear_prefix", b"a"), [0, 2, 0, 0, 0], "limit 2, and two keys are left");
    call("set", b"ax");
    assert_eq!(call("clear_all", b"a"), [0, 1, 0, 0, 0]);
    let expected: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::from([
        (b"b".to_vec(), b"z".to_vec()),
        (b"c".to_vec(), b"c".to_vec()),
        (b"list".to_vec(), [&[8][..], b"listlist"].concat()),
    ]);
    let root = quire_trie::root(StateVersion::V1, expected);
    assert_eq!(call("root", b""), [&[128][..], &root.0].concat());
}

#[test]
fn hashes_and_lists_agree_with_the_library() {
    let code = runtime(
        &[
            entry("blake2", &format!("(call $span (call $blake2 {ARGS}) (i32.const 32))")),
            entry("twox", &format!("(call $span (call $twox {ARGS}) (i32.const 8))")),
            entry("ordered", &format!("(call $span (call $ordered {ARGS} (i32.const 0)) (i32.const 32))")),
        ]
        .concat(),
    );
    let state = MapState::default();
    let (executor, mut overlay) = (executor(), Overlay::new());
    let mut call = |method, args: &[u8]| executor.call(&code, &state, &mut overlay, method, args);
    assert_eq!(call("blake2", b"quire").unwrap(), hash::blake2_256(b"quire"));
    assert_eq!(call("twox", b"quire").unwrap(), hash::twox_64(b"quire"));
    let items: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n; n as usize * 3]).collect();
    assert_eq!(
        call("ordered", &items.encode()).unwrap(),
        quire_trie::ordered_root(StateVersion::V0, &items).0
    );
    for bad in [&[4][..], &[4, 8, 1], &[0, 0], &[3, 255, 255, 255, 255, 255]] {
        assert!(matches!(call("ordered", bad), Err(ExecuteError::Trapped { .. })), "{bad:?}");
    }
}

#[test]
fn signatures_are_checked_through_the_shared_cache() {
    let verify = |name: &str| {
        format!(
            "(i32.store (i32.const 900) (call ${name} (local.get $at)
                (call $span (i32.add (local.get $at) (i32.const 96)) (i32.sub (local.get $length) (i32.const 96)))
                (i32.add (local.get $at) (i32.const 64))))
             (call $span (i32.const 900) (i32.const 1))"
        )
    };
    let code = runtime(&[entry("sr", &verify("sr25519")), entry("ed", &verify("ed25519"))].concat());
    let pair = schnorrkel::MiniSecretKey::from_bytes(&[1; 32])
        .unwrap()
        .expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let sr = [&pair.sign_simple(b"substrate", b"hello").to_bytes()[..], &pair.public.to_bytes(), b"hello"]
        .concat();
    let secret = ed25519_zebra::SigningKey::from([7; 32]);
    let public = <[u8; 32]>::from(ed25519_zebra::VerificationKey::from(&secret));
    let ed = [&<[u8; 64]>::from(secret.sign(b"hello"))[..], &public, b"hello"].concat();
    let (executor, state) = (executor(), MapState::default());
    let call = |method, args: &[u8]| executor.call(&code, &state, &mut Overlay::new(), method, args).unwrap();
    for _ in 0..2 {
        assert_eq!((call("sr", &sr), call("ed", &ed)), (vec![1], vec![1]));
        assert_eq!((call("sr", &ed), call("ed", &sr)), (vec![0], vec![0]));
        assert_eq!(call("sr", &[&sr[..], b"!"].concat()), [0]);
    }
}

#[test]
fn an_unknown_import_traps_by_name_when_it_is_called_and_not_before() {
    let code = runtime(&[entry("fine", ARGS), entry("calls", &format!("(call $unknown {ARGS})"))].concat());
    assert_eq!(run(&code, &MapState::default(), &mut Overlay::new(), "fine", b"a").unwrap(), b"a");
    let error = run(&code, &MapState::default(), &mut Overlay::new(), "calls", b"a").unwrap_err();
    assert!(reason(error).contains("ext_future_invention_version_9"));
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_of_the_node() {
    let code = runtime(&entry("get", &format!("(call $get {ARGS})")));
    let state = MapState { is_broken: true, ..MapState::default() };
    let error = run(&code, &state, &mut Overlay::new(), "get", b"a").unwrap_err();
    assert!(matches!(error, ExecuteError::State(StateError::Backend { .. })) && error.is_fatal());
}

#[test]
fn spans_outside_the_memory_end_the_call() {
    let code = runtime(
        &[
            entry("get", "(call $get (i64.const 0x00000010ffffffff))"),
            entry("free", "(call $free (i32.const 8)) (i64.const 0)"),
            entry("hash", "(drop (call $blake2 (i64.const -1))) (i64.const 0)"),
            entry(
                "verify",
                "(drop (call $sr25519 (i32.const -8) (i64.const 0) (i32.const 0))) (i64.const 0)",
            ),
        ]
        .concat(),
    );
    for (method, what) in
        [("get", "outside"), ("free", "damaged its heap"), ("hash", "outside"), ("verify", "outside")]
    {
        let error = run(&code, &MapState::default(), &mut Overlay::new(), method, &[]).unwrap_err();
        let reason = reason(error);
        assert!(reason.contains(what), "{method}: {reason}");
    }
}

#[test]
fn the_heap_grows_to_its_limit_and_no_further() {
    let fill = "(loop $again (drop (call $malloc (i32.const 1000000))) (br $again)) (unreachable)";
    let code = runtime(
        &[
            entry("fill", fill),
            entry("some", "(i64.extend_i32_u (call $malloc (i32.const 900000)))"),
            entry("huge", "(i64.extend_i32_u (call $malloc (i32.const 40000000)))"),
        ]
        .concat(),
    );
    let call = |state: &MapState, method| run(&code, state, &mut Overlay::new(), method, &[]);
    let (usual, small) = (MapState::default(), MapState::new(&[(b":heappages", &10u64.to_le_bytes())]));
    assert!(reason(call(&usual, "fill").unwrap_err()).contains("its heap is limited to 134348800 bytes"));
    assert!(reason(call(&small, "fill").unwrap_err()).contains("its heap is limited to 786432 bytes"));
    assert!(reason(call(&usual, "huge").unwrap_err()).contains("the limit is 33554432"));
    assert_eq!(call(&usual, "some").unwrap(), []);
    assert!(call(&small, "some").is_err());
}

#[test]
fn keys_that_the_store_has_no_room_for_are_refused() {
    let code = runtime(&entry("set", &format!("(call $set {ARGS} {ARGS}) {ARGS}")));
    let (state, mut overlay) = (MapState::default(), Overlay::new());
    run(&code, &state, &mut overlay, "set", &[1; 4096]).unwrap();
    assert!(
        reason(run(&code, &state, &mut overlay, "set", &[1; 4097]).unwrap_err())
            .contains("the limit is 4096")
    );
}

#[test]
fn newer_wasm_than_the_mvp_is_refused() {
    for (body, what) in [
        ("(func (drop (i32.extend8_s (i32.const 1))))", "sign extension"),
        ("(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))", "bulk memory"),
        ("(func (result i32 i32) (i32.const 0) (i32.const 0))", "multi-value"),
        ("(func (drop (i32.trunc_sat_f32_s (f32.const 1))))", "saturating float"),
        (r#"(global (export "g") (mut i32) (i32.const 0))"#, "mutable global"),
        ("(table 1 externref)", "reference types"),
        ("(func (drop (v128.const i64x2 0 0)))", "SIMD"),
    ] {
        let error = executor().prepare(&runtime(body)).unwrap_err();
        let reason = reason(error);
        assert!(reason.starts_with("it is no Wasm module of the MVP"), "{what}: {reason}");
    }
    executor().prepare(&runtime(r#"(func (drop (f32.add (f32.const 1) (f32.const 2))))"#)).unwrap();
}

#[test]
fn blobs_that_are_no_runtime_are_refused_with_a_sentence() {
    let zstd = [&[0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05][..], b"..."].concat();
    let no_base = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
    let no_memory = wat::parse_str(r#"(module (global (export "__heap_base") i32 (i32.const 8)))"#).unwrap();
    let foreign = r#"(module (import "env" "ext_storage_get_version_1" (func (param i32)))
        (memory (export "memory") 1) (global (export "__heap_base") i32 (i32.const 8)))"#;
    for (code, what) in [
        (zstd, "compressed with zstd"),
        (b"nonsense".to_vec(), "no Wasm module"),
        (vec![0; 5 << 20], "the limit is 4194304"),
        (no_base, "does not export __heap_base"),
        (no_memory, "does not export memory"),
        (wat::parse_str(foreign).unwrap(), "ext_storage_get_version_1"),
    ] {
        let error = executor().prepare(&RuntimeCode::new(&code)).unwrap_err();
        assert!(!error.is_fatal());
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn the_version_comes_from_the_sections_or_from_the_runtime() {
    let version = RuntimeVersion { spec_name: "quire".into(), spec_version: 3, ..RuntimeVersion::default() };
    let hex: String = version.encode().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let data = format!(r#"(data (i32.const 300) "{hex}")"#);
    let answer = format!("(call $span (i32.const 300) (i32.const {}))", version.encode().len());
    let called = runtime(&[entry("Core_version", &answer), data].concat());
    let executor = executor();
    assert_eq!(executor.version(&called).unwrap(), version);
    let sections = format!(r#"(@custom "runtime_version" "{hex}") (@custom "runtime_apis" "")"#);
    let declared = runtime(&[entry("asks", &format!("(call $version {ARGS})")), sections].concat());
    assert_eq!(executor.version(&declared).unwrap(), version);
    let answer = executor.call(&declared, &MapState::default(), &mut Overlay::new(), "asks", &declared.bytes);
    assert_eq!(answer.unwrap(), Some(version.encode()).encode());
    assert!(executor.version(&runtime(&entry("Core_version", ARGS))).is_err());
}

#[test]
fn compiled_code_is_cached_in_a_private_folder_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("wasm");
    let code = runtime(&entry("echo", ARGS));
    let open = || WasmExecutor::new(Options { cache: Some(cache.clone()), ..Options::default() }).unwrap();
    let works = || {
        let answer = open().call(&code, &MapState::default(), &mut Overlay::new(), "echo", b"a");
        assert_eq!(answer.unwrap(), b"a");
    };
    let files =
        || -> Vec<_> { std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect() };
    works();
    let [file] = &files()[..] else { panic!("one file expected") };
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&cache), mode(file)), (0o700, 0o600));
    let compiled = std::fs::read(file).unwrap();
    works();
    let mut damaged = compiled.clone();
    damaged[40_000.min(compiled.len() - 1)] ^= 1;
    for bytes in [&damaged[..], &compiled[..compiled.len() / 2], b""] {
        std::fs::write(file, bytes).unwrap();
        works();
        assert!(std::fs::read(file).unwrap() == compiled, "the file was not written anew");
    }
    std::fs::remove_file(file).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    works();
    assert_eq!(files().len(), 0, "a folder that others may write is not used");
}

#[test]
fn a_call_is_proved_with_everything_it_read() {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(2);
    let long = vec![5; 200];
    let state =
        MapState::new(&[(b":code", b"code"), (b"ab", &long), (b"ac", b"x"), (b"b", b"z"), (b"c", b"w")]);
    let code = runtime(
        &[entry("get", &format!("(call $get {ARGS})")), entry("next", &format!("(call $next {ARGS})"))]
            .concat(),
    );
    let root = quire_trie::root(StateVersion::V1, state.values.clone());
    let executor = executor();
    let (answer, proof) = executor.prove_call(&code, &state, "get", b"ab", LIMIT).unwrap();
    assert_eq!(answer, Some(long.clone()).encode());
    assert_eq!(verify_proof(root, &proof, b"ab").unwrap(), Some(long));
    assert_eq!(verify_proof(root, &proof, b":heappages").unwrap(), None);
    let (_, proof) = executor.prove_call(&code, &state, "next", b"ad", LIMIT).unwrap();
    assert_eq!(verify_proof(root, &proof, b"ad").unwrap(), None);
    assert_eq!(verify_proof(root, &proof, b"b").unwrap(), Some(b"z".to_vec()));
}

#[test]
fn the_checked_in_runtime_runs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/wasm/quire_runtime.wasm");
    let code = RuntimeCode::new(&std::fs::read(path).unwrap());
    let executor = WasmExecutor::new(Options::default()).unwrap();
    let declared = executor.version(&code).unwrap();
    let call =
        |method, args: &[u8]| executor.call(&code, &MapState::default(), &mut Overlay::new(), method, args);
    let answered = RuntimeVersion::decode(&mut &call("Core_version", &[]).unwrap()[..]).unwrap();
    assert_eq!(declared, answered, "the sections and Core_version must agree");
    assert!(!declared.apis.is_empty() && declared.system_version == 1);
    let versions = Vec::<u32>::decode(&mut &call("Metadata_metadata_versions", &[]).unwrap()[..]).unwrap();
    assert!(versions.contains(&14) && versions.contains(&15));
    for version in versions {
        let metadata = call("Metadata_metadata_at_version", &version.encode()).unwrap();
        let metadata = Option::<Vec<u8>>::decode(&mut &metadata[..]).unwrap().unwrap();
        assert_eq!(&metadata[..5], [b"meta", &[version as u8][..]].concat());
    }
    let error = call("Core_execute_block", b"no block").unwrap_err();
    assert!(matches!(&error, ExecuteError::Trapped { reason, .. } if reason.contains("panicked")), "{error}");
}

/// A module with these custom sections and exports beside memory and heap.
fn shaped(sections: &str, body: &str) -> RuntimeCode {
    let text = format!(
        r#"(module {sections}
        (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
        (memory (export "memory") 2)
        (global (export "__heap_base") i32 (i32.const 1024))
        {body})"#
    );
    RuntimeCode::new(&wat::parse_str(text).unwrap())
}

/// The two sections of a runtime of version 7.
fn sections() -> String {
    let version =
        RuntimeVersion { spec_name: "quire".into(), spec_version: 7, ..RuntimeVersion::default() }.encode();
    let hex: String = version.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(r#"(@custom "runtime_version" "{hex}") (@custom "runtime_apis" "")"#)
}

#[test]
fn inspection_finds_what_nodes_need() {
    let code = shaped(&sections(), &(entry("Core_version", "unreachable") + &entry("Aura", "unreachable")));
    let executor = executor();
    assert_eq!(executor.inspect(&code, &["Core_version", "Aura"]).unwrap().spec_version, 7);
    let missing = executor.inspect(&code, &["Core_version", "Grandpa"]).unwrap_err();
    assert!(missing.contains("does not export the entry point Grandpa"), "{missing}");
    let heap = executor.inspect(&code, &["__heap_base"]).unwrap_err();
    assert!(heap.contains("entry point __heap_base"), "{heap}");
}

#[test]
fn inspection_names_what_is_wrong() {
    let good = entry("Core_version", "unreachable");
    let doubled = sections() + r#"(@custom "runtime_apis" "")"#;
    let long = format!("(func {})", "(drop (i32.const 1)) ".repeat(200_000));
    let parse = |text: &str| RuntimeCode::new(&wat::parse_str(text).unwrap());
    let imports = |import: &str| parse(&format!("(module {} {import})", sections()));
    let bare = |exports: &str| parse(&format!("(module {} {exports})", sections()));
    for (code, expected) in [
        (shaped("", &good), "0 sections runtime_version"),
        (
            shaped(r#"(@custom "runtime_apis" "")"#, &good),
            "0 sections runtime_version and 1 sections runtime_apis",
        ),
        (shaped(&doubled, &good), "2 sections runtime_apis"),
        (shaped(&sections(), &(good.clone() + &long)), "a function has 6"),
        (
            shaped(&sections(), r#"(func (export "Core_version") (param i32) (result i64) unreachable)"#),
            "no entry point",
        ),
        (shaped(&sections(), r#"(func (export "Core_version"))"#), "no entry point"),
        (
            imports(r#"(import "env" "ext_future_invention_version_9" (func (param i64)))"#),
            "ext_future_invention_version_9",
        ),
        (
            imports(r#"(import "env" "ext_allocator_malloc_version_1" (func (param i64)))"#),
            "ext_allocator_malloc",
        ),
        (bare(""), "does not export its memory"),
        (bare(r#"(memory (export "memory") 1)"#), "__heap_base"),
        (bare(r#"(memory (export "memory") 3000)"#), "memory"),
        (RuntimeCode::new(&wat::parse_str("(module)").unwrap()[..6]), "no Wasm module"),
    ] {
        let error = executor().inspect(&code, &["Core_version"]).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn host_r7_a_call_with_a_limit_ends_when_it_writes_more() {
    let body = entry(
        "fill",
        "(loop (call $set (call $span (i32.const 0) (i32.const 4)) (call $span (i32.const 0) (i32.const 60000))) (br 0)) (i64.const 0)",
    );
    let options = Options { written_bytes_max: 1_000_000, ..Options::default() };
    let executor = WasmExecutor::new(options).unwrap();
    let mut overlay = Overlay::new();
    let error = executor.call(&runtime(&body), &MapState::default(), &mut overlay, "fill", &[]).unwrap_err();
    assert!(reason(error).contains("wrote more into the state"));
}

#[test]
fn r7_code_that_compiles_holds_up_nobody() {
    let executor = std::sync::Arc::new(executor());
    let quick = runtime(&entry("echo", ARGS));
    executor.prepare(&quick).unwrap();
    let many: String =
        (0..4_000).map(|n| format!("(func (drop (i32.add (i32.const {n}) (i32.const 1))))")).collect();
    let slow = runtime(&many);
    let hash = slow.hash;
    let compiling = {
        let executor = executor.clone();
        std::thread::spawn(move || executor.prepare(&slow).unwrap())
    };
    let mut answered_meanwhile = 0;
    while !compiling.is_finished() {
        assert_eq!(
            executor.call(&quick, &MapState::default(), &mut Overlay::new(), "echo", b"x").unwrap(),
            b"x"
        );
        answered_meanwhile += 1;
    }
    compiling.join().unwrap();
    assert!(answered_meanwhile > 10, "{answered_meanwhile} calls while {hash:?} was compiled");
}
