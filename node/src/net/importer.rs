//! Imports the blocks of peers, on a thread of its own: executing a block must not keep votes waiting.
//!
//! Rules
//! - R1 Blocks are imported in the order in which sync gave them; each is answered with its outcome.
//! - R2 Only the last step, which changes the chain, keeps others out; checking and executing do not.
//! - R3 A proof is tried after its block is in the chain. One that proves nothing changes nothing.
use super::post::Letter;
use crate::clock::now_ms;
use crate::service::Inner;
use crate::stop::StopReason;
use crate::task::import;
use parity_scale_codec::DecodeAll;
use quire_chain::sync::{BlockData, Outcome};
use quire_chain::{Head, ImportError, Imported, Received};
use quire_core::{Block, GrandpaJustification, H256};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Work for the importer.
#[derive(Debug)]
pub(crate) enum Job {
    /// A block with header and body.
    Block(Box<BlockData>),
    /// A proof for an imported block.
    Proof(Head, Vec<u8>),
}

/// Runs until the hub or the node stops.
pub(crate) fn run(node: &Inner, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        if node.stop.is_thrown() {
            return;
        }
        match job {
            Job::Block(block) => take_block(node, *block),
            Job::Proof(block, proof) => take_proof(node, block.hash, &proof),
        }
    }
}

fn take_block(node: &Inner, data: BlockData) {
    let BlockData { hash, header: Some(header), body: Some(extrinsics), proof } = data else { return };
    let outcome = match import(node, Block { header, extrinsics }) {
        Ok(_) => Outcome::Imported,
        Err(error) => {
            if error.is_fatal() {
                node.stop.throw(StopReason::Fatal(error.to_string()));
            }
            tracing::debug!(target: "sync", "block {hash:?} is not imported: {error}");
            Outcome::of(&error)
        }
    };
    if let Some(proof) = proof {
        take_proof(node, hash, &proof);
    }
    node.post.send(Letter::Imported { hash, outcome });
}

/// R2.
fn import(node: &Inner, block: Block) -> Result<Imported, ImportError> {
    import::timed(node, || {
        let checked = node.chain.check_header(now_ms(), Received::new(block)?)?;
        let executed = node.chain.execute(checked)?;
        let imported =
            node.announcer.in_order(|| node.chain.insert(executed), |done| import::imported(node, done))?;
        if imported.new_best.is_some() {
            tracing::info!(target: "substrate", "Imported #{} ({:?})", imported.block.number, imported.block.hash);
        }
        Ok(imported)
    })
}

/// R3.
fn take_proof(node: &Inner, hash: H256, bytes: &[u8]) {
    let Ok(proof) = GrandpaJustification::decode_all(&mut &*bytes) else { return };
    if proof.target_hash == hash {
        finalise(node, hash, &Arc::new(proof));
    }
}

/// Makes a block final and tells everybody. A proof that the chain does not take is left.
pub(super) fn finalise(node: &Inner, hash: H256, proof: &Arc<GrandpaJustification>) {
    let done = node
        .announcer
        .in_order(|| node.chain.finalise(hash, proof), |done| import::finalised(node, done, proof));
    match done {
        Err(error) if error.is_fatal() => node.stop.throw(StopReason::Fatal(error.to_string())),
        Err(error) => tracing::debug!(target: "grandpa", "{error}"),
        Ok(_) => {}
    }
}
