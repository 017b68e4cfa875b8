//! Where the finality vote stands, and whom it waits for.
use super::span;
use crate::service::Inner;
use quire_consensus::finality::message::Target;
use quire_consensus::finality::voter::{Awaiting, Explanation};
use quire_core::{AccountId, GrandpaId, ss58};
use serde_json::{Value, json};

/// The facts and a sentence; `null` before the node has looked.
pub(crate) fn finality(node: &Inner) -> Value {
    let best = node.chain.best().number;
    let now_ms = node.view.clock.ms();
    let state = node.view.lock();
    let Some(vote) = &state.finality else { return Value::Null };
    let since = |at: u64| now_ms.saturating_sub(at);
    let target = |target: Option<Target>| {
        target.map(|target| json!({ "number": target.number, "hash": target.hash.to_string() }))
    };
    json!({
        "setId": vote.set_id,
        "round": vote.round,
        "roundSinceMs": since(vote.since_ms),
        "best": best,
        "finalized": target(Some(vote.finalised)),
        "finalizedSinceMs": since(vote.finalised_since_ms),
        "awaiting": name(vote.awaiting),
        "authorities": vote.authorities,
        "threshold": vote.threshold,
        "missingPrevotes": addresses(&vote.missing_prevotes),
        "missingPrecommits": addresses(&vote.missing_precommits),
        "ghost": target(vote.ghost),
        "estimate": target(vote.estimate),
        "finalizedByPeers": vote.peers_finalised,
        "isVoter": state.is_voter,
        "isBarred": vote.is_barred,
        "peers": state.peers.len(),
        "explanation": sentence(vote, best, now_ms, state.is_voter),
    })
}

fn addresses(ids: &[GrandpaId]) -> Vec<String> {
    ids.iter().map(|id| ss58::encode(&AccountId(id.0), ss58::DEVELOPMENT_PREFIX)).collect()
}

fn name(awaiting: Awaiting) -> &'static str {
    match awaiting {
        Awaiting::News => "news",
        Awaiting::Proposal => "proposal",
        Awaiting::Prevotes => "prevotes",
        Awaiting::Estimate => "estimate",
        Awaiting::Precommits => "precommits",
    }
}

fn sentence(vote: &Explanation, best: u32, now_ms: u64, is_voter: bool) -> String {
    let number = vote.finalised.number;
    if vote.awaiting == Awaiting::News && best <= number {
        return format!("everything is final, up to block {number}");
    }
    let age = span(now_ms.saturating_sub(vote.finalised_since_ms));
    let round = format!(
        "block {number} is final since {age}, {} blocks above it wait; round {} runs since {}",
        best.saturating_sub(number),
        vote.round,
        span(now_ms.saturating_sub(vote.since_ms)),
    );
    let waits = |missing: &[GrandpaId], what: &str| {
        format!(
            "waits for {what}: {} of {} are there, {} are needed; missing: {}",
            vote.authorities.saturating_sub(missing.len()),
            vote.authorities,
            vote.threshold,
            addresses(missing).join(", ")
        )
    };
    let why = match vote.awaiting {
        Awaiting::News | Awaiting::Proposal => "the vote on the newest block is about to begin".into(),
        Awaiting::Prevotes => waits(&vote.missing_prevotes, "prevotes"),
        Awaiting::Estimate => format!(
            "waits until block {} of the round before, or a block above it, has enough prevotes; missing: {}",
            vote.estimate.map_or(0, |estimate| estimate.number),
            addresses(&vote.missing_prevotes).join(", ")
        ),
        Awaiting::Precommits => waits(&vote.missing_precommits, "precommits"),
    };
    let own = match (vote.is_barred, is_voter) {
        (true, _) => "; this node does not vote in this round: it would contradict an earlier vote",
        (false, false) => "; this node has no key that votes",
        (false, true) => "",
    };
    format!("{round} and {why}{own}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_core::H256;

    fn vote(awaiting: Awaiting) -> Explanation {
        let target = |number| Target { number, hash: H256([u8::try_from(number).unwrap(); 32]) };
        Explanation {
            set_id: 0,
            round: 9,
            since_ms: 1_000,
            finalised: target(5),
            finalised_since_ms: 500,
            authorities: 4,
            threshold: 3,
            awaiting,
            ghost: Some(target(6)),
            estimate: Some(target(5)),
            missing_prevotes: vec![GrandpaId([1; 32])],
            missing_precommits: vec![GrandpaId([1; 32]), GrandpaId([2; 32])],
            peers_finalised: Some(5),
            is_barred: false,
        }
    }

    #[test]
    fn the_sentence_names_who_is_missing() {
        let missing = addresses(&[GrandpaId([2; 32])]).remove(0);
        let text = sentence(&vote(Awaiting::Precommits), 8, 61_000, true);
        assert!(text.contains("2 of 4 are there, 3 are needed") && text.contains(&missing), "{text}");
        assert!(text.contains("round 9 runs since 60 s") && text.contains("3 blocks above it"), "{text}");
        let text = sentence(&vote(Awaiting::Prevotes), 8, 61_000, false);
        assert!(!text.contains(&missing) && text.ends_with("no key that votes"), "{text}");
        let barred = Explanation { is_barred: true, ..vote(Awaiting::Estimate) };
        assert!(sentence(&barred, 8, 61_000, true).contains("contradict"));
        assert_eq!(sentence(&vote(Awaiting::News), 5, 61_000, true), "everything is final, up to block 5");
    }
}
