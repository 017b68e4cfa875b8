//! `grandpa_*`: how the finality vote stands, and proofs that blocks are final.
use super::{Context, Registered, Registry, Reply, reply};
use crate::backend::{BlockEvent, FinalityRound, Votes};
use crate::error;
use crate::json::Hex;
use crate::params::{Args, Number};
use crate::subscription::{Outcome, Subscriber, lagged};
use parity_scale_codec::Encode;
use quire_core::{BlockNumber, H256, Header};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// Blocks between the one asked about and the next one that carries a justification.
const MAX_PROOF_HEADERS: u32 = 4_096;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.read(&["grandpa_roundState"], round_state)?;
    registry.read(&["grandpa_proveFinality"], prove_finality)?;
    registry.subscription(
        &["grandpa_subscribeJustifications"],
        "grandpa_justifications",
        &["grandpa_unsubscribeJustifications"],
        |_, _| Ok(()),
        follow_justifications,
    )
}

fn round_state(context: &Context, _: &mut Args) -> Reply {
    let Some(state) = context.backend.finality_state() else { return Err(error::finality_not_ready()) };
    let votes = |votes: &Votes| json!({ "currentWeight": votes.current_weight, "missing": votes.missing });
    let round = |round: &FinalityRound| -> Value {
        json!({
            "round": round.round,
            "totalWeight": round.total_weight,
            "thresholdWeight": round.threshold_weight,
            "prevotes": votes(&round.prevotes),
            "precommits": votes(&round.precommits),
        })
    };
    reply(&json!({
        "setId": state.set_id,
        "best": round(&state.best),
        "background": state.background.iter().map(round).collect::<Vec<_>>(),
    }))
}

/// What `grandpa_proveFinality` answers, SCALE encoded: the block that is proven final, its justification, and the
/// headers from the one after the block asked about up to it.
#[derive(Encode)]
struct FinalityProof {
    block: H256,
    justification: Vec<u8>,
    unknown_headers: Vec<Header>,
}

/// Finality of a block follows from that of the next block with a justification.
fn prove_finality(context: &Context, args: &mut Args) -> Reply {
    let Number(asked) = args.required("block number")?;
    let backend = &*context.backend;
    let last = backend.finalized().number;
    if asked > last {
        return Err(error::prove_finality("Block not yet finalized"));
    }
    let mut unknown_headers = Vec::new();
    for number in asked..=last.min(asked.saturating_add(MAX_PROOF_HEADERS)) {
        let block = final_hash(context, number)?;
        if number > asked {
            let header = backend.header(&block).map_err(|why| error::client(&why))?;
            unknown_headers
                .push(header.ok_or_else(|| error::prove_finality("Header of a final block is missing"))?);
        }
        if let Some(found) = backend.justification(&block).map_err(|why| error::client(&why))? {
            let proof = FinalityProof { block, justification: found.bytes, unknown_headers };
            return reply(&Hex::owned(proof.encode()));
        }
    }
    reply(&())
}

fn final_hash(context: &Context, number: BlockNumber) -> Result<H256, jsonrpsee::types::ErrorObjectOwned> {
    let hash = context.backend.hash_at(number).map_err(|why| error::client(&why))?;
    hash.ok_or_else(|| error::prove_finality("Hash of a final block is missing"))
}

/// Every justification from now on, as SCALE bytes.
async fn follow_justifications(subscriber: Subscriber, context: Arc<Context>, (): ()) -> Outcome {
    let mut events = context.backend.block_events();
    loop {
        let hash = match subscriber.until_closed(events.recv()).await? {
            Ok(BlockEvent::Finalized { hash, .. }) => hash,
            Ok(_) => continue,
            Err(RecvError::Lagged(missed)) => return Err(lagged(missed)),
            Err(RecvError::Closed) => return Ok(()),
        };
        let found = context
            .read(move |backend| backend.justification(&hash).map_err(|why| error::client(&why)))
            .await?;
        if let Some(justification) = found {
            subscriber.send(&Hex::owned(justification.bytes)).await?;
        }
    }
}
