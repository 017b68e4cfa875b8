//! Answers peers and light clients: blocks, proofs of storage and calls, states, proofs of finality.
//!
//! | method | answer |
//! |---|---|
//! | `sync/2` | blocks (the chain decides how many) |
//! | `light/2` | the trie nodes and values that a read or a runtime call looked at |
//! | `state/2` | a piece of a state, with its proof or without |
//! | `sync/warp` | headers and justifications of all changes of the voters, and of the last final block |
//!
//! Rules
//! - R1 Who asks pays: every answer costs its bytes, a call also its time, out of an account that fills up again
//!   ([`ledger`]). Without funds a request is refused, politely: it costs the peer no score.
//! - R2 Bytes that are no request are reported under the name of their rule.
//! - R3 What this node does not have (a pruned state, an unknown block, a runtime that traps) is answered as the protocol
//!   says it: without a proof, or not at all. It is nobody's fault.
//! - R4 A call may take [`CALL_LIMIT`]; what it writes is thrown away.
//! - R5 No answer is larger than its method allows.
//! - R6 A proof of finality is kept until another block is final, since many ask for the same one.
//!
//! Out of scope: queues and threads, and other methods (`net/server.rs`).

mod ledger;

use crate::clock::Stopwatch;
use crate::service::Chain;
use ledger::Ledger;
use parity_scale_codec::Encode;
use quire_chain::{ExecuteError, QueryError, StoreError};
use quire_core::H256;
use quire_core::limits::MAX_PROOF_ITEMS;
use quire_executor::WasmExecutor;
use quire_network::Method;
use quire_network::wire::light::{LightRequest, LightResponse, Proof};
use quire_network::wire::state::{self, StateEntries, StateRequest, StateResponse};
use quire_network::wire::warp;
use quire_trie::compact;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// R4.
const CALL_LIMIT: Duration = Duration::from_secs(2);
/// Bytes of a piece of a state, about; Substrate's figure.
const PIECE_BYTES: usize = 2 * 1024 * 1024;
/// Proofs of finality that are kept, from different blocks.
const KEPT_PROOFS: usize = 8;
/// What a request costs beside the bytes of its answer: looking things up.
const LOOKUP_COST: u64 = 4 * 1024;
/// What a microsecond of a call costs: a second weighs as much as eight megabytes.
const COST_PER_US: u64 = 8;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// R2: the rule that the bytes break.
    Junk(&'static str),
    /// R1.
    Poor,
    /// R3.
    Unknown,
    /// The database failed: the node must stop.
    Fatal(StoreError),
}

/// A proof of finality that was made: from where, to which final block, and its bytes.
type Kept = BTreeMap<H256, (H256, Arc<[u8]>)>;

/// See the module doc.
pub(crate) struct Serve {
    chain: Arc<Chain>,
    executor: Arc<WasmExecutor>,
    ledger: Mutex<Ledger>,
    kept: Mutex<Kept>,
    started: Stopwatch,
}

impl Serve {
    pub(crate) fn new(chain: Arc<Chain>, executor: Arc<WasmExecutor>) -> Self {
        Self {
            chain,
            executor,
            ledger: Mutex::default(),
            kept: Mutex::default(),
            started: Stopwatch::start(),
        }
    }

    /// The answer to a request of a peer.
    pub(crate) fn answer(&self, peer: &str, method: Method, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        if !self.ledger(|ledger, now_ms| ledger.may_ask(now_ms, peer)) {
            return Err(Refusal::Poor);
        }
        let begun = Stopwatch::start();
        let answer = match method {
            Method::Light => self.light(bytes),
            Method::State => self.state(bytes),
            Method::Warp => self.warp(bytes),
            _ => Err(Refusal::Unknown),
        };
        let answer = answer.and_then(|answer| {
            let fits = answer.len() <= method.max_response_bytes();
            fits.then_some(answer).ok_or(Refusal::Unknown)
        });
        let cost = answer.as_ref().map_or(0, |answer| answer.len() as u64);
        let cost = cost.saturating_add(LOOKUP_COST).saturating_add(begun.us().saturating_mul(COST_PER_US));
        self.ledger(|ledger, now_ms| ledger.charge(now_ms, peer, cost));
        answer
    }

    /// R1 for an answer that was made elsewhere: blocks.
    pub(crate) fn may_ask(&self, peer: &str) -> bool {
        self.ledger(|ledger, now_ms| ledger.may_ask(now_ms, peer))
    }

    /// The other half of [`may_ask`](Self::may_ask).
    pub(crate) fn charge(&self, peer: &str, answer_bytes: usize) {
        let cost = LOOKUP_COST.saturating_add(answer_bytes as u64);
        self.ledger(|ledger, now_ms| ledger.charge(now_ms, peer, cost));
    }

    fn ledger<T>(&self, work: impl FnOnce(&mut Ledger, u64) -> T) -> T {
        work(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner), self.started.ms())
    }

    fn light(&self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = LightRequest::decode(bytes).map_err(|_| Refusal::Junk("light-undecodable"))?;
        let response = match request {
            LightRequest::Call { block, method, data } => {
                LightResponse::Call(self.call(block, &method, &data)?)
            }
            LightRequest::Read { block, keys } => {
                LightResponse::Read(proof(self.chain.prove_keys(block, keys))?)
            }
            // There are no child tries: the proof that the state has none under this key answers all of its keys.
            LightRequest::ReadChild { block, child, .. } => {
                LightResponse::Read(proof(self.chain.prove_keys(block, [child]))?)
            }
        };
        Ok(response.encode())
    }

    /// R3, R4.
    fn call(&self, block: H256, method: &str, data: &[u8]) -> Result<Proof, Refusal> {
        let (state, code) = match (self.chain.state_at(block), self.chain.code_at(block)) {
            (Ok(state), Ok(code)) => (state, code),
            (Err(why), _) | (_, Err(why)) => return refused(why).map(|()| None),
        };
        match self.executor.prove_call(&code, &*state, method, data, CALL_LIMIT) {
            Ok((_, items)) => Ok(Some(items).filter(|items| items.len() <= MAX_PROOF_ITEMS as usize)),
            Err(ExecuteError::State(why)) => refused(why.into()).map(|()| None),
            // A call that a peer thought up says nothing about this node, whatever it runs into.
            Err(_) => Ok(None),
        }
    }

    fn state(&self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = StateRequest::decode(bytes).map_err(|_| Refusal::Junk("state-undecodable"))?;
        let after = match request.start.as_slice() {
            [] => None,
            [after] => Some(after.as_slice()),
            // A place in a child trie: there are none.
            _ => return Err(Refusal::Unknown),
        };
        let response = if request.no_proof {
            let piece = self.chain.pairs(request.block, after, PIECE_BYTES, state::MAX_PAIRS);
            let piece = unless_unknown(piece)?;
            let entries = StateEntries { root: Vec::new(), pairs: piece.pairs, complete: piece.is_complete };
            StateResponse::Pairs(vec![entries])
        } else {
            let root = self.state_root(request.block)?;
            let piece = unless_unknown(self.chain.prove_range(request.block, after, PIECE_BYTES))?;
            StateResponse::Proof(compact::encode(root, &piece.items).map_err(|_| Refusal::Unknown)?)
        };
        Ok(response.encode())
    }

    fn state_root(&self, block: H256) -> Result<H256, Refusal> {
        let header = self.chain.header(block).map_err(Refusal::Fatal)?;
        header.map(|header| header.state_root).ok_or(Refusal::Unknown)
    }

    fn warp(&self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let from = warp::decode_request(bytes).map_err(|_| Refusal::Junk("warp-undecodable"))?;
        let head = self.chain.finalised().hash;
        if let Some((to, proof)) = self.kept().get(&from)
            && *to == head
        {
            return Ok(proof.to_vec());
        }
        let proof = self.chain.warp_proof(from, warp::ANSWER_BYTES).map_err(Refusal::Fatal)?;
        let proof = proof.ok_or(Refusal::Unknown)?;
        // As `wire::warp` has it: fragments are encoded alike on both sides.
        let bytes = (proof.list, proof.is_finished).encode();
        let mut kept = self.kept();
        kept.retain(|_, (to, _)| *to == head);
        if kept.len() < KEPT_PROOFS {
            kept.insert(from, (head, bytes.as_slice().into()));
        }
        Ok(bytes)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// R3 and R5: the items, unless they are unknown or too many.
fn proof(items: Result<Vec<Vec<u8>>, QueryError>) -> Result<Proof, Refusal> {
    match items {
        Ok(items) => Ok(Some(items).filter(|items| items.len() <= MAX_PROOF_ITEMS as usize)),
        Err(why) => refused(why).map(|()| None),
    }
}

fn unless_unknown<T>(found: Result<T, QueryError>) -> Result<T, Refusal> {
    found.or_else(|why| refused(why).and(Err(Refusal::Unknown)))
}

/// R3, unless the node must stop.
fn refused(why: QueryError) -> Result<(), Refusal> {
    if !why.is_fatal() {
        return Ok(());
    }
    let reason = why.to_string();
    Err(Refusal::Fatal(match why {
        QueryError::Store(why) => why,
        _ => StoreError::Backend { what: "the state that a peer asked for".into(), reason },
    }))
}

#[cfg(test)]
mod tests;
