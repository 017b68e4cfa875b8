//! `chainSpec_v1_*`: what the chain spec says of the chain.
use crate::api::{Context, Reply, reply};
use crate::json::hash;
use crate::v2::Registered;
use jsonrpsee::RpcModule;

pub(super) fn register(module: &mut RpcModule<Context>) -> Registered {
    module.register_method("chainSpec_v1_chainName", |_, context, _| -> Reply {
        reply(&context.backend.system().chain)
    })?;
    module.register_method("chainSpec_v1_genesisHash", |_, context, _| -> Reply {
        reply(&hash(&context.backend.system().genesis_hash))
    })?;
    module.register_method("chainSpec_v1_properties", |_, context, _| -> Reply {
        reply(&context.backend.system().properties)
    })?;
    Ok(())
}
