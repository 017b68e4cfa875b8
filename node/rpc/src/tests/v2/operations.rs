//! Bodies, calls and storage of pinned blocks.
use super::*;
use crate::v2::follower::Follower;
use crate::v2::operation::Work;
use crate::v2::pins::Pins;
use std::sync::atomic::Ordering::SeqCst;

async fn followed(fake: &Arc<Fake>, config: RpcConfig) -> (RpcServer, Connection, Value) {
    let server = serve(fake, config);
    let mut client = Connection::open(&server).await;
    let follow = client.follow(true).await;
    (server, client, follow)
}

#[tokio::test]
async fn bodies_and_calls_answer_by_events() {
    let fake = Fake::new();
    let (server, mut client, follow) = followed(&fake, RpcConfig::default()).await;
    let block = hash(&fake, 2);
    let id = client.begin("chainHead_v1_body", json!([follow, block])).await;
    let done = json!({ "event": "operationBodyDone", "operationId": id, "value": ["0x0c040102"] });
    assert_eq!(client.event(&follow).await, done);
    for params in [json!([follow, block, "echo", "0xabcd"]), json!([follow, block, "echo", "abCD"])] {
        let id = client.begin("chainHead_v1_call", params).await;
        let done = json!({ "event": "operationCallDone", "operationId": id, "output": "0xabcd" });
        assert_eq!(client.event(&follow).await, done);
    }
    for wrong in
        [json!([follow, block]), json!([follow, block, 7, "0x"]), json!([follow, block, "echo", "0xz"])]
    {
        assert_eq!(client.code("chainHead_v1_call", wrong).await, -32602);
    }
    server.stop().await;
}

#[tokio::test]
async fn r7_a_failing_call_is_an_error_and_never_silence() {
    let fake = Fake::new();
    let (server, mut client, follow) = followed(&fake, RpcConfig::default()).await;
    for (function, says) in
        [("trap", "wasm trap"), ("Core_nothing", "Exported method Core_nothing is not found")]
    {
        let id = client.begin("chainHead_v1_call", json!([follow, hash(&fake, 2), function, "0x"])).await;
        let failed = client.event(&follow).await;
        assert_eq!((&failed["event"], &failed["operationId"]), (&json!("operationError"), &id));
        assert!(failed["error"].as_str().unwrap().contains(says), "{failed}");
    }
    server.stop().await;
}

#[tokio::test]
async fn r6_a_state_that_is_gone_is_inaccessible() {
    let fake = Fake::new();
    let (server, mut client, follow) = followed(&fake, RpcConfig::default()).await;
    *fake.discarded.lock().unwrap() = Some(fake.hash(2));
    let items = json!([{ "key": hex("k"), "type": "value" }]);
    let id = client.begin("chainHead_v1_storage", json!([follow, hash(&fake, 2), items, null])).await;
    let gone = json!({ "event": "operationInaccessible", "operationId": id });
    assert_eq!(client.event(&follow).await, gone);
    server.stop().await;
}

#[tokio::test]
async fn storage_finds_every_kind() {
    let fake = Fake::new();
    let (server, mut client, follow) = followed(&fake, RpcConfig::default()).await;
    let items = json!([
        { "key": hex("k"), "type": "value" },
        { "key": hex("absent"), "type": "value" },
        { "key": hex("k"), "type": "hash" },
        { "key": hex("k"), "type": "closestDescendantMerkleValue" },
        { "key": "", "type": "descendantsValues" },
        { "key": hex(":"), "type": "descendantsHashes" },
    ]);
    let id = client.begin("chainHead_v1_storage", json!([follow, hash(&fake, 2), items, null])).await;
    let of_two = hex(quire_core::hash::blake2_256(&[2]));
    let of_code = hex(quire_core::hash::blake2_256(b"wasm"));
    let found = json!([
        { "key": hex("k"), "value": "0x02" },
        { "key": hex("k"), "hash": of_two },
        { "key": hex("k"), "closestDescendantMerkleValue": "0x02" },
        { "key": hex(":code"), "value": hex("wasm") },
        { "key": hex("k"), "value": "0x02" },
        { "key": hex(":code"), "hash": of_code },
    ]);
    let event = client.event(&follow).await;
    assert_eq!(event, json!({ "event": "operationStorageItems", "operationId": id, "items": found }));
    assert_eq!(client.event(&follow).await, json!({ "event": "operationStorageDone", "operationId": id }));

    // R8: nothing is in a child trie, and nothing in no items.
    for params in [json!([follow, hash(&fake, 2), items, "0x01"]), json!([follow, hash(&fake, 2), [], null])]
    {
        let id = client.begin("chainHead_v1_storage", params).await;
        assert_eq!(
            client.event(&follow).await,
            json!({ "event": "operationStorageDone", "operationId": id })
        );
    }
    for wrong in [
        json!([{ "key": "0x00", "type": "Value" }]),
        json!([{ "type": "value" }]),
        json!({}),
        json!([{ "key": 1, "type": "hash" }]),
    ] {
        assert_eq!(
            client.code("chainHead_v1_storage", json!([follow, hash(&fake, 2), wrong, null])).await,
            -32602
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn items_above_the_limit_are_discarded_from_the_back() {
    let fake = Fake::new();
    let config = RpcConfig { max_keys_per_call: 2, ..RpcConfig::default() };
    let (server, mut client, follow) = followed(&fake, config).await;
    let items: Vec<Value> = (0..5).map(|_| json!({ "key": hex("k"), "type": "value" })).collect();
    let answer = client.ok("chainHead_v1_storage", json!([follow, hash(&fake, 2), items, null])).await;
    assert_eq!((&answer["result"], &answer["discardedItems"]), (&json!("started"), &json!(3)));
    assert_eq!(client.event(&follow).await["items"].as_array().unwrap().len(), 2);
    server.stop().await;
}

/// A best block with keys `a0` to `a9` of ten bytes each.
fn ten_keys(fake: &Fake) -> Value {
    let pairs = (0..10u8).map(|digit| (format!("a{digit}").into_bytes(), vec![digit; 10]));
    json!(fake.push(State::from_iter(pairs), 1).to_string())
}

#[tokio::test]
async fn r5_descendants_come_in_bounded_pages_and_wait_for_the_client() {
    let fake = Fake::new();
    let block = ten_keys(&fake);
    let config = RpcConfig {
        max_keys_per_page: 3,
        storage_page_bytes: 24,
        storage_bytes_before_continue: 60,
        ..RpcConfig::default()
    };
    let (server, mut client, follow) = followed(&fake, config).await;
    let items =
        json!([{ "key": hex("a"), "type": "descendantsValues" }, { "key": hex("a0"), "type": "value" }]);
    let id = client.begin("chainHead_v1_storage", json!([follow, block, items, null])).await;
    let (mut keys, mut pages) = (Vec::new(), Vec::new());
    loop {
        let event = client.event(&follow).await;
        assert_eq!(event["operationId"], id);
        match event["event"].as_str().unwrap() {
            "operationStorageItems" => {
                let items = event["items"].as_array().unwrap();
                pages.push(items.len());
                keys.extend(items.iter().map(|item| item["key"].as_str().unwrap().to_owned()));
            }
            "operationWaitingForContinue" => {
                pages.push(0);
                client.heard_nothing().await;
                assert_eq!(client.ok("chainHead_v1_continue", json!([follow, id])).await, Value::Null);
            }
            "operationStorageDone" => break,
            other => panic!("{other}"),
        }
    }
    let expected: Vec<String> =
        (0..10).map(|digit| format!("a{digit}")).chain(["a0".into()]).map(hex).collect();
    assert_eq!(keys, expected, "each once, in order");
    // Two items reach 24 bytes; three pages reach 60.
    assert_eq!(pages, [2, 2, 2, 0, 2, 2, 1]);
    assert_eq!(client.ok("chainHead_v1_continue", json!([follow, id])).await, Value::Null, "it has ended");
    server.stop().await;
}

#[tokio::test]
async fn continuing_what_does_not_wait_is_an_error() {
    let fake = Fake::new();
    let (server, mut client, follow) = followed(&fake, RpcConfig::default()).await;
    let closed = fake.gate.lock().await;
    let id = client.begin("chainHead_v1_call", json!([follow, hash(&fake, 2), "wait", "0x"])).await;
    assert_eq!(client.code("chainHead_v1_continue", json!([follow, id])).await, -32803);
    assert_eq!(client.code("chainHead_v1_continue", json!([follow, 1])).await, -32602);
    for unknown in ["77", "01", "x", ""] {
        assert_eq!(client.ok("chainHead_v1_continue", json!([follow, unknown])).await, Value::Null);
    }
    drop(closed);
    assert_eq!(client.event(&follow).await["event"], "operationCallDone");
    server.stop().await;
}

#[tokio::test]
async fn sixteen_operations_run_and_a_stopped_one_makes_room_and_tells_nothing() {
    let fake = Fake::new();
    let (server, mut client, follow) = followed(&fake, RpcConfig::default()).await;
    let closed = fake.gate.lock().await;
    let params = json!([follow, hash(&fake, 2), "wait", "0x"]);
    let mut ids = Vec::new();
    for _ in 0..16 {
        ids.push(client.begin("chainHead_v1_call", params.clone()).await);
    }
    let limit = json!({ "result": "limitReached" });
    assert_eq!(client.ok("chainHead_v1_call", params.clone()).await, limit);
    assert_eq!(client.ok("chainHead_v1_body", json!([follow, hash(&fake, 2)])).await, limit);
    // The first has begun to run; the last still waits for its turn.
    for stopped in [ids.remove(0), ids.remove(14)] {
        assert_eq!(client.ok("chainHead_v1_stopOperation", json!([follow, stopped])).await, Value::Null);
        ids.push(client.begin("chainHead_v1_call", params.clone()).await);
    }
    drop(closed);
    let mut ended = Vec::new();
    for _ in 0..16 {
        let event = client.event(&follow).await;
        assert_eq!((&event["event"], &event["output"]), (&json!("operationCallDone"), &json!(hex("waited"))));
        ended.push(event["operationId"].clone());
    }
    ended.sort_by_key(|id| id.as_str().unwrap().parse::<u64>().unwrap());
    assert_eq!(ended, ids);
    client.heard_nothing().await;
    server.stop().await;
}

/// Sixteen calls of which one runs and fifteen wait for their turn; `end` ends them before the first is done.
async fn only_the_first_runs(end: impl AsyncFnOnce(&mut Connection, &Value, &[Value])) {
    let fake = Fake::new();
    let config = RpcConfig { concurrent_reads: 1, ..RpcConfig::default() };
    let (server, mut client, follow) = followed(&fake, config).await;
    let closed = fake.gate.lock().await;
    let mut ids = Vec::new();
    for _ in 0..16 {
        ids.push(client.begin("chainHead_v1_call", json!([follow, hash(&fake, 2), "wait", "0x"])).await);
    }
    until(|| fake.waits.load(SeqCst) > 0).await;
    end(&mut client, &follow, &ids).await;
    drop(closed);
    let mut other = Connection::open(&server).await;
    let again = other.follow(true).await;
    let id = other.begin("chainHead_v1_call", json!([again, hash(&fake, 2), "echo", "0x01"])).await;
    let done = json!({ "event": "operationCallDone", "operationId": id, "output": "0x01" });
    assert_eq!(other.event(&again).await, done);
    // Turns are given in the order in which they are asked for: whatever came before this call has run.
    assert_eq!(fake.waits.load(SeqCst), 1);
    server.stop().await;
}

#[tokio::test]
async fn r5_stopping_operations_ends_their_work() {
    only_the_first_runs(async |client, follow, ids| {
        for id in ids {
            client.ok("chainHead_v1_stopOperation", json!([follow, id])).await;
        }
    })
    .await;
}

#[tokio::test]
async fn r5_unfollowing_ends_the_work_of_the_operations() {
    only_the_first_runs(async |client, follow, _| {
        client.ok("chainHead_v1_unfollow", json!([follow])).await;
        // The follow's task ends on its own time, without a turn to read.
        while client.call("chainHead_v1_body", json!([follow, hex([7; 32])])).await["result"].is_null() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn r4_an_operation_begins_when_its_reply_has_left() {
    let fake = Fake::new();
    let config = RpcConfig { concurrent_reads: 1, ..RpcConfig::default() };
    let context = Arc::new(crate::api::Context::new(config, fake.clone(), false));
    let (follower, _source, _first) =
        Follower::start(context.clone(), true, Pins::default()).await.unwrap_or_else(|_| panic!("it starts"));
    let block = fake.hash(2);
    let id = follower.ask(|core| core.begin(&block, true)).unwrap();
    let (left, reply) = tokio::sync::oneshot::channel::<()>();
    let call = Work::Call(block, "wait".into(), Vec::new());
    follower.spawn(id, call, None, async move { reply.await.unwrap() });
    let waits = || async {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        // Turns are given in order: an operation that had begun would have read before.
        let fake = fake.clone();
        context.read(move |_| Ok(fake.waits.load(SeqCst))).await.unwrap()
    };
    assert_eq!(waits().await, 0);
    left.send(()).unwrap();
    assert_eq!(waits().await, 1);
}
