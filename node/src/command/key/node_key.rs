//! `quire key generate-node-key` and `inspect-node-key`: the key by which peers know a node.
use super::KeyError;
use crate::base_path::{chain_path, new_node_key, node_key_path, read_node_key, write_node_key};
use crate::cli::{GenerateNodeKeyArgs, InspectNodeKeyArgs};
use crate::command::place;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes of a node key that are read.
const MAX_KEY_BYTES: u64 = 1_024;

pub(super) fn generate(args: &GenerateNodeKeyArgs) -> Result<(), KeyError> {
    let key = new_node_key()?;
    match target(args)? {
        Some(path) if path.exists() => return Err(KeyError::Exists { path }),
        Some(path) => write_node_key(&path, &key, args.bin)?,
        None if args.bin => raw(&*key)?,
        None => super::print(&hex::encode(*key))?,
    }
    eprintln!("{}", quire_network::peer_id(*key)?);
    Ok(())
}

fn target(args: &GenerateNodeKeyArgs) -> Result<Option<PathBuf>, KeyError> {
    if args.file.is_some() || !place::is_named(&args.chain) {
        return Ok(args.file.clone());
    }
    let spec = place::spec(&args.chain)?;
    Ok(Some(node_key_path(&chain_path(&place::base_path(&args.chain), &spec.id))))
}

fn raw(bytes: &[u8]) -> Result<(), KeyError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|source| KeyError::Io { what: "cannot write the node key".into(), source })
}

pub(super) fn inspect(args: &InspectNodeKeyArgs) -> Result<(), KeyError> {
    let source: &Path = args.file.as_deref().unwrap_or(Path::new("standard input"));
    let fail = |error| KeyError::Io { what: format!("cannot read {}", source.display()), source: error };
    let mut bytes = Vec::new();
    match &args.file {
        Some(path) => std::fs::File::open(path).map_err(fail)?.take(MAX_KEY_BYTES).read_to_end(&mut bytes),
        None => std::io::stdin().lock().take(MAX_KEY_BYTES).read_to_end(&mut bytes),
    }
    .map_err(fail)?;
    let key = read_node_key(source, bytes)?;
    super::print(&quire_network::peer_id(*key)?)
}
