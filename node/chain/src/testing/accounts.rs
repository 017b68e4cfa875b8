//! Signed extrinsics of the tiny runtime: accounts with nonces and funds, and mortal eras.
//!
//! A signature is the hash of the era's birth block, repeated; it is right or wrong as a real one would be on a fork.
//! Each extrinsic costs its tip and one. Only a chain with the key `accounts` in its genesis has them.

use parity_scale_codec::{Decode, Encode};
use quire_core::extrinsic::decode_envelope;
use quire_core::{
    AccountId, ApplyExtrinsicResult, BlockNumber, Extra, H256, InvalidTransaction, MultiSignature, Nonce,
    OpaqueExtrinsic, TransactionValidity, ValidTransaction,
};

use super::runtime::Run;
use crate::ExecuteError;

/// Key that gives a chain accounts.
pub(crate) const ACCOUNTS: &[u8] = b"accounts";
/// What every account starts with.
pub(crate) const FUNDS: u64 = 12;

/// An immortal extrinsic without a tip, padded to about `bytes`.
pub(crate) fn signed(genesis: H256, who: u8, nonce: Nonce, bytes: usize) -> OpaqueExtrinsic {
    let extra = Extra { era: quire_core::Era::Immortal, nonce, tip: 0, mode: 0 };
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&genesis.0);
    let (signature, call) = (MultiSignature::Sr25519(signature), vec![0u8; bytes]);
    quire_core::UncheckedExtrinsic::signed(call, AccountId([who; 32]), signature, extra).to_opaque()
}

struct Signed {
    who: AccountId,
    extra: Extra,
    signature: H256,
}

fn parts(extrinsic: &OpaqueExtrinsic) -> Option<Signed> {
    let (address, signature, extra) = decode_envelope(&extrinsic.0).ok()?.0?;
    let MultiSignature::Sr25519(bytes) = signature else { return None };
    let half: [u8; 32] = bytes[..32].try_into().ok()?;
    Some(Signed { who: address.account()?, extra, signature: H256(half) })
}

/// The tag of a nonce, as the real runtime gives it.
fn tag(who: &AccountId, nonce: Nonce) -> Vec<u8> {
    (who, nonce).encode()
}

impl Run<'_> {
    /// Whether the extrinsic is one of an account, and the chain has accounts.
    pub(crate) fn is_signed(&mut self, extrinsic: &OpaqueExtrinsic) -> Result<bool, ExecuteError> {
        Ok(extrinsic.0.first() == Some(&0x84) && self.overlay.get(self.state, ACCOUNTS)?.is_some())
    }

    /// Notes the parent's hash at the start of block `number`.
    pub(crate) fn note_parent(&mut self, number: BlockNumber, parent: H256) -> Result<(), ExecuteError> {
        if self.overlay.get(self.state, ACCOUNTS)?.is_some() {
            self.overlay.set(&hash_key(number.saturating_sub(1)), parent.encode());
            self.overlay.set(b"height", number.encode());
        }
        Ok(())
    }

    /// Height of the last block in the state.
    pub(crate) fn height(&mut self) -> Result<BlockNumber, ExecuteError> {
        Ok(self.read(b"height")?.unwrap_or(0))
    }

    fn read<T: Decode>(&mut self, key: &[u8]) -> Result<Option<T>, ExecuteError> {
        let bytes = self.overlay.get(self.state, key)?;
        bytes.map(|bytes| self.decode(&bytes)).transpose()
    }

    fn account(&mut self, who: &AccountId) -> Result<(Nonce, u64), ExecuteError> {
        Ok(self.read(&account_key(who))?.unwrap_or((0, FUNDS)))
    }

    /// What does not depend on the nonce.
    fn check(
        &mut self,
        signed: &Signed,
        block: BlockNumber,
    ) -> Result<Result<(), InvalidTransaction>, ExecuteError> {
        let birth = signed.extra.era.birth(block);
        let Some(hash) = self.read::<H256>(&hash_key(birth))? else {
            return Ok(Err(InvalidTransaction::AncientBirthBlock));
        };
        if hash != signed.signature {
            return Ok(Err(InvalidTransaction::BadProof));
        }
        let (_, funds) = self.account(&signed.who)?;
        Ok(if u128::from(funds) < cost(signed) { Err(InvalidTransaction::Payment) } else { Ok(()) })
    }

    pub(crate) fn validate_signed(
        &mut self,
        extrinsic: &OpaqueExtrinsic,
    ) -> Result<TransactionValidity, ExecuteError> {
        let Some(signed) = parts(extrinsic) else { return Ok(Err(InvalidTransaction::Call.into())) };
        let block = self.height()?.saturating_add(1);
        let (next, _) = self.account(&signed.who)?;
        let nonce = signed.extra.nonce;
        if nonce < next {
            return Ok(Err(InvalidTransaction::Stale.into()));
        }
        if let Err(why) = self.check(&signed, block)? {
            return Ok(Err(why.into()));
        }
        let before = nonce.checked_sub(1).filter(|_| nonce > next);
        Ok(Ok(ValidTransaction {
            priority: u64::try_from(signed.extra.tip).unwrap_or(u64::MAX),
            requires: before.map(|nonce| tag(&signed.who, nonce)).into_iter().collect(),
            provides: vec![tag(&signed.who, nonce)],
            longevity: u64::from(signed.extra.era.death(block).saturating_sub(block)),
            propagate: true,
        }))
    }

    pub(crate) fn apply_signed(
        &mut self,
        extrinsic: &OpaqueExtrinsic,
    ) -> Result<ApplyExtrinsicResult, ExecuteError> {
        let Some(signed) = parts(extrinsic) else { return Ok(Err(InvalidTransaction::Call.into())) };
        let (next, funds) = self.account(&signed.who)?;
        if signed.extra.nonce < next {
            return Ok(Err(InvalidTransaction::Stale.into()));
        }
        if signed.extra.nonce > next {
            return Ok(Err(InvalidTransaction::Future.into()));
        }
        let block = self.height()?;
        if let Err(why) = self.check(&signed, block)? {
            return Ok(Err(why.into()));
        }
        let left = funds.saturating_sub(u64::try_from(cost(&signed)).unwrap_or(u64::MAX));
        self.overlay.set(&account_key(&signed.who), (next + 1, left).encode());
        Ok(Ok(Ok(())))
    }
}

fn cost(signed: &Signed) -> u128 {
    signed.extra.tip.saturating_add(1)
}

fn account_key(who: &AccountId) -> Vec<u8> {
    [b"account/".as_slice(), &who.0].concat()
}

fn hash_key(number: BlockNumber) -> Vec<u8> {
    [b"hash/".as_slice(), &number.to_be_bytes()].concat()
}
