//! The command line: flags and subcommands as data. What they mean is in [`crate::config`] and in `command`.
//!
//! Flags of Substrate nodes, and what they do here:
//!
//! | flag | here |
//! |---|---|
//! | `--dev` `--chain` `--base-path -d` `--tmp` `--name` `-l/--log` | as there |
//! | `--validator` `--alice` … `--two` `--force-authoring` | as there |
//! | `--sealing slots\|instant\|manual\|interval=MS` | for development chains, see [`crate::sealing`] |
//! | `--no-grandpa` | seals blocks, votes on none; a chain with one authority then finalises nothing |
//! | `--port` `--listen-addr` `--node-key` `--node-key-file` | as there |
//! | `--rpc-port` `--rpc-external` `--unsafe-rpc-external` `--rpc-methods` `--rpc-cors` and the limits `--rpc-max-…` | as there |
//! | `--prometheus-port` `--prometheus-external` `--no-prometheus` | as there |
//! | `--keystore-path` `--password` `--password-interactive` `--password-filename` | as there |
//! | `--pool-limit` `--pool-kbytes` `--db-cache` | as there |
//! | `--state-pruning` (`--pruning`) | a number of final blocks, or `archive`; `archive-canonical` is the same, because forks that lost are never kept |
//! | `--blocks-pruning` | the same for bodies; headers, hashes and justifications stay for ever |
//! | `--database auto\|sled` | as there; others are warned about |
//! | `--no-telemetry` `--no-mdns` | accepted in silence: there is neither |
//! | `--telemetry-url` | accepted with a warning: not used |
//! | `--sync full\|warp` | as there; others are warned about |
//! | `--public-addr` `--bootnodes` `--reserved-nodes` `--reserved-only` `--in-peers` `--out-peers` | as there |
//! | `--connectivity N` | how many other nodes may fail without cutting this one off |
mod bench;
mod cert;
mod compat;
mod explain;
mod join;
mod key;
mod operator;

pub use bench::{BenchArgs, BenchCommand, BenchWeightsArgs};
pub use cert::{
    CertArgs, CertChainArgs, CertCommand, CertInspectArgs, CertIssueArgs, CertRenewArgs, CertRequestArgs,
    CertRootArgs, CertScheme, SignerArgs, WindowArgs,
};
pub use compat::{CompatArgs, DatabaseKind, SyncMode};
pub use explain::{ExplainArgs, ExplainCommand};
pub use join::{InviteArgs, JoinArgs};
pub use key::{
    GenerateArgs, GenerateNodeKeyArgs, InsertArgs, InspectArgs, InspectNodeKeyArgs, KeyArgs, KeyCommand,
    MessageArgs, NetworkIdArgs, PasswordArgs, SchemeArg, SchemeArgs, SignArgs, VerifyArgs, network_name,
};
pub use operator::{
    BuildSpecArgs, ChainInfoArgs, CheckBlockArgs, CompletionsArgs, ExportBlocksArgs, ExportStateArgs,
    ImportBlocksArgs, PurgeChainArgs, RevertArgs,
};

use crate::sealing::Sealing;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Help pages begin with what people copy.
pub(crate) const EXAMPLES_FIRST: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}";

const EXAMPLES: &str = "\
Examples:
  quire --dev                                   a chain of its own in a temporary folder
  quire --dev --base-path ./node1               the same, kept between runs
  quire --chain consortium.json --validator     an authority of a real chain
  quire key generate                            a new key
  quire build-spec --chain dev --raw > dev.json a chain spec for light clients
  quire chain-info --dev -d ./node1             how far a stopped node's chain is
";

/// Node of a Quire chain.
#[derive(Debug, Parser)]
#[command(
    name = "quire",
    version,
    about,
    before_help = EXAMPLES,
    help_template = EXAMPLES_FIRST,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do instead of running a node.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the node.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the main job on this machine: a channel, real messages, settlement, and a table at the end.
    Demo(crate::demo::DemoArgs),
    /// Keys: make, show, store, sign, verify.
    Key(KeyArgs),
    /// Certificates of organisations, nodes and clients: ask for, sign, renew, show.
    Cert(CertArgs),
    /// Write the one file with which an organisation joins the chain.
    Invite(InviteArgs),
    /// Join a chain by an invitation: make keys, write the request, start the node.
    Join(Box<JoinArgs>),
    /// Print a chain spec.
    #[command(visible_alias = "export-chain-spec")]
    BuildSpec(BuildSpecArgs),
    /// Write blocks of a stopped node to a file.
    ExportBlocks(ExportBlocksArgs),
    /// Import blocks from a file, each fully verified; can be stopped and repeated at any time.
    ImportBlocks(ImportBlocksArgs),
    /// Execute a block again and compare what comes out with what its header says.
    CheckBlock(CheckBlockArgs),
    /// Drop the newest blocks that are not final.
    Revert(RevertArgs),
    /// Remove the chain's database; keys and the record of what was signed stay.
    PurgeChain(PurgeChainArgs),
    /// Print a state as the raw spec of a new chain.
    ExportState(ExportStateArgs),
    /// Print how far the chain of a stopped node is, and what it takes on the disk.
    ChainInfo(ChainInfoArgs),
    /// Ask a running node why finality, a peer or a block is as it is.
    Explain(ExplainArgs),
    /// Measure what this machine needs for what the chain did.
    Bench(BenchArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputType {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Text or JSON, and the short way to say it.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// Form of the output.
    #[arg(long, value_enum, default_value_t)]
    pub output_type: OutputType,
    /// The same as --output-type json.
    #[arg(long)]
    pub json: bool,
}

impl OutputArgs {
    /// Whether JSON is wanted.
    pub fn is_json(self) -> bool {
        self.json || self.output_type == OutputType::Json
    }
}

/// Which chain on this machine a subcommand is about.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chain")]
pub struct ChainArgs {
    /// The same as --chain dev.
    #[arg(long, conflicts_with = "chain")]
    pub dev: bool,
    /// A preset (dev, local) or the path of a chain spec.
    #[arg(long, value_name = "ID|PATH")]
    pub chain: Option<String>,
    /// Folder for databases and keys.
    #[arg(long, short = 'd', value_name = "PATH")]
    pub base_path: Option<PathBuf>,
    /// Log filter, for instance rpc=debug; may be repeated.
    #[arg(long, short = 'l', value_name = "TARGET=LEVEL", value_delimiter = ',')]
    pub log: Vec<String>,
}

/// Which chain, where.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chain")]
pub struct SharedArgs {
    /// Development chain with one authority, //Alice, in a temporary folder unless --base-path is given.
    #[arg(long, conflicts_with = "chain")]
    pub dev: bool,
    /// A preset (dev, local) or the path of a chain spec.
    #[arg(long, value_name = "ID|PATH")]
    pub chain: Option<String>,
    /// Folder for databases and keys.
    #[arg(long, short = 'd', value_name = "PATH")]
    pub base_path: Option<PathBuf>,
    /// Use a temporary folder that is removed at the end.
    #[arg(long, conflicts_with = "base_path")]
    pub tmp: bool,
    /// Log filter, for instance rpc=debug; may be repeated.
    #[arg(long, short = 'l', value_name = "TARGET=LEVEL", value_delimiter = ',')]
    pub log: Vec<String>,
}

/// Flags of a running node.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub shared: SharedArgs,
    /// What the node does.
    #[command(flatten)]
    pub role: RoleArgs,
    /// Where its keys are.
    #[command(flatten)]
    pub keystore: KeystoreArgs,
    /// JSON-RPC.
    #[command(flatten)]
    pub rpc: RpcArgs,
    /// Peers.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Metrics.
    #[command(flatten)]
    pub metrics: MetricsArgs,
    /// Sizes.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// What is accepted and does nothing.
    #[command(flatten)]
    pub compat: CompatArgs,
}

/// The node's keystore.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Keystore")]
pub struct KeystoreArgs {
    /// Folder of the keystore, instead of the chain's own.
    #[arg(long, value_name = "PATH")]
    pub keystore_path: Option<PathBuf>,
    /// The password of the keys in it.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// What the node does.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Role")]
pub struct RoleArgs {
    /// Author blocks and vote finality with the keys of the keystore.
    #[arg(long)]
    pub validator: bool,
    /// Author even while finality lags far behind.
    #[arg(long)]
    pub force_authoring: bool,
    /// Vote on no block.
    #[arg(long)]
    pub no_grandpa: bool,
    /// When to make blocks, on development chains: slots, instant, manual or interval=MS.
    #[arg(long, value_name = "MODE", default_value_t)]
    pub sealing: Sealing,
    /// The node's name in logs and to peers.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Author and vote as a development key; implies --validator.
    #[command(flatten)]
    pub key: DevKeyArgs,
}

/// One of the development keys.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct DevKeyArgs {
    /// Shortcut for --validator with the keys of //Alice.
    #[arg(long)]
    pub alice: bool,
    /// Shortcut for --validator with the keys of //Bob.
    #[arg(long)]
    pub bob: bool,
    /// Shortcut for --validator with the keys of //Charlie.
    #[arg(long)]
    pub charlie: bool,
    /// Shortcut for --validator with the keys of //Dave.
    #[arg(long)]
    pub dave: bool,
    /// Shortcut for --validator with the keys of //Eve.
    #[arg(long)]
    pub eve: bool,
    /// Shortcut for --validator with the keys of //Ferdie.
    #[arg(long)]
    pub ferdie: bool,
    /// Shortcut for --validator with the keys of //One.
    #[arg(long)]
    pub one: bool,
    /// Shortcut for --validator with the keys of //Two.
    #[arg(long)]
    pub two: bool,
}

impl DevKeyArgs {
    /// The secret URI chosen.
    pub fn suri(&self) -> Option<&'static str> {
        [
            (self.alice, "//Alice"),
            (self.bob, "//Bob"),
            (self.charlie, "//Charlie"),
            (self.dave, "//Dave"),
            (self.eve, "//Eve"),
            (self.ferdie, "//Ferdie"),
            (self.one, "//One"),
            (self.two, "//Two"),
        ]
        .into_iter()
        .find_map(|(is_chosen, suri)| is_chosen.then_some(suri))
    }
}

/// Who may call unsafe methods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RpcMethods {
    /// Unsafe ones only when the port is local.
    #[default]
    Auto,
    /// Safe ones only.
    Safe,
    /// All, to everybody who reaches the port.
    Unsafe,
}

/// JSON-RPC.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "JSON-RPC")]
pub struct RpcArgs {
    /// Port for HTTP and WebSocket.
    #[arg(long, value_name = "PORT", default_value_t = 9944)]
    pub rpc_port: u16,
    /// Listen on all interfaces, safe methods only.
    #[arg(long)]
    pub rpc_external: bool,
    /// Listen on all interfaces, whatever --rpc-methods allows.
    #[arg(long, conflicts_with = "rpc_external")]
    pub unsafe_rpc_external: bool,
    /// Which methods are served.
    #[arg(long, value_enum, default_value_t)]
    pub rpc_methods: RpcMethods,
    /// Browser origins that may connect, comma separated, or all. Default: local pages and polkadot.js Apps; with --dev
    /// all.
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',')]
    pub rpc_cors: Vec<String>,
    /// Connections at once.
    #[arg(long, value_name = "COUNT", default_value_t = 1_100)]
    pub rpc_max_connections: u32,
    /// Largest request, MiB.
    #[arg(long, value_name = "MIB", default_value_t = 15)]
    pub rpc_max_request_size: u32,
    /// Largest response, MiB.
    #[arg(long, value_name = "MIB", default_value_t = 15)]
    pub rpc_max_response_size: u32,
    /// Subscriptions per connection.
    #[arg(long, value_name = "COUNT", default_value_t = 1_024)]
    pub rpc_max_subscriptions_per_connection: u32,
}

impl Default for RpcArgs {
    fn default() -> Self {
        Self {
            rpc_port: 9944,
            rpc_external: false,
            unsafe_rpc_external: false,
            rpc_methods: RpcMethods::Auto,
            rpc_cors: Vec::new(),
            rpc_max_connections: 1_100,
            rpc_max_request_size: 15,
            rpc_max_response_size: 15,
            rpc_max_subscriptions_per_connection: 1_024,
        }
    }
}

/// Peers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Port for peers over TCP.
    #[arg(long, value_name = "PORT", default_value_t = 30_333)]
    pub port: u16,
    /// Multiaddress to listen on instead, for instance /ip4/0.0.0.0/tcp/30334/ws; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_addr: Vec<String>,
    /// The secret node key, 64 hex digits. Visible to other users of the machine: prefer --node-key-file.
    #[arg(long, value_name = "HEX", conflicts_with = "node_key_file")]
    pub node_key: Option<String>,
    /// File with the secret node key, 32 bytes raw or as hex.
    #[arg(long, value_name = "PATH")]
    pub node_key_file: Option<PathBuf>,
    /// Multiaddress under which peers reach the node, beside those it listens on; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub public_addr: Vec<String>,
    /// Peers to start with, as /ip4/…/tcp/…/p2p/<peer id>, beside those of the chain spec.
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    pub bootnodes: Vec<String>,
    /// Peers to stay connected with, whatever the limits.
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    pub reserved_nodes: Vec<String>,
    /// Connect to reserved peers only.
    #[arg(long)]
    pub reserved_only: bool,
    /// Most full nodes that may connect to this one.
    #[arg(long, value_name = "COUNT", default_value_t = quire_network::DEFAULT_IN_PEERS)]
    pub in_peers: u32,
    /// Peers that this node looks for.
    #[arg(long, value_name = "COUNT", default_value_t = quire_network::DEFAULT_OUT_PEERS)]
    pub out_peers: u32,
    /// How many other nodes may fail without cutting this one off: it keeps more connections than that.
    #[arg(long, value_name = "COUNT", default_value_t = quire_network::DEFAULT_CONNECTIVITY)]
    pub connectivity: u8,
}

/// Metrics.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsArgs {
    /// Port for Prometheus. A taken port is warned about, and the node runs without metrics.
    #[arg(long, value_name = "PORT", default_value_t = 9_615)]
    pub prometheus_port: u16,
    /// Serve metrics on all interfaces.
    #[arg(long)]
    pub prometheus_external: bool,
    /// Serve no metrics.
    #[arg(long, conflicts_with_all = ["prometheus_port", "prometheus_external"])]
    pub no_prometheus: bool,
}

impl Default for MetricsArgs {
    fn default() -> Self {
        Self { prometheus_port: 9_615, prometheus_external: false, no_prometheus: false }
    }
}

impl Default for NetworkArgs {
    fn default() -> Self {
        Self {
            port: 30_333,
            listen_addr: Vec::new(),
            node_key: None,
            node_key_file: None,
            public_addr: Vec::new(),
            bootnodes: Vec::new(),
            reserved_nodes: Vec::new(),
            reserved_only: false,
            in_peers: quire_network::DEFAULT_IN_PEERS,
            out_peers: quire_network::DEFAULT_OUT_PEERS,
            connectivity: quire_network::DEFAULT_CONNECTIVITY,
        }
    }
}

/// What stays of old blocks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Pruning")]
pub struct PruningArgs {
    /// Final blocks whose state stays readable, or archive for all. A new database keeps 4096; an existing one goes on
    /// as it is.
    #[arg(long, alias = "pruning", value_name = "BLOCKS|archive")]
    pub state_pruning: Option<String>,
    /// Final blocks whose extrinsics stay, or archive for all (the default). Headers and justifications always stay.
    #[arg(long, value_name = "BLOCKS|archive")]
    pub blocks_pruning: Option<String>,
}

/// Sizes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Storage and pool")]
pub struct StorageArgs {
    /// Which states and blocks stay.
    #[command(flatten)]
    pub pruning: PruningArgs,
    /// Memory for the database's caches, MiB.
    #[arg(long, value_name = "MIB", default_value_t = 128)]
    pub db_cache: u64,
    /// Transactions in the pool.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub pool_limit: usize,
    /// Size of the pool, KiB.
    #[arg(long, value_name = "KIB", default_value_t = 131_072)]
    pub pool_kbytes: usize,
}

impl Default for StorageArgs {
    fn default() -> Self {
        Self { pruning: PruningArgs::default(), db_cache: 128, pool_limit: 100_000, pool_kbytes: 131_072 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn defaults_in_code_are_those_of_the_flags() {
        let parsed = Cli::try_parse_from(["quire"]).unwrap().run;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", RunArgs::default()));
    }

    #[test]
    fn operators_lines_parse() {
        let line = "quire --dev --base-path D --rpc-port 1 --port 2 --no-prometheus";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert!(cli.run.shared.dev && cli.command.is_none());
        assert_eq!((cli.run.rpc.rpc_port, cli.run.network.port), (1, 2));
        let cli = Cli::try_parse_from("quire --chain local --bob --tmp -l rpc=debug,aura=trace".split(' '))
            .unwrap();
        assert_eq!(cli.run.role.key.suri(), Some("//Bob"));
        assert_eq!(cli.run.shared.log.len(), 2);
        assert!(Cli::try_parse_from("quire --alice --bob".split(' ')).is_err());
        assert!(Cli::try_parse_from("quire --dev --chain local".split(' ')).is_err());
        let cli = Cli::try_parse_from("quire build-spec --chain dev --raw".split(' ')).unwrap();
        assert!(matches!(cli.command, Some(Command::BuildSpec(BuildSpecArgs { raw: true, .. }))));
    }

    #[test]
    fn every_flag_of_the_table_is_accepted() {
        let lines = [
            "quire --chain local --base-path d --name n --validator --force-authoring --no-grandpa -l a=debug",
            "quire --dev --port 1 --listen-addr /ip4/0.0.0.0/tcp/2/ws --node-key-file k --public-addr a --bootnodes b c",
            "quire --dev --reserved-nodes a --reserved-only --in-peers 1 --out-peers 2 --no-mdns --sync warp",
            "quire --dev --rpc-port 1 --unsafe-rpc-external --rpc-methods unsafe --rpc-cors all --rpc-max-connections 1",
            "quire --dev --rpc-max-request-size 1 --rpc-max-response-size 2 --rpc-max-subscriptions-per-connection 3",
            "quire --dev --keystore-path p --password-filename f --no-telemetry --database paritydb --db-cache 64",
            "quire --dev --state-pruning archive-canonical --blocks-pruning 256 --pool-limit 1 --pool-kbytes 2",
            "quire --dev --pruning 1000 --password-interactive",
            "quire export-chain-spec --chain local --raw",
        ];
        for line in lines {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(
                parsed.is_ok(),
                "{line}: {}",
                parsed.err().map(|why| why.to_string()).unwrap_or_default()
            );
        }
        let telemetry = ["quire", "--dev", "--telemetry-url", "wss://example.org/submit 0"];
        assert_eq!(Cli::try_parse_from(telemetry).unwrap().run.compat.telemetry_url.len(), 1);
        for line in [
            "quire --dev --password a --password-interactive",
            "quire key sign --password a --password-filename b",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}: two sources of one password");
        }
    }
}
