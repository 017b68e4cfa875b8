//! One line every few seconds: where the chain stands.
use crate::service::Inner;
use std::time::Duration;

/// Time between two lines, seconds.
const PERIOD_S: u64 = 5;

/// Runs until the node stops.
pub(crate) fn run(node: &Inner) {
    while !node.stop.wait(Duration::from_secs(PERIOD_S)) {
        let (best, finalised) = (node.chain.best(), node.chain.finalised());
        let pool = node.pool.sizes();
        let peers = node.peers();
        tracing::info!(
            target: "substrate",
            "Idle ({peers} peers), best: #{} ({}), finalized #{} ({}), pool: {} ready, {} future",
            best.number,
            short(&best.hash),
            finalised.number,
            short(&finalised.hash),
            pool.ready,
            pool.future,
        );
    }
}

/// The ends of a hash, enough to recognise it.
pub(crate) fn short(hash: &quire_core::H256) -> String {
    let text = hex::encode(hash.0);
    format!("0x{}…{}", &text[..4], &text[60..])
}
