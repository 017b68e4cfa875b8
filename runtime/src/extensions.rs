//! The transaction extensions: what is checked about a signed extrinsic besides its call, in the canonical order that
//! every client signs.
//!
//! `CheckNonZeroSender`, `CheckSpecVersion`, `CheckTxVersion`, `CheckGenesis`, `CheckMortality`, `CheckNonce`,
//! `CheckWeight`, `ChargeTransactionPayment`, `CheckMetadataHash`.
//!
//! * **R1** The signature covers call, extra and additional data of *this* chain and runtime; anything else is `BadProof`.
//! * **R2** The zero account does not sign (`BadSigner`), and a signer is named by its key: there are no indices to look
//!   up (`CannotLookup`).
//! * **R3** An era whose birth block is no longer known is `AncientBirthBlock`.
//! * **R4** A nonce below the account's is `Stale`; above it is `Future` in a block and waits in the pool.
//! * **R5** An extrinsic that does not fit what is left of the block is `ExhaustsResources`.
//! * **R6** Fee and tip are taken before the call runs (`Payment` if they cannot be).
//! * **R7** Signing the metadata hash (mode 1) is not offered: such an extrinsic is refused with `Call`.
//!
//! Out of scope: ECDSA signatures (`BadProof`): no member key is one.

use crate::version;
use alloc::{vec, vec::Vec};
use pallet_support::host;
use pallet_transaction_payment as payment;
use parity_scale_codec::{Compact, Encode};
use quire_core::{
    AccountId, Additional, Balance, BlockNumber, DispatchInfo, Era, Extra, H256, InvalidTransaction,
    MultiAddress, MultiSignature, Nonce, TransactionValidityError, UnknownTransaction,
    extrinsic::SignatureParts, signing_payload,
};

/// A signed extrinsic whose signature holds.
pub struct Signed {
    /// Who signed.
    pub who: AccountId,
    /// The extensions' data.
    pub extra: Extra,
}

/// R1, R2, R3, R7: who signed, if everything that does not change with the account holds.
///
/// # Errors
/// Why the extrinsic can never be valid.
pub fn check_signature(
    parts: &SignatureParts,
    call_bytes: &[u8],
) -> Result<Signed, TransactionValidityError> {
    let (address, signature, extra) = parts;
    let MultiAddress::Id(who) = address else { return Err(UnknownTransaction::CannotLookup.into()) };
    if who.0 == [0; 32] {
        return Err(InvalidTransaction::BadSigner.into());
    }
    if extra.mode != 0 {
        return Err(InvalidTransaction::Call.into());
    }
    let genesis_hash = block_hash(0).ok_or(InvalidTransaction::AncientBirthBlock)?;
    let era_hash = match extra.era {
        Era::Immortal => genesis_hash,
        era => block_hash(era.birth(current_block())).ok_or(InvalidTransaction::AncientBirthBlock)?,
    };
    let additional = Additional {
        spec_version: version::SPEC_VERSION,
        transaction_version: version::TRANSACTION_VERSION,
        genesis_hash,
        era_hash,
        metadata_hash: None,
    };
    let payload = signing_payload(call_bytes, extra, &additional);
    let holds = match signature {
        MultiSignature::Sr25519(signature) => host::sr25519_verify(signature, &payload, &who.0),
        MultiSignature::Ed25519(signature) => host::ed25519_verify(signature, &payload, &who.0),
        MultiSignature::Ecdsa(_) => false,
    };
    if !holds {
        return Err(InvalidTransaction::BadProof.into());
    }
    Ok(Signed { who: *who, extra: *extra })
}

fn current_block() -> BlockNumber {
    pallet_system::block_number()
}

fn block_hash(number: BlockNumber) -> Option<H256> {
    pallet_system::block_hash(number)
}

/// What the pool must know of a transaction beyond its validity: the tags that order it.
pub struct Tags {
    /// What must come first.
    pub requires: Vec<Vec<u8>>,
    /// What this one provides.
    pub provides: Vec<Vec<u8>>,
}

/// R4 for the pool: a future nonce requires the one before it.
///
/// # Errors
/// `Stale`.
pub fn check_nonce_for_pool(signed: &Signed) -> Result<Tags, TransactionValidityError> {
    let next = pallet_system::account_nonce(&signed.who);
    if signed.extra.nonce < next {
        return Err(InvalidTransaction::Stale.into());
    }
    let tag = |nonce: Nonce| (&signed.who, nonce).encode();
    let requires = match signed.extra.nonce {
        nonce if nonce > next => vec![tag(nonce.saturating_sub(1))],
        _ => Vec::new(),
    };
    Ok(Tags { requires, provides: vec![tag(signed.extra.nonce)] })
}

/// R4 in a block: uses up the nonce.
///
/// # Errors
/// `Stale` or `Future`.
pub fn use_nonce(signed: &Signed) -> Result<(), TransactionValidityError> {
    let next = pallet_system::account_nonce(&signed.who);
    if signed.extra.nonce != next {
        let why =
            if signed.extra.nonce < next { InvalidTransaction::Stale } else { InvalidTransaction::Future };
        return Err(why.into());
    }
    pallet_system::inc_account_nonce(&signed.who);
    Ok(())
}

/// R6 for the pool: the fee, if the account can pay it now.
///
/// # Errors
/// `Payment`.
pub fn check_payment(
    signed: &Signed,
    info: &DispatchInfo,
    length: u32,
) -> Result<Balance, TransactionValidityError> {
    let fee = payment::compute_fee(length, info, signed.extra.tip);
    payment::can_withdraw_fee(&signed.who, fee)?;
    Ok(fee)
}

/// Names and layouts in canonical order, for metadata.
pub fn description() -> Vec<pallet_support::metadata::ExtensionParts> {
    use pallet_support::metadata::ExtensionParts;
    use scale_info::{MetaType, meta_type};
    let entry = |identifier, ty: MetaType, implicit: MetaType| ExtensionParts { identifier, ty, implicit };
    let none = meta_type::<()>();
    vec![
        entry("CheckNonZeroSender", none, none),
        entry("CheckSpecVersion", none, meta_type::<u32>()),
        entry("CheckTxVersion", none, meta_type::<u32>()),
        entry("CheckGenesis", none, meta_type::<H256>()),
        entry("CheckMortality", meta_type::<Era>(), meta_type::<H256>()),
        entry("CheckNonce", meta_type::<Compact<Nonce>>(), none),
        entry("CheckWeight", none, none),
        entry("ChargeTransactionPayment", meta_type::<Compact<Balance>>(), none),
        entry("CheckMetadataHash", meta_type::<Mode>(), meta_type::<Option<[u8; 32]>>()),
    ]
}

/// Type of the mode byte of `CheckMetadataHash`, as clients expect it.
#[derive(scale_info::TypeInfo)]
#[scale_info(replace_segment("quire_runtime", "frame_metadata_hash_extension"))]
pub enum Mode {
    /// The hash is not signed.
    Disabled,
    /// The hash is signed.
    Enabled,
}
