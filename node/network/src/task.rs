//! What runs on a substream: one task each, which reports to the shell and ends when the shell drops it.
//!
//! Rules:
//! * R1 A notification substream carries handshakes both ways, then frames from its opener only; a byte the other way is
//!   a violation.
//! * R2 Handshakes take at most [`HANDSHAKE_TIMEOUT_S`], a frame that has begun [`FRAME_TIMEOUT_S`], and so does writing
//!   what a peer does not read.
//! * R3 A request substream carries one frame each way; both sides close what they have written.

use crate::RequestError;
use crate::budget::{Budget, Permit};
use crate::event::Link;
use crate::frames::{self, FrameError};
use crate::metrics::Traffic;
use crate::outbox::Outbox;
use crate::protocol::{Channel, Method};
use crate::streams::Substream;
use futures::io::BufReader;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// R2.
pub(crate) const HANDSHAKE_TIMEOUT_S: u64 = 10;
/// R2.
const FRAME_TIMEOUT_S: u64 = 20;

/// What a task tells the shell.
pub(crate) enum Report {
    /// The peer opened a channel with this handshake and waits for ours.
    Offered { at: Place, handshake: Vec<u8>, accept: oneshot::Sender<Accept> },
    /// The peer accepted the channel that we opened, with this handshake.
    Accepted { at: Place, handshake: Vec<u8> },
    /// A notification.
    Notification { at: Place, bytes: Vec<u8>, permit: Permit },
    /// The substream ended, in the named direction.
    Ended { at: Place, inbound: bool, violation: Option<&'static str> },
    /// The peer asks.
    Asked { link: Link, method: Method, bytes: Vec<u8>, permit: Permit, answer: oneshot::Sender<Vec<u8>> },
    /// The peer answered, or did not.
    Answered { request: u64, result: Result<Vec<u8>, RequestError>, permit: Permit },
    /// A request substream broke a rule.
    Broke { link: Link, rule: &'static str },
}

/// The answer to an offer.
pub(crate) struct Accept {
    /// What to shake hands with.
    pub(crate) handshake: Vec<u8>,
    /// Completes when notifications may be read.
    pub(crate) go: oneshot::Receiver<()>,
}

/// Where a task works. The serial number tells it from earlier ones of the same channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) link: Link,
    pub(crate) channel: Channel,
    pub(crate) serial: u64,
}

/// A task that ends when this is dropped.
pub(crate) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What tasks of a connection share.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) reports: mpsc::Sender<Report>,
    pub(crate) budget: Budget,
    pub(crate) traffic: Arc<Traffic>,
}

impl Context {
    async fn tell(&self, report: Report) {
        // Only a shell that is gone does not listen.
        let _gone = self.reports.send(report).await;
    }
}

async fn within<T>(seconds: u64, work: impl Future<Output = Result<T, FrameError>>) -> Result<T, FrameError> {
    match timeout(Duration::from_secs(seconds), work).await {
        Ok(result) => result,
        Err(_) => Err(FrameError::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Reads a frame whose bytes count for the budget from its length on.
async fn read_frame<R: futures::AsyncRead + Unpin>(
    input: &mut R,
    most: usize,
    budget: &Budget,
) -> Result<Option<(Vec<u8>, Permit)>, FrameError> {
    let Some(length) = frames::read_length(input, most).await? else { return Ok(None) };
    let permit = budget.claim(length).await;
    let bytes = within(FRAME_TIMEOUT_S, frames::read_payload(input, length)).await?;
    Ok(Some((bytes, permit)))
}

fn violation(error: &FrameError) -> Option<&'static str> {
    match error {
        FrameError::TooLarge { .. } => Some("oversized frame"),
        FrameError::Length => Some("malformed frame"),
        FrameError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Some("frame not finished"),
        FrameError::Short | FrameError::Io(_) => None,
    }
}

/// A channel that the peer opened.
pub(crate) async fn inbound(context: Context, at: Place, stream: Substream) {
    let ended = receive(&context, at, stream).await;
    let violation = ended.err().as_ref().and_then(violation);
    context.tell(Report::Ended { at, inbound: true, violation }).await;
}

async fn receive(context: &Context, at: Place, stream: Substream) -> Result<(), FrameError> {
    let mut stream = BufReader::new(stream);
    let most = at.channel.max_handshake_bytes();
    let Some(handshake) = within(HANDSHAKE_TIMEOUT_S, frames::read(&mut stream, most)).await? else {
        return Ok(());
    };
    let (accept, accepted) = oneshot::channel();
    context.tell(Report::Offered { at, handshake, accept }).await;
    let patience = Duration::from_secs(HANDSHAKE_TIMEOUT_S);
    let Ok(Ok(Accept { handshake, go })) = timeout(patience, accepted).await else { return Ok(()) };
    within(FRAME_TIMEOUT_S, async { Ok(frames::write(stream.get_mut(), &[handshake]).await?) }).await?;
    if go.await.is_err() {
        return Ok(());
    }
    while let Some((bytes, permit)) = read_frame(&mut stream, at.channel.max_bytes(), &context.budget).await?
    {
        context.traffic.received(at.channel, bytes.len());
        context.tell(Report::Notification { at, bytes, permit }).await;
    }
    Ok(())
}

/// A channel that we open.
pub(crate) async fn outbound(
    context: Context,
    at: Place,
    stream: Substream,
    handshake: Vec<u8>,
    outbox: Arc<Outbox>,
) {
    let violation = match send(&context, at, stream, handshake, &outbox).await {
        Ok(violation) => violation,
        Err(error) if error.is_violation() => violation(&error),
        // A peer that reads too slowly, or is gone.
        Err(_) => None,
    };
    context.tell(Report::Ended { at, inbound: false, violation }).await;
}

async fn send(
    context: &Context,
    at: Place,
    stream: Substream,
    handshake: Vec<u8>,
    outbox: &Outbox,
) -> Result<Option<&'static str>, FrameError> {
    let (mut input, mut output) = stream.split();
    let most = at.channel.max_handshake_bytes();
    let answer = within(HANDSHAKE_TIMEOUT_S, async {
        frames::write(&mut output, &[handshake]).await?;
        frames::read(&mut input, most).await
    });
    let Some(handshake) = answer.await? else { return Ok(None) };
    context.tell(Report::Accepted { at, handshake }).await;
    loop {
        let mut byte = [0];
        let batch = tokio::select! {
            batch = outbox.pop() => batch,
            // R1.
            read = input.read(&mut byte) => return Ok(match read? {
                0 => None,
                _ => Some("data against a substream's direction"),
            }),
        };
        within(FRAME_TIMEOUT_S, async { Ok(frames::write(&mut output, &batch).await?) }).await?;
        batch.iter().for_each(|payload| context.traffic.sent(at.channel, payload.len()));
    }
}

/// Asks a peer (R3).
pub(crate) async fn ask(
    context: Context,
    request: u64,
    method: Method,
    mut stream: Substream,
    bytes: Vec<u8>,
) {
    context.traffic.asked(bytes.len());
    let exchange = async {
        frames::write(&mut stream, &[bytes]).await?;
        stream.close().await?;
        read_frame(&mut stream, method.max_response_bytes(), &context.budget).await
    };
    let (result, permit) = match timeout(method.timeout(), exchange).await {
        Err(_) => (Err(RequestError::Timeout), Permit::default()),
        Ok(Ok(Some((bytes, permit)))) => (Ok(bytes), permit),
        Ok(Ok(None) | Err(FrameError::Io(_))) => (Err(RequestError::Refused), Permit::default()),
        Ok(Err(_)) => (Err(RequestError::Malformed), Permit::default()),
    };
    context.traffic.answered(method, result.as_ref().ok().map(Vec::len));
    context.tell(Report::Answered { request, result, permit }).await;
}

/// Serves a peer's request (R3).
pub(crate) async fn serve(context: Context, link: Link, method: Method, mut stream: Substream) {
    let read = read_frame(&mut stream, method.max_request_bytes(), &context.budget);
    let (bytes, permit) = match within(FRAME_TIMEOUT_S, read).await {
        Ok(Some(frame)) => frame,
        Ok(None) => return,
        Err(error) => {
            if let Some(rule) = violation(&error) {
                context.tell(Report::Broke { link, rule }).await;
            }
            return;
        }
    };
    context.traffic.was_asked(bytes.len());
    let (answer, answered) = oneshot::channel();
    context.tell(Report::Asked { link, method, bytes, permit, answer }).await;
    let bytes = match timeout(method.timeout(), answered).await {
        Ok(Ok(bytes)) if bytes.len() <= method.max_response_bytes() => bytes,
        _ => return context.traffic.served(method, None),
    };
    let length = bytes.len();
    let written = within(method.timeout().as_secs(), async {
        frames::write(&mut stream, &[bytes]).await?;
        Ok(stream.close().await?)
    });
    let is_served = written.await.is_ok();
    context.traffic.served(method, is_served.then_some(length));
}
