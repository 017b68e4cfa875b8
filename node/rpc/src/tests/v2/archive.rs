//! Blocks and states of any height.
use super::*;

#[tokio::test]
async fn blocks_are_found_by_height_and_hash() {
    let fake = Fake::new();
    fake.push_on(Some(1), State::new(), 1, false);
    assert_eq!(result(&fake, "archive_v1_finalizedHeight", json!([])).await, 1);
    assert_eq!(result(&fake, "archive_v1_genesisHash", json!([])).await, hash(&fake, 0));
    for (height, places) in [(json!(0), &[0][..]), (json!(1), &[1]), (json!(2), &[2, 3]), (json!("0x9"), &[])]
    {
        let expected: Vec<Value> = places.iter().map(|place| hash(&fake, *place)).collect();
        assert_eq!(result(&fake, "archive_v1_hashByHeight", json!([height])).await, json!(expected));
    }
    assert_eq!(result(&fake, "archive_v1_body", json!([hash(&fake, 3)])).await, json!(["0x0c040102"]));
    let header = result(&fake, "archive_v1_header", json!([hash(&fake, 3)])).await;
    assert!(header.as_str().unwrap().starts_with(&fake.hash(1).to_string()), "{header}");
    for method in ["archive_v1_header", "archive_v1_body"] {
        assert_eq!(result(&fake, method, json!([hex([7; 32])])).await, Value::Null);
        assert_eq!(super::super::failure(&fake, method, json!(["0x07"])).await.0, -32602);
    }
    assert_eq!(super::super::failure(&fake, "archive_v1_hashByHeight", json!([-1])).await.0, -32602);
}

#[tokio::test]
async fn r7_calls_say_whether_they_succeeded() {
    let fake = Fake::new();
    let call = |at: Value, function: &'static str| {
        let fake = fake.clone();
        async move { result(&fake, "archive_v1_call", json!([at, function, "0x0102"])).await }
    };
    assert_eq!(call(hash(&fake, 0), "echo").await, json!({ "success": true, "value": "0x0102" }));
    let failed = call(hash(&fake, 0), "trap").await;
    assert_eq!(failed["success"], false);
    assert!(failed["error"].as_str().unwrap().contains("wasm trap"), "{failed}");
    assert_eq!(call(json!(hex([7; 32])), "echo").await, Value::Null);
}

/// Every event of a storage request, its end included.
async fn stored(client: &mut Connection, params: Value) -> Vec<Value> {
    let id = client.ok("archive_v1_storage", params).await;
    let mut events = Vec::new();
    loop {
        let event = client.heard("archive_v1_storageEvent", &id).await;
        let is_last = event["event"] != "storage";
        events.push(event);
        if is_last {
            return events;
        }
    }
}

#[tokio::test]
async fn storage_comes_item_by_item_and_ends() {
    let fake = Fake::new();
    let config = RpcConfig { max_keys_per_page: 1, ..RpcConfig::default() };
    let server = serve(&fake, config);
    let mut client = Connection::open(&server).await;
    let items = json!([
        { "key": hex("k"), "type": "value" },
        { "key": hex("absent"), "type": "hash" },
        { "key": "0x", "type": "descendantsHashes", "paginationStartKey": hex(":code") },
        { "key": "0x", "type": "descendantsValues" },
    ]);
    let hash_of = |value: &[u8]| hex(quire_core::hash::blake2_256(value));
    let expected = [
        json!({ "event": "storage", "key": hex("k"), "value": "0x00" }),
        json!({ "event": "storage", "key": hex("gone"), "hash": hash_of(&[9]) }),
        json!({ "event": "storage", "key": hex("k"), "hash": hash_of(&[0]) }),
        json!({ "event": "storage", "key": hex(":code"), "value": hex("wasm") }),
        json!({ "event": "storage", "key": hex("gone"), "value": "0x09" }),
        json!({ "event": "storage", "key": hex("k"), "value": "0x00" }),
        json!({ "event": "storageDone" }),
    ];
    assert_eq!(stored(&mut client, json!([hash(&fake, 0), items, null])).await, expected);
    let in_child = stored(&mut client, json!([hash(&fake, 0), items, "0x01"])).await;
    assert_eq!(in_child, [json!({ "event": "storageDone" })]);
    server.stop().await;
}

#[tokio::test]
async fn r9_storage_that_is_gone_is_an_error_of_the_stream() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig { max_keys_per_call: 2, ..RpcConfig::default() });
    let mut client = Connection::open(&server).await;
    let item = json!({ "key": hex("k"), "type": "value" });
    for (block, says) in [(hex([7; 32]), "UnknownBlock"), (hex([0xdd; 32]), "State already discarded")] {
        let events = stored(&mut client, json!([block, [item], null])).await;
        assert_eq!(events[0]["event"], "storageError");
        assert!(events[0]["error"].as_str().unwrap().contains(says), "{events:?}");
    }
    let code = client.code("archive_v1_storage", json!([hash(&fake, 0), [item, item, item], null])).await;
    assert_eq!(code, -32602);
    assert_eq!(client.code("archive_v1_storage", json!([hash(&fake, 0), [{ "key": "0x" }]])).await, -32602);
    server.stop().await;
}

/// Every event of a comparison, its end included.
async fn changed(client: &mut Connection, params: Value) -> Vec<Value> {
    let id = client.ok("archive_v1_storageDiff", params).await;
    let mut events = Vec::new();
    loop {
        let event = client.heard("archive_v1_storageDiffEvent", &id).await;
        let is_last = event["event"] != "storageDiff";
        events.push(event);
        if is_last {
            return events;
        }
    }
}

#[tokio::test]
async fn differences_are_added_modified_and_deleted_keys() {
    let fake = Fake::new();
    let state = State::from([(b"k".to_vec(), vec![2]), (b"new".to_vec(), vec![5])]);
    let last = fake.push(state, 1).to_string();
    let server = serve(&fake, RpcConfig { max_keys_per_page: 1, ..RpcConfig::default() });
    let mut client = Connection::open(&server).await;
    let diff = |key: &str, value: &str, kind: &str| json!({ "event": "storageDiff", "key": hex(key), "value": value, "type": kind });
    let done = json!({ "event": "storageDiffDone" });
    let to_parent = [diff(":code", &hex("wasm"), "deleted"), diff("new", "0x05", "added"), done.clone()];
    assert_eq!(changed(&mut client, json!([last])).await, to_parent);
    let since_genesis = [
        diff(":code", &hex("wasm"), "deleted"),
        diff("gone", "0x09", "deleted"),
        diff("k", "0x02", "modified"),
        diff("new", "0x05", "added"),
        done.clone(),
    ];
    for ancestor in [0, 1] {
        let params = json!([last, null, hash(&fake, ancestor)]);
        assert_eq!(changed(&mut client, params).await, since_genesis);
    }
    let items = json!([
        { "key": hex("k"), "returnType": "hash" },
        { "key": hex("n"), "returnType": "value" },
        { "returnType": "value", "childTrieKey": "0x01" },
    ]);
    let two = hex(quire_core::hash::blake2_256(&[2]));
    let hashed = json!({ "event": "storageDiff", "key": hex("k"), "hash": two, "type": "modified" });
    let params = json!([last, items, hash(&fake, 0)]);
    assert_eq!(changed(&mut client, params).await, [hashed, diff("new", "0x05", "added"), done]);
    server.stop().await;
}

#[tokio::test]
async fn differences_to_what_is_no_ancestor_are_refused() {
    let fake = Fake::new();
    let fork = fake.push_on(Some(1), State::new(), 1, false).to_string();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let cases = [
        (json!([hash(&fake, 0)]), "no parent"),
        (json!([hash(&fake, 2), null, fork]), "no ancestor"),
        (json!([fork, null, hash(&fake, 2)]), "no ancestor"),
        (json!([hash(&fake, 1), null, hash(&fake, 2)]), "no ancestor"),
        (json!([fork, null, fork]), "no ancestor"),
        (json!([hex([7; 32])]), "UnknownBlock"),
    ];
    for (params, says) in cases {
        let events = changed(&mut client, params.clone()).await;
        assert_eq!(events[0]["event"], "storageDiffError", "{params}");
        assert!(events[0]["error"].as_str().unwrap().contains(says), "{events:?}");
    }
    assert_eq!(
        changed(&mut client, json!([fork, null, hash(&fake, 0)])).await.last().unwrap()["event"],
        "storageDiffDone"
    );
    let wrong = json!([fork, [{ "returnType": "descendantsValues" }]]);
    assert_eq!(client.code("archive_v1_storageDiff", wrong).await, -32602);
    server.stop().await;
}
