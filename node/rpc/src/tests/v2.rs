//! The groups of the new API over WebSocket, against a fake node.
mod archive;
mod chain_head;
mod operations;
mod transaction;

use super::client::{Ws, any_port};
use super::fake::{Fake, State};
use super::{hex, module, result};
use crate::{Listener, RpcConfig, RpcServer, start};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;

fn serve(fake: &Arc<Fake>, config: RpcConfig) -> RpcServer {
    start(Listener::bind(any_port()).unwrap(), config, fake.clone()).unwrap()
}

/// One connection: replies by their ids, notifications in the order in which they came.
struct Connection {
    ws: Ws,
    last_id: u64,
    heard: VecDeque<Value>,
}

impl Connection {
    async fn open(server: &RpcServer) -> Self {
        Self { ws: Ws::connect(server.address, None).await.unwrap(), last_id: 0, heard: VecDeque::new() }
    }

    /// The whole response.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.ws.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        loop {
            let message = self.ws.next().await;
            if message["id"] == id {
                return message;
            }
            self.heard.push_back(message);
        }
    }

    async fn ok(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params).await;
        assert!(answer.get("error").is_none(), "{method} failed: {answer}");
        answer["result"].clone()
    }

    async fn code(&mut self, method: &str, params: Value) -> i64 {
        let answer = self.call(method, params).await;
        answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method} did not fail: {answer}"))
    }

    /// The next notification, which must be of this name and subscription.
    async fn heard(&mut self, name: &str, subscription: &Value) -> Value {
        let message = match self.heard.pop_front() {
            Some(message) => message,
            None => self.ws.next().await,
        };
        assert_eq!(message["method"], name, "{message}");
        assert_eq!(message["params"]["subscription"], *subscription, "{message}");
        message["params"]["result"].clone()
    }

    async fn event(&mut self, follow: &Value) -> Value {
        self.heard("chainHead_v1_followEvent", follow).await
    }

    /// Follows, and drops the events that describe the chain as it is.
    async fn follow(&mut self, with_runtime: bool) -> Value {
        let follow = self.ok("chainHead_v1_follow", json!([with_runtime])).await;
        while self.event(&follow).await["event"] != "bestBlockChanged" {}
        follow
    }

    /// Starts an operation; gives its id.
    async fn begin(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ok(method, params).await;
        assert_eq!(answer["result"], "started", "{answer}");
        assert!(answer["operationId"].is_string());
        answer["operationId"].clone()
    }

    /// Nothing is on its way: whatever was sent before this call's reply has been read.
    async fn heard_nothing(&mut self) {
        self.ok("system_name", json!([])).await;
        assert_eq!(self.heard, VecDeque::<Value>::new());
    }
}

/// Waits for what others do; not for ever, so that a fault is a failure.
async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait).await.expect("it comes in ten seconds");
}

fn hash(fake: &Fake, place: usize) -> Value {
    json!(fake.hash(place).to_string())
}

#[tokio::test]
async fn chain_spec_names_the_chain() {
    let fake = Fake::new();
    assert_eq!(result(&fake, "chainSpec_v1_chainName", json!([])).await, "Fake Development");
    assert_eq!(result(&fake, "chainSpec_v1_genesisHash", Value::Null).await, hash(&fake, 0));
    let properties = result(&fake, "chainSpec_v1_properties", json!([])).await;
    assert_eq!(properties["tokenSymbol"], "QIR");
}

#[tokio::test]
async fn following_needs_a_connection() {
    let fake = Fake::new();
    let methods = module(&fake);
    let (answer, _) = super::ask(
        &methods,
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "chainHead_v1_follow", "params": [] }).to_string(),
    )
    .await;
    assert_eq!(answer["error"]["code"], -32602, "withRuntime is missing");
}
