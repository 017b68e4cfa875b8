//! A JSON-RPC client over plain HTTP/1.1: one request, one connection, no library of the node's own.

use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Calls `method`; the whole answer, or why there is none.
fn request(port: u16, method: &str, params: &Value) -> Result<Value, String> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let fail = |what: &str, e: std::io::Error| format!("{method} on port {port}: {what}: {e}");
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|e| fail("connect", e))?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(|e| fail("timeout", e))?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).map_err(|e| fail("write", e))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|e| fail("read", e))?;
    let text = String::from_utf8_lossy(&answer);
    let json = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    // A chunked body has its sizes on lines of their own; the object is what stands between the outer braces.
    let object = json.find('{').zip(json.rfind('}')).map(|(a, b)| json.get(a..=b).unwrap_or_default());
    serde_json::from_str(object.unwrap_or_default()).map_err(|e| format!("{method}: {e}: {text}"))
}

/// Calls `method`; its result, or its error as text.
pub(crate) fn try_call(port: u16, method: &str, params: Value) -> Result<Value, String> {
    let mut answer = request(port, method, &params)?;
    match answer.get("error") {
        Some(error) => Err(error.to_string()),
        None => Ok(answer["result"].take()),
    }
}

/// Calls `method`; its result.
pub(crate) fn call(port: u16, method: &str, params: Value) -> Value {
    try_call(port, method, params).unwrap_or_else(|e| panic!("{e}"))
}

/// Bytes of a `0x…` string; none for `null`.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?.strip_prefix("0x")?;
    Some(hex::decode(text).expect("RPC gives even, lower-case hex"))
}

/// A `0x…` string.
pub(crate) fn hex0x(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Number of a header in JSON.
pub(crate) fn number(header: &Value) -> u32 {
    let text = header["number"].as_str().expect("a header has a number");
    u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a hex number")
}

/// Header of the last finalised block, with its hash.
pub(crate) fn finalised(port: u16) -> (u32, String) {
    let hash = call(port, "chain_getFinalizedHead", json!([]));
    let header = call(port, "chain_getHeader", json!([hash]));
    (number(&header), hash.as_str().expect("a hash").to_owned())
}

/// Raw value under `key` in the state of the last finalised block.
pub(crate) fn storage(port: u16, key: &[u8]) -> Option<Vec<u8>> {
    let (_, hash) = finalised(port);
    bytes(&call(port, "state_getStorage", json!([hex0x(key), hash])))
}

/// All keys and values below `prefix` in the state of block `hash`.
pub(crate) fn pairs(port: u16, prefix: &[u8], hash: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    const PAGE: usize = 500;
    let (mut out, mut start) = (Vec::new(), Value::Null);
    loop {
        let keys = call(port, "state_getKeysPaged", json!([hex0x(prefix), PAGE, start, hash]));
        let keys = keys.as_array().expect("a list of keys").clone();
        for key in &keys {
            let value = call(port, "state_getStorage", json!([key, hash]));
            out.push((bytes(key).expect("a key"), bytes(&value).expect("a listed key has a value")));
        }
        match keys.last() {
            Some(last) if keys.len() == PAGE => start = last.clone(),
            _ => return out,
        }
    }
}
