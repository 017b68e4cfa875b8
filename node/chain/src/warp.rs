//! Starting from a proof of finality instead of from the first block: the decider behind `sync/warp` and `state/2`.
//!
//! ```text
//!  Proving ── proofs from several peers, verified from the genesis voters ──► the highest target
//!     ▲                                                                          │ Begin
//!     └── nobody has the target's state any more ── Loading ◄────────────────────┘
//!                                                     │ pieces of the state, each proved, each saved
//!                                                     ▼
//!                                                  Install ──► full sync goes on above the target
//! ```
//!
//! Terms: *fragment* = header of a final block with its justification; *target* = the block whose state is loaded;
//! *piece* = the pairs of one answer of `state/2`.
//!
//! Rules
//! - R1 One request at a time to a peer, and one for the state at all; who does not answer in
//!   [`Config::timeout_ms`] is not asked again for [`Config::retry_ms`].
//! - R2 A proof counts only if it verifies from the voters that its request named ([`Followed`]). [`Config::peers_wanted`]
//!   peers are heard, or those that answer within [`Config::gather_ms`] of the first; the highest target wins, since a
//!   proof may be old but not forged without a third of the voters of its time.
//! - R3 A target less than [`Config::gap_min_blocks`] above the genesis block is not worth it: [`Effect::Nothing`].
//! - R4 A piece counts only if its proof hashes to the target's state root and begins where the last one ended. So what
//!   was saved is part of the state, whoever sent it, and another peer can go on.
//! - R5 What was saved is taken up again after an interruption ([`Warp::resume`]): the fragments are verified again, the
//!   pairs are trusted until the whole state is checked against the state root before it is installed.
//! - R6 After [`Config::failures_max`] failures in a row to get a piece the target is given up and proofs are asked for
//!   again: nodes keep old states for a while only.
//! - R7 A state above [`Config::state_bytes_max`] is not loaded: [`Effect::TooLarge`].
//!
//! What is not downloaded: blocks between the genesis block and the target, but for those that changed the voters. They
//! are absent, and stay so; [`crate::Chain::header`] and its like answer none.
//!
//! Out of scope: encoding, sockets, files, which peers there are.

pub(crate) mod index;
pub mod install;
pub mod serve;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parity_scale_codec::{Decode, Encode};
use quire_consensus::PeerId;
use quire_core::{BlockNumber, GrandpaJustification, H256, Header};
use quire_trie::{compact, read_range};

pub use self::install::{InstallError, Installation};
pub use self::serve::Fragments;
pub use self::verify::{Followed, ProofError, Target};

/// One step of a proof: a block and why it is final.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Fragment {
    /// Header of the block.
    pub header: Header,
    /// The proof by the voters of its parent's state.
    pub justification: GrandpaJustification,
}

/// A key with its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Name of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Times and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long an answer is waited for, milliseconds.
    pub timeout_ms: u64,
    /// How long a peer that failed is left alone, milliseconds.
    pub retry_ms: u64,
    /// Peers whose proofs are heard.
    pub peers_wanted: usize,
    /// How long others are waited for after the first finished proof, milliseconds.
    pub gather_ms: u64,
    /// Height below which a target is not worth it.
    pub gap_min_blocks: BlockNumber,
    /// Failures in a row after which a target is given up.
    pub failures_max: u32,
    /// Most bytes of keys and values.
    pub state_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout_ms: 20_000,
            retry_ms: 2_000,
            peers_wanted: 3,
            gather_ms: 5_000,
            gap_min_blocks: 64,
            failures_max: 12,
            state_bytes_max: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No answer in time.
    Timeout,
    /// R2: a proof of finality that proves nothing.
    Proof,
    /// R4: a piece of another state, or none at all.
    State,
}

impl Rule {
    /// The name under which it is reported.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "warp R1: no answer in time",
            Self::Proof => "warp R2: a proof of finality that proves nothing",
            Self::State => "warp R4: a piece of another state",
        }
    }
}

/// Everything that the decider can be told.
#[derive(Clone, Debug)]
pub enum Input {
    /// [`Warp::wake_at`] has come.
    Tick,
    /// A peer is there.
    Connected {
        /// The peer.
        peer: PeerId,
    },
    /// A peer is gone.
    Gone {
        /// The peer.
        peer: PeerId,
    },
    /// An answer of `sync/warp`.
    Proof {
        /// Who answered.
        peer: PeerId,
        /// The request.
        request: RequestId,
        /// The steps.
        fragments: Vec<Fragment>,
        /// Whether the last one is the newest final block.
        is_finished: bool,
    },
    /// An answer of `state/2`.
    State {
        /// Who answered.
        peer: PeerId,
        /// The request.
        request: RequestId,
        /// Items of a compact proof.
        items: Vec<Vec<u8>>,
    },
    /// A request failed: refused, undecodable, substream closed.
    Failed {
        /// Who was asked.
        peer: PeerId,
        /// The request.
        request: RequestId,
    },
}

/// What the shell has to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask a peer for a proof of finality.
    AskProof {
        /// The peer.
        peer: PeerId,
        /// Name of the request.
        request: RequestId,
        /// The block above which it begins.
        from: H256,
    },
    /// Ask a peer for a piece of a state, with its proof.
    AskState {
        /// The peer.
        peer: PeerId,
        /// Name of the request.
        request: RequestId,
        /// The block.
        block: H256,
        /// The last key that is here.
        after: Option<Vec<u8>>,
    },
    /// A target was chosen: what was saved before is of no use any more.
    Begin(Box<Saved>),
    /// Save pairs, after those before.
    Save(Vec<Pair>),
    /// A peer broke a rule.
    Report {
        /// The peer.
        peer: PeerId,
        /// The rule.
        rule: Rule,
    },
    /// The state is here: install it. The last effect of all.
    Install(Box<Installation>),
    /// R3: sync from the first block. The last effect of all.
    Nothing,
    /// R7: sync from the first block. The last effect of all.
    TooLarge,
}

/// What is saved about a target, before its pairs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Saved {
    /// The steps to the target; the last one is the target.
    pub fragments: Vec<Fragment>,
}

/// What a request was for.
#[derive(Debug)]
enum Asked {
    /// A proof from here.
    Proof(Arc<Followed>),
    /// The piece after those that are here.
    State,
}

#[derive(Debug, Default)]
struct Peer {
    /// The open request, what for, and until when.
    open: Option<(RequestId, Asked, u64)>,
    /// R1: when it may be asked again.
    rests_until: u64,
}

/// See the module.
#[derive(Debug)]
enum Phase {
    Proving(Proving),
    Loading(Loading),
    Done,
}

#[derive(Debug)]
struct Proving {
    followed: Arc<Followed>,
    best: Option<Target>,
    /// Peers whose proof came to its end.
    heard: BTreeSet<PeerId>,
    /// When the first one did.
    since: Option<u64>,
}

#[derive(Debug)]
struct Loading {
    target: Target,
    hash: H256,
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
    after: Option<Vec<u8>>,
    bytes: u64,
    failures: u32,
}

/// How far it is, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Following proofs.
    Proving {
        /// The height that is proved.
        proved: BlockNumber,
    },
    /// Loading the state.
    Loading {
        /// The target's height.
        target: BlockNumber,
        /// Bytes of keys and values that are here.
        bytes: u64,
        /// The first two bytes of the last key of 65,536: keys are spread evenly in large states.
        done_of_65536: u16,
    },
    /// Nothing is left to do.
    Done,
}

/// The decider; see the module.
#[derive(Debug)]
pub struct Warp {
    config: Config,
    genesis: Arc<Followed>,
    phase: Phase,
    peers: BTreeMap<PeerId, Peer>,
    requests: u64,
}

impl Warp {
    /// From the voters of the genesis block.
    #[must_use]
    pub fn new(config: Config, genesis: Followed) -> Self {
        let genesis = Arc::new(genesis);
        let phase = Phase::Proving(Proving::from(genesis.clone()));
        Self { config, genesis, phase, peers: BTreeMap::new(), requests: 0 }
    }

    /// R5: goes on with a target and the pairs of its state that were saved, if the target is one.
    #[must_use]
    pub fn resume(config: Config, genesis: Followed, saved: Saved, pairs: Vec<Pair>) -> Self {
        let mut warp = Self::new(config, genesis.clone());
        if let Ok((_, Some(target))) = genesis.follow(saved.fragments, true) {
            let mut loading = Loading::of(target);
            loading.take(pairs);
            warp.phase = Phase::Loading(loading);
        }
        warp
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.phase {
            Phase::Proving(proving) => Progress::Proving { proved: proving.followed.at.number },
            Phase::Loading(loading) => Progress::Loading {
                target: loading.target.last.header.number,
                bytes: loading.bytes,
                done_of_65536: loading.after.as_ref().map_or(0, |key| {
                    u16::from_be_bytes([key.first().copied().unwrap_or(0), key.get(1).copied().unwrap_or(0)])
                }),
            },
            Phase::Done => Progress::Done,
        }
    }

    /// When it wants to be told [`Input::Tick`].
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let gathered = match &self.phase {
            Phase::Proving(proving) => proving.since.map(|since| since.saturating_add(self.config.gather_ms)),
            Phase::Loading(_) => None,
            Phase::Done => return None,
        };
        let of_peer = |peer: &Peer| peer.open.as_ref().map_or(peer.rests_until, |(_, _, until)| *until);
        self.peers.values().map(of_peer).filter(|at| *at > 0).chain(gathered).min()
    }

    /// Takes an input at a time that never goes back.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        for peer in self.peers.values_mut().filter(|peer| peer.rests_until <= now_ms) {
            peer.rests_until = 0;
        }
        match input {
            Input::Tick => {}
            Input::Connected { peer } => {
                self.peers.entry(peer).or_default();
            }
            Input::Gone { peer } => {
                if self
                    .peers
                    .remove(&peer)
                    .is_some_and(|gone| matches!(gone.open, Some((_, Asked::State, _))))
                {
                    self.piece_failed();
                }
            }
            Input::Proof { peer, request, fragments, is_finished } => {
                if let Some(Asked::Proof(from)) = self.close(now_ms, peer, request) {
                    self.proof(now_ms, peer, &from, fragments, is_finished, &mut effects);
                }
            }
            Input::State { peer, request, items } => {
                if let Some(Asked::State) = self.close(now_ms, peer, request) {
                    self.piece(now_ms, peer, &items, &mut effects);
                }
            }
            Input::Failed { peer, request } => {
                if let Some(asked) = self.close(now_ms, peer, request) {
                    self.failed(now_ms, peer, &asked);
                }
            }
        }
        self.expire(now_ms, &mut effects);
        self.advance(now_ms, &mut effects);
        effects
    }

    /// Takes the open request of a peer, if the answer is to it.
    fn close(&mut self, now_ms: u64, peer: PeerId, request: RequestId) -> Option<Asked> {
        let peer = self.peers.get_mut(&peer)?;
        let (id, _, until) = peer.open.as_ref()?;
        if *id != request || *until <= now_ms {
            return None;
        }
        peer.open.take().map(|(_, asked, _)| asked)
    }

    fn failed(&mut self, now_ms: u64, peer: PeerId, asked: &Asked) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.rests_until = now_ms.saturating_add(self.config.retry_ms);
        }
        if matches!(asked, Asked::State) {
            self.piece_failed();
        }
    }

    /// R6.
    fn piece_failed(&mut self) {
        let Phase::Loading(loading) = &mut self.phase else { return };
        loading.failures += 1;
        if loading.failures >= self.config.failures_max {
            self.phase = Phase::Proving(Proving::from(self.genesis.clone()));
        }
    }

    /// R1.
    fn expire(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let late = |peer: &Peer| peer.open.as_ref().is_some_and(|(_, _, until)| *until <= now_ms);
        let late: Vec<PeerId> = self.peers.iter().filter(|(_, peer)| late(peer)).map(|(id, _)| *id).collect();
        for id in late {
            let asked = self.peers.get_mut(&id).and_then(|peer| peer.open.take());
            if let Some((_, asked, _)) = asked {
                effects.push(Effect::Report { peer: id, rule: Rule::Timeout });
                self.failed(now_ms, id, &asked);
            }
        }
    }

    /// R2.
    fn proof(
        &mut self,
        now_ms: u64,
        peer: PeerId,
        from: &Followed,
        fragments: Vec<Fragment>,
        is_finished: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Phase::Proving(proving) = &mut self.phase else { return };
        let Ok((followed, target)) = from.clone().follow(fragments, is_finished) else {
            effects.push(Effect::Report { peer, rule: Rule::Proof });
            self.failed(now_ms, peer, &Asked::Proof(self.genesis.clone()));
            return;
        };
        if followed.at.number > proving.followed.at.number {
            proving.followed = Arc::new(followed);
        }
        if is_finished {
            proving.heard.insert(peer);
            proving.since.get_or_insert(now_ms);
        }
        let number = |target: &Target| target.last.header.number;
        if target
            .as_ref()
            .is_some_and(|new| proving.best.as_ref().is_none_or(|best| number(best) < number(new)))
        {
            proving.best = target;
        }
    }

    /// R4.
    fn piece(&mut self, now_ms: u64, peer: PeerId, items: &[Vec<u8>], effects: &mut Vec<Effect>) {
        let Phase::Loading(loading) = &mut self.phase else { return };
        let root = loading.target.last.header.state_root;
        let range = compact::decode(items)
            .ok()
            .filter(|(found, _)| *found == root)
            .and_then(|(_, items)| read_range(root, &items, loading.after.as_deref()).ok())
            .filter(|range| range.is_complete || !range.pairs.is_empty());
        let Some(range) = range else {
            effects.push(Effect::Report { peer, rule: Rule::State });
            self.failed(now_ms, peer, &Asked::State);
            return;
        };
        loading.failures = 0;
        effects.push(Effect::Save(range.pairs.clone()));
        loading.take(range.pairs);
        if loading.bytes > self.config.state_bytes_max {
            effects.push(Effect::TooLarge);
            self.phase = Phase::Done;
        } else if range.is_complete {
            self.install(effects);
        }
    }

    fn install(&mut self, effects: &mut Vec<Effect>) {
        if let Phase::Loading(loading) = std::mem::replace(&mut self.phase, Phase::Done) {
            effects.push(Effect::Install(Box::new(Installation {
                target: loading.target,
                pairs: loading.pairs,
            })));
        }
    }

    /// Chooses a target when it is time, and asks whoever is free.
    fn advance(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if let Phase::Proving(proving) = &mut self.phase
            && proving.is_over(now_ms, &self.config)
        {
            match proving.best.take().filter(|best| best.last.header.number >= self.config.gap_min_blocks) {
                Some(target) => {
                    let mut fragments = target.followed.changes.clone();
                    if fragments.last() != Some(&target.last) {
                        fragments.push(target.last.clone());
                    }
                    effects.push(Effect::Begin(Box::new(Saved { fragments })));
                    self.phase = Phase::Loading(Loading::of(target));
                }
                None => {
                    effects.push(Effect::Nothing);
                    self.phase = Phase::Done;
                }
            }
        }
        self.ask(now_ms, effects);
    }

    fn ask(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let free = |peer: &Peer| peer.open.is_none() && peer.rests_until <= now_ms;
        let until = now_ms.saturating_add(self.config.timeout_ms);
        match &self.phase {
            Phase::Proving(proving) => {
                let open = self.peers.values().filter(|peer| peer.open.is_some()).count();
                let room = self.config.peers_wanted.saturating_sub(open + proving.heard.len());
                let free =
                    self.peers.iter_mut().filter(|(id, peer)| free(peer) && !proving.heard.contains(id));
                for (id, peer) in free.take(room) {
                    let (request, from) = (RequestId(self.requests), proving.followed.at.hash);
                    self.requests += 1;
                    peer.open = Some((request, Asked::Proof(proving.followed.clone()), until));
                    effects.push(Effect::AskProof { peer: *id, request, from });
                }
            }
            Phase::Loading(loading) => {
                if self.peers.values().any(|peer| matches!(peer.open, Some((_, Asked::State, _)))) {
                    return;
                }
                let chosen = self.peers.iter_mut().find(|(_, peer)| free(peer));
                let Some((id, peer)) = chosen else { return };
                let request = RequestId(self.requests);
                self.requests += 1;
                peer.open = Some((request, Asked::State, until));
                let (block, after) = (loading.hash, loading.after.clone());
                effects.push(Effect::AskState { peer: *id, request, block, after });
            }
            Phase::Done => {}
        }
    }
}

impl Proving {
    fn from(followed: Arc<Followed>) -> Self {
        Self { followed, best: None, heard: BTreeSet::new(), since: None }
    }

    /// R2.
    fn is_over(&self, now_ms: u64, config: &Config) -> bool {
        let is_late = self.since.is_some_and(|since| now_ms >= since.saturating_add(config.gather_ms));
        is_late || self.heard.len() >= config.peers_wanted
    }
}

impl Loading {
    fn of(target: Target) -> Self {
        let hash = target.last.header.hash();
        Self { target, hash, pairs: BTreeMap::new(), after: None, bytes: 0, failures: 0 }
    }

    fn take(&mut self, pairs: Vec<Pair>) {
        for (key, value) in pairs {
            self.bytes = self.bytes.saturating_add((key.len() + value.len()) as u64);
            self.after = self.after.take().max(Some(key.clone()));
            self.pairs.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests;
