//! The listener: HTTP and WebSocket on one port, batches, origins, limits.
use super::client::{Ws, http, post, serve};
use super::fake::Fake;
use crate::{Cors, Listener, RpcConfig, StartError, UnsafeMethods, start};
use serde_json::json;

#[tokio::test]
async fn http_and_websocket_share_one_port() {
    let server = serve(RpcConfig::default());
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "system_name", "params": [] });
    let expected = json!({ "jsonrpc": "2.0", "id": 7, "result": "Quire" });
    assert_eq!(post(server.address, &call).await, expected);
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    ws.send(&call).await;
    assert_eq!(ws.next().await, expected);
    server.stop().await;
}

#[tokio::test]
async fn batches_are_answered_together_and_are_limited() {
    let server = serve(RpcConfig { max_batch_requests: 2, ..RpcConfig::default() });
    let call = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "system_name" });
    let answers = post(server.address, &json!([call(1), call(2)])).await;
    assert_eq!(answers.as_array().unwrap().len(), 2);
    let refused = post(server.address, &json!([call(1), call(2), call(3)])).await;
    assert_eq!(refused["error"]["code"], -32010);
    server.stop().await;
}

#[tokio::test]
async fn r2_the_reply_comes_before_the_first_notification() {
    let server = serve(RpcConfig::default());
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    for round in 0..20 {
        ws.send(&json!({ "jsonrpc": "2.0", "id": round, "method": "chain_subscribeNewHead", "params": [] }))
            .await;
        let reply = ws.next().await;
        assert_eq!(reply["id"], round);
        let id = reply["result"].as_str().expect("subscription ids are strings").to_owned();
        let first = ws.next().await;
        assert_eq!(first["method"], "chain_newHead");
        assert_eq!(first["params"]["subscription"], id);
        ws.send(&json!({ "jsonrpc": "2.0", "id": 99, "method": "chain_unsubscribeNewHead", "params": [id] }))
            .await;
        assert_eq!(ws.next().await, json!({ "jsonrpc": "2.0", "id": 99, "result": true }));
    }
    server.stop().await;
}

#[tokio::test]
async fn subscribing_over_http_is_an_error() {
    let server = serve(RpcConfig::default());
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "chain_subscribeNewHeads", "params": [] });
    assert!(post(server.address, &call).await.get("error").is_some());
    server.stop().await;
}

#[tokio::test]
async fn r8_limits_answer_with_errors() {
    let config = RpcConfig {
        max_request_bytes: 500,
        max_subscriptions_per_connection: 1,
        max_connections: 1,
        ..RpcConfig::default()
    };
    let server = serve(config);
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    let subscribe =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "state_subscribeRuntimeVersion", "params": [] });
    ws.send(&subscribe).await;
    assert!(ws.next().await.get("result").is_some());
    assert_eq!(ws.next().await["method"], "state_runtimeVersion");
    ws.send(&subscribe).await;
    assert_eq!(ws.next().await["error"]["code"], -32006);
    assert_eq!(
        Ws::connect(server.address, None).await.err(),
        Some(429),
        "the second connection is one too many"
    );
    drop(ws);
    server.stop().await;

    let server = serve(RpcConfig { max_request_bytes: 500, ..RpcConfig::default() });
    let big =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["echo", "0".repeat(600)] });
    let (head, _) = http(server.address, "POST", "", &big.to_string()).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    server.stop().await;
}

#[tokio::test]
async fn malformed_json_is_a_parse_error_and_the_connection_lives() {
    let server = serve(RpcConfig::default());
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    ws.sender.send_text("{not json").await.unwrap();
    ws.sender.flush().await.unwrap();
    assert_eq!(ws.next().await["error"]["code"], -32700);
    ws.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "system_name" })).await;
    assert_eq!(ws.next().await["result"], "Quire");
    server.stop().await;
}

#[tokio::test]
async fn origins_are_checked_for_http_and_websocket() {
    let server = serve(RpcConfig::default());
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "system_name" }).to_string();
    let apps = "https://polkadot.js.org";
    let (head, _) = http(server.address, "POST", &format!("Origin: {apps}\r\n"), &call).await;
    assert!(head.contains(&format!("access-control-allow-origin: {apps}")), "{head}");
    let (head, _) = http(server.address, "OPTIONS", "Origin: http://localhost:3000\r\n", "").await;
    assert!(
        head.starts_with("http/1.1 200") && head.contains("access-control-allow-headers: content-type"),
        "{head}"
    );
    let (head, _) = http(server.address, "POST", "Origin: https://evil.example\r\n", &call).await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
    assert!(Ws::connect(server.address, Some(apps)).await.is_ok());
    assert_eq!(Ws::connect(server.address, Some("https://evil.example")).await.err(), Some(403));
    assert_eq!(Ws::connect(server.address, Some("http://localhost.evil.example")).await.err(), Some(403));
    server.stop().await;
    let open = serve(RpcConfig { cors: Cors::All, ..RpcConfig::default() });
    assert!(Ws::connect(open.address, Some("https://evil.example")).await.is_ok());
    open.stop().await;
}

#[tokio::test]
async fn r5_auto_allows_unsafe_methods_on_loopback_only() {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "system_peers" });
    let local = serve(RpcConfig::default());
    assert!(post(local.address, &call).await.get("result").is_some());
    local.stop().await;
    let outside =
        start(Listener::bind(([0, 0, 0, 0], 0).into()).unwrap(), RpcConfig::default(), Fake::new()).unwrap();
    let address = ([127, 0, 0, 1], outside.address.port()).into();
    assert_eq!(post(address, &call).await["error"]["code"], -32601);
    outside.stop().await;
    let denied = serve(RpcConfig { unsafe_methods: UnsafeMethods::Deny, ..RpcConfig::default() });
    assert_eq!(post(denied.address, &call).await["error"]["code"], -32601);
    denied.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named_in_the_error() {
    let server = serve(RpcConfig::default());
    let Err(error) = Listener::bind(server.address) else { panic!("the port was free") };
    assert!(matches!(error, StartError::PortInUse(_)));
    let text = error.to_string();
    assert!(text.contains(&server.address.port().to_string()) && text.contains("--rpc-port"), "{text}");
    server.stop().await;
}
