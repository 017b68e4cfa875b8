//! Which chain on this machine a subcommand is about, and its parts opened without running a node.
use crate::base_path::BasePath;
use crate::chain_spec::ChainSpec;
use crate::cli::ChainArgs;
use crate::config::ConfigError;
use std::path::PathBuf;

/// Whether the flags name a chain or a place at all.
pub(super) fn is_named(args: &ChainArgs) -> bool {
    args.dev || args.chain.is_some() || args.base_path.is_some()
}

/// The chain that the flags name.
pub(super) fn spec(args: &ChainArgs) -> Result<ChainSpec, ConfigError> {
    match &args.chain {
        Some(chain) => Ok(ChainSpec::load(chain)?),
        None if args.dev => Ok(ChainSpec::dev()),
        None => Err(ConfigError::Flag {
            flag: "chain",
            value: "is missing".into(),
            reason: "name the chain: --dev, or --chain with a preset (dev, local) or the path of a spec"
                .into(),
        }),
    }
}

/// Where the chains of the flags' node are.
pub(super) fn base_path(args: &ChainArgs) -> PathBuf {
    args.base_path.clone().unwrap_or_else(BasePath::default_path)
}
