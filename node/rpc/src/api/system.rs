//! `system_*`: who the node is, how it fares, whom it knows.
use super::{Context, Registered, Registry, reply};
use crate::error;
use crate::json::{Hex, hash};
use crate::params::Args;
use parity_scale_codec::Encode;
use quire_core::ss58;
use serde_json::json;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.quick(&["system_chain"], |context, _| reply(&context.backend.system().chain))?;
    registry.quick(&["system_name"], |context, _| reply(&context.backend.system().name))?;
    registry.quick(&["system_version"], |context, _| reply(&context.backend.system().version))?;
    registry.quick(&["system_chainType"], |context, _| reply(&context.backend.system().chain_type))?;
    registry.quick(&["system_properties"], |context, _| reply(&context.backend.system().properties))?;
    registry.quick(&["system_localPeerId"], |context, _| reply(&context.backend.system().peer_id))?;
    registry
        .quick(&["system_localListenAddresses"], |context, _| reply(&context.backend.listen_addresses()))?;
    registry.quick(&["system_nodeRoles"], |context, _| {
        reply(&[if context.backend.system().is_authority { "Authority" } else { "Full" }])
    })?;
    registry.quick(&["system_health"], |context, _| {
        let health = context.backend.health();
        reply(&json!({
            "peers": health.peers, "isSyncing": health.is_syncing, "shouldHavePeers": health.should_have_peers,
        }))
    })?;
    registry.quick(&["system_syncState"], |context, _| {
        let sync = context.backend.sync_state();
        reply(&json!({
            "startingBlock": sync.starting, "currentBlock": sync.current, "highestBlock": sync.highest,
        }))
    })?;
    registry.read_unsafe(&["system_peers"], |context, _| {
        let line = |peer: crate::Peer| {
            json!({
                "peerId": peer.peer_id, "roles": peer.roles,
                "bestHash": hash(&peer.best.hash), "bestNumber": peer.best.number,
            })
        };
        reply(&context.backend.peers().into_iter().map(line).collect::<Vec<_>>())
    })?;
    registry.read(&["system_accountNextIndex", "account_nextIndex"], next_index)?;
    registry.read_unsafe(&["system_dryRun", "system_dryRunAt"], dry_run)?;
    registry.read_unsafe(&["system_addLogFilter"], |context, args| {
        let directives: String = args.required("directives")?;
        context.backend.add_log_filter(&directives).map_err(error::invalid_params)?;
        reply(&())
    })?;
    registry.read_unsafe(&["system_resetLogFilter"], |context, _| {
        context.backend.reset_log_filter().map_err(error::internal)?;
        reply(&())
    })
}

/// What applying an extrinsic on top of a block would give, as the bytes of `ApplyExtrinsicResult`.
fn dry_run(context: &Context, args: &mut Args) -> super::Reply {
    let extrinsic = super::author::extrinsic(args)?;
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let applied = context.backend.call(&at, "BlockBuilder_apply_extrinsic", &extrinsic.encode());
    reply(&Hex::owned(applied.map_err(error::dry_run)?))
}

fn next_index(context: &Context, args: &mut Args) -> super::Reply {
    let address: String = args.required("account")?;
    let (account, _) = ss58::decode(&address)
        .map_err(|why| error::invalid_params(format_args!("account {address} is no SS58 address: {why}")))?;
    reply(&context.backend.next_nonce(&account).map_err(|why| error::client(&why))?)
}
