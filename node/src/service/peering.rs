//! Starts the network as the flags and the chain spec say.
use super::{StartError, thread_hooks};
use crate::base_path::ChainDir;
use crate::chain_spec::ChainSpec;
use crate::config::Peering;
use crate::metrics::Metrics;
use quire_core::H256;
use quire_network::wire::handshake::{AUTHORITY, FULL};
use quire_network::{Events, Handshake, Network};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The network, if there is one, and the node's name in it.
pub(super) struct Started {
    pub(super) runtime: Option<Runtime>,
    pub(super) network: Option<Network>,
    pub(super) events: Option<Events>,
    pub(super) peer_id: String,
}

/// Which chain the node is of, and what it does there.
pub(super) struct Place<'a> {
    pub(super) spec: &'a ChainSpec,
    pub(super) genesis: H256,
    pub(super) is_authority: bool,
}

/// Binds the listeners and begins to dial.
pub(super) fn start(
    peering: Option<&Peering>,
    dir: &ChainDir,
    metrics: &Arc<Metrics>,
    place: &Place<'_>,
) -> Result<Started, StartError> {
    let key = match peering.and_then(|peering| peering.node_key.clone()) {
        Some(key) => key,
        None => dir.node_key()?,
    };
    let peer_id = quire_network::peer_id(*key)?;
    let Some(peering) = peering else {
        return Ok(Started { runtime: None, network: None, events: None, peer_id });
    };
    let (begin, end) = thread_hooks(metrics, || {});
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("network")
        .on_thread_start(begin)
        .on_thread_stop(end)
        .enable_all()
        .build()
        .map_err(StartError::Threads)?;
    let (network, events) = runtime.block_on(Network::start(config(peering, *key, place)))?;
    tracing::info!(target: "substrate", "Local node identity is: {peer_id}");
    Ok(Started { runtime: Some(runtime), network: Some(network), events: Some(events), peer_id })
}

/// What the network would be started with.
pub(super) fn config_of(
    peering: &Peering,
    dir: &ChainDir,
    place: &Place<'_>,
) -> Result<quire_network::Config, StartError> {
    let key = match &peering.node_key {
        Some(key) => key.clone(),
        None => dir.node_key()?,
    };
    Ok(config(peering, *key, place))
}

fn config(peering: &Peering, key: [u8; 32], place: &Place<'_>) -> quire_network::Config {
    let (spec, genesis) = (place.spec, place.genesis);
    let roles = if place.is_authority { AUTHORITY } else { FULL };
    let boot_nodes = peering.boot_nodes.iter().chain(&spec.boot_nodes).cloned().collect();
    quire_network::Config {
        listen: peering.listen.clone(),
        public_addresses: peering.public_addresses.clone(),
        fork_id: spec.fork_id.clone(),
        boot_nodes,
        reserved: peering.reserved.clone(),
        reserved_only: peering.reserved_only,
        in_peers: peering.in_peers,
        out_peers: peering.out_peers,
        connectivity: peering.connectivity,
        // The hub tells the best block as soon as the chain is open.
        head: Handshake { roles, best_number: 0, best_hash: genesis, genesis },
        ..quire_network::Config::new(key, concat!("quire/", env!("CARGO_PKG_VERSION")), genesis)
    }
}
