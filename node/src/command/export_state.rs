//! `quire export-state`: a state of the chain as the raw spec of a new one.
use super::operator::{BlockName, OperatorError};
use super::place;
use crate::Error;
use crate::chain_spec::{ChainSpec, GenesisJson, RawGenesis};
use crate::cli::ExportStateArgs;
use quire_chain::{QueryError, StateView};
use std::collections::BTreeMap;

pub(super) fn run(args: &ExportStateArgs) -> Result<(), Error> {
    let spec = export(args)?;
    super::output::text("the chain spec", &spec.to_json()?, args.output.as_deref())
}

fn export(args: &ExportStateArgs) -> Result<ChainSpec, OperatorError> {
    let name = args.block.as_deref().map(BlockName::parse).transpose()?;
    let opened = place::open(&args.chain)?;
    let hash = match name {
        Some(name) => name.find(&opened.chain)?,
        None => opened.chain.finalised().hash,
    };
    let top = pairs(&*opened.chain.state_at(hash)?)?;
    eprintln!("{} values after block {hash}; a chain of this spec has a genesis of its own", top.len());
    let raw = RawGenesis { top, children_default: BTreeMap::new() };
    Ok(ChainSpec { genesis: GenesisJson::Raw(raw), ..opened.spec })
}

fn pairs(state: &dyn StateView) -> Result<BTreeMap<String, String>, OperatorError> {
    let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    let read = |key: &[u8]| state.get(key).map_err(QueryError::from);
    let mut pairs = BTreeMap::new();
    let mut key = Vec::new();
    if let Some(value) = read(&key)? {
        pairs.insert(hex(&key), hex(&value));
    }
    while let Some(next) = state.next_key(&key).map_err(QueryError::from)? {
        if let Some(value) = read(&next)? {
            pairs.insert(hex(&next), hex(&value));
        }
        key = next;
    }
    Ok(pairs)
}
