//! Shapes, names, order and errors of the methods, against a fake node.
mod attack;
mod client;
mod fake;
mod malformed;
mod operator;
mod server;
mod v2;

use crate::RpcConfig;
use fake::{Fake, State};
use jsonrpsee::Methods;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;

fn module(fake: &Arc<Fake>) -> Methods {
    crate::methods(RpcConfig::default(), fake.clone(), false).unwrap()
}

/// The whole response object, its id and version removed.
async fn raw(fake: &Arc<Fake>, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    ask(&module(fake), &request).await.0
}

async fn ask(methods: &Methods, request: &str) -> (Value, Receiver<Box<serde_json::value::RawValue>>) {
    let (answer, stream) = methods.raw_json_request(request, 64).await.unwrap();
    let mut answer: Value = serde_json::from_str(answer.get()).unwrap();
    let object = answer.as_object_mut().unwrap();
    assert_eq!(object.remove("jsonrpc"), Some(json!("2.0")));
    object.remove("id");
    (answer, stream)
}

async fn result(fake: &Arc<Fake>, method: &str, params: Value) -> Value {
    let answer = raw(fake, method, params).await;
    assert!(answer.get("error").is_none(), "{method} failed: {answer}");
    answer["result"].clone()
}

async fn failure(fake: &Arc<Fake>, method: &str, params: Value) -> (i64, String, Value) {
    let answer = raw(fake, method, params).await;
    let error = answer.get("error").unwrap_or_else(|| panic!("{method} did not fail: {answer}"));
    (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().into(), error["data"].clone())
}

fn hex(text: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(text))
}

#[tokio::test]
async fn r1_rpc_methods_lists_exactly_what_exists() {
    let fake = Fake::new();
    let methods = module(&fake);
    let listed = result(&fake, "rpc_methods", json!([])).await;
    let listed: Vec<&str> =
        listed["methods"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
    let mut existing: Vec<&str> = methods.method_names().collect();
    existing.sort_unstable();
    assert_eq!(listed, existing);
    for name in [
        "chain_getFinalisedHead",
        "chain_subscribeNewHead",
        "subscribe_newHead",
        "unsubscribe_newHead",
        "chain_getRuntimeVersion",
        "account_nextIndex",
        "state_getStorageAt",
        "state_getKeysPagedAt",
        "state_callAt",
        "rpc_methods",
    ] {
        assert!(listed.contains(&name), "{name} is not listed");
    }
    for (group, count) in
        [("chainSpec_v1_", 3), ("chainHead_v1_", 9), ("transaction_v1_", 2), ("transactionWatch_v1_", 2)]
    {
        assert_eq!(listed.iter().filter(|m| m.starts_with(group)).count(), count, "{group} is whole");
    }
}

#[tokio::test]
async fn r3_parameters_may_be_absent_null_short_or_too_many() {
    let fake = Fake::new();
    let best = json!(fake.hash(2).to_string());
    let methods = module(&fake);
    for params in ["", r#","params":null"#, r#","params":[]"#, r#","params":[null]"#] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash"{params}}}"#);
        assert_eq!(ask(&methods, &request).await.0["result"], best, "{params}");
    }
    let metadata = hex(b"meta\x0e");
    assert_eq!(result(&fake, "state_getMetadata", Value::Null).await, json!(metadata));
    assert_eq!(
        result(&fake, "state_getKeysPaged", json!(["0x", 9, null, best, "surplus"])).await[1],
        hex("k")
    );
}

#[tokio::test]
async fn r4_hex_and_block_numbers_are_read_leniently() {
    let fake = Fake::new();
    let second = json!(fake.hash(1).to_string());
    for number in [json!(1), json!("0x1"), json!("0x01"), json!("1")] {
        assert_eq!(result(&fake, "chain_getBlockHash", json!([number])).await, second, "{number}");
    }
    assert_eq!(
        result(&fake, "chain_getBlockHash", json!([[0, "0x1", 99]])).await,
        json!([fake.hash(0).to_string(), second, null])
    );
    assert_eq!(result(&fake, "chain_getBlockHash", json!([99])).await, Value::Null);
    for empty in ["", "0x"] {
        assert_eq!(result(&fake, "state_call", json!(["echo", empty])).await, "0x");
    }
    for bytes in ["0xABCD", "abcd", "0xabcd"] {
        assert_eq!(result(&fake, "state_call", json!(["echo", bytes])).await, "0xabcd");
    }
    for wrong in
        [json!([-1]), json!([4_294_967_296u64]), json!(["0xzz"]), json!([true]), json!([1.5]), json!([{}])]
    {
        assert_eq!(failure(&fake, "chain_getBlockHash", wrong.clone()).await.0, -32602, "{wrong}");
    }
    let (code, message, _) = failure(&fake, "state_getStorage", json!(["0xabc"])).await;
    assert_eq!(code, -32602);
    assert!(message.contains("parameter 1 (key)"), "{message}");
    let (_, message, _) = failure(&fake, "chain_getHeader", json!(["0x12"])).await;
    assert!(message.contains("expected a hash of 32 bytes, got 1"), "{message}");
    assert_eq!(failure(&fake, "state_getStorage", json!([])).await.0, -32602);
    assert_eq!(failure(&fake, "state_getStorage", json!({ "key": "0x" })).await.0, -32602);
}

#[tokio::test]
async fn deep_nesting_is_an_error_not_a_crash() {
    let fake = Fake::new();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let request = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[{deep}]}}"#);
    let (answer, _) = ask(&module(&fake), &request).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test]
async fn r5_unsafe_methods_are_refused_unless_allowed() {
    let fake = Fake::new();
    for (method, params) in [
        ("system_peers", json!([])),
        ("author_insertKey", json!(["aura", "//Alice", hex([1; 32])])),
        ("author_hasKey", json!([hex([1; 32]), "aura"])),
        ("state_queryStorage", json!([[], fake.hash(0).to_string()])),
        ("state_getKeys", json!(["0x"])),
        ("state_getPairs", json!(["0x"])),
        ("author_removeExtrinsic", json!([[]])),
        ("system_dryRun", json!(["0x080409"])),
        ("system_dryRunAt", json!(["0x080409"])),
        ("system_addLogFilter", json!(["rpc=debug"])),
        ("system_resetLogFilter", json!([])),
    ] {
        let refused = failure(&fake, method, params.clone()).await;
        assert_eq!(
            (refused.0, &*refused.1),
            (-32601, "RPC call is unsafe to be called externally"),
            "{method}"
        );
        let allowed = crate::methods(RpcConfig::default(), fake.clone(), true).unwrap();
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        assert!(ask(&allowed, &request).await.0.get("result").is_some(), "{method}");
    }
}

#[tokio::test]
async fn system_methods() {
    let fake = Fake::new();
    assert_eq!(result(&fake, "system_chain", json!([])).await, "Fake Development");
    assert_eq!(result(&fake, "system_chainType", json!([])).await, "Development");
    assert_eq!(result(&fake, "system_properties", json!([])).await["ss58Format"], 42);
    assert_eq!(result(&fake, "system_nodeRoles", json!([])).await, json!(["Authority"]));
    assert_eq!(
        result(&fake, "system_health", json!([])).await,
        json!({ "peers": 2, "isSyncing": false, "shouldHavePeers": true })
    );
    assert_eq!(
        result(&fake, "system_syncState", json!([])).await,
        json!({ "startingBlock": 0, "currentBlock": 2, "highestBlock": 3 })
    );
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    assert_eq!(result(&fake, "system_accountNextIndex", json!([alice])).await, 0xd4);
    assert_eq!(failure(&fake, "account_nextIndex", json!(["5Grw"])).await.0, -32602);
}

#[tokio::test]
async fn chain_methods_show_headers_and_blocks() {
    let fake = Fake::new();
    let second = fake.hash(1).to_string();
    let header = result(&fake, "chain_getHeader", json!([second])).await;
    let expected = json!({
        "parentHash": fake.hash(0).to_string(),
        "number": "0x1",
        "stateRoot": hex([1; 32]),
        "extrinsicsRoot": hex([2; 32]),
        "digest": { "logs": ["0x0661757261200700000000000000"] },
    });
    assert_eq!(header, expected);
    let block = result(&fake, "chain_getBlock", json!([second])).await;
    assert_eq!(block["block"], json!({ "header": expected, "extrinsics": ["0x0c040102"] }));
    assert_eq!(block["justifications"], json!([[[70, 82, 78, 75], [1, 2, 3]]]));
    assert_eq!(result(&fake, "chain_getBlock", json!([])).await["justifications"], Value::Null);
    for method in ["chain_getHeader", "chain_getBlock"] {
        assert_eq!(result(&fake, method, json!([hex([8; 32])])).await, Value::Null);
    }
    assert_eq!(result(&fake, "chain_getFinalisedHead", json!([])).await, json!(second));
}

#[tokio::test]
async fn state_methods_read_at_any_block() {
    let fake = Fake::new();
    let first = fake.hash(0).to_string();
    assert_eq!(result(&fake, "state_getStorage", json!([hex("k")])).await, "0x02");
    assert_eq!(result(&fake, "state_getStorage", json!([hex("k"), first])).await, "0x00");
    assert_eq!(result(&fake, "state_getStorage", json!([hex("absent")])).await, Value::Null);
    assert_eq!(result(&fake, "state_getStorageSize", json!([hex(":code")])).await, 4);
    assert_eq!(
        result(&fake, "state_getStorageHash", json!([hex(":code")])).await,
        json!(hex(quire_core::hash::blake2_256(b"wasm")))
    );
    assert_eq!(
        result(&fake, "state_queryStorageAt", json!([[hex("k"), hex("absent")], first])).await,
        json!([{ "block": first, "changes": [[hex("k"), "0x00"], [hex("absent"), null]] }])
    );
    assert_eq!(
        result(&fake, "state_getKeysPaged", json!(["", 1, hex(":code"), first])).await,
        json!([hex("gone")])
    );
    assert_eq!(failure(&fake, "state_getKeysPaged", json!(["", 1001])).await.0, 4002);
    let version = result(&fake, "state_getRuntimeVersion", json!([])).await;
    assert_eq!(
        version,
        json!({
            "specName": "fake", "implName": "fake-impl", "authoringVersion": 1, "specVersion": 1, "implVersion": 2,
            "apis": [["0xdf6acb689907609b", 5]], "transactionVersion": 3, "systemVersion": 1, "stateVersion": 1,
        })
    );
    assert_eq!(
        result(&fake, "state_getReadProof", json!([[hex("k")], first])).await,
        json!({ "at": first, "proof": [hex("k")] })
    );
}

#[tokio::test]
async fn query_storage_shows_one_element_per_change() {
    let fake = Fake::new();
    let allowed = crate::methods(RpcConfig::default(), fake.clone(), true).unwrap();
    let keys = json!([hex(":code"), hex("gone")]);
    let ask_for = |from: usize, to: usize| {
        let params = json!([keys, fake.hash(from).to_string(), fake.hash(to).to_string()]);
        json!({ "jsonrpc": "2.0", "id": 1, "method": "state_queryStorage", "params": params }).to_string()
    };
    let (answer, _) = ask(&allowed, &ask_for(0, 2)).await;
    let wasm = hex("wasm");
    assert_eq!(
        answer["result"],
        json!([
            { "block": fake.hash(0).to_string(), "changes": [[hex(":code"), wasm], [hex("gone"), "0x09"]] },
            { "block": fake.hash(2).to_string(), "changes": [[hex("gone"), null]] },
        ])
    );
    assert_eq!(ask(&allowed, &ask_for(2, 0)).await.0["error"]["code"], 4001);
    let unknown = ask_for(0, 2).replace(&fake.hash(2).to_string(), &hex([8; 32]));
    assert_eq!(ask(&allowed, &unknown).await.0["error"]["code"], 4001);
}

#[tokio::test]
async fn state_errors_name_the_block_and_the_missing_function() {
    let fake = Fake::new();
    let unknown = hex([8; 32]);
    let (code, message, _) = failure(&fake, "state_getStorage", json!(["0x", unknown])).await;
    assert_eq!(
        (code, message),
        (4003, format!("Client error: UnknownBlock: Header was not found in the database: {unknown}"))
    );
    let (code, message, _) = failure(&fake, "state_getStorage", json!(["0x", hex([0xdd; 32])])).await;
    assert_eq!(code, 4003);
    assert!(message.contains("State already discarded"), "{message}");
    let (code, message, _) = failure(&fake, "state_call", json!(["Nope_nope", "0x"])).await;
    assert_eq!(code, 4003);
    assert!(message.ends_with("Exported method Nope_nope is not found"), "{message}");
    assert_eq!(failure(&fake, "state_call", json!(["trap", "0x"])).await.0, 4003);
    let keys = vec!["0x00"; 4_097];
    assert_eq!(failure(&fake, "state_queryStorageAt", json!([keys])).await.0, 4002);
    assert_eq!(failure(&fake, "no_such", json!([])).await, (-32601, "Method not found".into(), Value::Null));
}

#[tokio::test]
async fn payment_methods() {
    let fake = Fake::new();
    assert_eq!(
        result(&fake, "payment_queryInfo", json!(["0x08aabb"])).await,
        json!({ "weight": { "ref_time": 3, "proof_size": 4 }, "class": "operational", "partialFee": "8" })
    );
    assert_eq!(
        result(&fake, "payment_queryFeeDetails", json!(["0x08aabb"])).await,
        json!({ "inclusionFee": { "baseFee": "0x1", "lenFee": "0x2", "adjustedWeightFee": "0xff" } })
    );
}

#[tokio::test]
async fn submitting_answers_with_the_hash_or_the_codes_that_clients_match() {
    let fake = Fake::new();
    let hash = quire_core::hash::blake2_256(&[8, 4, 9]);
    assert_eq!(result(&fake, "author_submitExtrinsic", json!(["0x080409"])).await, json!(hex(hash)));
    assert_eq!(result(&fake, "author_pendingExtrinsics", json!([])).await, json!(["0x080409"]));
    let stale = failure(&fake, "author_submitExtrinsic", json!(["0x0401"])).await;
    assert_eq!(stale, (1010, "Invalid Transaction".into(), json!("Transaction is outdated")));
    let custom = failure(&fake, "author_submitExtrinsic", json!(["0x0406"])).await;
    assert_eq!(custom, (1010, "Invalid Transaction".into(), json!("Custom error: 7")));
    assert_eq!(failure(&fake, "author_submitExtrinsic", json!(["0x0402"])).await.0, 1013);
    let low = failure(&fake, "author_submitExtrinsic", json!(["0x0403"])).await;
    assert_eq!((low.0, &*low.1), (1014, "Priority is too low: (5 vs 4)"));
    assert_eq!(failure(&fake, "author_submitExtrinsic", json!(["0x0405"])).await.0, 1011);
    assert_eq!(failure(&fake, "author_submitExtrinsic", json!(["0x0407"])).await.0, 1016);
    assert_eq!(failure(&fake, "author_submitExtrinsic", json!(["0x0408"])).await.0, -32603);
    for malformed in ["0x", "0x08", "0x040900", "0xffffffff"] {
        let (code, message, _) = failure(&fake, "author_submitExtrinsic", json!([malformed])).await;
        assert_eq!(code, 1001, "{malformed}");
        assert!(message.starts_with("Extrinsic has invalid format: "), "{message}");
    }
}

/// Subscribes without a server; gives the id and the notifications.
async fn subscribe(
    methods: &Methods,
    method: &str,
    params: Value,
) -> (Value, Receiver<Box<serde_json::value::RawValue>>) {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let (answer, stream) = ask(methods, &request).await;
    (answer["result"].clone(), stream)
}

async fn notification(
    stream: &mut Receiver<Box<serde_json::value::RawValue>>,
    name: &str,
    id: &Value,
) -> Value {
    let text = stream.recv().await.expect("a notification");
    let json: Value = serde_json::from_str(text.get()).unwrap();
    assert_eq!(json["method"], name, "{json}");
    assert_eq!(json["params"]["subscription"], *id);
    json["params"]["result"].clone()
}

#[tokio::test]
async fn r2_head_streams_start_with_the_current_head() {
    let fake = Fake::new();
    let methods = module(&fake);
    for (name, notif) in [
        ("chain_subscribeNewHead", "chain_newHead"),
        ("subscribe_newHead", "chain_newHead"),
        ("chain_subscribeNewHeads", "chain_newHead"),
        ("chain_subscribeAllHeads", "chain_allHead"),
    ] {
        let (id, mut stream) = subscribe(&methods, name, json!([])).await;
        let best = fake_number(&fake);
        assert_eq!(notification(&mut stream, notif, &id).await["number"], format!("{best:#x}"), "{name}");
        fake.push(State::new(), 1);
        assert_eq!(
            notification(&mut stream, notif, &id).await["number"],
            format!("{:#x}", best + 1),
            "{name}"
        );
    }
    let (id, mut stream) = subscribe(&methods, "chain_subscribeFinalizedHeads", json!([])).await;
    assert_eq!(notification(&mut stream, "chain_finalizedHead", &id).await["number"], "0x1");
    fake.push(State::new(), 1);
    fake.finalize(2);
    assert_eq!(notification(&mut stream, "chain_finalizedHead", &id).await["number"], "0x2");
}

fn fake_number(fake: &Arc<Fake>) -> u32 {
    crate::Backend::best(&**fake).number
}

#[tokio::test]
async fn r2_storage_stream_sends_all_keys_first_then_only_changes() {
    let fake = Fake::new();
    let methods = module(&fake);
    let (id, mut stream) =
        subscribe(&methods, "state_subscribeStorage", json!([[hex("k"), hex("absent")]])).await;
    let first = notification(&mut stream, "state_storage", &id).await;
    assert_eq!(first["changes"], json!([[hex("k"), "0x02"], [hex("absent"), null]]));
    fake.push(State::from([(b"k".to_vec(), vec![2])]), 1);
    let last = fake.push(State::from([(b"k".to_vec(), vec![2]), (b"absent".to_vec(), vec![1])]), 1);
    let next = notification(&mut stream, "state_storage", &id).await;
    assert_eq!(next, json!({ "block": last.to_string(), "changes": [[hex("absent"), "0x01"]] }));
}

#[tokio::test]
async fn r2_a_storage_stream_that_is_far_behind_shows_the_newest_state() {
    let fake = Fake::new();
    let methods = module(&fake);
    let (id, mut stream) = subscribe(&methods, "state_subscribeStorage", json!([[hex("k")]])).await;
    assert_eq!(notification(&mut stream, "state_storage", &id).await["changes"][0][1], "0x02");
    // More than it may be behind, none of which it can take meanwhile; the last events are no best blocks.
    for value in 10..22u8 {
        fake.push(State::from([(b"k".to_vec(), vec![value])]), 1);
    }
    for number in 2..10 {
        fake.finalize(number);
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&json!("0x15")) {
        seen.push(notification(&mut stream, "state_storage", &id).await["changes"][0][1].clone());
    }
    assert!(seen.len() < 12, "{seen:?}");
}

#[tokio::test]
async fn r2_version_stream_sends_the_version_then_only_other_ones() {
    let fake = Fake::new();
    let methods = module(&fake);
    let (id, mut stream) = subscribe(&methods, "state_subscribeRuntimeVersion", json!([])).await;
    assert_eq!(notification(&mut stream, "state_runtimeVersion", &id).await["specVersion"], 1);
    fake.push(State::new(), 1);
    fake.push(State::new(), 2);
    assert_eq!(notification(&mut stream, "state_runtimeVersion", &id).await["specVersion"], 2);
}

#[tokio::test]
async fn watching_an_extrinsic_shows_its_life_or_refuses_the_call() {
    let fake = Fake::new();
    let methods = module(&fake);
    let (id, mut stream) = subscribe(&methods, "author_submitAndWatchExtrinsic", json!(["0x080409"])).await;
    let (first, last) = (fake.hash(1).to_string(), fake.hash(2).to_string());
    for expected in [
        json!("future"),
        json!("ready"),
        json!({ "broadcast": ["12D3KooPeer"] }),
        json!({ "inBlock": first }),
        json!({ "retracted": first }),
        json!({ "inBlock": last }),
        json!({ "finalized": last }),
    ] {
        assert_eq!(notification(&mut stream, "author_extrinsicUpdate", &id).await, expected);
    }
    assert!(stream.recv().await.is_none(), "a terminal status ends the stream without an error");
    let refused = failure(&fake, "author_submitAndWatchExtrinsic", json!(["0x0401"])).await;
    assert_eq!(refused, (1010, "Invalid Transaction".into(), json!("Transaction is outdated")));
}

#[tokio::test]
async fn r7_a_subscriber_that_missed_events_is_told_why_it_is_dropped() {
    let fake = Fake::new();
    let methods = module(&fake);
    let request =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "chain_subscribeNewHeads", "params": [] }).to_string();
    let (answer, mut stream) = methods.raw_json_request(&request, 1).await.unwrap();
    assert!(answer.get().contains("result"));
    // More blocks than the event channel holds, while nobody reads.
    for _ in 0..64 {
        fake.push(State::new(), 1);
        tokio::task::yield_now().await;
    }
    let mut last = Value::Null;
    while let Some(text) = stream.recv().await {
        last = serde_json::from_str(text.get()).unwrap();
        if last["params"].get("error").is_some() {
            break;
        }
    }
    let reason = last["params"]["error"].as_str().unwrap_or_default();
    assert!(reason.contains("slow reader"), "{last}");
}
