//! What no client should send: each gets a proper error, and the connection or the next one goes on.
use super::client::{BINARY, Raw, TEXT, Ws, http, post, serve};
use crate::RpcConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Messages with the code and the id of the answer.
fn table() -> Vec<(Vec<u8>, i64, Value)> {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let objects = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let call = |rest: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash"{rest}}}"#);
    let texts = [
        ("{not json".to_owned(), -32700, Value::Null),
        (String::new(), -32700, Value::Null),
        ("   ".into(), -32700, Value::Null),
        ("nonsense".into(), -32700, Value::Null),
        ("42".into(), -32700, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1,"method":"system_name""#.into(), -32700, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1,"method":"system_name"} trailing"#.into(), -32700, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#.into(), -32700, Value::Null),
        ("{}".into(), -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":5}"#.into(), -32600, json!(5)),
        (r#"{"jsonrpc":"1.0","id":5,"method":"system_name"}"#.into(), -32600, json!(5)),
        (r#"{"id":"a","method":"system_name"}"#.into(), -32600, json!("a")),
        (r#"{"jsonrpc":"2.0","id":{},"method":"system_name"}"#.into(), -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1e999,"method":"system_name"}"#.into(), -32700, Value::Null),
        (r#"{"jsonrpc":"2.0","id":-1,"method":"system_name"}"#.into(), -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1,"method":["system_name"]}"#.into(), -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#.into(), -32600, json!(1)),
        (objects, -32600, Value::Null),
        ("[]".into(), -32600, Value::Null),
        ("[1,".into(), -32700, Value::Null),
        (call("_"), -32700, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no_such"}"#.into(), -32601, json!(1)),
        (call(r#","params":[1e400]"#), -32602, json!(1)),
        (call(r#","params":[99999999999999999999999999]"#), -32602, json!(1)),
        (call(r#","params":["0xfffffffffffffffffffff"]"#), -32602, json!(1)),
        (call(r#","params":["0xg1"]"#), -32602, json!(1)),
        (call(r#","params":{"number":1}"#), -32602, json!(1)),
        (call(r#","params":7"#), -32602, json!(1)),
        (call(&format!(r#","params":[{}]"#, deep(100_000))), -32602, json!(1)),
        (call(&format!(r#","params":{}"#, deep(100_000))), -32602, json!(1)),
        (r#"{"jsonrpc":"2.0","id":null,"method":"no_such"}"#.into(), -32601, Value::Null),
    ];
    let mut table: Vec<_> = texts.into_iter().map(|(text, code, id)| (text.into_bytes(), code, id)).collect();
    table.push((b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}".to_vec(), -32700, Value::Null));
    table.push((vec![0; 1_000], -32700, Value::Null));
    table
}

#[tokio::test]
async fn messages_over_websocket() {
    let server = serve(RpcConfig::default());
    let mut client = Raw::open(server.address, None).await;
    for (at, (message, code, id)) in table().into_iter().enumerate() {
        // Text and binary frames are one and the same.
        client.send(if at % 2 == 0 { TEXT } else { BINARY }, &message).await;
        let answer = client.json().await;
        let shown = String::from_utf8_lossy(&message[..message.len().min(80)]).into_owned();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{shown}: {answer}");
    }
    client.send(TEXT, br#" {"jsonrpc":"2.0","id":9,"method":"system_name","unknown":[{}]} "#).await;
    assert_eq!(client.json().await, json!({ "jsonrpc": "2.0", "id": 9, "result": "Quire" }));
    server.stop().await;
}

#[tokio::test]
async fn messages_over_http() {
    let server = serve(RpcConfig::default());
    for (message, code, id) in table() {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            message.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&message).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8(answer).unwrap();
        let answer: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn notifications_are_not_answered() {
    let server = serve(RpcConfig::default());
    let notice = json!({ "jsonrpc": "2.0", "method": "system_name" });
    let (head, body) = http(server.address, "POST", "", &notice.to_string()).await;
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head} {body}");
    let (_, body) = http(server.address, "POST", "", &json!([notice, notice]).to_string()).await;
    assert!(body.is_empty(), "{body}");
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    ws.send(&notice).await;
    ws.send(&json!([notice])).await;
    ws.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "system_name" })).await;
    assert_eq!(ws.next().await["id"], 1, "the first answer is that of the call");
    server.stop().await;
}

#[tokio::test]
async fn batches_answer_each_part_and_take_no_subscriptions() {
    let server = serve(RpcConfig::default());
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    ws.send(&json!([
        1,
        { "jsonrpc": "2.0", "id": 1, "method": "system_name" },
        { "jsonrpc": "2.0", "method": "system_name" },
        { "jsonrpc": "2.0", "id": 2, "method": "chain_subscribeNewHeads" },
        { "id": 3 },
        [],
    ]))
    .await;
    let answers = ws.next().await;
    let codes: Vec<Value> = answers.as_array().unwrap().iter().map(|a| a["error"]["code"].clone()).collect();
    assert_eq!(codes, [json!(-32600), Value::Null, json!(-32601), json!(-32600), json!(-32600)]);
    assert_eq!(answers[1]["result"], "Quire");
    assert!(answers[2]["error"]["message"].as_str().unwrap().contains("batch"), "{answers}");
    server.stop().await;
}

#[tokio::test]
async fn batch_bombs_are_refused() {
    let server = serve(RpcConfig { max_response_bytes: 10_000, ..RpcConfig::default() });
    let mut client = Raw::open(server.address, None).await;
    let many = format!("[{}1]", "1,".repeat(1_000_000));
    client.send(TEXT, &many).await;
    assert_eq!(client.json().await["error"]["code"], -32010);
    // Few calls with large answers.
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["echo", "00".repeat(2_000)] });
    client.send(TEXT, json!([call, call, call]).to_string()).await;
    let answer = client.json().await;
    assert_eq!(answer["error"]["code"], -32011, "{answer}");
    let large =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["echo", "00".repeat(6_000)] });
    client.send(TEXT, large.to_string()).await;
    assert_eq!(client.json().await["error"]["code"], -32008);
    server.stop().await;
}

#[tokio::test]
async fn r8_a_message_above_the_limit_is_refused_and_the_session_lives() {
    let server = serve(RpcConfig { max_request_bytes: 1_000, ..RpcConfig::default() });
    let mut client = Raw::open(server.address, None).await;
    client.send(TEXT, "x".repeat(2_000_000)).await;
    let refused = client.json().await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32007), &Value::Null));
    client.send(TEXT, r#"{"jsonrpc":"2.0","id":1,"method":"system_name"}"#).await;
    assert_eq!(client.json().await["result"], "Quire");
    // Over HTTP: announced, and in chunks that announce nothing.
    let (head, _) = http(server.address, "POST", "", &"x".repeat(1_001)).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1_000)).repeat(2);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    server.stop().await;
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_the_session_with_the_reason() {
    let server = serve(RpcConfig::default());
    for (bytes, reason) in [
        (vec![0x81, 1, b'x'], "masked"),
        (Raw::frame(0xc1, b"x"), "reserved bit"),
        (Raw::frame(0x85, b"x"), "opcode 5"),
        (Raw::frame(0x80, b"x"), "continuation"),
        (Raw::frame(0x89, &[0; 126]), "125 bytes"),
    ] {
        let mut client = Raw::open(server.address, None).await;
        client.0.write_all(&bytes).await.unwrap();
        let (code, said, _) = client.closed().await;
        assert!(code == 1002 && said.contains(reason), "{code} {said}");
    }
    assert_eq!(server.metrics.drops(crate::metrics::Drop::Protocol), 5);
    server.stop().await;
}

#[tokio::test]
async fn http_that_is_none_is_refused() {
    let server = serve(RpcConfig::default());
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "system_name" });
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), "405"),
        ("DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "405"),
        ("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}".into(), "415"),
        ("\x16\x03\x01\x02\x00\x01\x00 TLS\r\n\r\n".into(), "400"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)), "4"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1_000)), "431"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n".into(),
            "400",
        ),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The server may close before it has read all of it.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        let shown = &request[..request.len().min(60)];
        assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{shown}: {line}");
    }
    assert_eq!(post(server.address, &call).await["result"], "Quire");
    server.stop().await;
}
