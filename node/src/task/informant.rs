//! One line every few seconds: where the chain stands.
use crate::service::Inner;
use std::time::Duration;

/// Time between two lines, seconds.
const PERIOD_S: u64 = 5;

/// Runs until the node stops.
pub(crate) fn run(node: &Inner) {
    let mut before = node.chain.best().number;
    while !node.stop.wait(Duration::from_secs(PERIOD_S)) {
        let (best, finalised) = (node.chain.best(), node.chain.finalised());
        let pool = node.pool.sizes();
        let (peers, is_syncing) = {
            let state = node.view.lock();
            (state.peers.len(), state.is_syncing)
        };
        let rate = best.number.saturating_sub(before) as u64 * 10 / PERIOD_S;
        let doing = match is_syncing {
            true => {
                format!(
                    "Syncing {}.{} bps, target=#{} ({peers} peers)",
                    rate / 10,
                    rate % 10,
                    node.sync_target()
                )
            }
            false => format!("Idle ({peers} peers)"),
        };
        before = best.number;
        tracing::info!(
            target: "substrate",
            "{doing}, best: #{} ({}), finalized #{} ({}), pool: {} ready, {} future",
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
