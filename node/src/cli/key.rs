//! `quire key …` as data.
use super::{ChainArgs, OutputArgs};
use crate::secret_input::PasswordSource;
use clap::{Args, Subcommand, ValueEnum};
use quire_core::ss58;
use std::path::PathBuf;

const KEY_EXAMPLES: &str = "\
Examples:
  quire key generate                                     a new key, its phrase and addresses
  quire key inspect //Alice                              what everybody knows about Alice
  quire key inspect - < phrase.txt                       without the phrase in the list of processes
  quire key insert --chain c.json -d ./node --key-type aura --suri phrase.txt
  quire key generate-node-key --file node.key            the identity of a node among its peers
";
const INSERT_EXAMPLES: &str = "\
Examples:
  quire key insert --chain c.json -d ./node --key-type aura --suri aura.txt
  quire key insert --chain c.json -d ./node --key-type gran --scheme ed25519 < gran.txt
  quire key insert --keystore-path ./keys --key-type aura --suri //Alice --password-filename pw
";
const SIGN_EXAMPLES: &str = "\
Examples:
  quire key sign --suri //Alice --message hello
  quire key sign --suri phrase.txt --hex --message 0xdeadbeef
  cat report.pdf | quire key sign --suri phrase.txt
";
const VERIFY_EXAMPLES: &str = "\
Examples:
  quire key verify 0x<signature> 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY --message hello
  cat report.pdf | quire key verify 0x<signature> 5Grw…
";

/// Flags of `key`.
#[derive(Debug, Args)]
#[command(before_help = KEY_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct KeyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// Subcommands of `key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a new key and print its secret phrase, seed and addresses.
    Generate(GenerateArgs),
    /// Print what belongs to a secret URI, a public key or an address.
    Inspect(InspectArgs),
    /// Put a key into the keystore of a node.
    Insert(InsertArgs),
    /// Make the secret key by which peers know a node; its peer id goes to standard error.
    GenerateNodeKey(GenerateNodeKeyArgs),
    /// Print the peer id of a node key.
    InspectNodeKey(InspectNodeKeyArgs),
    /// Sign a message.
    Sign(SignArgs),
    /// Check a signature; the exit code says whether it is right.
    Verify(VerifyArgs),
}

/// A signature scheme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemeArg {
    /// schnorrkel over Ristretto: accounts, Aura.
    #[default]
    Sr25519,
    /// EdDSA: GRANDPA, node keys.
    Ed25519,
    /// Known to Substrate's tools and refused here: nothing on a Quire chain verifies it.
    Ecdsa,
}

/// Which scheme.
#[derive(Debug, Clone, Copy, Args)]
pub struct SchemeArgs {
    /// The signature scheme.
    #[arg(long, value_enum, default_value_t)]
    pub scheme: SchemeArg,
}

/// Which network an address is for.
#[derive(Debug, Clone, Copy, Args)]
pub struct NetworkIdArgs {
    /// Prefix of addresses: a number, or substrate (42), polkadot (0), kusama (2).
    #[arg(long, short = 'n', visible_alias = "ss58-prefix", value_name = "NETWORK", value_parser = network)]
    pub network: Option<u16>,
}

fn network(text: &str) -> Result<u16, String> {
    match text {
        "substrate" => Ok(ss58::DEVELOPMENT_PREFIX),
        "polkadot" => Ok(0),
        "kusama" => Ok(2),
        number => number.parse().ok().filter(|prefix| *prefix <= ss58::MAX_PREFIX).ok_or_else(|| {
            format!("give a number up to {}, or substrate, polkadot, kusama", ss58::MAX_PREFIX)
        }),
    }
}

/// The name of a prefix as key tools print it.
pub fn network_name(prefix: u16) -> String {
    match prefix {
        ss58::DEVELOPMENT_PREFIX => "substrate".into(),
        0 => "polkadot".into(),
        2 => "kusama".into(),
        other => other.to_string(),
    }
}

/// The password of a secret URI or a keystore.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct PasswordArgs {
    /// The password. Visible to other users of the machine: prefer --password-filename.
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Ask for the password on the terminal.
    #[arg(long)]
    pub password_interactive: bool,
    /// File with the password.
    #[arg(long, value_name = "PATH")]
    pub password_filename: Option<PathBuf>,
}

impl PasswordArgs {
    /// Where the password comes from.
    pub fn source(&self) -> PasswordSource {
        match (&self.password, self.password_interactive, &self.password_filename) {
            (Some(password), ..) => PasswordSource::Given(password.clone().into()),
            (None, true, _) => PasswordSource::Interactive,
            (None, false, Some(path)) => PasswordSource::File(path.clone()),
            (None, false, None) => PasswordSource::None,
        }
    }
}

/// Flags of `key generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Words of the phrase: 12, 15, 18, 21 or 24.
    #[arg(long, short = 'w', value_name = "COUNT", default_value_t = 12)]
    pub words: usize,
    /// The scheme.
    #[command(flatten)]
    pub scheme: SchemeArgs,
    /// The network of the address.
    #[command(flatten)]
    pub network: NetworkIdArgs,
    /// The password that the key will need beside its phrase.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Text or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `key inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Secret URI, address, or (with --public) 0x key; or a file that holds it, or - for standard input.
    pub uri: Option<String>,
    /// The text is a public key, 0x and 64 hex digits.
    #[arg(long)]
    pub public: bool,
    /// The scheme.
    #[command(flatten)]
    pub scheme: SchemeArgs,
    /// The network of the address.
    #[command(flatten)]
    pub network: NetworkIdArgs,
    /// The password of the secret URI.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Text or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `key insert`.
#[derive(Debug, Args)]
#[command(before_help = INSERT_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct InsertArgs {
    /// The chain whose keystore it is.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Folder of the keystore, instead of the chain's own.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["chain", "dev"])]
    pub keystore_path: Option<PathBuf>,
    /// Secret URI; or a file that holds it, or - for standard input (the default).
    #[arg(long, value_name = "SURI")]
    pub suri: Option<String>,
    /// What the key is for, four letters: aura, gran, acco, qmsg, qsig, qsea.
    #[arg(long, value_name = "TYPE")]
    pub key_type: String,
    /// The scheme; without it that of the key type.
    #[arg(long, value_enum)]
    pub scheme: Option<SchemeArg>,
    /// The keystore's password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// Flags of `key generate-node-key`.
#[derive(Debug, Args)]
pub struct GenerateNodeKeyArgs {
    /// File for the key; standard output without it.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["chain", "dev", "base_path"])]
    pub file: Option<PathBuf>,
    /// Write 32 bytes instead of 64 hex digits.
    #[arg(long)]
    pub bin: bool,
    /// Put the key where a node of this chain looks for it.
    #[command(flatten)]
    pub chain: ChainArgs,
}

/// Flags of `key inspect-node-key`.
#[derive(Debug, Args)]
pub struct InspectNodeKeyArgs {
    /// File with the key; standard input without it.
    #[arg(long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// The key is 32 bytes; found out by itself, so the flag may be left away.
    #[arg(long)]
    pub bin: bool,
}

/// What is signed.
#[derive(Debug, Args)]
pub struct MessageArgs {
    /// The message; standard input without it.
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// The message is hex.
    #[arg(long)]
    pub hex: bool,
}

/// Flags of `key sign`.
#[derive(Debug, Args)]
#[command(before_help = SIGN_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct SignArgs {
    /// Secret URI; or a file that holds it, or - for standard input.
    #[arg(long, value_name = "SURI")]
    pub suri: Option<String>,
    /// The message.
    #[command(flatten)]
    pub message: MessageArgs,
    /// The scheme.
    #[command(flatten)]
    pub scheme: SchemeArgs,
    /// The password of the secret URI.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// Flags of `key verify`.
#[derive(Debug, Args)]
#[command(before_help = VERIFY_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct VerifyArgs {
    /// The signature in hex.
    pub signature: String,
    /// Address, 0x public key, or secret URI of the signer.
    pub uri: String,
    /// The message.
    #[command(flatten)]
    pub message: MessageArgs,
    /// The scheme.
    #[command(flatten)]
    pub scheme: SchemeArgs,
}
