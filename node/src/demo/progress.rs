//! How the run goes: a board that the workers write on, and bars that show it on a terminal.

use crate::clock::Stopwatch;
use crate::offchain::worker::Watch;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use quire_channel::BlockState;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the bars are drawn.
const REFRESH: Duration = Duration::from_millis(100);
/// Notes that are kept for the end.
const NOTES_KEPT: usize = 100;

/// What is known of one block.
#[derive(Debug, Clone, Default)]
pub(super) struct BlockTimes {
    /// State and when it was seen first, milliseconds since the start.
    pub(super) states: Vec<(BlockState, u64)>,
    /// Milliseconds of work by kind, added up.
    pub(super) work_ms: BTreeMap<&'static str, u64>,
}

/// Everything that the workers report.
#[derive(Debug)]
pub(super) struct Board {
    watch: Stopwatch,
    /// Messages that were logged by their senders.
    pub(super) logged: AtomicU64,
    /// About how many there will be.
    expected: u64,
    blocks: Mutex<BTreeMap<u32, BlockTimes>>,
    block_count: u32,
    notes: Mutex<Vec<String>>,
}

impl Board {
    pub(super) fn new(valid: u64, block_count: u32) -> Board {
        Board {
            watch: Stopwatch::start(),
            logged: AtomicU64::new(0),
            // Every line gives three messages, one notice in 97 is lost.
            expected: (valid * 3).saturating_sub(valid / 97),
            blocks: Mutex::default(),
            block_count,
            notes: Mutex::default(),
        }
    }

    /// What is known of every block.
    pub(super) fn blocks(&self) -> BTreeMap<u32, BlockTimes> {
        self.lock().clone()
    }

    /// What the workers had to say.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, BlockTimes>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> u64 {
        let is_over = |times: &&BlockTimes| times.states.last().is_some_and(|(state, _)| state.is_terminal());
        self.lock().values().filter(is_over).count() as u64
    }

    /// The states of the blocks that are at work, in words.
    fn at_work(&self) -> String {
        let blocks = self.lock();
        let last = |(block, times): (&u32, &BlockTimes)| {
            let (state, _) = times.states.last()?;
            (!state.is_terminal()).then(|| format!("#{block} {state:?}"))
        };
        blocks.iter().filter_map(last).take(4).collect::<Vec<_>>().join(", ")
    }
}

impl Watch for Board {
    fn state(&self, block: u32, state: BlockState) {
        let ms = self.watch.ms();
        self.lock().entry(block).or_default().states.push((state, ms));
    }

    fn worked(&self, block: u32, what: &'static str, ms: u64) {
        *self.lock().entry(block).or_default().work_ms.entry(what).or_default() += ms;
    }

    fn note(&self, text: String) {
        tracing::warn!("{text}");
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES_KEPT {
            notes.push(text);
        }
    }
}

/// The bars; nothing when standard error is no terminal.
pub(super) struct Bars {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Bars {
    /// Begins to draw.
    pub(super) fn start(board: &Arc<Board>) -> Bars {
        if !std::io::stderr().is_terminal() {
            return Bars { running: None };
        }
        let (stop, stopped) = channel::<()>();
        let board = Arc::clone(board);
        let draw = move || {
            let all = MultiProgress::new();
            let messages = all.add(ProgressBar::new(board.expected).with_style(
                style("messages {bar:40} {human_pos} of about {human_len}, {rate}").with_key("rate", rate),
            ));
            let blocks = all.add(
                ProgressBar::new(u64::from(board.block_count))
                    .with_style(style("blocks   {bar:40} {pos}/{len} {wide_msg}")),
            );
            while stopped
                .recv_timeout(REFRESH)
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                messages.set_position(board.logged.load(std::sync::atomic::Ordering::Relaxed));
                blocks.set_position(board.settled());
                blocks.set_message(board.at_work());
            }
            messages.set_position(board.logged.load(std::sync::atomic::Ordering::Relaxed));
            messages.abandon();
            blocks.set_position(board.settled());
            blocks.abandon_with_message("");
        };
        let thread = std::thread::Builder::new().name("demo-bars".into()).spawn(draw);
        // Without the thread there are no bars; the work goes on.
        Bars { running: thread.ok().map(|thread| (stop, thread)) }
    }

    /// Draws the last state and ends.
    pub(super) fn finish(self) {
        if let Some((stop, thread)) = self.running {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// Messages a second, without the decimals that nobody reads.
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // A bar that cannot be written shows less; the work goes on.
    let _ = write!(out, "{:.0}/s", state.per_sec());
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
