//! `quire purge-chain`: removes the database of a chain.
//!
//! Rule: the keystore, the node key and the guard (what was signed before) stay. A validator that syncs again with the
//! same keys must not sign twice for one slot or round.
use super::operator::OperatorError;
use super::place::{self, PlaceError};
use crate::Error;
use crate::cli::PurgeChainArgs;
use std::io::{BufRead, Read, Write};
use std::path::Path;

pub(super) fn run(args: &PurgeChainArgs) -> Result<(), Error> {
    Ok(purge(args)?)
}

fn purge(args: &PurgeChainArgs) -> Result<(), OperatorError> {
    let (spec, dir) = match place::existing(&args.chain) {
        Ok(found) => found,
        Err(PlaceError::Missing { id, path }) => {
            eprintln!("there is no database of the chain {id} at {}: nothing to remove", path.display());
            return Ok(());
        }
        Err(other) => return Err(other.into()),
    };
    let db = dir.db();
    if !args.yes && !confirmed(&spec.id, &db)? {
        return Err(OperatorError::Declined);
    }
    std::fs::remove_dir_all(&db).map_err(|source| OperatorError::Folder {
        what: "remove",
        path: db.clone(),
        source,
    })?;
    eprintln!("removed {}; keystore, node key and the record of what was signed stay", db.display());
    Ok(())
}

fn confirmed(id: &str, db: &Path) -> Result<bool, OperatorError> {
    let fail = |source| OperatorError::Folder { what: "ask about", path: db.to_owned(), source };
    let mut error = std::io::stderr();
    write!(error, "Remove all blocks and states of the chain {id} in {}? [y/N]: ", db.display())
        .and_then(|()| error.flush())
        .map_err(fail)?;
    let mut answer = String::new();
    std::io::stdin().lock().take(64).read_line(&mut answer).map_err(fail)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
