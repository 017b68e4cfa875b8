//! What the subcommands on a chain's database share: why they fail, and naming a block.
use super::place::PlaceError;
use crate::block_file::BlockFileError;
use quire_chain::{FinaliseError, ImportError, QueryError, RecheckError, RevertError, Store, StoreError};
use quire_core::{BlockNumber, H256};
use std::path::{Path, PathBuf};

/// Why an operator's subcommand did not do it.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The chain could not be opened.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block or state is not there.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A file of blocks cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file, or standard input or output.
        path: String,
        /// What is wrong.
        source: BlockFileError,
    },
    /// Not a block.
    #[error("{given:?} names no block: give a number, or 0x and the 64 digits of a hash")]
    BlockName {
        /// What was given.
        given: String,
    },
    /// No such block.
    #[error("this chain has no block {name}; its best block is {best}")]
    NoBlock {
        /// Number or hash.
        name: String,
        /// Number of the best block.
        best: BlockNumber,
    },
    /// The range is empty.
    #[error("--from {from} is above the last block to export, {to}")]
    Range {
        /// The first.
        from: BlockNumber,
        /// The last.
        to: BlockNumber,
    },
    /// Its extrinsics are gone.
    #[error(
        "the extrinsics of block {number} were pruned (--blocks-pruning): export from {oldest} on, or from a node that keeps them"
    )]
    BodyPruned {
        /// Its number.
        number: BlockNumber,
        /// The lowest number whose body is there.
        oldest: BlockNumber,
    },
    /// Blocks of another chain.
    #[error(
        "these are blocks of another chain: they build on the genesis {theirs}, this chain's is {ours}; nothing of them was imported"
    )]
    OtherGenesis {
        /// The file's.
        theirs: H256,
        /// Ours.
        ours: H256,
    },
    /// Blocks are missing in between.
    #[error(
        "block {number} builds on {parent}, which is not here: the best block is {best}; import a file that begins at {next} or below"
    )]
    Gap {
        /// The block of the file.
        number: BlockNumber,
        /// Its parent.
        parent: H256,
        /// The best block here.
        best: BlockNumber,
        /// The one above the final one.
        next: BlockNumber,
    },
    /// A block is wrong.
    #[error("block {number} was not imported: {source}; the blocks before it are in the database")]
    Import {
        /// Its number.
        number: BlockNumber,
        /// What is wrong.
        source: Box<ImportError>,
    },
    /// A justification is wrong.
    #[error("block {number} was not made final: {reason}; the blocks before it are in the database")]
    Finalise {
        /// The block's number.
        number: BlockNumber,
        /// What is wrong.
        reason: String,
    },
    /// A block does not check.
    #[error("block {name} does not check: {source}")]
    Check {
        /// Number or hash.
        name: String,
        /// What is wrong.
        source: Box<RecheckError>,
    },
    /// A block of the file is not the one that was asked for.
    #[error("{path} has no block {name}")]
    NotInFile {
        /// The file.
        path: PathBuf,
        /// Number or hash.
        name: String,
    },
    /// Nothing to revert, or not allowed.
    #[error(transparent)]
    Revert(#[from] RevertError),
    /// The operator said no.
    #[error("nothing was removed")]
    Declined,
    /// A folder.
    #[error("cannot {what} {path}: {source}")]
    Folder {
        /// What failed.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

impl From<(BlockNumber, FinaliseError)> for OperatorError {
    fn from((number, error): (BlockNumber, FinaliseError)) -> Self {
        match error {
            FinaliseError::Store(error) => Self::Store(error),
            other => Self::Finalise { number, reason: other.to_string() },
        }
    }
}

/// Wraps an error of a file with its name.
pub(super) fn file_error<E: Into<BlockFileError>>(
    path: Option<&Path>,
    standard: &str,
) -> impl FnOnce(E) -> OperatorError {
    let path = path.map_or_else(|| standard.to_owned(), |path| path.display().to_string());
    move |source| OperatorError::File { path, source: source.into() }
}

/// A block as an operator names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockName {
    Number(BlockNumber),
    Hash(H256),
}

impl BlockName {
    pub(super) fn parse(text: &str) -> Result<Self, OperatorError> {
        let number = text.parse().ok().map(Self::Number);
        let hash = || {
            let mut hash = [0; 32];
            hex::decode_to_slice(text.strip_prefix("0x")?, &mut hash).ok()?;
            Some(Self::Hash(H256(hash)))
        };
        number
            .or_else(hash)
            .ok_or_else(|| OperatorError::BlockName { given: text.chars().take(80).collect() })
    }

    /// The hash of the block on this chain.
    pub(super) fn find<S: Store + 'static, E: quire_chain::Execute>(
        self,
        chain: &quire_chain::Chain<S, E>,
    ) -> Result<H256, OperatorError> {
        let found = match self {
            Self::Number(number) => chain.hash_by_number(number)?,
            Self::Hash(hash) => chain.is_known(hash)?.then_some(hash),
        };
        found.ok_or_else(|| OperatorError::NoBlock { name: self.to_string(), best: chain.best().number })
    }
}

impl std::fmt::Display for BlockName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Hash(hash) => write!(f, "{hash}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_named_by_number_or_hash() {
        assert_eq!(BlockName::parse("17").unwrap(), BlockName::Number(17));
        let hash = format!("0x{}", "0a".repeat(32));
        assert_eq!(BlockName::parse(&hash).unwrap(), BlockName::Hash(H256([10; 32])));
        for wrong in ["", "-1", "4294967296", "0x12", "best"] {
            assert!(matches!(BlockName::parse(wrong), Err(OperatorError::BlockName { .. })), "{wrong}");
        }
    }
}
