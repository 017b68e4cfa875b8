//! Which chain on this machine a subcommand is about, and its parts opened without running a node.
//!
//! Rule: the chain's folder is locked like by a node, so no subcommand reads or writes under a running one.
use crate::base_path::{BasePath, BasePathError, ChainDir, chain_path};
use crate::chain_spec::{ChainSpec, SpecError};
use crate::cli::ChainArgs;
use crate::config::ConfigError;
use crate::service::store_options;
use quire_chain::{Chain, ExecuteError};
use quire_executor::WasmExecutor;
use quire_store::{SledStore, Wanted};
use std::path::PathBuf;
use std::sync::Arc;

/// Memory for the database's caches, bytes.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// Why a chain could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The flags.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A node runs on it.
    #[error(
        "a running quire process holds {path}: stop that node first, then run this again; what can be done while it runs is done over its JSON-RPC"
    )]
    Busy {
        /// The chain's folder.
        path: PathBuf,
    },
    /// Nothing is there.
    #[error(
        "there is no database of the chain {id} at {path}: name the folder of a node with --base-path; a node makes the database at its first start, and so does import-blocks"
    )]
    Missing {
        /// The chain's id.
        id: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The folder.
    #[error(transparent)]
    BasePath(BasePathError),
    /// The chain spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The database.
    #[error(transparent)]
    Store(#[from] quire_store::OpenError),
    /// The chain in it.
    #[error(transparent)]
    Chain(#[from] quire_chain::OpenError),
    /// The Wasm engine.
    #[error(transparent)]
    Executor(#[from] ExecuteError),
    /// Logging.
    #[error("the log filter: {0}")]
    Log(String),
}

impl From<BasePathError> for PlaceError {
    fn from(error: BasePathError) -> Self {
        match error {
            BasePathError::InUse { path } => Self::Busy { path },
            other => Self::BasePath(other),
        }
    }
}

/// The chain of a node that does not run.
pub(super) type OfflineChain = Chain<SledStore, WasmExecutor>;

/// A chain, opened; the lock goes last.
pub(super) struct Opened {
    pub(super) chain: OfflineChain,
    pub(super) store: Arc<SledStore>,
    pub(super) spec: ChainSpec,
    pub(super) dir: ChainDir,
}

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

/// Locks the folder of a chain that is there; also says where.
pub(super) fn existing(args: &ChainArgs) -> Result<(ChainSpec, ChainDir), PlaceError> {
    crate::logging::start(&quiet(args)).map_err(PlaceError::Log)?;
    let spec = spec(args)?;
    let base = base_path(args);
    let path = chain_path(&base, &spec.id);
    if !path.join("db").is_dir() {
        return Err(PlaceError::Missing { id: spec.id, path });
    }
    let dir = ChainDir::open(BasePath::at(base), &spec.id)?;
    Ok((spec, dir))
}

/// Opens a chain that is there.
pub(super) fn open(args: &ChainArgs) -> Result<Opened, PlaceError> {
    let (spec, dir) = existing(args)?;
    open_in(spec, dir, Wanted::default())
}

/// Opens a chain, or begins it with its genesis.
pub(super) fn open_or_create(args: &ChainArgs, pruning: Wanted) -> Result<Opened, PlaceError> {
    crate::logging::start(&quiet(args)).map_err(PlaceError::Log)?;
    let spec = spec(args)?;
    let dir = ChainDir::open(BasePath::at(base_path(args)), &spec.id)?;
    open_in(spec, dir, pruning)
}

fn open_in(spec: ChainSpec, dir: ChainDir, pruning: Wanted) -> Result<Opened, PlaceError> {
    let genesis = spec.genesis()?;
    let options = store_options(pruning, CACHE_BYTES);
    let store = Arc::new(SledStore::open(&dir.db(), Some(genesis.hash()), options)?);
    let cache = Some(dir.path().join("compiled"));
    let executor = Arc::new(WasmExecutor::new(quire_executor::Options { cache, ..Default::default() })?);
    let chain = Chain::open(store.clone(), executor, &genesis, Default::default())?;
    Ok(Opened { chain, store, spec, dir })
}

/// Results have the terminal; only what needs attention is logged unless asked for.
fn quiet(args: &ChainArgs) -> Vec<String> {
    let mut directives = vec!["warn".to_owned()];
    directives.extend(args.log.iter().cloned());
    directives
}
