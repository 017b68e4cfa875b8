//! The other side of sync: answering requests from the chain, and telling the decider what the chain knows.
//!
//! Rules
//! - R1 An answer has at most [`BLOCKS_MAX`] blocks and ends before it passes [`BYTES_MAX`]; one block always fits.
//! - R2 Descending answers follow parents; ascending ones the best chain, and only if the first block is in it.
//! - R3 What is not known is left out, never guessed: an unknown first block gives an empty answer.

use parity_scale_codec::Encode;
use quire_core::{BlockNumber, H256, Header};

use super::{BlockData, BlockRequest, Direction, From, Known};
use crate::chain::Chain;
use crate::environment::{Execute, Head, Store, StoreError};
use crate::finalise::first_change;

/// Most blocks in an answer; Substrate's limit.
pub const BLOCKS_MAX: u32 = 128;
/// Most bytes in an answer: half of what a response may have, so that its frame fits.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Known for Chain<S, E> {
    fn is_known(&self, hash: H256) -> bool {
        Chain::is_known(self, hash).unwrap_or(false)
    }

    fn best(&self) -> Head {
        Chain::best(self)
    }

    fn finalised(&self) -> Head {
        Chain::finalised(self)
    }

    fn open_change(&self) -> Option<Head> {
        let tree = self.tree();
        first_change(&tree.root().data.sets.voters, &tree.path(tree.best().hash)?)
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// The answer to a request of `sync/2`.
    pub fn answer(&self, what: &BlockRequest) -> Result<Vec<BlockData>, StoreError> {
        let mut at = match what.from {
            From::Hash(hash) => Some(hash),
            From::Number(number) => self.hash_by_number(number)?,
        };
        let mut answer = Vec::new();
        let mut bytes = 0usize;
        while let Some(hash) = at.filter(|_| answer.len() < what.max.min(BLOCKS_MAX) as usize) {
            let Some(header) = self.header(hash)? else { break };
            if what.direction == Direction::Ascending && self.hash_by_number(header.number)? != Some(hash) {
                break;
            }
            let Some(block) = self.block_data(hash, &header, what)? else { break };
            bytes = bytes.saturating_add(size(&block));
            if bytes > BYTES_MAX && !answer.is_empty() {
                break;
            }
            answer.push(block);
            at = self.next(hash, &header, what.direction)?;
        }
        Ok(answer)
    }

    fn next(&self, hash: H256, header: &Header, direction: Direction) -> Result<Option<H256>, StoreError> {
        match direction {
            Direction::Descending if hash == self.genesis() => Ok(None),
            Direction::Descending => Ok(Some(header.parent_hash)),
            Direction::Ascending => {
                let above: Option<BlockNumber> = header.number.checked_add(1);
                above.map_or(Ok(None), |number| self.hash_by_number(number))
            }
        }
    }

    fn block_data(
        &self,
        hash: H256,
        header: &Header,
        what: &BlockRequest,
    ) -> Result<Option<BlockData>, StoreError> {
        let body = if what.fields.body { self.body(hash)? } else { None };
        if what.fields.body && body.is_none() {
            return Ok(None);
        }
        let proof = if what.fields.proof { self.justification(hash)? } else { None };
        let header = what.fields.header.then(|| header.clone());
        Ok(Some(BlockData { hash, header, body, proof }))
    }
}

fn size(block: &BlockData) -> usize {
    let body = block.body.as_ref().map_or(0, |body| body.iter().map(|e| e.encoded_bytes()).sum::<usize>());
    let proof = block.proof.as_ref().map_or(0, Vec::len);
    block.header.as_ref().map_or(0, Encode::encoded_size).saturating_add(body).saturating_add(proof)
}

#[cfg(test)]
mod tests;
