//! A link between two nodes that can be cut: a TCP forwarder with a gate.
//!
//! Rules
//! - R1 A cut link closes what is open and refuses what comes: both sides learn it, as from a reset.
//! - R2 A healed link takes connections again; nothing of the old ones comes through.
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A forwarder; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    gate: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Where it listens.
    pub port: u16,
}

impl Proxy {
    /// Forwards connections to a port of loopback to another.
    pub async fn start(port: u16, target: u16) -> super::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|why| format!("port {port} for a link: {why}"))?;
        let port = listener.local_addr().map_err(|why| why.to_string())?.port();
        let (gate, is_open) = watch::channel(true);
        let task = tokio::spawn(accept(listener, (Ipv4Addr::LOCALHOST, target).into(), is_open));
        Ok(Self { gate, task, port })
    }

    /// Opens or cuts the link.
    pub fn set_open(&self, is_open: bool) {
        self.gate.send_replace(is_open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.gate.send_replace(false);
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, is_open: watch::Receiver<bool>) {
    while let Ok((stream, _)) = listener.accept().await {
        if *is_open.borrow() {
            tokio::spawn(forward(stream, target, is_open.clone()));
        }
    }
}

async fn forward(mut near: TcpStream, target: SocketAddr, mut is_open: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = is_open.wait_for(|is_open| !is_open) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// One byte there and back.
    async fn echo(port: u16) -> std::io::Result<u8> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_u8(7).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn a_link_is_cut_and_healed() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = server.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        stream.write_u8(byte + 1).await.unwrap();
                    }
                });
            }
        });
        let link = Proxy::start(0, target).await.unwrap();
        assert_eq!(echo(link.port).await.unwrap(), 8);
        let mut open = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port)).await.unwrap();
        open.write_u8(1).await.unwrap();
        assert_eq!(open.read_u8().await.unwrap(), 2);
        link.set_open(false);
        assert!(open.read_u8().await.is_err(), "R1: what was open ends");
        assert!(echo(link.port).await.is_err());
        link.set_open(true);
        assert_eq!(echo(link.port).await.unwrap(), 8, "R2");
    }
}
