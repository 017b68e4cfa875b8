//! A transaction as the pool holds it.

use std::sync::Arc;

use quire_core::extrinsic::decode_envelope;
use quire_core::{AccountId, BlockNumber, H256, Nonce, OpaqueExtrinsic, TransactionSource, ValidTransaction};

/// A name of something that a transaction needs or gives, such as (account, nonce). Opaque to the pool.
pub type Tag = Arc<[u8]>;

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
    pub requires: Vec<Tag>,
    /// Tags that it provides.
    pub provides: Vec<Tag>,
    /// Last block height at which its validity is trusted.
    pub valid_till: BlockNumber,
    /// Whether peers should get it.
    pub propagate: bool,
    /// Height of the block at which it was validated last.
    pub validated_at: BlockNumber,
    /// Signer and nonce, if it is signed.
    pub sender: Option<(AccountId, Nonce)>,
}

impl Transaction {
    /// Joins bytes and the runtime's verdict at height `at`.
    #[must_use]
    pub fn new(
        hash: H256,
        extrinsic: Arc<OpaqueExtrinsic>,
        source: TransactionSource,
        valid: ValidTransaction,
        at: BlockNumber,
    ) -> Self {
        let longevity = BlockNumber::try_from(valid.longevity).unwrap_or(BlockNumber::MAX);
        let sender = sender_of(&extrinsic);
        Self {
            hash,
            extrinsic,
            source,
            priority: valid.priority,
            requires: distinct(valid.requires),
            provides: distinct(valid.provides),
            valid_till: at.saturating_add(longevity),
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

fn distinct(mut tags: Vec<Vec<u8>>) -> Vec<Tag> {
    tags.sort_unstable();
    tags.dedup();
    tags.into_iter().map(Tag::from).collect()
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
pub fn nonce_tag(account: &AccountId, nonce: Nonce) -> Tag {
    let mut tag = [0; 36];
    tag[..32].copy_from_slice(&account.0);
    tag[32..].copy_from_slice(&nonce.to_le_bytes());
    Tag::from(tag.as_slice())
}
