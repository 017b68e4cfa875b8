//! One WebSocket from its upgrade to its end.
//!
//! ```text
//!  socket --> decoder --> calls (tasks) --> outbox --> writer --> socket
//!    ^  waits for: room in the outbox,       ^
//!    |  a free call, memory for input        +-- pump <-- subscriptions
//! ```
use super::connections::{Connection, Place};
use super::dispatch::{Caller, Dispatcher};
use super::frame::{Decoder, Event};
use super::outbox::Outbox;
use super::writer::{WriteError, Writer};
use super::{End, GOODBYE_MS, Input, Server};
use crate::metrics::Protocol;
use jsonrpsee::core::server::{BoundedSubscriptions, MethodSink};
use serde_json::value::RawValue;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout};

/// Read at once, and kept per connection.
const READ_BYTES: usize = 16 * 1024;

/// What is read from a client that is being closed, bytes: more than the buffers on the way hold.
const DISCARDED_MAX_BYTES: usize = 8 * 1024 * 1024;

/// What the calls of a session share.
pub(super) struct Session {
    dispatcher: Arc<Dispatcher>,
    place: Arc<Place>,
    outbox: Arc<Outbox>,
    sink: MethodSink,
    subscriptions: BoundedSubscriptions,
    /// Calls that may run at once.
    calls: Arc<Semaphore>,
    input: Input,
}

impl Session {
    fn connection(&self) -> &Connection {
        &self.place.connection
    }
}

/// Serves a socket after its upgrade; `early` is what the client sent behind its handshake.
pub(super) async fn run(server: Arc<Server>, place: Arc<Place>, socket: TcpStream, early: &[u8]) {
    let metrics = server.metrics.clone();
    let begun = Instant::now();
    metrics.session_opened();
    let config = &server.config;
    let outbox = Arc::new(Outbox::new(
        place.all.clone(),
        place.connection.clone(),
        config.output_room_bytes,
        config.message_buffer as usize,
    ));
    let socket = Arc::new(socket);
    // One message on its way: what waits for the client waits in the outbox, where it is counted.
    let (sender, pump) = mpsc::channel(1);
    let session = Arc::new(Session {
        dispatcher: server.dispatcher.clone(),
        place: place.clone(),
        outbox: outbox.clone(),
        sink: MethodSink::new(sender),
        subscriptions: BoundedSubscriptions::new(config.max_subscriptions_per_connection),
        calls: Arc::new(Semaphore::new(config.max_calls_per_connection as usize)),
        input: Input::new(&place.all),
    });
    let mut writer = Writer::new(socket.clone(), outbox, Duration::from_millis(config.slow_reader_ms));
    let mut reader = Reader::new(&server, session.clone(), socket.clone());
    let end = tokio::select! {
        biased;
        end = place.connection.ended() => end,
        () = server.stop.stopped() => End::Stopping,
        error = writer.run() => match error {
            WriteError::Stuck => End::SlowReader,
            WriteError::Gone => End::Gone,
        },
        end = reader.run(early) => end,
        () = run_pump(pump, &session.outbox) => End::Gone,
    };
    if let Some(reason) = end.counted() {
        metrics.dropped(reason);
    }
    // Calls and subscriptions that are still running stop by this.
    let is_stopping = matches!(end, End::Stopping);
    if is_stopping {
        finish_calls(&session, &mut writer, config.max_calls_per_connection).await;
    }
    place.connection.end(end);
    place.idle();
    metrics.session_closed(begun.elapsed());
    close(&server, &mut writer, &socket, end).await;
}

/// Moves what subscriptions send to the outbox.
async fn run_pump(mut from: mpsc::Receiver<Box<RawValue>>, to: &Outbox) {
    while let Some(message) = from.recv().await {
        to.push(message);
    }
}

/// Lets the calls that run end, and sends their answers.
async fn finish_calls(session: &Session, writer: &mut Writer, calls: u32) {
    tokio::select! {
        _ = writer.run() => return,
        _ = session.calls.acquire_many(calls) => {}
    }
    let _ = writer.flush().await;
}

/// Tells the client why, then waits a moment for it to go first, so that nothing on its way to it is lost.
async fn close(server: &Server, writer: &mut Writer, socket: &TcpStream, end: End) {
    let (code, reason) = end.close_frame(&server.config);
    let is_told = match end {
        End::Gone => false,
        End::SlowReader | End::Overflow | End::Evicted | End::Silent => writer.close_stuck(code, &reason),
        _ => writer.close(code, &reason).await.is_ok(),
    };
    if !is_told || matches!(end, End::Evicted) {
        return;
    }
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Write);
    let patience = Duration::from_millis(server.config.closing_ms);
    tokio::select! {
        _ = timeout(patience, discard(socket)) => {}
        // A server that stops waits only a moment.
        () = server.stop.stopped() => {
            let _ = timeout(Duration::from_millis(GOODBYE_MS), discard(socket)).await;
        }
    }
}

/// Reads and forgets until the client closes: what it had sent before it knew, and no more.
pub(super) async fn discard(socket: &TcpStream) {
    let (mut bytes, mut left) = ([0; 4_096], DISCARDED_MAX_BYTES);
    while socket.readable().await.is_ok() {
        match socket.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        if left == 0 {
            // A flood goes on: its sender has time to read the end until the caller's patience is over.
            std::future::pending::<()>().await;
        }
    }
}

/// The reading half of a session.
struct Reader {
    server: Arc<Server>,
    session: Arc<Session>,
    socket: Arc<TcpStream>,
    decoder: Decoder,
    /// Memory for the message that is being read.
    held: Option<OwnedSemaphorePermit>,
    /// How long the client was waited for amid a message.
    waited: Duration,
    was_pinged: bool,
    is_proven: bool,
}

impl Reader {
    fn new(server: &Arc<Server>, session: Arc<Session>, socket: Arc<TcpStream>) -> Self {
        Self {
            server: server.clone(),
            session,
            socket,
            decoder: Decoder::new(server.config.max_request_bytes as usize),
            held: None,
            waited: Duration::ZERO,
            was_pinged: false,
            is_proven: false,
        }
    }

    /// Reads until the session must end.
    async fn run(&mut self, early: &[u8]) -> End {
        if let Err(end) = self.take(early).await {
            return end;
        }
        let mut bytes = vec![0; READ_BYTES];
        loop {
            self.session.outbox.room().await;
            let taken = match self.receive(&mut bytes).await {
                Ok(count) => self.take(&bytes[..count]).await,
                Err(end) => Err(end),
            };
            if let Err(end) = taken {
                return end;
            }
        }
    }

    /// Waits for bytes: pings a silent client once, gives up one that stops amid a message.
    async fn receive(&mut self, bytes: &mut [u8]) -> Result<usize, End> {
        let config = &self.server.config;
        loop {
            match self.socket.try_read(bytes) {
                Ok(0) => return Err(End::Gone),
                Ok(count) => {
                    self.was_pinged = false;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(End::Gone),
            }
            let is_amid = self.decoder.is_amid_message();
            let patience_ms = if is_amid { config.request_ms } else { config.ping_ms };
            let patience = Duration::from_millis(patience_ms).saturating_sub(self.waited);
            let begun = Instant::now();
            let is_ready = timeout(patience, self.socket.readable()).await;
            if is_amid {
                self.waited = self.waited.saturating_add(begun.elapsed());
            }
            match is_ready {
                Ok(Ok(())) if self.waited < Duration::from_millis(config.request_ms) => {}
                Ok(Err(_)) => return Err(End::Gone),
                _ if is_amid => return Err(End::Late),
                _ if self.was_pinged => return Err(End::Silent),
                _ => {
                    self.was_pinged = true;
                    self.session.outbox.ping();
                }
            }
        }
    }

    /// Carries out what came.
    async fn take(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        while let Some(event) = self.decoder.next(&mut bytes).map_err(End::Protocol)? {
            match event {
                Event::Message(message) => self.call(message).await,
                Event::TooLarge => {
                    self.forget_message();
                    let max = self.server.config.max_request_bytes;
                    self.session.outbox.push(super::dispatch::too_large_request(max));
                }
                Event::Ping(payload) => self.session.outbox.pong(&payload),
                Event::Pong => {}
                Event::Close => return Err(End::Closed),
            }
        }
        if !self.decoder.is_amid_message() {
            self.waited = Duration::ZERO;
        }
        self.session.input.grow(&mut self.held, self.decoder.held_bytes()).await;
        Ok(())
    }

    fn forget_message(&mut self) {
        self.held = None;
        self.waited = Duration::ZERO;
    }

    /// Runs a message as a task of its own, when there is room for it.
    async fn call(&mut self, message: Vec<u8>) {
        self.session.outbox.room().await;
        let mut memory = self.held.take();
        self.forget_message();
        self.session.input.settle(&mut memory, message.len()).await;
        // Never closed.
        let Ok(running) = self.session.calls.clone().acquire_owned().await else { return };
        if !std::mem::replace(&mut self.is_proven, true) {
            self.session.place.busy();
        }
        let session = self.session.clone();
        tokio::spawn(async move {
            let caller = Caller::Session {
                id: session.connection().id,
                sink: &session.sink,
                subscriptions: &session.subscriptions,
                outbox: &session.outbox,
            };
            let answer = session.dispatcher.answer(Protocol::Ws, &caller, &message);
            let answer = tokio::select! {
                _ = session.connection().ended() => None,
                answer = answer => answer,
            };
            drop((message, memory));
            if let Some(answer) = answer {
                answer.hand_over(|json| session.outbox.push(json));
            }
            drop(running);
        });
    }
}
