//! A WebSocket client in a hundred lines, and one HTTP call: nothing of the node's own, so that a mistake there cannot
//! hide itself here.
use super::Result;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Longest message that is taken from the node.
const MESSAGE_MAX_BYTES: usize = 32 * 1024 * 1024;

/// What comes from the node.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Text(Vec<u8>),
    /// The node closes, and why.
    Closed {
        /// The code of the close frame.
        code: u16,
        /// Its text.
        reason: String,
    },
    /// The connection ended without a close frame.
    Lost,
}

/// An open WebSocket.
pub struct Socket {
    stream: BufReader<TcpStream>,
}

/// Where the node listens.
pub fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

impl Socket {
    /// Connects and shakes hands; a small receive buffer makes not reading felt soon.
    pub async fn open(port: u16, receive_buffer_bytes: Option<u32>) -> Result<Self> {
        let fail = |what: &str, why: std::io::Error| format!("WebSocket on port {port}: {what}: {why}");
        let socket = TcpSocket::new_v4().map_err(|why| fail("socket", why))?;
        if let Some(bytes) = receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes).map_err(|why| fail("buffer", why))?;
        }
        let mut stream = socket.connect(address(port)).await.map_err(|why| fail("connect", why))?;
        stream.set_nodelay(true).map_err(|why| fail("nodelay", why))?;
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        stream.write_all(request.as_bytes()).await.map_err(|why| fail("write", why))?;
        let mut stream = BufReader::with_capacity(4_096, stream);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.map_err(|why| fail("handshake", why))?);
        }
        match head.starts_with(b"HTTP/1.1 101") {
            true => Ok(Self { stream }),
            false => Err(format!("WebSocket on port {port}: {}", String::from_utf8_lossy(&head))),
        }
    }

    /// The bytes of a text frame. The mask is zero: it protects proxies, and there is none.
    pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80 | opcode];
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
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    /// The connection itself.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        let written = self.stream.get_mut().write_all(&Self::frame(1, text.as_bytes())).await;
        written.map_err(|why| format!("cannot send: {why}"))
    }

    /// The next message; answers pings on the way.
    pub async fn next(&mut self) -> Incoming {
        let mut text = Vec::new();
        loop {
            let Ok((opcode, is_last, payload)) = self.read_frame().await else { return Incoming::Lost };
            match opcode {
                8 => {
                    let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                    let reason = payload.get(2..).unwrap_or_default();
                    return Incoming::Closed { code, reason: String::from_utf8_lossy(reason).into_owned() };
                }
                9 => {
                    if self.stream.get_mut().write_all(&Self::frame(10, &payload)).await.is_err() {
                        return Incoming::Lost;
                    }
                }
                10 => {}
                _ => {
                    text.extend(payload);
                    if is_last {
                        return Incoming::Text(text);
                    }
                }
            }
        }
    }

    async fn read_frame(&mut self) -> std::io::Result<(u8, bool, Vec<u8>)> {
        let first = self.stream.read_u8().await?;
        let length = match self.stream.read_u8().await? {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => u64::from(short),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MESSAGE_MAX_BYTES {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        Ok((first & 0x0f, first & 0x80 != 0, payload))
    }
}

/// One call on a connection of its own.
pub async fn call(port: u16, method: &str, params: Value) -> Result<Value> {
    let fail = |what: &str, why: std::io::Error| format!("{method} on port {port}: {what}: {why}");
    let body =
        serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = TcpStream::connect(address(port)).await.map_err(|why| fail("connect", why))?;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(|why| fail("write", why))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(|why| fail("read", why))?;
    let text = String::from_utf8_lossy(&answer);
    let json = text.split_once("\r\n\r\n").map_or("", |(_, json)| json);
    let mut json: Value = serde_json::from_str(json).map_err(|_| format!("{method}: {text}"))?;
    match json.get("error") {
        Some(error) => Err(format!("{method}: {error}")),
        None => Ok(json["result"].take()),
    }
}
