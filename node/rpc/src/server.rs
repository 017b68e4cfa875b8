//! Binds the port and serves the methods on it.
use crate::api;
use crate::backend::Backend;
use crate::config::{RpcConfig, UnsafeMethods};
use crate::files;
use crate::metrics::RpcMetrics;
use crate::transport::{self, Running};
use jsonrpsee::Methods;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 4_096;

/// Why the RPC server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens on the port.
    #[error("the RPC port {0} is in use by another process: stop it, or choose another port with --rpc-port")]
    PortInUse(SocketAddr),
    /// The address cannot be bound.
    #[error("cannot listen for RPC on {address}: {source}; choose another address or port with --rpc-port")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Two methods have one name.
    #[error("the RPC methods do not fit together: {0}")]
    Methods(#[from] jsonrpsee::core::RegisterMethodError),
}

/// A running server; it stops when told to or dropped.
pub struct RpcServer {
    /// Where it listens, with the real port when 0 was asked for.
    pub address: SocketAddr,
    /// What it counts.
    pub metrics: Arc<RpcMetrics>,
    running: Running,
}

impl RpcServer {
    /// Closes the port and every connection, and waits until running calls ended.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// A bound port that nobody serves yet, so that a node can fail before it does anything else.
pub struct Listener {
    /// Where it is bound, with the real port when 0 was asked for.
    pub address: SocketAddr,
    socket: TcpListener,
}

impl Listener {
    /// Binds `address`.
    pub fn bind(address: SocketAddr) -> Result<Self, StartError> {
        let fail = |source| bind_error(address, source);
        let socket = TcpListener::bind(address).map_err(fail)?;
        socket.set_nonblocking(true).map_err(fail)?;
        // A burst of connections waits in the kernel instead of being lost; the default is 128.
        let _ = rustix::net::listen(&socket, BACKLOG);
        Ok(Self { address: socket.local_addr().map_err(fail)?, socket })
    }
}

fn bind_error(address: SocketAddr, source: std::io::Error) -> StartError {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse(address),
        _ => StartError::Bind { address, source },
    }
}

/// Serves on a bound port. Must be called inside the tokio runtime that shall carry the RPC load.
pub fn start(
    listener: Listener,
    config: RpcConfig,
    backend: Arc<dyn Backend>,
) -> Result<RpcServer, StartError> {
    let Listener { address, socket } = listener;
    let unsafe_allowed = match config.unsafe_methods {
        UnsafeMethods::Allow => true,
        UnsafeMethods::Deny => false,
        UnsafeMethods::Auto => address.ip().is_loopback(),
    };
    let max_connections = files::allow(config.max_connections) as usize;
    let methods = methods(config.clone(), backend, unsafe_allowed)?;
    let metrics = Arc::new(RpcMetrics::new(methods.method_names()));
    let listener = tokio::net::TcpListener::from_std(socket).map_err(|source| bind_error(address, source))?;
    let running = transport::start(listener, config, max_connections, methods, metrics.clone());
    Ok(RpcServer { address, metrics, running })
}

/// Every method and alias, for a server or for calls without one.
pub fn methods(
    config: RpcConfig,
    backend: Arc<dyn Backend>,
    unsafe_allowed: bool,
) -> Result<Methods, jsonrpsee::core::RegisterMethodError> {
    api::all(config, backend, unsafe_allowed)
}
