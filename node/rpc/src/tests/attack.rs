//! Clients that hold on, flood, or do not read: they are stopped and told why, and others are served meanwhile.
use super::client::{PONG, Raw, TEXT, Ws, http, is_closed, post, serve};
use super::fake::{Fake, State};
use crate::metrics::Drop;
use crate::{Listener, RpcConfig, RpcServer, start};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A receive buffer that is full soon, bytes.
const SMALL: Option<u32> = Some(32 * 1024);

const NAME: &str = r#"{"jsonrpc":"2.0","id":1,"method":"system_name"}"#;

async fn is_served(address: SocketAddr) -> bool {
    post(address, &serde_json::from_str(NAME).unwrap()).await["result"] == "Quire"
}

/// Waits until the server dropped a connection for this reason.
async fn dropped(server: &RpcServer, reason: Drop) {
    for _ in 0..1_000 {
        if server.metrics.drops(reason) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody was dropped: {}", reason.label());
}

/// A call whose answer has about this many bytes.
fn echo(bytes: usize) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "state_call", "params": ["echo", "00".repeat(bytes / 2)] })
        .to_string()
}

#[tokio::test]
async fn t1_half_open_connections_keep_nobody_out() {
    let server = serve(RpcConfig { max_connections: 4, ..RpcConfig::default() });
    let mut held = Vec::new();
    for round in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        if round % 2 == 1 {
            stream.write_all(b"POST / HTTP/1.1\r\nHost: ").await.unwrap();
        }
        held.push(stream);
    }
    assert!(is_served(server.address).await);
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    ws.send(&serde_json::from_str(NAME).unwrap()).await;
    assert_eq!(ws.next().await["result"], "Quire");
    assert!(is_closed(&mut held[0]).await, "the oldest gave way");
    assert!(server.metrics.drops(Drop::Evicted) >= 46 && server.metrics.connections() <= 4);
    server.stop().await;
}

#[tokio::test]
async fn t1_sessions_that_work_are_not_driven_out() {
    let server = serve(RpcConfig { max_connections: 2, ..RpcConfig::default() });
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = Raw::open(server.address, None).await;
        client.send(TEXT, NAME).await;
        assert_eq!(client.json().await["result"], "Quire");
        busy.push(client);
    }
    let (head, why) = http(server.address, "POST", "", NAME).await;
    assert!(head.starts_with("http/1.1 429") && why.contains("All 2 connections"), "{head} {why}");
    assert_eq!(server.metrics.drops(Drop::Full), 1);
    // One that leaves makes room.
    let mut left = busy.pop().unwrap();
    left.send(0x88, [3, 232]).await;
    assert_eq!(left.closed().await.0, 1000);
    assert!(is_closed(&mut left.0).await);
    assert!(is_served(server.address).await);
    busy[0].send(TEXT, NAME).await;
    assert_eq!(busy[0].json().await["result"], "Quire");
    server.stop().await;
}

#[tokio::test]
async fn t1_a_session_that_never_called_gives_way() {
    let server = serve(RpcConfig { max_connections: 1, ..RpcConfig::default() });
    let mut idle = Raw::open(server.address, None).await;
    assert!(is_served(server.address).await);
    let (code, why, _) = idle.closed().await;
    assert!(code == 1013 && why.contains("idle"), "{code} {why}");
    server.stop().await;
}

#[tokio::test]
async fn t2_heads_bodies_and_messages_must_come_in_time() {
    let config = RpcConfig { head_ms: 200, request_ms: 200, ..RpcConfig::default() };
    let server = serve(config);
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut half_head = TcpStream::connect(server.address).await.unwrap();
    half_head.write_all(b"POST / HTTP/1.1\r\nHost").await.unwrap();
    assert!(is_closed(&mut silent).await && is_closed(&mut half_head).await);
    let mut half_body = TcpStream::connect(server.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    half_body.write_all(head.as_bytes()).await.unwrap();
    assert!(is_closed(&mut half_body).await);
    let mut half_message = Raw::open(server.address, None).await;
    half_message.0.write_all(&Raw::frame(TEXT, NAME.as_bytes())[..20]).await.unwrap();
    let (code, why, _) = half_message.closed().await;
    assert!(code == 1008 && why.contains("200 ms"), "{code} {why}");
    assert!(server.metrics.drops(Drop::Late) >= 4);
    // Silence between messages is no fault.
    let mut calm = Raw::open(server.address, None).await;
    calm.send(TEXT, NAME).await;
    calm.json().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    calm.send(TEXT, NAME).await;
    assert_eq!(calm.json().await["result"], "Quire");
    server.stop().await;
}

#[tokio::test]
async fn t2_a_dead_session_ends_and_a_living_one_does_not() {
    let server = serve(RpcConfig { ping_ms: 150, ..RpcConfig::default() });
    let mut living = Raw::open(server.address, None).await;
    let mut dead = Raw::open(server.address, None).await;
    for _ in 0..4 {
        let ping = living.read().await.unwrap();
        assert_eq!((ping.opcode, ping.is_last), (9, true));
        living.send(PONG, b"").await;
    }
    let (code, why, pings) = dead.closed().await;
    assert!(code == 1008 && why.contains("no sign of life"), "{code} {why}");
    assert_eq!((pings, server.metrics.drops(Drop::Silent)), (1, 1));
    living.send(0x89, b"are you there").await;
    let answer = loop {
        match living.read().await.unwrap() {
            ping if ping.opcode == 9 => living.send(PONG, b"").await,
            other => break other,
        }
    };
    assert_eq!((answer.opcode, answer.payload), (10, b"are you there".to_vec()));
    server.stop().await;
}

/// Sends a message over and over; how many bytes the server took before it stopped reading.
async fn flood(client: &mut Raw, message: &str, most: usize) -> usize {
    let frame = Raw::frame(TEXT, message.as_bytes());
    let mut taken = 0;
    while taken < most {
        let sent = tokio::time::timeout(Duration::from_millis(500), client.0.write_all(&frame)).await;
        match sent {
            Ok(Ok(())) => taken += frame.len(),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    taken
}

#[tokio::test]
async fn t3_t4_a_flood_that_is_not_read_is_stopped_then_closed_with_the_reason() {
    const MOST: usize = 200_000_000;
    let config = RpcConfig { slow_reader_ms: 1_500, output_room_bytes: 200_000, ..RpcConfig::default() };
    let server = serve(config);
    let mut client = Raw::open(server.address, SMALL).await;
    let taken = flood(&mut client, &echo(20_000), MOST).await;
    // The kernel's buffers on both sides, the outbox, and calls under way.
    assert!(taken < MOST / 10, "{taken} bytes were read from a client that reads nothing");
    assert!(is_served(server.address).await);
    dropped(&server, Drop::SlowReader).await;
    // The client reads again and finds out why.
    let (code, why, answers) = client.closed().await;
    assert!(code == 1008 && why.contains("read nothing for 1500 ms"), "{code} {why}");
    assert!(answers > 0);
    assert!(is_served(server.address).await);
    server.stop().await;
}

#[tokio::test]
async fn t4_a_subscriber_that_does_not_read_is_closed_while_others_get_every_head() {
    let fake = Fake::new();
    let config = RpcConfig { slow_reader_ms: 1_000, ..RpcConfig::default() };
    let server = start(Listener::bind(([127, 0, 0, 1], 0).into()).unwrap(), config, fake.clone()).unwrap();
    let (heads, storage) = (
        json!({ "jsonrpc": "2.0", "id": 1, "method": "chain_subscribeNewHeads" }).to_string(),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "state_subscribeStorage", "params": [["0x6b"]] })
            .to_string(),
    );
    let mut slow = Raw::open(server.address, SMALL).await;
    slow.send(TEXT, &storage).await;
    let mut good = Raw::open(server.address, None).await;
    good.send(TEXT, &heads).await;
    assert!(good.json().await["result"].is_string());
    assert_eq!(good.json().await["params"]["result"]["number"], "0x2");
    let mut number = 3u32;
    while server.metrics.drops(Drop::SlowReader) == 0 {
        assert!(number < 1_000, "the slow one is still there");
        fake.push(State::from([(b"k".to_vec(), vec![number as u8; 50_000])]), 1);
        let head = good.json().await;
        assert_eq!(head["params"]["result"]["number"], format!("{number:#x}"));
        tokio::time::sleep(Duration::from_millis(20)).await;
        number += 1;
    }
    let (code, why, items) = slow.closed().await;
    assert!(code == 1008 && why.contains("read nothing") && items > 1, "{code} {why} {items}");
    server.stop().await;
}

#[tokio::test]
async fn t4_an_item_larger_than_the_room_reaches_who_reads() {
    let fake = Fake::new();
    let config = RpcConfig { output_room_bytes: 10_000, slow_reader_ms: 2_000, ..RpcConfig::default() };
    let server = start(Listener::bind(([127, 0, 0, 1], 0).into()).unwrap(), config, fake.clone()).unwrap();
    fake.push(State::from([(b"k".to_vec(), vec![7; 500_000])]), 1);
    let mut ws = Ws::connect(server.address, None).await.unwrap_or_else(|code| panic!("refused with {code}"));
    ws.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "state_subscribeStorage", "params": [["0x6b"]] }))
        .await;
    assert!(ws.next().await["result"].is_string());
    let item = ws.next().await;
    assert_eq!(item["params"]["result"]["changes"][0][1].as_str().map(str::len), Some(1_000_002));
    server.stop().await;
}

#[tokio::test]
async fn t4_an_http_client_that_does_not_read_is_closed() {
    let config = RpcConfig { slow_reader_ms: 500, ..RpcConfig::default() };
    let server = serve(config);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 * 1024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let body = echo(8_000_000);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    dropped(&server, Drop::SlowReader).await;
    assert!(is_closed(&mut stream).await);
    server.stop().await;
}

#[tokio::test]
async fn m2_when_memory_for_output_is_full_the_largest_debtor_goes() {
    let config = RpcConfig {
        output_room_bytes: 4_000_000,
        max_output_bytes: 3_000_000,
        slow_reader_ms: 60_000,
        ..RpcConfig::default()
    };
    let server = serve(config);
    let mut modest = Raw::open(server.address, SMALL).await;
    modest.send(TEXT, echo(400_000)).await;
    let mut greedy = Raw::open(server.address, SMALL).await;
    for _ in 0..10 {
        greedy.send(TEXT, echo(400_000)).await;
    }
    dropped(&server, Drop::SlowReader).await;
    let (code, why, _) = greedy.closed().await;
    assert!(code == 1013 && why.contains("too many answers"), "{code} {why}");
    let mut parts = 0;
    let length = loop {
        let frame = modest.read().await.unwrap();
        parts += frame.payload.len();
        if frame.is_last {
            break parts;
        }
    };
    assert!(length > 400_000, "the other one gets its answer, in fragments");
    server.stop().await;
}

#[tokio::test]
async fn t3_one_flood_does_not_delay_the_reads_of_others() {
    let config = RpcConfig { output_room_bytes: 100_000_000, concurrent_reads: 1, ..RpcConfig::default() };
    let server = serve(config);
    let mut flood = Raw::open(server.address, SMALL).await;
    let nap = r#"{"jsonrpc":"2.0","id":1,"method":"state_call","params":["nap","0x"]}"#;
    for _ in 0..100 {
        flood.send(TEXT, nap).await;
    }
    assert_eq!(flood.json().await["result"], "0x", "the flood is under way");
    let begun = tokio::time::Instant::now();
    let header = json!({ "jsonrpc": "2.0", "id": 1, "method": "chain_getHeader" });
    assert_eq!(post(server.address, &header).await["result"]["number"], "0x2");
    let calls: u64 =
        server.metrics.calls().filter(|call| call.1 == "state_call").map(|call| call.2.succeeded()).sum();
    assert!(calls < 50, "{calls} calls of the flood came first, in {:?}", begun.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn m2_a_connection_has_a_limit_of_its_own() {
    let config = RpcConfig {
        output_room_bytes: 4_000_000,
        max_output_bytes_per_connection: 1_000_000,
        slow_reader_ms: 60_000,
        ..RpcConfig::default()
    };
    let server = serve(config);
    let mut greedy = Raw::open(server.address, SMALL).await;
    for _ in 0..5 {
        greedy.send(TEXT, echo(400_000)).await;
    }
    dropped(&server, Drop::SlowReader).await;
    assert_eq!(greedy.closed().await.0, 1013);
    server.stop().await;
}

#[tokio::test]
async fn m1_long_requests_wait_for_their_memory_and_short_ones_do_not() {
    let config = RpcConfig { max_long_request_bytes: 1_200_000, request_ms: 1_000, ..RpcConfig::default() };
    let server = serve(config);
    // One client holds most of the memory with a message that it never ends.
    let mut holder = Raw::open(server.address, None).await;
    let frame = Raw::frame(TEXT, echo(1_000_000).as_bytes());
    holder.0.write_all(&frame[..frame.len() - 1]).await.unwrap();
    let mut small = Raw::open(server.address, None).await;
    small.send(TEXT, NAME).await;
    assert_eq!(small.json().await["result"], "Quire");
    let mut large = Raw::open(server.address, None).await;
    large.send(TEXT, echo(600_000)).await;
    assert_eq!(holder.closed().await.0, 1008, "nobody holds memory for ever");
    let mut length = 0;
    while {
        let frame = large.read().await.unwrap();
        length += frame.payload.len();
        !frame.is_last
    } {}
    assert!(length > 600_000);
    server.stop().await;
}

#[tokio::test]
async fn m3_subscriptions_of_all_clients_are_limited() {
    let config = RpcConfig { max_subscriptions: 2, max_watched_bytes: 4_096, ..RpcConfig::default() };
    let server = serve(config);
    let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "chain_subscribeAllHeads" }).to_string();
    let watch = |keys: usize| {
        let keys = vec!["0x6b".repeat(50).replace("0x", ""); keys];
        json!({ "jsonrpc": "2.0", "id": 1, "method": "state_subscribeStorage", "params": [keys] }).to_string()
    };
    let mut client = Raw::open(server.address, None).await;
    client.send(TEXT, watch(100)).await;
    assert_eq!(client.json().await["error"]["code"], -32006, "too large a set of keys");
    let mut holders = Vec::new();
    for _ in 0..2 {
        let mut holder = Raw::open(server.address, None).await;
        holder.send(TEXT, &subscribe).await;
        assert!(holder.json().await["result"].is_string());
        holders.push(holder);
    }
    client.send(TEXT, watch(1)).await;
    assert_eq!(client.json().await["error"]["code"], -32006);
    // A client that leaves gives its places back.
    drop(holders);
    for _ in 0..100 {
        client.send(TEXT, watch(1)).await;
        let answer = client.json().await;
        if answer["result"].is_string() {
            server.stop().await;
            return;
        }
        assert_eq!(answer["error"]["code"], -32006);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the places of clients that left were not given back");
}

#[tokio::test]
async fn t5_stopping_says_goodbye() {
    let server = serve(RpcConfig::default());
    let mut client = Raw::open(server.address, None).await;
    client.send(TEXT, NAME).await;
    client.json().await;
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    let (code, why, _) = client.closed().await;
    assert!(code == 1001 && why.contains("stopping"), "{code} {why}");
    drop(client);
    stopping.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn health_is_there_for_probes() {
    let server = serve(RpcConfig::default());
    let (head, body) = http(server.address, "GET", "", "").await;
    assert!(head.starts_with("http/1.1 405"), "{head} {body}");
    for path in ["/health", "/health/readiness"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(body, json!({ "peers": 2, "isSyncing": false, "shouldHavePeers": true }));
    }
    server.stop().await;
}

#[tokio::test]
async fn calls_and_sessions_are_counted() {
    let server = serve(RpcConfig::default());
    assert!(is_served(server.address).await);
    let mut client = Raw::open(server.address, None).await;
    client.send(TEXT, r#"{"jsonrpc":"2.0","id":1,"method":"invented"}"#).await;
    client.json().await;
    client.send(TEXT, r#"{"jsonrpc":"2.0","id":1,"method":"state_call","params":["trap","0x"]}"#).await;
    client.json().await;
    let counts: Vec<_> = server
        .metrics
        .calls()
        .map(|(protocol, name, counts)| {
            let observed: u64 = counts.time_us().buckets.iter().sum();
            (protocol.label(), name, counts.started(), counts.succeeded(), counts.failed(), observed)
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("ws", "state_call", 1, 0, 1, 1),
            ("http", "system_name", 1, 1, 0, 1),
            ("ws", "unknown", 1, 0, 1, 1)
        ]
    );
    assert_eq!((server.metrics.sessions_opened(), server.metrics.sessions_closed()), (1, 0));
    let metrics = server.metrics.clone();
    drop(client);
    server.stop().await;
    assert_eq!((metrics.sessions_closed(), metrics.connections()), (1, 0));
    assert_eq!(metrics.session_s().buckets.iter().sum::<u64>(), 1);
}
