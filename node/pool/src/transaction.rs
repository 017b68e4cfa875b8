//! A transaction as the pool holds it.

use std::sync::Arc;

use quire_core::extrinsic::decode_envelope;
use quire_core::{AccountId, BlockNumber, H256, Nonce, OpaqueExtrinsic, TransactionSource, ValidTransaction};

use crate::key::words;

/// Bytes of a tag that are kept as they are: (account, nonce) needs 36.
const TAG_BYTES: usize = 39;
/// Length mark of a tag that is kept as its hash.
const HASHED: u8 = 255;

/// A name of something that a transaction needs or gives, such as (account, nonce). Opaque to the pool, and small
/// enough to be copied: a tag above 39 bytes is kept as its blake2-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(u64, u64, u64, u64, u64);

impl Tag {
    /// The tag of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut kept = [0; TAG_BYTES + 1];
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= TAG_BYTES => {
                kept[..bytes.len()].copy_from_slice(bytes);
                kept[TAG_BYTES] = length;
            }
            _ => {
                kept[..32].copy_from_slice(&quire_core::hash::blake2_256(bytes));
                kept[TAG_BYTES] = HASHED;
            }
        }
        let [a, b, c, d, e] = words(&kept);
        Self(a, b, c, d, e)
    }
}

/// A place in the history of the best chain. What was judged on a branch that was left comes before everything on the
/// present one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// How often the best chain was reorganised, or changed its runtime, before.
    pub branch: u64,
    /// Height.
    pub number: BlockNumber,
}

/// What the pool knows of a validated transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// blake2-256 of the encoding with its length prefix.
    pub hash: H256,
    /// The bytes, shared.
    pub extrinsic: Arc<OpaqueExtrinsic>,
    /// Where it came from.
    pub source: TransactionSource,
    /// Higher goes first.
    pub priority: u64,
    /// Tags that must be provided before it.
    pub requires: Arc<[Tag]>,
    /// Tags that it provides.
    pub provides: Arc<[Tag]>,
    /// First best height at which it is not valid any more.
    pub valid_till: BlockNumber,
    /// Whether peers should get it.
    pub propagate: bool,
    /// Where it was validated last.
    pub validated_at: Place,
    /// Signer and nonce, if it is signed.
    pub sender: Option<(AccountId, Nonce)>,
}

impl Transaction {
    /// Joins bytes and the runtime's verdict at `at`.
    #[must_use]
    pub fn new(
        hash: H256,
        extrinsic: Arc<OpaqueExtrinsic>,
        source: TransactionSource,
        valid: ValidTransaction,
        at: Place,
    ) -> Self {
        let longevity = BlockNumber::try_from(valid.longevity).unwrap_or(BlockNumber::MAX);
        let sender = sender_of(&extrinsic);
        Self {
            hash,
            extrinsic,
            source,
            priority: valid.priority,
            requires: distinct(&valid.requires),
            provides: distinct(&valid.provides),
            valid_till: at.number.saturating_add(longevity),
            propagate: valid.propagate,
            validated_at: at,
            sender,
        }
    }

    /// Size of the bytes, as counted against the limits.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.extrinsic.0.len()
    }
}

fn distinct(tags: &[Vec<u8>]) -> Arc<[Tag]> {
    let mut tags: Vec<Tag> = tags.iter().map(|tag| Tag::new(tag)).collect();
    tags.sort_unstable();
    tags.dedup();
    tags.into()
}

/// Signer and nonce of a signed extrinsic of version 4; `None` for anything else.
#[must_use]
pub fn sender_of(extrinsic: &OpaqueExtrinsic) -> Option<(AccountId, Nonce)> {
    let (address, _, extra) = decode_envelope(&extrinsic.0).ok()?.0?;
    Some((address.account()?, extra.nonce))
}

/// The tag of a sender's nonce as the runtime's CheckNonce gives it: account, then nonce in four bytes
/// little-endian.
#[must_use]
pub fn nonce_tag_bytes(account: &AccountId, nonce: Nonce) -> [u8; 36] {
    let mut tag = [0; 36];
    tag[..32].copy_from_slice(&account.0);
    tag[32..].copy_from_slice(&nonce.to_le_bytes());
    tag
}

/// [`nonce_tag_bytes`] as the pool keeps it.
#[must_use]
pub fn nonce_tag(account: &AccountId, nonce: Nonce) -> Tag {
    Tag::new(&nonce_tag_bytes(account, nonce))
}

#[cfg(test)]
mod tests;
