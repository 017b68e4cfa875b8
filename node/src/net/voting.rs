//! The voter's key and signatures.
//!
//! Rules
//! - R1 Nothing is signed before guard and record are on the disk; votes of one step share a write.
//! - R2 A lone authority that voted without the voter goes on after its last round
//!   ([`quire_consensus::finality::voter::RoundRecord::of_lone`]).
//! - R3 Votes of a lone authority wait a quarter of a slot (R5 of [`super`]).
use crate::sealing::Sealing;
use crate::service::Inner;
use crate::stop::StopReason;
use parity_scale_codec::DecodeAll;
use quire_consensus::VoterSet;
use quire_consensus::finality::message::{Ballot, SignedVote};
use quire_consensus::finality::voter::{Config, Input, RoundRecord, SignRequest, Start, Voter};
use quire_consensus::vote_guard::VoteKind;
use quire_core::GrandpaId;
use std::sync::Arc;

/// Share of a slot between import and vote of a lone authority: one over this.
const DELAY_SHARE: u64 = 4;

/// The key of this node that votes in a set, if there is one and the node is to vote.
pub(super) fn own_key(node: &Inner, voters: &VoterSet) -> Option<GrandpaId> {
    let votes = node.system().is_authority && node.votes && node.sealing != Sealing::Manual;
    let mut keys = votes.then(|| node.keystore.grandpa_keys())?.into_iter();
    keys.find(|id| voters.contains(id))
}

/// The voters of the blocks after the last final one.
pub(super) fn voters(node: &Inner) -> Result<Arc<VoterSet>, String> {
    let head = node.chain.finalised();
    let missing =
        || format!("block {} {:?} has no finality set; restore the database", head.number, head.hash);
    node.chain.voter_set(head.hash).ok_or_else(missing)
}

/// A voter that begins, or goes on where its guard says.
pub(super) fn start(node: &Inner, now_ms: u64) -> Result<(Voter, Option<GrandpaId>), String> {
    let voters = voters(node)?;
    let id = own_key(node, &voters);
    let (own, kept) = id.map_or_else(Default::default, |id| {
        node.keystore.guard().view(|guard| (guard.own_votes(&id.0), guard.round(&id.0).map(<[u8]>::to_vec)))
    });
    let decode = |bytes: Vec<u8>| RoundRecord::decode_all(&mut &bytes[..]);
    let damaged =
        |why| format!("the vote guard holds a round that does not decode ({why}); restore its files");
    let mut record = kept.map(decode).transpose().map_err(damaged)?;
    if let Some(last) = own.precommit.filter(|_| voters.authorities().len() == 1) {
        record = RoundRecord::of_lone(record, last);
    }
    let start = Start { id, voters, own, record };
    Ok((Voter::new(Config::default(), now_ms, start, &*node.chain), id))
}

/// How long votes of a set wait (R3), milliseconds.
pub(super) fn delay_ms(node: &Inner, voters: &VoterSet) -> u64 {
    if voters.authorities().len() > 1 {
        return 0;
    }
    let set = node.chain.aura_set(node.chain.best().hash);
    set.map_or(0, |set| set.slot_duration_ms / DELAY_SHARE)
}

/// R1: what the voter is to be told.
pub(super) fn sign(node: &Inner, requests: &[SignRequest]) -> Vec<Input> {
    let signatures = match node.keystore.sign_votes(requests) {
        Ok(signatures) => signatures,
        Err(why) => {
            if why.is_fatal() {
                node.stop.throw(StopReason::Fatal(why.to_string()));
            }
            tracing::warn!(target: "grandpa", "no vote: {why}");
            vec![None; requests.len()]
        }
    };
    requests.iter().zip(signatures).map(|(request, signature)| answer(node, request, signature)).collect()
}

fn answer(node: &Inner, request: &SignRequest, signature: Option<[u8; 64]>) -> Input {
    let SignRequest { id, set_id, round, kind, target, .. } = *request;
    let Some(signature) = signature else { return Input::Refused { set_id, round, kind } };
    match kind {
        VoteKind::Prevote => node.metrics.prevotes.count(),
        VoteKind::Precommit => node.metrics.precommits.count(),
        VoteKind::Propose => {}
    }
    Input::Signed { set_id, round, vote: SignedVote { kind, ballot: Ballot { target, signature, id } } }
}
