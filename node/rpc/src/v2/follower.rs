//! The shell of a follow: waits for blocks, operations and the client, and sends what the core says.
#![expect(clippy::disallowed_methods, reason = "a shell: the time since a follow began bounds its pins")]
use crate::api::Context;
use crate::backend::BlockEvent;
use crate::error;
use crate::subscription::{Ended, Outcome, Subscriber};
use crate::transport::Outbox;
use crate::v2::event::Event;
use crate::v2::follow::{Follow, Input, Limits, Refusal};
use crate::v2::operation::{Operation, Told, Work};
use crate::v2::pins::{Pins, Share};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

/// Final blocks that `initialized` names.
const FINALIZED_REPORTED_MAX: u32 = 16;
/// Events of operations that wait for the follow to send them; more make the operations wait.
const OPERATION_EVENTS_BUFFERED: usize = 1;

/// A follow as the methods of its connection reach it.
pub(crate) struct Follower {
    state: Mutex<State>,
    context: Arc<Context>,
    operations: mpsc::Sender<Told>,
}

struct State {
    core: Follow,
    share: Share,
    running: BTreeMap<u64, Running>,
}

struct Running {
    task: AbortHandle,
    resumed: Arc<Notify>,
}

impl Drop for State {
    fn drop(&mut self) {
        self.running.values().for_each(|running| running.task.abort());
    }
}

/// The task's side of a follow.
pub(crate) struct Source {
    blocks: broadcast::Receiver<BlockEvent>,
    operations: mpsc::Receiver<Told>,
    pins: Pins,
    started: Instant,
}

impl Follower {
    /// Reads the chain as it is now; gives the first events too.
    pub(crate) async fn start(
        context: Arc<Context>,
        with_runtime: bool,
        pins: Pins,
    ) -> Result<(Arc<Self>, Source, Vec<Event>), Ended> {
        let (snapshot, blocks) = context
            .read(|backend| backend.follow(FINALIZED_REPORTED_MAX).map_err(|why| error::client(&why)))
            .await?;
        let config = &context.config;
        let limits = Limits {
            pinned_blocks_max: config.max_pinned_blocks_per_follow,
            pin_ms_max: config.max_pin_ms,
            operations_max: config.max_operations_per_follow,
        };
        let mut events = Vec::new();
        let core = Follow::start(limits, with_runtime, 0, snapshot, &mut events);
        let (operations, receiver) = mpsc::channel(OPERATION_EVENTS_BUFFERED);
        let mut state = State { core, share: pins.share(), running: BTreeMap::new() };
        state.tally();
        let source = Source { blocks, operations: receiver, pins, started: Instant::now() };
        Ok((Arc::new(Self { state: Mutex::new(state), context, operations }), source, events))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The core's steps do not panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the core something, or tells it what the client wants.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&mut Follow) -> T) -> T {
        let mut state = self.state();
        let answer = ask(&mut state.core);
        state.tally();
        answer
    }

    /// Starts an operation once `replied` has completed, which is when the client knows its number.
    pub(crate) fn spawn(
        &self,
        id: u64,
        work: Work,
        outbox: Option<Arc<Outbox>>,
        replied: impl Future<Output = ()> + Send + 'static,
    ) {
        let resumed = Arc::new(Notify::new());
        let operation = Operation {
            id,
            context: self.context.clone(),
            outbox,
            events: self.operations.clone(),
            resumed: resumed.clone(),
        };
        let mut state = self.state();
        let task = tokio::spawn(async move {
            replied.await;
            operation.run(work).await;
        });
        state.running.insert(id, Running { task: task.abort_handle(), resumed });
    }

    /// Lets a waiting operation run on.
    pub(crate) fn resume(&self, id: u64) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.core.resume(id)?
            && let Some(running) = state.running.get(&id)
        {
            running.resumed.notify_one();
        }
        Ok(())
    }

    /// Ends an operation.
    pub(crate) fn cancel(&self, id: u64) {
        let mut state = self.state();
        state.core.cancel(id);
        if let Some(running) = state.running.remove(&id) {
            running.task.abort();
        }
    }

    fn step(&self, source: &Source, input: Input) -> Vec<Event> {
        let is_crowded = source.pins.count() > self.context.config.max_pinned_blocks;
        let now_ms = u64::try_from(source.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut events = Vec::new();
        let mut state = self.state();
        if let Input::Operation(id, event) = &input
            && event.is_last()
        {
            state.running.remove(id);
        }
        state.core.step(now_ms, is_crowded, input, &mut events);
        state.tally();
        events
    }

    /// Sends events until the follow, the client or the node ends.
    pub(crate) async fn run(
        &self,
        subscriber: &Subscriber,
        mut source: Source,
        mut events: Vec<Event>,
    ) -> Outcome {
        let mut told = None;
        loop {
            for event in &events {
                subscriber.send(event).await?;
            }
            drop(told.take());
            if self.ask(|core| core.is_stopped()) {
                return Ok(());
            }
            let input = tokio::select! {
                biased;
                () = subscriber.closed() => return Err(Ended::Gone),
                event = source.blocks.recv() => match event {
                    Ok(event) => input(event),
                    Err(RecvError::Lagged(_)) => Some(Input::Missed),
                    // The node stops.
                    Err(RecvError::Closed) => Some(Input::Missed),
                },
                Some(Told { id, event, sent }) = source.operations.recv() => {
                    told = Some(sent);
                    Some(Input::Operation(id, event))
                }
            };
            events = input.map_or_else(Vec::new, |input| self.step(&source, input));
        }
    }
}

impl State {
    fn tally(&mut self) {
        self.share.set(self.core.settled_pins());
    }
}

fn input(event: BlockEvent) -> Option<Input> {
    match event {
        BlockEvent::Imported { hash, header, is_best, new_runtime } => {
            Some(Input::Imported { block: hash, parent: header.parent_hash, is_best, new_runtime })
        }
        BlockEvent::FinalityMoved { finalized, best } => {
            Some(Input::Finalized { blocks: finalized, best: best.hash })
        }
        BlockEvent::Finalized { .. } => None,
    }
}
