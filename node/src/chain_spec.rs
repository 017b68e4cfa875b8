//! Chain specs: presets, and the JSON that nodes and light clients read.
//!
//! Rules:
//! * R1 The raw form has exactly the keys that Substrate's light client knows; it refuses others, and so do we.
//! * R2 Presets embed the checked-in runtime, never one that was just compiled, or two members would build two chains.
//! * R3 The same preset gives the same genesis hash on every machine.
//! * R4 The plain form (`build-spec` without `--raw`) is for editing: it holds the genesis configuration, and turning it
//!   into raw form gives the same chain as starting a node on it.
//! * R5 A spec is refused with the place of the mistake: unknown keys, wrong types, bad hex, addresses of another network
//!   than `properties.ss58Format`, keys named twice, code that is no runtime, settings that this node would ignore.
//!
//! Out of scope: options of one node, which are flags.
mod plain;

use crate::suri::Suri;
use pallet_bonds::ValidatorKeys;
use pallet_members::genesis::Founder;
use pallet_session::SessionKeys;
use quire_certificate::Key;
use quire_chain::CODE_KEY;
use quire_chain::genesis::{Genesis, GenesisError};
use quire_core::{AccountId, AuraId, Balance, GrandpaId, UNITS, ss58};
use quire_runtime::genesis as runtime_genesis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use plain::PlainGenesis;

/// The checked-in runtime (R2).
const RUNTIME_CODE: &[u8] = include_bytes!("../../runtime/wasm/quire_runtime.wasm");
/// Slot length of the presets, milliseconds.
const SLOT_DURATION_MS: u64 = 1_000;
/// Blocks from the acceptance of an upgrade to its enactment in the presets: one can watch it.
const PRESET_ENACTMENT_DELAY_BLOCKS: u32 = 10;
/// Slots of a session in the presets: one can watch members join and leave.
const PRESET_SESSION_SLOTS: u32 = 30;
/// The founders of the preset local.
const CONSORTIUM: [&str; 4] = ["Alice", "Bob", "Charlie", "Dave"];
/// Secret URI of the key that signs certificates of members in the presets.
const CERTIFICATE_ROOT: &str = "//Root";
/// What each of them bonds as a validator, in whole QIR.
const CONSORTIUM_BOND_UNITS: u128 = 100_000;
/// What each development account holds, in whole QIR.
const DEV_FUNDS_UNITS: u128 = 1_000_000;
/// Largest spec file, bytes: the runtime as hex and a million accounts.
const MAX_SPEC_BYTES: u64 = 512 * 1024 * 1024;
/// Most bytes of a chain's id: it names a folder.
const MAX_ID_BYTES: usize = 64;

/// Why a chain spec cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Neither a preset nor a file.
    #[error("there is no chain spec {path}: {source}; give a file, or one of the presets dev and local")]
    File {
        /// What was given.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Too large.
    #[error("the chain spec {path} has {bytes} bytes, more than {MAX_SPEC_BYTES}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Not a chain spec.
    #[error("{origin} is not a chain spec: {reason}")]
    Format {
        /// The file or preset.
        origin: String,
        /// What is wrong, with line and column where known.
        reason: String,
    },
    /// No state can be built.
    #[error("{origin}: {reason}")]
    Genesis {
        /// The file or preset.
        origin: String,
        /// What is wrong.
        reason: String,
    },
}

/// A chain spec; field order is the order in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChainSpec {
    /// Shown to people.
    pub name: String,
    /// Names folders and metrics.
    pub id: String,
    /// `"Development"`, `"Local"`, `"Live"` or `{"Custom": name}`.
    #[serde(default = "live")]
    pub chain_type: Value,
    /// Multiaddresses of peers to start with.
    #[serde(default)]
    pub boot_nodes: Vec<String>,
    /// Servers for telemetry; not used.
    #[serde(default)]
    pub telemetry_endpoints: Option<Value>,
    /// Prefix of protocol names of old clients.
    #[serde(default)]
    pub protocol_id: Option<String>,
    /// Tells forks of one genesis apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork_id: Option<String>,
    /// SS58 prefix, token symbol and decimals, for user interfaces.
    #[serde(default)]
    pub properties: Option<Value>,
    /// Code that replaces broken code at a block; none here.
    #[serde(default)]
    pub code_substitutes: BTreeMap<String, String>,
    /// The state of block 0.
    pub genesis: GenesisJson,
}

/// The state of block 0, as keys and values or as what it is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GenesisJson {
    /// Keys and values.
    Raw(RawGenesis),
    /// Code and configuration (R4).
    RuntimeGenesis(PlainGenesis),
}

/// Keys and values in hex.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawGenesis {
    /// The state.
    pub top: BTreeMap<String, String>,
    /// Child tries; there are none in Quire.
    #[serde(default)]
    pub children_default: BTreeMap<String, Value>,
}

fn live() -> Value {
    json!("Live")
}

impl ChainSpec {
    /// A preset by name, or a file by path.
    pub fn load(id_or_path: &str) -> Result<Self, SpecError> {
        match id_or_path {
            "dev" => Ok(Self::dev()),
            "local" => Ok(Self::local()),
            path => Self::read(Path::new(path)),
        }
    }

    /// One authority, //Alice; slots of a second.
    pub fn dev() -> Self {
        Self::preset("Quire Development", "quire_dev", "Development", &preset_config(&["Alice"]))
    }

    /// A consortium of four: //Alice, //Bob, //Charlie and //Dave are members, authors, finality voters and bonded
    /// validators. Finality needs three of them: see `quire_consensus::finality` for what this release can do.
    pub fn local() -> Self {
        let mut config = preset_config(&CONSORTIUM);
        config.bonds.validators = CONSORTIUM.map(validator).to_vec();
        Self::preset("Quire Local", "quire_local", "Local", &config)
    }

    fn preset(name: &str, id: &str, chain_type: &str, config: &runtime_genesis::Config) -> Self {
        Self {
            name: name.into(),
            id: id.into(),
            chain_type: json!(chain_type),
            boot_nodes: Vec::new(),
            telemetry_endpoints: None,
            protocol_id: Some("quire".into()),
            fork_id: None,
            properties: Some(json!({ "ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "QIR" })),
            code_substitutes: BTreeMap::new(),
            genesis: GenesisJson::RuntimeGenesis(PlainGenesis::new(RUNTIME_CODE, config)),
        }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let file = |source| SpecError::File { path: path.into(), source };
        let bytes = std::fs::metadata(path).map_err(file)?.len();
        if bytes > MAX_SPEC_BYTES {
            return Err(SpecError::TooLarge { path: path.into(), bytes });
        }
        let text = std::fs::read(path).map_err(file)?;
        Self::parse(&text, &path.display().to_string())
    }

    fn parse(text: &[u8], origin: &str) -> Result<Self, SpecError> {
        let wrong = |reason: String| SpecError::Format { origin: origin.into(), reason };
        let spec: Self = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if spec.id.is_empty()
            || spec.id.len() > MAX_ID_BYTES
            || !spec.id.chars().all(is_plain)
            || spec.id.starts_with('.')
        {
            return Err(wrong(format!(
                "the id {:?} names a folder: use 1 to {MAX_ID_BYTES} letters, digits, - and _",
                spec.id
            )));
        }
        spec.check_settings().map_err(wrong)?;
        if let GenesisJson::Raw(raw) = &spec.genesis
            && !raw.children_default.is_empty()
        {
            return Err(wrong("genesis.raw.childrenDefault must be empty: Quire has no child tries".into()));
        }
        Ok(spec)
    }

    /// R5: what this node would ignore, or could not show.
    fn check_settings(&self) -> Result<(), String> {
        let is_type = matches!(self.chain_type.as_str(), Some("Development" | "Local" | "Live"))
            || self.chain_type["Custom"].is_string();
        if !is_type {
            return Err(format!(
                "chainType {}: write \"Development\", \"Local\", \"Live\" or {{\"Custom\": name}}",
                self.chain_type
            ));
        }
        if !self.code_substitutes.is_empty() {
            return Err("codeSubstitutes: this node replaces no code; leave it empty".into());
        }
        self.ss58_prefix().map(drop)
    }

    /// The prefix of this chain's addresses.
    pub fn ss58_prefix(&self) -> Result<u16, String> {
        match self.properties.as_ref().and_then(|properties| properties.get("ss58Format")) {
            None | Some(Value::Null) => Ok(ss58::DEVELOPMENT_PREFIX),
            Some(format) => {
                let prefix = format.as_u64().and_then(|prefix| u16::try_from(prefix).ok());
                prefix.filter(|prefix| *prefix <= ss58::MAX_PREFIX).ok_or_else(|| {
                    format!("properties.ss58Format {format}: give a number up to {}", ss58::MAX_PREFIX)
                })
            }
        }
    }

    /// The same chain with more peers to start with.
    pub fn with_boot_nodes(mut self, addresses: &[String]) -> Result<Self, SpecError> {
        for address in addresses {
            quire_network::check_boot_node(address)
                .map_err(|error| SpecError::Format { origin: self.origin(), reason: error.to_string() })?;
            if !self.boot_nodes.contains(address) {
                self.boot_nodes.push(address.clone());
            }
        }
        Ok(self)
    }

    /// The keys and values of block 0.
    pub fn state(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, SpecError> {
        let wrong = |reason: String| SpecError::Genesis { origin: self.origin(), reason };
        match &self.genesis {
            GenesisJson::Raw(raw) => raw
                .top
                .iter()
                .map(|(key, value)| Ok((unhex("a key", key)?, unhex(key, value)?)))
                .collect::<Result<_, String>>()
                .map_err(wrong),
            GenesisJson::RuntimeGenesis(plain) => {
                let (code, config) =
                    self.ss58_prefix().and_then(|prefix| plain.read(prefix)).map_err(wrong)?;
                runtime_genesis::build(&config, &code).map_err(|error| wrong(error.to_string()))
            }
        }
    }

    /// Block 0.
    pub fn genesis(&self) -> Result<Genesis, SpecError> {
        let wrong = |reason: String| SpecError::Genesis { origin: self.origin(), reason };
        let state = self.state()?;
        if let Some(code) = state.get(CODE_KEY) {
            quire_executor::check_code(code)
                .map_err(|why| wrong(format!("its code is no runtime: {why}")))?;
        }
        Genesis::new(state).map_err(|error: GenesisError| wrong(error.to_string()))
    }

    /// The same chain in raw form.
    pub fn to_raw(&self) -> Result<Self, SpecError> {
        let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
        let top = self.state()?.iter().map(|(key, value)| (hex(key), hex(value))).collect();
        let raw = RawGenesis { top, children_default: BTreeMap::new() };
        Ok(Self { genesis: GenesisJson::Raw(raw), ..self.clone() })
    }

    /// The file's text.
    pub fn to_json(&self) -> Result<String, SpecError> {
        serde_json::to_string_pretty(self)
            .map_err(|error| SpecError::Format { origin: self.origin(), reason: error.to_string() })
    }

    /// Whether development conveniences apply.
    pub fn is_development(&self) -> bool {
        self.chain_type == json!("Development")
    }

    fn origin(&self) -> String {
        format!("the chain spec {:?}", self.id)
    }
}

/// A validator of a preset: keys of its own name, so that its keystore can be filled from the same secret URI.
fn validator(name: &str) -> (AccountId, Balance, ValidatorKeys) {
    const PROOF: &str = "the development phrase with hard junctions is a secret URI of every scheme";
    let suri = Suri::parse(&format!("//{name}")).expect(PROOF);
    let keys =
        ValidatorKeys { signing: suri.sr25519().public(), sealing: suri.x25519().expect(PROOF).public() };
    (AccountId(suri.sr25519().public()), CONSORTIUM_BOND_UNITS * UNITS, keys)
}

fn unhex(what: &str, text: &str) -> Result<Vec<u8>, String> {
    let digits =
        text.strip_prefix("0x").ok_or_else(|| format!("genesis.raw.top: {what} does not start with 0x"))?;
    hex::decode(digits).map_err(|error| format!("genesis.raw.top: {what} is no hex: {error}"))
}

/// The accounts that everybody knows, with and without `//stash`.
fn preset_config(authorities: &[&str]) -> runtime_genesis::Config {
    let known = |path: String| {
        Suri::parse(&path).expect("the development phrase with hard junctions is a secret URI")
    };
    let account = |path: String| AccountId(known(path).sr25519().public());
    let names = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];
    let funded = names
        .iter()
        .map(|name| format!("//{name}"))
        .chain(names.iter().map(|name| format!("//{name}//stash")));
    let ed25519 = |path: String| {
        known(path).ed25519().expect("ed25519 derives hard junctions, and these are hard").public()
    };
    let mut config = runtime_genesis::Config::default();
    config.timestamp.slot_duration_ms = SLOT_DURATION_MS;
    config.balances.balances = funded.map(|path| (account(path), DEV_FUNDS_UNITS * UNITS)).collect();
    config.upgrade.parameters.enactment_delay_blocks = PRESET_ENACTMENT_DELAY_BLOCKS;
    let founder =
        |name: &&str| Founder { name: (*name).to_owned(), ..Founder::simple(account(format!("//{name}"))) };
    config.members.founders = authorities.iter().map(founder).collect();
    config.members.root = Key::Sr25519(account(CERTIFICATE_ROOT.to_owned()).0);
    config.session.parameters.length_slots = PRESET_SESSION_SLOTS;
    config.session.authorities = authorities
        .iter()
        .map(|name| format!("//{name}"))
        .map(|path| {
            let (account, grandpa) = (account(path.clone()), GrandpaId(ed25519(path)));
            (account, SessionKeys { aura: AuraId(account.0), grandpa })
        })
        .collect();
    config
}

#[cfg(test)]
mod tests;
