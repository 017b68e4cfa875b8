//! The history of a chain in plain maps: blocks, accounts, fork choice and validity, written from the rules and not from
//! the code under test.

use std::collections::BTreeMap;
use std::sync::Arc;

use quire_core::{AccountId, Era, Extra, H256, MultiSignature, OpaqueExtrinsic, UncheckedExtrinsic};

use crate::testing::accounts::FUNDS;

/// Length of a mortal era, blocks.
const PERIOD: u32 = 4;

/// A transaction as its author made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) who: u8,
    pub(super) nonce: u32,
    tip: u64,
    /// Number and hash of the block it was made at, for a mortal one; else of the genesis block.
    birth: (u32, H256),
    is_mortal: bool,
}

impl Tx {
    pub(super) fn extrinsic(&self) -> OpaqueExtrinsic {
        let era = if self.is_mortal { Era::mortal(PERIOD, self.birth.0) } else { Era::Immortal };
        let extra = Extra { era, nonce: self.nonce, tip: u128::from(self.tip), mode: 0 };
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&self.birth.1.0);
        let signer = AccountId([self.who + 1; 32]);
        UncheckedExtrinsic::signed((), signer, MultiSignature::Sr25519(signature), extra).to_opaque()
    }
}

#[derive(Clone, Debug)]
struct Block {
    parent: H256,
    number: u32,
    slot: u64,
    body: Vec<H256>,
    /// Next nonce and funds by account.
    accounts: BTreeMap<u8, (u32, u64)>,
}

/// The history; see the module doc.
#[derive(Clone, Debug)]
pub(super) struct Model {
    blocks: BTreeMap<H256, Block>,
    finalised: H256,
    txs: BTreeMap<H256, Tx>,
    /// In the order in which they were made.
    order: Vec<H256>,
    /// The best block as the pool was told.
    pub(super) heard: H256,
}

impl Model {
    pub(super) fn new(genesis: H256) -> Self {
        let block =
            Block { parent: H256::ZERO, number: 0, slot: 0, body: Vec::new(), accounts: BTreeMap::new() };
        Self {
            blocks: BTreeMap::from([(genesis, block)]),
            finalised: genesis,
            txs: BTreeMap::new(),
            order: Vec::new(),
            heard: genesis,
        }
    }

    pub(super) fn know(&mut self, hash: H256, tx: Tx) {
        if self.txs.insert(hash, tx).is_none() {
            self.order.push(hash);
        }
    }

    pub(super) fn tx(&self, hash: &H256) -> &Tx {
        &self.txs[hash]
    }

    pub(super) fn nth_tx(&self, index: usize) -> Option<Tx> {
        let index = index.checked_rem(self.order.len())?;
        Some(self.txs[&self.order[index]].clone())
    }

    /// A transaction made at block `at`, its nonce `ahead` of the state there.
    pub(super) fn new_tx(&self, at: H256, who: u8, ahead: u32, tip: u64, is_mortal: bool) -> Tx {
        let block = &self.blocks[&at];
        let nonce = block.accounts.get(&who).map_or(0, |(nonce, _)| *nonce) + ahead;
        let birth = if is_mortal { (block.number, at) } else { (0, self.ancestor(at, 0)) };
        Tx { who, nonce, tip, birth, is_mortal }
    }

    fn ancestor(&self, of: H256, number: u32) -> H256 {
        let mut at = of;
        while self.blocks[&at].number > number {
            at = self.blocks[&at].parent;
        }
        at
    }

    /// Whether block `hash` is `of` or below it.
    pub(super) fn is_below(&self, hash: H256, of: H256) -> bool {
        self.blocks.get(&hash).is_some_and(|block| {
            block.number <= self.blocks[&of].number && self.ancestor(of, block.number) == hash
        })
    }

    pub(super) fn is_final(&self, hash: H256) -> bool {
        self.is_below(hash, self.finalised)
    }

    fn fits_era(&self, tx: &Tx, parent: H256) -> bool {
        let (number, hash) = tx.birth;
        let block = self.blocks[&parent].number + 1;
        let is_alive = !tx.is_mortal || block < number + PERIOD;
        is_alive && self.is_below(hash, parent)
    }

    /// Whether a transaction can be in the next block on `at`, or in a later one when the nonces below are used.
    pub(super) fn is_valid(&self, at: H256, tx: &Tx) -> bool {
        let (next, funds) = self.blocks[&at].accounts.get(&tx.who).copied().unwrap_or((0, FUNDS));
        tx.nonce >= next && funds > tx.tip && self.fits_era(tx, at)
    }

    /// The nonce that follows the state's at the block that the pool knows as best.
    pub(super) fn next_nonce(&self, who: u8) -> u32 {
        self.blocks[&self.heard].accounts.get(&who).map_or(0, |(nonce, _)| *nonce)
    }

    /// The runtime took exactly the transactions that fit one after the other.
    pub(super) fn check_taken(&self, parent: H256, offered: &[Arc<OpaqueExtrinsic>], taken: &[H256]) {
        let mut accounts = self.blocks[&parent].accounts.clone();
        let mut fitting = Vec::new();
        for hash in offered.iter().map(|extrinsic| extrinsic.hash()) {
            let tx = &self.txs[&hash];
            let account = accounts.entry(tx.who).or_insert((0, FUNDS));
            if tx.nonce == account.0 && account.1 > tx.tip && self.fits_era(tx, parent) {
                *account = (account.0 + 1, account.1 - tx.tip - 1);
                fitting.push(hash);
            }
        }
        assert_eq!(fitting, taken, "the runtime of the test and the model agree");
    }

    pub(super) fn add(&mut self, hash: H256, parent: H256, slot: u64, body: Vec<H256>) {
        let below = &self.blocks[&parent];
        let (number, mut accounts) = (below.number + 1, below.accounts.clone());
        for tx in body.iter().map(|hash| &self.txs[hash]) {
            let account = accounts.entry(tx.who).or_insert((0, FUNDS));
            *account = (tx.nonce + 1, account.1 - tx.tip - 1);
        }
        self.blocks.insert(hash, Block { parent, number, slot, body, accounts });
    }

    pub(super) fn finalise(&mut self, hash: H256) {
        self.finalised = hash;
    }

    /// The finalised block and everything above it, ascending by height, then by slot.
    pub(super) fn open_blocks(&self) -> Vec<H256> {
        let above = self.blocks.keys().filter(|hash| self.is_below(self.finalised, **hash));
        let mut above: Vec<H256> = above.copied().collect();
        above.sort_by_key(|hash| (self.blocks[hash].number, self.blocks[hash].slot));
        above
    }

    pub(super) fn number_above_final(&self, hash: H256) -> Option<u32> {
        (hash != self.finalised).then(|| self.blocks[&hash].number)
    }

    /// The longest chain over the finalised block; among equals the one in the lowest slot.
    pub(super) fn best(&self) -> H256 {
        let open = self.open_blocks();
        let top = open.iter().map(|hash| self.blocks[hash].number).max().unwrap_or(0);
        let tallest = open.into_iter().filter(|hash| self.blocks[hash].number == top);
        tallest.min_by_key(|hash| self.blocks[hash].slot).unwrap_or(self.finalised)
    }

    /// The block of the chain that the pool knows which has the transaction, and its place there.
    pub(super) fn place(&self, hash: &H256) -> Option<(H256, u32)> {
        let mut at = self.heard;
        while let Some(block) = self.blocks.get(&at) {
            if let Some(index) = body_index(block, hash) {
                return Some((at, index));
            }
            at = block.parent;
        }
        None
    }

    /// The transaction's place in a block.
    pub(super) fn index_in(&self, block: H256, hash: &H256) -> Option<u32> {
        self.blocks.get(&block).and_then(|block| body_index(block, hash))
    }
}

/// The time stands first in every block.
fn body_index(block: &Block, hash: &H256) -> Option<u32> {
    let index = block.body.iter().position(|one| one == hash)?;
    u32::try_from(index + 1).ok()
}
