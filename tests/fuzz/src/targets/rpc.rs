//! JSON-RPC requests: methods with any parameters, and any text.
//!
//! Promises: what is a request gets an answer that is JSON-RPC 2.0 with the request's id and either a result or an error
//! with a code; the node's runtime is behind it, so arbitrary bytes of `state_call` reach Wasm.

use crate::{Target, choices::Choices, mutate::Random, rpc_backend::OneBlock, world::broken};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use tokio::runtime::Runtime;

pub(crate) const TARGET: Target = Target { name: "rpc", run, seeds };

/// Parameters of a request at most.
const MAX_PARAMETERS: usize = 5;
/// Depth of generated JSON.
const MAX_DEPTH: usize = 6;
const EVENTS_BUFFERED: usize = 8;

/// Sends a request and gives the answer; none for text that is no request.
type Ask = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

struct Server {
    ask: Ask,
    methods: Vec<String>,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let runtime = Runtime::new().expect("threads start");
        let methods = quire_rpc::methods(Default::default(), Arc::new(OneBlock::new()), true)
            .expect("no two methods have one name");
        let names = methods.method_names().map(str::to_owned).collect();
        let ask: Ask = Box::new(move |text| {
            let answer = runtime.block_on(methods.raw_json_request(text, EVENTS_BUFFERED));
            answer.ok().map(|(answer, _)| answer.get().to_owned())
        });
        Server { ask, methods: names }
    })
}

fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    if choices.below(4) == 0 {
        judge(&String::from_utf8_lossy(choices.rest()), None);
        return;
    }
    let server = server();
    let method = &server.methods[usize::from(choices.byte()) * 256 % server.methods.len()];
    let method =
        if choices.below(2) == 0 { method } else { &server.methods[choices.below(server.methods.len())] };
    let count = choices.below(MAX_PARAMETERS + 1);
    let params: Vec<Value> = (0..count).map(|_| value(&mut choices, 0)).collect();
    judge(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string(), Some(7));
}

fn judge(text: &str, id: Option<u64>) {
    let Some(answer) = (server().ask)(text) else {
        assert!(id.is_none(), "no answer to {text}");
        return;
    };
    let answer: Value =
        serde_json::from_str(&answer).unwrap_or_else(|why| broken(&format!("{text}: {why} in {answer}")));
    let has_result = answer.get("result").is_some();
    let code = answer.pointer("/error/code").and_then(Value::as_i64);
    assert!(has_result != code.is_some(), "{text}: neither result nor error in {answer}");
    assert_eq!(answer["jsonrpc"], "2.0", "{text}: {answer}");
    if let Some(id) = id {
        assert_eq!(answer["id"], id, "{text}: {answer}");
    }
}

/// JSON that parameters are made of.
fn value(choices: &mut Choices<'_>, depth: usize) -> Value {
    let kinds = if depth < MAX_DEPTH { 12 } else { 9 };
    match choices.below(kinds) {
        0 => Value::Null,
        1 => json!(choices.below(2) == 1),
        2 => json!(choices.number() as u64),
        3 => json!(-(i64::from(choices.byte()))),
        4 => json!(f64::from_le_bytes(choices.array())),
        5 => json!(format!("0x{}", hex::encode(bytes(choices)))),
        6 => json!(format!("0x{:x}", choices.number())),
        7 => json!(String::from_utf8_lossy(&bytes(choices))),
        8 => known(choices),
        9 | 10 => Value::Array((0..choices.below(5)).map(|_| value(choices, depth + 1)).collect()),
        _ => {
            let keys = ["key", "type", "paginationStartKey", "hash"];
            (0..choices.below(4)).map(|at| (keys[at].to_owned(), value(choices, depth + 1))).collect()
        }
    }
}

/// Values that lead deeper.
fn known(choices: &mut Choices<'_>) -> Value {
    const TEXTS: [&str; 12] = [
        "TaggedTransactionQueue_validate_transaction",
        "TransactionPaymentApi_query_info",
        "AccountNonceApi_account_nonce",
        "Metadata_metadata_at_version",
        "Core_execute_block",
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "aura",
        "//Alice",
        "value",
        "closestDescendantMerkleValue",
        "descendantsHashes",
        "0x",
    ];
    match choices.below(TEXTS.len() + 2) {
        0 => json!(OneBlock::new().hash().to_string()),
        1 => json!("0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9"),
        other => json!(TEXTS[other - 2]),
    }
}

fn bytes(choices: &mut Choices<'_>) -> Vec<u8> {
    let length = match choices.below(8) {
        0 => 32,
        1 => usize::from(choices.byte()) * 8,
        _ => choices.below(70),
    };
    (0..length).map(|_| choices.byte()).collect()
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(6);
    let mut seeds: Vec<Vec<u8>> =
        (0..512).map(|_| (0..80).map(|_| random.next_u64() as u8).collect()).collect();
    let texts = [
        r#"{"jsonrpc":"2.0","id":1,"method":"system_chain"}"#,
        r#"{"jsonrpc":"2.0","id":"a","method":"chain_getBlockHash","params":[[0,"0x0",null]]}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"state_getKeysPaged","params":["0x",1000,null,null]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"state_call","params":{"name":"Core_version","bytes":"0x"}}"#,
    ];
    seeds.extend(texts.iter().map(|text| [&[0], text.as_bytes()].concat()));
    seeds
}
