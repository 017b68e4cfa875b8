//! Clients of a served fake: plain HTTP, a WebSocket library, and raw WebSocket frames.
use super::fake::Fake;
use crate::{Listener, RpcConfig, RpcServer, start};
use serde_json::Value;
use soketto::handshake::{Client, ServerResponse};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

pub(super) fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub(super) fn serve(config: RpcConfig) -> RpcServer {
    start(Listener::bind(any_port()).unwrap(), config, Fake::new()).unwrap()
}

/// One HTTP exchange: status line and headers, then the body.
pub(super) async fn http(address: SocketAddr, method: &str, headers: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

pub(super) async fn post(address: SocketAddr, body: &Value) -> Value {
    serde_json::from_str(&http(address, "POST", "", &body.to_string()).await.1).unwrap()
}

pub(super) struct Ws {
    pub(super) sender: soketto::Sender<Compat<TcpStream>>,
    pub(super) receiver: soketto::Receiver<Compat<TcpStream>>,
}

impl Ws {
    pub(super) async fn connect(address: SocketAddr, origin: Option<&str>) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Client::new(stream.compat(), "localhost", "/");
        let header = origin
            .map(|value| [soketto::handshake::client::Header { name: "Origin", value: value.as_bytes() }]);
        if let Some(header) = &header {
            client.set_headers(header);
        }
        match client.handshake().await.unwrap() {
            ServerResponse::Accepted { .. } => {
                let (sender, receiver) = client.into_builder().finish();
                Ok(Self { sender, receiver })
            }
            ServerResponse::Rejected { status_code } | ServerResponse::Redirect { status_code, .. } => {
                Err(status_code)
            }
        }
    }

    pub(super) async fn send(&mut self, json: &Value) {
        self.sender.send_text(json.to_string()).await.unwrap();
        self.sender.flush().await.unwrap();
    }

    pub(super) async fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.receiver.receive_data(&mut bytes).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// A WebSocket without a library: what a hostile client can do.
pub(super) struct Raw(pub(super) TcpStream);

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) is_last: bool,
    pub(super) payload: Vec<u8>,
}

pub(super) const TEXT: u8 = 0x81;
pub(super) const BINARY: u8 = 0x82;
pub(super) const PONG: u8 = 0x8a;
const CLOSE: u8 = 8;

/// Longest wait of a test for something that must happen.
const LIMIT: Duration = Duration::from_secs(30);

impl Raw {
    /// A finished handshake. A small receive buffer makes a client that does not read felt soon.
    pub(super) async fn open(address: SocketAddr, receive_buffer_bytes: Option<u32>) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        if let Some(bytes) = receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let mut stream = socket.connect(address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// A client's frame.
    pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | length as u8),
            length @ 126..=0xffff => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(0x80 | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        let mask = [7, 1, 9, 3];
        bytes.extend(mask);
        bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        bytes
    }

    pub(super) async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.0.write_all(&Self::frame(first, payload.as_ref())).await.unwrap();
    }

    /// The next frame; none at the end of the stream.
    pub(super) async fn read(&mut self) -> Option<Frame> {
        let read = async {
            let first = self.0.read_u8().await.ok()?;
            let length = match self.0.read_u8().await.ok()? {
                126 => u64::from(self.0.read_u16().await.ok()?),
                127 => self.0.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { opcode: first & 0x0f, is_last: first & 0x80 != 0, payload })
        };
        tokio::time::timeout(LIMIT, read).await.expect("the server says something")
    }

    /// The next text message as JSON.
    pub(super) async fn json(&mut self) -> Value {
        let frame = self.read().await.expect("a message");
        assert!(frame.opcode == 1 && frame.is_last, "{frame:?}");
        serde_json::from_slice(&frame.payload).unwrap()
    }

    /// Reads up to the close frame: its code and reason, and how many other frames came before.
    pub(super) async fn closed(&mut self) -> (u16, String, usize) {
        let mut before = 0;
        loop {
            let frame = self.read().await.expect("a close frame before the end of the stream");
            if frame.opcode == CLOSE {
                let (code, reason) = frame.payload.split_at(2);
                let code = u16::from_be_bytes(code.try_into().unwrap());
                return (code, String::from_utf8(reason.to_vec()).unwrap(), before);
            }
            before += 1;
        }
    }
}

/// Whether the server closes the connection, without a word or after one.
pub(super) async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4_096];
    let read = async { while !matches!(stream.read(&mut bytes).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(LIMIT, read).await.is_ok()
}
