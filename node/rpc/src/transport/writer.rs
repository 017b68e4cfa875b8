//! Writes an outbox to a socket, and notices when the client does not read.
//!
//! * W1 Every piece of at most [`frame::FRAGMENT_BYTES`] must be taken by the client's side within the patience.
//! * W2 Stopping between two polls loses nothing: what was begun is continued.
//! * W3 A client that is given up still gets the reason: the kernel's buffer keeps a reserve for the rest of the
//!   fragment and a close frame, so that they wait there for a client that reads again, while nothing waits here.
use super::frame::{self, FRAGMENT_BYTES};
use super::outbox::{Next, Outbox};
use rustix::net::SendFlags;
use serde_json::value::RawValue;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Why nothing more can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteError {
    /// W1.
    Stuck,
    /// The client is gone.
    Gone,
}

impl From<io::Error> for WriteError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// The writing half of a session.
pub(super) struct Writer {
    socket: Arc<TcpStream>,
    outbox: Arc<Outbox>,
    patience: Duration,
    /// Rest of a control frame or of a fragment's head.
    head: Vec<u8>,
    text: Option<Text>,
}

/// A message that is being written.
struct Text {
    message: Box<RawValue>,
    /// Bytes of it that are written.
    at: usize,
    /// End of the fragment whose head was written.
    end: usize,
}

impl Writer {
    pub(super) fn new(socket: Arc<TcpStream>, outbox: Arc<Outbox>, patience: Duration) -> Self {
        Self { socket, outbox, patience, head: Vec::new(), text: None }
    }

    /// Writes whatever comes, for ever.
    pub(super) async fn run(&mut self) -> WriteError {
        loop {
            if let Err(error) = self.finish().await {
                return error;
            }
            let next = self.outbox.next().await;
            self.begin(next);
        }
    }

    /// Writes what is queued now.
    pub(super) async fn flush(&mut self) -> Result<(), WriteError> {
        loop {
            self.finish().await?;
            match self.outbox.try_next() {
                Some(next) => self.begin(next),
                None => return Ok(()),
            }
        }
    }

    fn begin(&mut self, next: Next) {
        match next {
            Next::Control(bytes) => self.head = bytes,
            Next::Message(message) => self.text = Some(Text { message, at: 0, end: 0 }),
        }
    }

    /// Ends what was begun.
    async fn finish(&mut self) -> Result<(), WriteError> {
        while self.prepare() {
            self.piece().await?;
        }
        Ok(())
    }

    /// Makes the next piece ready; false when nothing is left of what was begun.
    fn prepare(&mut self) -> bool {
        if !self.head.is_empty() {
            return true;
        }
        let Some(text) = &mut self.text else { return false };
        let total = text.message.get().len();
        if text.at < text.end {
            return true;
        }
        if text.at == total && text.end > 0 {
            self.outbox.sent(&text.message);
            self.text = None;
            return false;
        }
        // Between two fragments: O4 of the outbox.
        if let Some(control) = self.outbox.control() {
            self.head = control;
            return true;
        }
        text.end = total.min(text.at.saturating_add(FRAGMENT_BYTES));
        self.head = frame::text_head(text.at, text.end - text.at, total);
        true
    }

    /// W1: writes what [`prepare`](Self::prepare) made ready.
    async fn piece(&mut self) -> Result<(), WriteError> {
        let patience = self.patience;
        let written = timeout(patience, async {
            loop {
                if self.try_piece()? {
                    return Ok(());
                }
                self.socket.writable().await?;
            }
        });
        written.await.unwrap_or(Err(WriteError::Stuck))
    }

    /// Writes what the socket takes now; true when the piece is done.
    fn try_piece(&mut self) -> Result<bool, WriteError> {
        loop {
            let payload = match &self.text {
                Some(text) => &text.message.get().as_bytes()[text.at..text.end],
                None => &[],
            };
            if self.head.is_empty() && payload.is_empty() {
                return Ok(true);
            }
            let slices = [IoSlice::new(&self.head), IoSlice::new(payload)];
            match self.socket.try_write_vectored(&slices) {
                Ok(0) => return Err(WriteError::Gone),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn advance(&mut self, count: usize) {
        let of_head = count.min(self.head.len());
        self.head.drain(..of_head);
        if let Some(text) = &mut self.text {
            text.at += count - of_head;
        }
    }

    /// Ends the fragment that was begun, drops what follows it, and sends a close frame.
    pub(super) async fn close(&mut self, code: u16, reason: &str) -> Result<(), WriteError> {
        self.abandon(code, reason);
        self.piece().await
    }

    /// W3: like [`close`](Self::close) for a client that does not read, without waiting. True when the kernel has all
    /// of it.
    pub(super) fn close_stuck(&mut self, code: u16, reason: &str) -> bool {
        let size = rustix::net::sockopt::socket_send_buffer_size(&*self.socket).unwrap_or(0);
        // The kernel doubles what it is given, for its own bookkeeping.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&*self.socket, size);
        self.abandon(code, reason);
        // Past tokio, which believes the socket full until the client reads.
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::net::send(&*self.socket, &self.head, flags).is_ok_and(|count| count == self.head.len())
    }

    /// Leaves the rest of the current fragment and a close frame to be written, in one piece.
    fn abandon(&mut self, code: u16, reason: &str) {
        if let Some(text) = self.text.take() {
            let rest = &text.message.get().as_bytes()[text.at..text.end];
            self.head.extend_from_slice(rest);
            self.outbox.sent(&text.message);
        }
        self.head.extend(frame::close(code, reason));
        self.outbox.close();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(text) = self.text.take() {
            self.outbox.sent(&text.message);
        }
        self.outbox.close();
    }
}
