//! `quire cert …` as data.
use super::{ChainArgs, OutputArgs, PasswordArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const CERT_EXAMPLES: &str = "\
Examples:
  quire cert root --file root.key                        the key that certifies members; keep it offline
  quire cert request --chain c.json --suri org.key --account 5Grw… --name 'Printers Guild' -o org.request
  quire cert issue org.request --chain c.json --suri root.key --days 730 -o org.certificate
  quire cert request --chain c.json --node-key-file node.key --member 5Grw… --name node-1 -o node.request
  quire cert issue node.request --chain c.json --suri org.key --days 365 -o node.certificate
  quire cert renew node.certificate --suri org.key --days 365 -o next.certificate
  quire cert inspect node.certificate
";

/// Flags of `cert`.
#[derive(Debug, Args)]
#[command(before_help = CERT_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct CertArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: CertCommand,
}

/// Subcommands of `cert`.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Make the root key of a consortium; what it prints goes into the chain spec as certificateRoot.
    Root(CertRootArgs),
    /// Ask for a certificate: of an organisation, of a node, or of a client.
    Request(CertRequestArgs),
    /// Answer a request with a certificate.
    Issue(CertIssueArgs),
    /// Sign the next certificate of the same subject.
    Renew(CertRenewArgs),
    /// Print what a certificate or request says, and the calls that bring it to the chain.
    Inspect(CertInspectArgs),
}

/// A scheme that signs certificates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CertScheme {
    /// Keys of accounts.
    #[default]
    Sr25519,
    /// Node keys, hardware.
    Ed25519,
}

/// Who signs.
#[derive(Debug, Args)]
pub struct SignerArgs {
    /// Secret URI of the signing key; or a file that holds it, or - for standard input.
    #[arg(long, value_name = "SURI", conflicts_with = "node_key_file")]
    pub suri: Option<String>,
    /// The scheme of that key.
    #[arg(long, value_enum, default_value_t)]
    pub scheme: CertScheme,
    /// File with the node key that signs.
    #[arg(long, value_name = "PATH")]
    pub node_key_file: Option<PathBuf>,
    /// The password of the secret URI.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// Until when a certificate holds.
#[derive(Debug, Args)]
pub struct WindowArgs {
    /// Days for which it holds.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    pub days: u64,
    /// From when it holds, milliseconds since the Unix epoch; now without it.
    #[arg(long, value_name = "MS")]
    pub from: Option<u64>,
    /// Its serial; the present second without it, so that later ones are newer.
    #[arg(long, value_name = "NUMBER")]
    pub serial: Option<u64>,
}

/// Which chain certificates are for.
#[derive(Debug, Args)]
pub struct CertChainArgs {
    /// A chain spec.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Its genesis hash, instead of the spec.
    #[arg(long, value_name = "HASH", conflicts_with_all = ["chain", "dev"])]
    pub genesis: Option<String>,
}

/// Flags of `cert root`.
#[derive(Debug, Args)]
pub struct CertRootArgs {
    /// New file for the secret phrase, readable by its owner only.
    #[arg(long, value_name = "PATH")]
    pub file: PathBuf,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `cert request`.
#[derive(Debug, Args)]
pub struct CertRequestArgs {
    /// For which chain.
    #[command(flatten)]
    pub chain: CertChainArgs,
    /// The key to be certified.
    #[command(flatten)]
    pub signer: SignerArgs,
    /// Level 0: account of the organisation; with --suri.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["member", "peer"])]
    pub account: Option<String>,
    /// Level 1: account of the member whose node it is; with --node-key-file.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "peer")]
    pub member: Option<String>,
    /// Level 2: public node key of the peer that is to vouch, in hex; with --suri. Searches for the work.
    #[arg(long, value_name = "HEX")]
    pub peer: Option<String>,
    /// Name of the organisation or node.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Level 2: bits of work.
    #[arg(long, value_name = "BITS", default_value_t = quire_certificate::CLIENT_WORK_BITS)]
    pub work_bits: u32,
    /// File for the request; standard output without it.
    #[arg(long, short = 'o', value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `cert issue`.
#[derive(Debug, Args)]
pub struct CertIssueArgs {
    /// File with the request; - for standard input.
    pub request: PathBuf,
    /// For which chain.
    #[command(flatten)]
    pub chain: CertChainArgs,
    /// Who vouches: the root key, the principal's key, or the peer's node key.
    #[command(flatten)]
    pub signer: SignerArgs,
    /// For how long.
    #[command(flatten)]
    pub window: WindowArgs,
    /// Level 2: bits of work to ask for.
    #[arg(long, value_name = "BITS", default_value_t = quire_certificate::CLIENT_WORK_BITS)]
    pub work_bits: u32,
    /// File for the certificate; standard output without it.
    #[arg(long, short = 'o', value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `cert renew`.
#[derive(Debug, Args)]
pub struct CertRenewArgs {
    /// File with the present certificate; - for standard input.
    pub certificate: PathBuf,
    /// Who vouches: who did before, or for Level 0 the principal's own key.
    #[command(flatten)]
    pub signer: SignerArgs,
    /// For how long.
    #[command(flatten)]
    pub window: WindowArgs,
    /// File for the certificate; standard output without it.
    #[arg(long, short = 'o', value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `cert inspect`.
#[derive(Debug, Args)]
pub struct CertInspectArgs {
    /// File with a certificate or request; - for standard input.
    pub file: PathBuf,
    /// Ask also whether it is for this chain.
    #[command(flatten)]
    pub chain: CertChainArgs,
    /// Ask also whether this key signed it, for instance sr25519:5Grw….
    #[arg(long, value_name = "KEY")]
    pub issuer: Option<String>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}
