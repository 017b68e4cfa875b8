//! What the flags mean: one checked value from which the node is built. Defaults live here, with units.
use crate::base_path::{BasePath, BasePathError, read_node_key};
use crate::chain_spec::{ChainSpec, SpecError};
use crate::cli::{MetricsArgs, PruningArgs, RpcMethods, RunArgs, SharedArgs, SyncMode};
use crate::sealing::Sealing;
use crate::secret_input::{PasswordSource, SecretInputError};
use quire_rpc::{Cors, RpcConfig, UnsafeMethods};
use quire_store::{Pruning, Wanted};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use zeroize::Zeroizing;

const MIB: u32 = 1024 * 1024;

/// Why the flags do not make a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The chain spec cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// No base path.
    #[error(transparent)]
    BasePath(#[from] BasePathError),
    /// A flag's value makes no sense.
    #[error("--{flag} {value}: {reason}")]
    Flag {
        /// The flag's name.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        reason: String,
    },
    /// The keystore's password cannot be read.
    #[error(transparent)]
    Password(#[from] SecretInputError),
    /// The log filter is none.
    #[error("--log: {0}; write target=level, for instance rpc=debug")]
    Log(String),
}

/// Everything a node needs to start.
#[derive(Debug)]
pub struct Config {
    /// The chain.
    pub spec: ChainSpec,
    /// Where its folder is.
    pub base_path: BasePath,
    /// The node's name.
    pub name: String,
    /// Authors and votes with the keys of the keystore.
    pub is_authority: bool,
    /// Authors however far finality lags.
    pub force_authoring: bool,
    /// Seals blocks without voting on any.
    pub no_grandpa: bool,
    /// Where the keys are.
    pub keystore: KeystorePlace,
    /// When blocks are made.
    pub sealing: Sealing,
    /// Development key added for this run.
    pub dev_key: Option<&'static str>,
    /// JSON-RPC, unless this node serves none.
    pub rpc: Option<RpcEndpoint>,
    /// Peers, unless this node has none.
    pub network: Option<Peering>,
    /// Where metrics are served, unless they are not.
    pub prometheus: Option<SocketAddr>,
    /// Which states and bodies of old blocks stay.
    pub pruning: Wanted,
    /// Memory for the database's caches, bytes.
    pub db_cache_bytes: u64,
    /// Limits of the pool.
    pub pool: PoolLimits,
    /// Whether a new node starts from a downloaded state (`--sync warp`).
    pub is_warping: bool,
}

/// The node's keystore.
#[derive(Debug, Clone, Default)]
pub struct KeystorePlace {
    /// Its folder, unless that of the chain is used.
    pub path: Option<PathBuf>,
    /// Where its password comes from.
    pub password: PasswordSource,
}

/// Where and how JSON-RPC is served.
#[derive(Debug, Clone)]
pub struct RpcEndpoint {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// Limits and permissions.
    pub config: RpcConfig,
}

/// Listening for peers, and finding them.
#[derive(Debug, Clone)]
pub struct Peering {
    /// Multiaddresses.
    pub listen: Vec<String>,
    /// Multiaddresses told to peers beside those.
    pub public_addresses: Vec<String>,
    /// The node key, unless the one in the chain's folder is used.
    pub node_key: Option<Zeroizing<[u8; 32]>>,
    /// Peers to start with, beside those of the chain spec.
    pub boot_nodes: Vec<String>,
    /// Peers to stay connected with.
    pub reserved: Vec<String>,
    /// No other peers.
    pub reserved_only: bool,
    /// Most full nodes that dialled.
    pub in_peers: u32,
    /// Peers to dial.
    pub out_peers: u32,
    /// How many nodes may fail without cutting this one off.
    pub connectivity: u8,
}

/// Limits of the pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Transactions.
    pub count: usize,
    /// Bytes of them.
    pub bytes: usize,
}

impl Config {
    /// A development chain without sockets, for a demo or a test inside this process.
    pub fn in_process(base_path: BasePath) -> Self {
        Self {
            spec: ChainSpec::dev(),
            base_path,
            name: "quire".into(),
            is_authority: true,
            force_authoring: true,
            sealing: Sealing::Slots,
            dev_key: Some("//Alice"),
            rpc: None,
            network: None,
            prometheus: None,
            no_grandpa: false,
            keystore: KeystorePlace::default(),
            pruning: Wanted::default(),
            db_cache_bytes: 128 * u64::from(MIB),
            pool: PoolLimits { count: 100_000, bytes: 128 * MIB as usize },
            is_warping: false,
        }
    }

    /// What the flags of a running node mean.
    pub fn from_args(args: &RunArgs) -> Result<Self, ConfigError> {
        let spec = load_spec(&args.shared)?;
        let dev_key = args.role.key.suri().or(args.shared.dev.then_some("//Alice"));
        let is_authority = args.role.validator || dev_key.is_some();
        Ok(Self {
            sealing: sealing(args.role.sealing, &spec, is_authority)?,
            base_path: base_path(&args.shared)?,
            name: args.role.name.clone().unwrap_or_else(|| "quire".into()),
            is_authority,
            force_authoring: args.role.force_authoring || args.shared.dev,
            dev_key,
            rpc: Some(rpc(args)?),
            network: Some(peering(args)?),
            prometheus: prometheus(&args.metrics),
            no_grandpa: args.role.no_grandpa,
            keystore: KeystorePlace {
                path: args.keystore.keystore_path.clone(),
                password: args.keystore.password.source(),
            },
            pruning: wanted(&args.storage.pruning)?,
            db_cache_bytes: args.storage.db_cache.saturating_mul(u64::from(MIB)),
            pool: PoolLimits {
                count: args.storage.pool_limit,
                bytes: args.storage.pool_kbytes.saturating_mul(1024),
            },
            is_warping: args.compat.sync == SyncMode::Warp,
            spec,
        })
    }
}

/// The chain that the flags name; Quire's own development chain without one.
pub fn load_spec(args: &SharedArgs) -> Result<ChainSpec, ConfigError> {
    match &args.chain {
        Some(chain) => Ok(ChainSpec::load(chain)?),
        None if args.dev => Ok(ChainSpec::dev()),
        None => Err(ConfigError::Flag {
            flag: "chain",
            value: "is missing".into(),
            reason: "name the chain: --dev for one of your own, --chain with a preset (dev, local) or the path of a spec"
                .into(),
        }),
    }
}

/// `--dev` without `--base-path` is temporary, as with Substrate nodes.
pub fn base_path(args: &SharedArgs) -> Result<BasePath, ConfigError> {
    match &args.base_path {
        Some(path) => Ok(BasePath::at(path)),
        None if args.tmp || args.dev => Ok(BasePath::temporary()?),
        None => Ok(BasePath::at(BasePath::default_path())),
    }
}

/// Blocks on demand are for development.
fn sealing(sealing: Sealing, spec: &ChainSpec, is_authority: bool) -> Result<Sealing, ConfigError> {
    let refuse = |reason: &str| {
        Err(ConfigError::Flag { flag: "sealing", value: sealing.to_string(), reason: reason.into() })
    };
    if sealing == Sealing::Slots {
        return Ok(sealing);
    }
    if spec.chain_type != "Development" && spec.chain_type != "Local" {
        return refuse("only chains of type Development or Local make blocks on demand; leave the flag out");
    }
    if !is_authority {
        return refuse(
            "only an authority makes blocks: add --validator, or a development key such as --alice",
        );
    }
    Ok(sealing)
}

/// What the pruning flags ask for.
pub fn wanted(args: &PruningArgs) -> Result<Wanted, ConfigError> {
    let one = |flag, text: &Option<String>| text.as_deref().map(|text| pruning(flag, text)).transpose();
    Ok(Wanted {
        states: one("state-pruning", &args.state_pruning)?,
        bodies: one("blocks-pruning", &args.blocks_pruning)?,
    })
}

fn pruning(flag: &'static str, text: &str) -> Result<Pruning, ConfigError> {
    match text {
        "archive" | "archive-canonical" => Ok(Pruning::Archive),
        blocks => match blocks.parse() {
            Ok(blocks) if blocks > 0 => Ok(Pruning::Keep(blocks)),
            _ => Err(ConfigError::Flag {
                flag,
                value: blocks.into(),
                reason: "give a number of blocks from 1, or archive".into(),
            }),
        },
    }
}

fn rpc(args: &RunArgs) -> Result<RpcEndpoint, ConfigError> {
    let flags = &args.rpc;
    let is_external = flags.rpc_external || flags.unsafe_rpc_external;
    let ip: IpAddr = if is_external { Ipv4Addr::UNSPECIFIED.into() } else { Ipv4Addr::LOCALHOST.into() };
    let bytes = |flag: &'static str, mib: u32| {
        mib.checked_mul(MIB).filter(|bytes| *bytes > 0).ok_or_else(|| ConfigError::Flag {
            flag,
            value: mib.to_string(),
            reason: "give a size from 1 to 4095 MiB".into(),
        })
    };
    let unsafe_methods = match flags.rpc_methods {
        RpcMethods::Safe => UnsafeMethods::Deny,
        RpcMethods::Unsafe => UnsafeMethods::Allow,
        RpcMethods::Auto if flags.rpc_external => UnsafeMethods::Deny,
        RpcMethods::Auto => UnsafeMethods::Auto,
    };
    let cors = match flags.rpc_cors.as_slice() {
        [] if args.shared.dev => Cors::All,
        [] => Cors::local(),
        [all] if all == "all" => Cors::All,
        origins => Cors::Origins(origins.to_vec()),
    };
    let config = RpcConfig {
        unsafe_methods,
        cors,
        max_connections: flags.rpc_max_connections,
        max_request_bytes: bytes("rpc-max-request-size", flags.rpc_max_request_size)?,
        max_response_bytes: bytes("rpc-max-response-size", flags.rpc_max_response_size)?,
        max_subscriptions_per_connection: flags.rpc_max_subscriptions_per_connection,
        ..RpcConfig::default()
    };
    Ok(RpcEndpoint { address: SocketAddr::new(ip, flags.rpc_port), config })
}

fn prometheus(args: &MetricsArgs) -> Option<SocketAddr> {
    let ip = if args.prometheus_external { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    (!args.no_prometheus).then(|| SocketAddr::new(ip.into(), args.prometheus_port))
}

fn peering(args: &RunArgs) -> Result<Peering, ConfigError> {
    let flags = &args.network;
    let listen = if flags.listen_addr.is_empty() {
        let v4 = format!("/ip4/{}/tcp/{}", Ipv4Addr::UNSPECIFIED, flags.port);
        let v6 = format!("/ip6/{}/tcp/{}", Ipv6Addr::UNSPECIFIED, flags.port);
        if has_ipv6() { vec![v4, v6] } else { vec![v4] }
    } else {
        flags.listen_addr.clone()
    };
    let node_key = match (&flags.node_key, &flags.node_key_file) {
        (Some(digits), _) => Some(parse_node_key(digits)?),
        (None, Some(path)) => {
            let bytes = std::fs::read(path)
                .map_err(|source| BasePathError::Unusable { path: path.clone(), source })?;
            Some(read_node_key(path, bytes)?)
        }
        (None, None) => None,
    };
    for (flag, addresses) in [("bootnodes", &flags.bootnodes), ("reserved-nodes", &flags.reserved_nodes)] {
        for address in addresses {
            quire_network::check_boot_node(address).map_err(|why| ConfigError::Flag {
                flag,
                value: address.clone(),
                reason: why.to_string(),
            })?;
        }
    }
    Ok(Peering {
        listen,
        public_addresses: flags.public_addr.clone(),
        node_key,
        boot_nodes: flags.bootnodes.clone(),
        reserved: flags.reserved_nodes.clone(),
        reserved_only: flags.reserved_only,
        in_peers: flags.in_peers,
        out_peers: flags.out_peers,
        connectivity: flags.connectivity,
    })
}

fn parse_node_key(digits: &str) -> Result<Zeroizing<[u8; 32]>, ConfigError> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut *key).map_err(|_| {
        ConfigError::Flag {
            flag: "node-key",
            value: "(not shown)".into(),
            reason: "give 64 hex digits".into(),
        }
    })?;
    Ok(key)
}

/// Whether this machine has IPv6 at all; containers often have not.
fn has_ipv6() -> bool {
    std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn config(line: &str) -> Result<Config, ConfigError> {
        Config::from_args(&Cli::try_parse_from(line.split(' ')).unwrap().run)
    }

    #[test]
    fn dev_is_alone_temporary_and_open_to_every_page() {
        let dev = config("quire --dev").unwrap();
        assert!(dev.is_authority && dev.force_authoring && dev.spec.is_development());
        assert_eq!(dev.dev_key, Some("//Alice"));
        assert!(dev.base_path.path().starts_with(std::env::temp_dir()));
        let rpc = dev.rpc.unwrap();
        assert_eq!(rpc.address, ([127, 0, 0, 1], 9944).into());
        assert_eq!((rpc.config.cors, rpc.config.unsafe_methods), (Cors::All, UnsafeMethods::Auto));
        let kept = config("quire --dev --base-path /nowhere/quire --charlie").unwrap();
        assert_eq!(kept.base_path.path().to_str(), Some("/nowhere/quire"));
        assert_eq!(kept.dev_key, Some("//Charlie"));
    }

    #[test]
    fn a_real_chain_is_closed_by_default() {
        let node = config("quire --chain local --tmp --rpc-external --rpc-port 1").unwrap();
        assert!(!node.is_authority && node.dev_key.is_none());
        let rpc = node.rpc.unwrap();
        assert_eq!(rpc.address, ([0, 0, 0, 0], 1).into());
        assert_eq!((rpc.config.cors, rpc.config.unsafe_methods), (Cors::local(), UnsafeMethods::Deny));
    }

    #[test]
    fn mistakes_name_the_flag() {
        for (line, flag) in [
            ("quire", "--chain"),
            ("quire --dev --state-pruning some", "--state-pruning some"),
            ("quire --dev --blocks-pruning 0", "--blocks-pruning 0"),
            ("quire --dev --node-key 12", "--node-key"),
            ("quire --dev --rpc-max-request-size 5000", "--rpc-max-request-size 5000"),
            ("quire --chain /nowhere/spec.json", "/nowhere/spec.json"),
            ("quire --dev --node-key-file /nowhere/key", "/nowhere/key"),
            ("quire --dev --bootnodes /ip4/127.0.0.1/tcp/1", "--bootnodes /ip4/127.0.0.1/tcp/1"),
            ("quire --dev --reserved-nodes nobody", "--reserved-nodes nobody"),
        ] {
            let error = config(line).err().unwrap().to_string();
            assert!(error.contains(flag), "{line}: {error}");
        }
        let secret = config("quire --dev --node-key abcdef").err().unwrap().to_string();
        assert!(!secret.contains("abcdef"), "{secret}");
    }
}
