//! Binds the port and serves the methods on it.
use crate::api;
use crate::backend::Backend;
use crate::config::{RpcConfig, UnsafeMethods};
use crate::cors::CorsLayer;
use crate::metrics::RpcMetrics;
use jsonrpsee::Methods;
use jsonrpsee::core::id_providers::RandomStringIdProvider;
use jsonrpsee::server::{BatchRequestConfig, Server, ServerConfig, ServerHandle};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

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
    handle: ServerHandle,
}

impl RpcServer {
    /// Closes the port and every connection, and waits until running calls ended.
    pub async fn stop(self) {
        if self.handle.stop().is_ok() {
            self.handle.stopped().await;
        }
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
    let server_config = ServerConfig::builder()
        .max_connections(config.max_connections)
        .max_request_body_size(config.max_request_bytes)
        .max_response_body_size(config.max_response_bytes)
        .max_subscriptions_per_connection(config.max_subscriptions_per_connection)
        .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch_requests))
        .set_message_buffer_capacity(config.message_buffer)
        .set_id_provider(RandomStringIdProvider::new(16))
        .build();
    let middleware = tower::ServiceBuilder::new().layer(CorsLayer(Arc::new(config.cors.clone())));
    let methods = methods(config, backend, unsafe_allowed)?;
    let metrics = Arc::new(RpcMetrics::new(methods.method_names()));
    let server = Server::builder()
        .set_config(server_config)
        .set_http_middleware(middleware)
        .build_from_tcp(socket)
        .map_err(|source| bind_error(address, source))?;
    Ok(RpcServer { address, metrics, handle: server.start(methods) })
}

/// Every method and alias, for a server or for calls without one.
pub fn methods(
    config: RpcConfig,
    backend: Arc<dyn Backend>,
    unsafe_allowed: bool,
) -> Result<Methods, jsonrpsee::core::RegisterMethodError> {
    api::all(config, backend, unsafe_allowed)
}
