//! What a block of the chain, or a block of a channel, waits for.
use super::finality;
use crate::offchain::view::Snapshot;
use crate::service::Inner;
use pallet_anchors::storage::BlockRecord;
use quire_chain::StoreError;
use quire_channel::BlockState;
use quire_core::{AccountId, H256, ss58};
use serde_json::{Value, json};

/// A block of the chain.
pub(crate) fn block(node: &Inner, hash: H256) -> Result<Value, StoreError> {
    let chain = &node.chain;
    let Some(header) = chain.header(hash)? else {
        let is_dropped = chain.dropped(hash).is_some();
        return Ok(json!({
            "hash": hash.to_string(),
            "state": if is_dropped { "lost" } else { "unknown" },
            "explanation": if is_dropped {
                "another block is final at its height: its fork has lost, and its transactions went back to the pool"
            } else {
                "this node has no such block; it may not have been announced yet, or it was refused (see the log of target sync)"
            },
        }));
    };
    let (best, finalised) = (chain.best(), chain.finalised());
    let is_best = chain.hash_by_number(header.number)? == Some(hash);
    let (state, explanation) = if chain.is_finalised(hash)? {
        ("final", format!("it is final; the last final block is {}", finalised.number))
    } else if is_best {
        let vote = finality::finality(node);
        let why = vote["explanation"].as_str().unwrap_or("the vote has not begun").to_owned();
        let above = header.number.saturating_sub(finalised.number);
        (
            "waiting",
            format!(
                "it is in the best chain, {above} above the last final block, and waits for finality: {why}"
            ),
        )
    } else {
        let why = format!(
            "it is on a fork that is not the best: block {} {} is longer, or of the same length and of an earlier slot",
            best.number, best.hash
        );
        ("fork", why)
    };
    Ok(json!({
        "hash": hash.to_string(),
        "number": header.number,
        "state": state,
        "best": best.number,
        "finalized": finalised.number,
        "explanation": explanation,
    }))
}

/// A block of a channel, as the last final state has it.
pub(crate) fn channel_block(node: &Inner, channel: u64, number: u32) -> Result<Value, String> {
    let at = node.chain.finalised();
    let snapshot = Snapshot(node.chain.state_at(at.hash).map_err(|why| why.to_string())?);
    let read = |why: crate::offchain::OffchainError| why.to_string();
    let clock = snapshot.clock().map_err(read)?;
    let absent = |state: &str, explanation: String| json!({ "channel": channel, "block": number, "state": state, "clock": clock, "explanation": explanation });
    let Some(record) = snapshot.channel(channel).map_err(read)? else {
        return Ok(absent("unknown", format!("there is no channel {channel} in final block {}", at.number)));
    };
    let Some(block) = snapshot.block(channel, number).map_err(read)? else {
        let why = match record.block_at(clock) {
            Some(current) if number > current => {
                format!("its period has not begun: the channel is at block {current}")
            }
            Some(_) => "nobody delegated, sealed or anchored anything for it".to_owned(),
            None => "the channel has no block at this time: it is not open, or it is closed".to_owned(),
        };
        return Ok(absent("unopened", why));
    };
    Ok(json!({
        "channel": channel,
        "block": number,
        "state": format!("{:?}", block.state()).to_lowercase(),
        "since": block.progress.entered,
        "deadline": block.deadline(),
        "clock": clock,
        "parts": block.parts.len(),
        "duties": block.duties.len(),
        "committed": block.duties.iter().filter(|duty| duty.commitment.is_some()).count(),
        "revealed": block.duties.iter().filter(|duty| duty.reveal.is_some()).count(),
        "explanation": waits(&block, clock),
    }))
}

fn waits(block: &BlockRecord, clock: u32) -> String {
    let left = match block.deadline() {
        Some(deadline) if deadline > clock => format!("; {} ticks are left", deadline - clock),
        Some(_) => "; its time is over, anybody may advance it".into(),
        None => String::new(),
    };
    let of = block.duties.len();
    let who = |is_missing: &dyn Fn(&pallet_anchors::storage::DutyRecord) -> bool| {
        let missing = block.duties.iter().filter(|duty| is_missing(duty));
        let names: Vec<String> = missing
            .map(|duty| ss58::encode(&AccountId(duty.validator.0), ss58::DEVELOPMENT_PREFIX))
            .collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    };
    let what = match block.state() {
        BlockState::Collecting => {
            let named = block.delegations.iter().flatten().count();
            format!(
                "participants collect: {} of {} sealed, {named} named a validator, {of} validators accepted",
                block.sealed.count_ones(),
                block.delegations.len()
            )
        }
        BlockState::Parts => format!("{} parts are anchored, others may still come", block.parts.len()),
        BlockState::Committing => {
            format!("it waits for commitments of validators: {}", who(&|duty| duty.commitment.is_none()))
        }
        BlockState::Revealing => format!(
            "it waits for results of validators that committed: {}",
            who(&|duty| duty.commitment.is_some() && duty.reveal.is_none())
        ),
        BlockState::Agreed => "its result stands and may be challenged".into(),
        BlockState::Settling => "outputs of its result wait to be submitted and applied".into(),
        BlockState::Disputed => "its results differ or a case is open: further validators are asked".into(),
        BlockState::Settled => return "it is settled: nothing is left to do".into(),
        BlockState::Underfunded => return "it is settled as far as deposits went; the rest is debt".into(),
        BlockState::Expired => return "it expired without a result; its parts stay claimable".into(),
    };
    format!("{what}{left}")
}
