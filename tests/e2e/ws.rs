//! One extrinsic submitted and watched over a WebSocket of its own.

use crate::rpc::hex0x;
use futures::executor::block_on;
use futures::io::AllowStdIo;
use serde_json::{Value, json};
use soketto::handshake::{Client, ServerResponse};
use std::{
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

/// How long a status may take.
const TIMEOUT: Duration = Duration::from_secs(30);

type Socket = AllowStdIo<TcpStream>;

/// The statuses of one extrinsic.
pub(crate) struct Watch {
    sender: soketto::Sender<Socket>,
    receiver: soketto::Receiver<Socket>,
    subscription: Value,
}

impl Watch {
    /// Submits `extrinsic` and follows it; the error object if it is refused.
    pub(crate) fn submit(port: u16, extrinsic: &[u8]) -> Result<Watch, Value> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the node listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a socket has timeouts");
        let mut client = Client::new(AllowStdIo::new(stream), "localhost", "/");
        let answer = block_on(client.handshake()).expect("a handshake");
        assert!(matches!(answer, ServerResponse::Accepted { .. }), "{answer:?}");
        let (sender, receiver) = client.into_builder().finish();
        let mut watch = Watch { sender, receiver, subscription: Value::Null };
        let method = "author_submitAndWatchExtrinsic";
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [hex0x(extrinsic)] });
        block_on(watch.sender.send_text(request.to_string())).expect("the node reads");
        block_on(watch.sender.flush()).expect("the node reads");
        let mut answer = watch.receive();
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => {
                watch.subscription = answer["result"].take();
                Ok(watch)
            }
        }
    }

    fn receive(&mut self) -> Value {
        let mut text = Vec::new();
        block_on(self.receiver.receive_data(&mut text)).expect("a message in time");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// The next status: `"ready"`, or `"inBlock 0x…"` for one that names a hash.
    pub(crate) fn next(&mut self) -> String {
        let message = self.receive();
        assert_eq!(message["method"], "author_extrinsicUpdate", "{message}");
        assert_eq!(message["params"]["subscription"], self.subscription, "{message}");
        let status = &message["params"]["result"];
        match (status.as_str(), status.as_object().and_then(|object| object.iter().next())) {
            (Some(name), _) => name.to_owned(),
            (None, Some((name, value))) => format!("{name} {}", value.as_str().unwrap_or_default()),
            (None, None) => panic!("no status: {message}"),
        }
    }

    /// The next statuses are exactly these.
    pub(crate) fn expect(&mut self, statuses: &[String]) {
        for (index, expected) in statuses.iter().enumerate() {
            let told = self.next();
            assert_eq!(&told, expected, "status {index} of {statuses:?}");
        }
    }
}
