//! `--sync warp`: before the node starts, the state of a recent final block is downloaded in the place of all blocks below.
//!
//! ```text
//!  network (no listener) ── answers ──► quire_chain::warp ── requests ──► network
//!                                             ├── pieces ──► warp.part (taken up again after an interruption)
//!                                             └── the whole state ──► chain, in one commit
//! ```
//!
//! Rules
//! - R1 It runs only over a database that holds nothing but the genesis block; any other node goes on from what it has.
//! - R2 Every piece is on the disk when the next one is asked for ([`part`]); a later start takes it up. A damaged end of
//!   that file is cut off, and the whole state is checked before it counts.
//! - R3 SIGINT and SIGTERM end it at once; nothing is lost but the piece under way.
//! - R4 Without a target that is worth it, or with a state that is too large, the node syncs from the first block.
//! - R5 Peers that break a rule are reported to the network, with the rule.
//!
//! Out of scope: what to ask for and what to believe (`quire_chain::warp`); blocks below the target, which stay absent:
//! RPC answers null for them.

mod part;

use crate::clock::Stopwatch;
use crate::service::Chain;
use part::PartFile;
use quire_chain::warp::{Effect, Followed, Fragment, Input, InstallError, Progress, RequestId, Warp};
use quire_chain::{Head, StoreError};
use quire_consensus::PeerId;
use quire_core::H256;
use quire_network::wire::handshake::LIGHT;
use quire_network::wire::state::{StateRequest, StateResponse};
use quire_network::wire::warp::WarpProof;
use quire_network::{Config, Event, Link, Method, Network, NetworkError, RequestError};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What a broken rule costs; a peer with 100 is disconnected.
const RULE_COST: u32 = 50;
/// What silence costs.
const TIMEOUT_COST: u32 = 10;
/// How often people hear how far it is.
const TELL_EVERY_MS: u64 = 5_000;
/// Longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Why there is no state. What was saved stays.
#[derive(Debug, thiserror::Error)]
pub enum WarpSyncError {
    /// R3.
    #[error("warp sync was interrupted; the next start takes it up where it was")]
    Interrupted,
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The network ended by itself.
    #[error("the network stopped during warp sync: start the node again")]
    NetworkStopped,
    /// The file of pieces.
    #[error(
        "cannot keep the downloaded state at {path}: {source}; free space there, or start with --sync full"
    )]
    Part {
        /// The file.
        path: std::path::PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The state is not installed.
    #[error("{0}")]
    Install(#[from] InstallError),
    /// Threads and signals.
    #[error("cannot start the threads of warp sync: {0}; raise the limit on processes (ulimit -u)")]
    Threads(std::io::Error),
    /// The chain's own voters cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Downloads a state if the chain is new (R1). Returns the block that the node starts from, if it is another one now.
///
/// # Errors
/// See [`WarpSyncError`].
pub(crate) fn run(config: Config, chain: &Chain, part: &Path) -> Result<Option<Head>, WarpSyncError> {
    if chain.best().number != 0 {
        // Left over when the node ended between the commit and this.
        PartFile::remove(part);
        tracing::info!(target: "sync", "the database has blocks already: going on from #{}", chain.best().number);
        return Ok(None);
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WarpSyncError::Threads)?;
    let outcome = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(WarpSyncError::Threads)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(WarpSyncError::Threads)?;
        let (network, events) = Network::start(Config { listen: Vec::new(), ..config }).await?;
        let mut drive = Drive::new(network.clone(), chain, part)?;
        let outcome = tokio::select! {
            outcome = drive.run(events) => outcome,
            _ = interrupt.recv() => Err(WarpSyncError::Interrupted),
            _ = terminate.recv() => Err(WarpSyncError::Interrupted),
        };
        network.stop();
        outcome
    });
    runtime.shutdown_background();
    outcome
}

/// One download.
struct Drive<'c> {
    network: Network,
    chain: &'c Chain,
    warp: Warp,
    part: PartFile,
    /// Requests under way by the network's number: of which peer, under which name, what for.
    open: BTreeMap<u64, (Link, RequestId, Method)>,
    begun: Stopwatch,
    told: Stopwatch,
}

/// The end of a download.
type End = Option<Head>;

impl<'c> Drive<'c> {
    fn new(network: Network, chain: &'c Chain, part: &Path) -> Result<Self, WarpSyncError> {
        let genesis = chain.genesis();
        // The root of the tree is the genesis block (R1).
        let voters = chain.voter_set(genesis).ok_or_else(|| StoreError::Corrupted {
            what: "the genesis block".into(),
            reason: "it is not the root of the tree".into(),
        })?;
        let start = Followed::genesis(Head { number: 0, hash: genesis }, (*voters).clone());
        let (part, saved) = PartFile::open(part)?;
        let warp = match saved {
            Some((saved, pairs)) => {
                tracing::info!(target: "sync", "Warp sync: taking up {} pairs of the state", pairs.len());
                Warp::resume(Default::default(), start, saved, pairs)
            }
            None => Warp::new(Default::default(), start),
        };
        Ok(Self {
            network,
            chain,
            warp,
            part,
            open: BTreeMap::new(),
            begun: Stopwatch::start(),
            told: Stopwatch::start(),
        })
    }

    fn now_ms(&self) -> u64 {
        self.begun.ms()
    }

    async fn run(&mut self, mut events: quire_network::Events) -> Result<End, WarpSyncError> {
        loop {
            let until = self.warp.wake_at().map_or(SLEEP_MAX, |at| {
                Duration::from_millis(at.saturating_sub(self.now_ms())).min(SLEEP_MAX)
            });
            let input = match tokio::time::timeout(until, events.recv()).await {
                Err(_) => Some(Input::Tick),
                Ok(Some(event)) => self.input(event),
                Ok(None) => return Err(WarpSyncError::NetworkStopped),
            };
            if self.told.ms() >= TELL_EVERY_MS {
                self.told = Stopwatch::start();
                tell(self.warp.progress());
            }
            let Some(input) = input else { continue };
            let now_ms = self.now_ms();
            for effect in self.warp.step(now_ms, input) {
                if let Some(end) = self.carry_out(effect)? {
                    return Ok(end);
                }
            }
        }
    }

    /// What an event tells the decider.
    fn input(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Opened { link, handshake, .. } if handshake.roles != LIGHT => {
                Some(Input::Connected { peer: PeerId(link.0) })
            }
            Event::Closed { link } => Some(Input::Gone { peer: PeerId(link.0) }),
            Event::Response { link, request, result } => self.response(link, request, result),
            _ => None,
        }
    }

    fn response(&mut self, link: Link, request: u64, result: Result<Vec<u8>, RequestError>) -> Option<Input> {
        let (_, request, method) = self.open.remove(&request)?;
        let peer = PeerId(link.0);
        let answer = match result {
            Ok(bytes) => decode(peer, request, method, &bytes),
            Err(why) => {
                tracing::debug!(target: "sync", "a peer did not answer {}: {why}", method.name());
                return Some(Input::Failed { peer, request });
            }
        };
        if answer.is_none() {
            self.network.report(link, "warp-undecodable", RULE_COST);
        }
        answer.or(Some(Input::Failed { peer, request }))
    }

    /// Some when this was the last effect.
    fn carry_out(&mut self, effect: Effect) -> Result<Option<End>, WarpSyncError> {
        match effect {
            Effect::AskProof { peer, request, from } => {
                self.ask(peer, request, Method::Warp, from.0.to_vec())
            }
            Effect::AskState { peer, request, block, after } => {
                self.ask(peer, request, Method::State, state_request(block, after));
            }
            Effect::Begin(saved) => {
                let number = saved.fragments.last().map_or(0, |last| last.header.number);
                tracing::info!(target: "sync", "Warp sync: block #{number} is proved final, loading its state");
                self.part.begin(&saved)?;
            }
            Effect::Save(pairs) => self.part.append(&pairs)?,
            Effect::Report { peer, rule } => {
                let cost = if rule == quire_chain::warp::Rule::Timeout { TIMEOUT_COST } else { RULE_COST };
                self.network.report(Link(peer.0), rule.name(), cost);
            }
            Effect::Install(installation) => {
                let installed = self.chain.install(*installation);
                if !matches!(&installed, Err(InstallError::Store(_))) {
                    // Installed, or of no use.
                    self.part.forget();
                }
                let head = installed?;
                tracing::info!(target: "sync", "Warp sync: the state of #{} {} is installed", head.number, head.hash);
                return Ok(Some(Some(head)));
            }
            Effect::Nothing => {
                tracing::info!(target: "sync", "Warp sync: the chain is short, syncing from the first block");
                self.part.forget();
                return Ok(Some(None));
            }
            Effect::TooLarge => {
                tracing::warn!(target: "sync", "Warp sync: the state is too large for it, syncing from the first block");
                self.part.forget();
                return Ok(Some(None));
            }
        }
        Ok(None)
    }

    fn ask(&mut self, peer: PeerId, request: RequestId, method: Method, bytes: Vec<u8>) {
        let link = Link(peer.0);
        let number = self.network.request(link, method, bytes);
        self.open.insert(number, (link, request, method));
    }
}

fn state_request(block: H256, after: Option<Vec<u8>>) -> Vec<u8> {
    StateRequest { block, start: after.into_iter().collect(), no_proof: false }.encode()
}

fn decode(peer: PeerId, request: RequestId, method: Method, bytes: &[u8]) -> Option<Input> {
    match method {
        Method::Warp => {
            let proof = WarpProof::decode_response(bytes).ok()?;
            let fragment = |one: quire_network::wire::warp::Fragment| Fragment {
                header: one.header,
                justification: one.justification,
            };
            let fragments = proof.fragments.into_iter().map(fragment).collect();
            Some(Input::Proof { peer, request, fragments, is_finished: proof.is_finished })
        }
        _ => match StateResponse::decode(bytes).ok()? {
            StateResponse::Proof(items) => Some(Input::State { peer, request, items }),
            StateResponse::Pairs(_) => None,
        },
    }
}

fn tell(progress: Progress) {
    match progress {
        Progress::Proving { proved } => {
            tracing::info!(target: "sync", "⏩ Warping, finality is proved up to #{proved}");
        }
        Progress::Loading { target, bytes, done_of_65536 } => {
            let percent = u32::from(done_of_65536) * 100 / 65_536;
            let mib = bytes / (1024 * 1024);
            tracing::info!(target: "sync", "⏩ Warping, state of #{target}: {mib} MiB, about {percent} %");
        }
        Progress::Done => {}
    }
}
