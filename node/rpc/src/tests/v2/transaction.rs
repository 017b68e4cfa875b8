//! Watching and broadcasting extrinsics.
use super::*;

#[tokio::test]
async fn a_watched_extrinsic_tells_its_life() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let id = client.ok("transactionWatch_v1_submitAndWatch", json!(["0x080409"])).await;
    let included = |event: &str, place: usize, index: u32| json!({ "event": event, "block": { "hash": hash(&fake, place), "index": index } });
    let life = [
        json!({ "event": "validated" }),
        included("bestChainBlockIncluded", 1, 1),
        json!({ "event": "bestChainBlockIncluded", "block": null }),
        included("bestChainBlockIncluded", 2, 0),
        included("finalized", 2, 0),
    ];
    for expected in life {
        assert_eq!(client.heard("transactionWatch_v1_watchEvent", &id).await, expected);
    }
    client.heard_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_refused_extrinsic_is_told_by_an_event() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    let cases = [
        ("0x0401", "invalid", "Transaction is outdated"),
        ("0x0402", "dropped", "Already Imported"),
        ("0x0403", "dropped", "Priority is too low"),
        ("0x0405", "invalid", "CannotLookup"),
        ("0x0407", "dropped", "Immediately Dropped"),
        ("0x0408", "error", "stopping"),
        ("0x08", "invalid", "invalid format"),
        ("0x", "invalid", "invalid format"),
    ];
    for (bytes, event, says) in cases {
        let id = client.ok("transactionWatch_v1_submitAndWatch", json!([bytes])).await;
        let told = client.heard("transactionWatch_v1_watchEvent", &id).await;
        assert_eq!(told["event"], event, "{told}");
        assert!(told["error"].as_str().unwrap().contains(says), "{told}");
    }
    assert_eq!(client.code("transactionWatch_v1_submitAndWatch", json!(["0xzz"])).await, -32602);
    assert_eq!(client.code("transactionWatch_v1_submitAndWatch", json!([])).await, -32602);
    server.stop().await;
}

#[tokio::test]
async fn every_status_of_the_pool_has_its_event() {
    use crate::TxStatus;
    let fake = Fake::new();
    let one = fake.hash(1);
    let event = |status: TxStatus| {
        let event = crate::v2::watch::TxEvent::of_status(&status)?;
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(event.is_last(), status.is_terminal(), "{json}");
        Some(json["event"].as_str().unwrap().to_owned())
    };
    assert_eq!(event(TxStatus::Broadcast(Vec::new())), None);
    for (status, expected) in [
        (TxStatus::Future, "validated"),
        (TxStatus::Ready, "validated"),
        (TxStatus::Retracted(one), "bestChainBlockIncluded"),
        (TxStatus::FinalityTimeout(one), "dropped"),
        (TxStatus::Usurped(one), "invalid"),
        (TxStatus::Dropped, "dropped"),
        (TxStatus::Invalid, "invalid"),
    ] {
        assert_eq!(event(status).as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn r3_broadcasts_are_limited_and_stop() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig { max_broadcasts_per_connection: 2, ..RpcConfig::default() });
    let (mut one, mut two) = (Connection::open(&server).await, Connection::open(&server).await);
    // The pool is full for the first, the second is no extrinsic: both stay.
    let kept = one.ok("transaction_v1_broadcast", json!(["0x0407"])).await;
    let broken = one.ok("transaction_v1_broadcast", json!(["0x08"])).await;
    assert!(kept.is_string() && broken.is_string() && kept != broken);
    assert_eq!(one.ok("transaction_v1_broadcast", json!(["0x0409"])).await, Value::Null);
    assert_eq!(two.code("transaction_v1_stop", json!([kept])).await, -32602, "of another connection");
    assert_eq!(one.ok("transaction_v1_stop", json!([kept])).await, Value::Null);
    assert_eq!(one.code("transaction_v1_stop", json!([kept])).await, -32602);
    assert_eq!(one.code("transaction_v1_stop", json!(["x"])).await, -32602);
    assert!(one.ok("transaction_v1_broadcast", json!(["0x0407"])).await.is_string());
    assert_eq!(one.code("transaction_v1_broadcast", json!(["0xzz"])).await, -32602);
    server.stop().await;
}

#[tokio::test]
async fn r2_a_broadcast_ends_with_its_extrinsic() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig { max_broadcasts_per_connection: 1, ..RpcConfig::default() });
    let mut client = Connection::open(&server).await;
    // Final at once; outdated for ever.
    for bytes in ["0x0409", "0x0401"] {
        let id = client.ok("transaction_v1_broadcast", json!([bytes])).await;
        assert!(id.is_string());
        // Its place is free when its task has ended.
        let next = loop {
            let next = client.ok("transaction_v1_broadcast", json!(["0x0407"])).await;
            if next.is_string() {
                break next;
            }
            tokio::task::yield_now().await;
        };
        client.ok("transaction_v1_stop", json!([next])).await;
        assert_eq!(client.code("transaction_v1_stop", json!([id])).await, -32602);
    }
    server.stop().await;
}

#[tokio::test]
async fn r1_what_the_pool_does_not_take_is_handed_in_again() {
    let fake = Fake::new();
    let server = serve(&fake, RpcConfig::default());
    let mut client = Connection::open(&server).await;
    // Refused because the pool is full; taken and then dropped.
    for bytes in ["0x0407", "0x040a"] {
        let before = fake.submitted();
        let id = client.ok("transaction_v1_broadcast", json!([bytes])).await;
        for count in 1..4 {
            until(|| fake.submitted() >= before + count).await;
            fake.push(State::new(), 1);
        }
        client.ok("transaction_v1_stop", json!([id])).await;
    }
    server.stop().await;
}
