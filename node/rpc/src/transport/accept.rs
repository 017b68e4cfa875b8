//! Accepts connections, and refuses those that have no place.
use super::connections::{Connections, Permit};
use super::dispatch::Dispatcher;
use super::{Server, Stop, http};
use crate::config::RpcConfig;
use crate::metrics::RpcMetrics;
use jsonrpsee::Methods;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

/// Connections that are being refused or closed beside the open ones.
const LEAVING_MAX: usize = 256;
/// How long a refused client may take to read why, milliseconds.
const REFUSAL_MS: u64 = 1_000;
/// Pause after the system refused to accept, milliseconds: it is out of files or memory for now.
const ACCEPT_PAUSE_MS: u64 = 50;

/// A running server.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    /// Closes when the last connection is gone.
    gone: mpsc::Receiver<()>,
}

impl Running {
    /// T5.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.gone.recv().await.is_some() {}
    }
}

/// Serves on a listening socket, with at most `max` connections.
pub(crate) fn start(
    listener: TcpListener,
    config: RpcConfig,
    max: usize,
    methods: Methods,
    metrics: Arc<RpcMetrics>,
) -> Running {
    let (stop, stopping) = watch::channel(false);
    let (alive, gone) = mpsc::channel(1);
    let dispatcher =
        Dispatcher::new(methods, metrics.clone(), config.max_response_bytes, config.max_batch_requests);
    let connections = Connections::new(&config, max, metrics.clone());
    let server = Arc::new(Server { config, dispatcher: Arc::new(dispatcher), metrics, stop: Stop(stopping) });
    tokio::spawn(run(server, listener, connections, max, alive));
    Running { stop, gone }
}

async fn run(
    server: Arc<Server>,
    listener: TcpListener,
    connections: Arc<Connections>,
    max: usize,
    alive: mpsc::Sender<()>,
) {
    // Sockets in all, those on their way out included: the bound on open files.
    let sockets = Arc::new(Semaphore::new(max.saturating_add(LEAVING_MAX)));
    loop {
        let accepted = tokio::select! {
            biased;
            () = server.stop.stopped() => return,
            accepted = accept(&listener, &sockets) => accepted,
        };
        let (socket, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::debug!(target: "rpc", "cannot accept a connection: {why}");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            }
        };
        prepare(&socket, server.config.send_buffer_bytes);
        let server = server.clone();
        match connections.admit((permit, alive.clone())) {
            Ok(place) => drop(tokio::spawn(http::serve(server, place, socket))),
            Err(permit) => drop(tokio::spawn(refuse(socket, max, permit))),
        }
        // The new connection looks for its request before the next one may drive it out.
        tokio::task::yield_now().await;
    }
}

async fn accept(
    listener: &TcpListener,
    sockets: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = sockets.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (socket, _) = listener.accept().await?;
    Ok((socket, permit))
}

/// M4, and no delay for small answers. A socket that refuses either works too.
fn prepare(socket: &TcpStream, send_buffer_bytes: usize) {
    let _ = socket.set_nodelay(true);
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(socket, send_buffer_bytes);
}

/// T1: says why, reads what the client had sent so that the answer is not lost, and closes.
async fn refuse(socket: TcpStream, max: usize, _permit: Permit) {
    let answer = http::full(max);
    // A new socket takes this much at once.
    let _ = socket.try_write(answer.as_bytes());
    let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Write);
    let _ = tokio::time::timeout(Duration::from_millis(REFUSAL_MS), super::session::discard(&socket)).await;
}
