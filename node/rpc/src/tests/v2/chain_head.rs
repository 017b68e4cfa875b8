//! What a follow tells, and to whom it belongs.
use super::*;

fn state(number: u8) -> State {
    State::from([(b"k".to_vec(), vec![number])])
}

#[tokio::test]
async fn a_follow_tells_the_chain_and_what_happens_to_it() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let follow = client.ok("chainHead_v1_follow", json!([true])).await;
    let spec = json!({
        "specName": "fake", "implName": "fake-impl", "specVersion": 1, "implVersion": 2,
        "transactionVersion": 3, "apis": { "0xdf6acb689907609b": 5 },
    });
    let expected = json!({
        "event": "initialized",
        "finalizedBlockHashes": [hash(&fake, 0), hash(&fake, 1)],
        "finalizedBlockRuntime": { "type": "valid", "spec": spec },
    });
    assert_eq!(client.event(&follow).await, expected);
    let new_block = |place: usize, parent: usize, runtime: Value| {
        json!({
            "event": "newBlock", "blockHash": hash(&fake, place), "parentBlockHash": hash(&fake, parent),
            "newRuntime": runtime,
        })
    };
    let best = |place: usize| json!({ "event": "bestBlockChanged", "bestBlockHash": hash(&fake, place) });
    assert_eq!(client.event(&follow).await, new_block(2, 1, Value::Null));
    assert_eq!(client.event(&follow).await, best(2));

    fake.push_on(Some(1), state(7), 1, false);
    assert_eq!(client.event(&follow).await, new_block(3, 1, Value::Null));
    fake.push_on(Some(3), state(8), 2, true);
    let other = client.event(&follow).await;
    assert_eq!(
        (&other["newRuntime"]["type"], &other["newRuntime"]["spec"]["specVersion"]),
        (&json!("valid"), &json!(2))
    );
    assert_eq!(client.event(&follow).await, best(4));
    fake.finalize(4);
    let expected = json!({
        "event": "finalized", "finalizedBlockHashes": [hash(&fake, 3), hash(&fake, 4)],
        "prunedBlockHashes": [hash(&fake, 2)],
    });
    assert_eq!(client.event(&follow).await, expected);

    assert_eq!(client.ok("chainHead_v1_unfollow", json!([follow])).await, json!(true));
    fake.push(state(9), 2);
    client.heard_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn without_runtime_the_runtime_fields_are_absent() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let follow = client.ok("chainHead_v1_follow", json!([false])).await;
    assert_eq!(client.event(&follow).await.get("finalizedBlockRuntime"), None);
    assert_eq!(client.event(&follow).await.get("newRuntime"), None);
    let params = json!([follow, hash(&fake, 2), "echo", "0x"]);
    assert_eq!(client.code("chainHead_v1_call", params).await, -32802);
    for wrong in [json!([]), json!([null]), json!(["true"]), json!([1])] {
        assert_eq!(client.code("chainHead_v1_follow", wrong).await, -32602);
    }
    server.stop().await;
}

#[tokio::test]
async fn headers_are_read_while_pinned() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let follow = client.follow(false).await;
    let header = client.ok("chainHead_v1_header", json!([follow, hash(&fake, 1)])).await;
    let expected =
        parity_scale_codec::Encode::encode(&crate::Backend::header(&*fake, &fake.hash(1)).unwrap().unwrap());
    assert_eq!(header, hex(expected));
    let unknown = hex([7; 32]);
    assert_eq!(client.code("chainHead_v1_header", json!([follow, unknown])).await, -32801);
    assert_eq!(client.code("chainHead_v1_header", json!([follow, "0x12"])).await, -32602);
    let two = json!([hash(&fake, 0), hash(&fake, 1)]);
    assert_eq!(client.code("chainHead_v1_unpin", json!([follow, [hash(&fake, 0), unknown]])).await, -32801);
    assert_eq!(
        client.code("chainHead_v1_unpin", json!([follow, [hash(&fake, 0), hash(&fake, 0)]])).await,
        -32804
    );
    assert_eq!(client.code("chainHead_v1_unpin", json!([follow, [null]])).await, -32602);
    assert_eq!(client.ok("chainHead_v1_unpin", json!([follow, two])).await, Value::Null);
    assert_eq!(client.code("chainHead_v1_header", json!([follow, hash(&fake, 1)])).await, -32801);
    assert_eq!(client.code("chainHead_v1_body", json!([follow, hash(&fake, 1)])).await, -32801);
    assert_eq!(client.ok("chainHead_v1_unpin", json!([follow, hash(&fake, 2)])).await, Value::Null);
    server.stop().await;
}

/// What every method answers for a follow that is not there (R3).
async fn assert_dead(client: &mut Connection, follow: &Value, block: &Value) {
    let limit = json!({ "result": "limitReached" });
    assert_eq!(client.ok("chainHead_v1_header", json!([follow, block])).await, Value::Null);
    assert_eq!(client.ok("chainHead_v1_body", json!([follow, block])).await, limit);
    assert_eq!(client.ok("chainHead_v1_call", json!([follow, block, "echo", "0x"])).await, limit);
    assert_eq!(client.ok("chainHead_v1_storage", json!([follow, block, [], null])).await, limit);
    assert_eq!(client.ok("chainHead_v1_unpin", json!([follow, block])).await, Value::Null);
    assert_eq!(client.ok("chainHead_v1_continue", json!([follow, "1"])).await, Value::Null);
    assert_eq!(client.ok("chainHead_v1_stopOperation", json!([follow, "1"])).await, Value::Null);
}

#[tokio::test]
async fn r3_a_follow_belongs_to_its_connection() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let (mut one, mut two) = (Connection::open(&server).await, Connection::open(&server).await);
    let follow = one.follow(true).await;
    let block = hash(&fake, 2);
    assert_dead(&mut two, &follow, &block).await;
    assert_dead(&mut one, &json!("no such follow"), &block).await;
    assert!(one.ok("chainHead_v1_header", json!([follow, block])).await.is_string());
    one.ok("chainHead_v1_unfollow", json!([follow])).await;
    // The follow's task ends on its own time.
    while one.ok("chainHead_v1_header", json!([follow, block])).await.is_string() {
        tokio::task::yield_now().await;
    }
    assert_dead(&mut one, &follow, &block).await;
    server.stop().await;
}

#[tokio::test]
async fn r5_a_client_that_misses_events_is_told_to_start_again() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let follow = client.follow(true).await;
    fake.overrun();
    assert_eq!(client.event(&follow).await, json!({ "event": "stop" }));
    let block = hash(&fake, 2);
    assert_dead(&mut client, &follow, &block).await;
    let again = client.follow(true).await;
    assert!(client.ok("chainHead_v1_header", json!([again, block])).await.is_string());
    server.stop().await;
}

#[tokio::test]
async fn a_connection_has_four_follows() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let (mut one, mut two) = (Connection::open(&server).await, Connection::open(&server).await);
    let mut follows = Vec::new();
    for _ in 0..4 {
        follows.push(one.follow(false).await);
    }
    assert_eq!(one.code("chainHead_v1_follow", json!([false])).await, -32800);
    two.follow(false).await;
    one.ok("chainHead_v1_unfollow", json!([follows[0]])).await;
    // The place is free when the follow's task has ended.
    while one.call("chainHead_v1_follow", json!([false])).await.get("error").is_some() {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn pins_are_limited_for_one_follow_and_for_all() {
    let fake = Fake::new();
    let config = RpcConfig { max_pinned_blocks_per_follow: 2, ..RpcConfig::default() };
    let server = serve(&fake, config);
    let mut client = Connection::open(&server).await;
    let (careless, careful) = (client.follow(false).await, client.follow(false).await);
    client.ok("chainHead_v1_unpin", json!([careful, [hash(&fake, 0)]])).await;
    fake.push(state(3), 1);
    fake.finalize(2);
    fake.finalize(3);
    let mut told = std::collections::BTreeMap::<String, Vec<Value>>::new();
    for _ in 0..9 {
        let message = match client.heard.pop_front() {
            Some(message) => message,
            None => client.ws.next().await,
        };
        let id = message["params"]["subscription"].as_str().unwrap().to_owned();
        told.entry(id).or_default().push(message["params"]["result"]["event"].clone());
    }
    let all = ["newBlock", "bestBlockChanged", "finalized", "finalized"];
    assert_eq!(told[careful.as_str().unwrap()], all);
    assert_eq!(told[careless.as_str().unwrap()], [&all[..], &["stop"]].concat());
    server.stop().await;

    let crowded = RpcConfig { max_pinned_blocks: 0, max_pin_ms: 0, ..RpcConfig::default() };
    let server = serve(&fake, crowded);
    let mut client = Connection::open(&server).await;
    let follow = client.follow(false).await;
    // A pin must be older than no time at all.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    fake.push(state(4), 1);
    assert_eq!(client.event(&follow).await["event"], "newBlock");
    assert_eq!(client.event(&follow).await["event"], "bestBlockChanged");
    assert_eq!(client.event(&follow).await["event"], "stop");
    server.stop().await;
}
