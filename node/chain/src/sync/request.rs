//! Requests of `sync/2`, and whether an answer is one (R2 of [`super`]).

use quire_core::{BlockNumber, H256};

use super::{BlockData, Rule};

/// Name of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// The first block of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// This one.
    Hash(H256),
    /// The one with this number in the peer's best chain.
    Number(BlockNumber),
}

/// The order of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Children follow, along the peer's best chain.
    Ascending,
    /// Parents follow.
    Descending,
}

/// What of each block is wanted; the hash always comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The header.
    pub header: bool,
    /// The extrinsics.
    pub body: bool,
    /// The justification, if there is one.
    pub proof: bool,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// The first block, included.
    pub from: From,
    /// The order.
    pub direction: Direction,
    /// Most blocks.
    pub max: u32,
    /// What of each.
    pub fields: Fields,
}

impl BlockRequest {
    /// Whether `blocks` answer this request. No blocks are an answer too: the peer has none.
    pub(super) fn check(&self, blocks: &[BlockData]) -> Result<(), Rule> {
        if blocks.len() > self.max as usize {
            return Err(Rule::TooMany);
        }
        let Some(first) = blocks.first() else { return Ok(()) };
        let fits = match self.from {
            From::Hash(hash) => first.hash == hash,
            From::Number(number) => first.header.as_ref().is_some_and(|header| header.number == number),
        };
        let is_whole = |block: &BlockData| {
            let header_fits = match &block.header {
                Some(header) => header.hash() == block.hash,
                None => !self.fields.header,
            };
            header_fits && (block.body.is_some() || !self.fields.body)
        };
        let are_linked = |pair: &[BlockData]| self.follows(&pair[0], &pair[1]);
        if fits && blocks.iter().all(is_whole) && blocks.windows(2).all(are_linked) {
            Ok(())
        } else {
            Err(Rule::WrongAnswer)
        }
    }

    fn follows(&self, one: &BlockData, next: &BlockData) -> bool {
        let (child, parent) = match self.direction {
            Direction::Ascending => (next, one),
            Direction::Descending => (one, next),
        };
        let number = |block: &BlockData| block.header.as_ref().map(|header| header.number);
        child.header.as_ref().is_some_and(|header| header.parent_hash == parent.hash)
            && number(parent).and_then(|number| number.checked_add(1)) == number(child)
    }
}
