//! The order of a block: initialise, inherents, extrinsics, finalise; the same for authors and importers.
//!
//! * **R1** A block starts with one `timestamp.set`; inherents come before everything else.
//! * **R2** Each extrinsic in a block gives exactly one `ExtrinsicSuccess` or `ExtrinsicFailed`, as its last event.
//! * **R3** A failing call changes nothing but nonce, fee and events; a failing mandatory call makes the block invalid.
//! * **R4** An imported block must yield the state root, extrinsics root and digest that its header names.
//! * **R5** Validating a transaction sees the state as the next block will find it and changes nothing that stays.
//! * **R6** Two extrinsics never share bytes in one block: the second is stale by its nonce.
//! * **R7** The first block that new code executes migrates the state before anything else reads it; validation on top of
//!   the block that enacted the code does the same to its own view.
//! * **R8** A session ends with the end of a block, after its author was paid.
//! * **R9** Without a signature and no inherent is only what validates itself: reports of equivocation. It pays no fee.

use crate::{RuntimeCall, extensions, migrations, nesting, version};
use alloc::vec::Vec;
use pallet_support::{DispatchResultWithInfo, Origin, with_transaction};
use pallet_transaction_payment as payment;
use quire_core::extrinsic::decode_envelope;
use quire_core::{
    AccountId, ApplyExtrinsicResult, Block, Digest, DigestItem, DispatchInfo, H256, Header,
    InvalidTransaction, OpaqueExtrinsic, TransactionSource, TransactionValidity, TransactionValidityError,
    UnknownTransaction, ValidTransaction,
};

/// Begins a block. The header names parent, number and pre-runtime digest; its roots are not looked at.
///
/// # Panics
/// When the digest names no slot or one that is not later than the parent's.
#[allow(clippy::panic, reason = "a panic is how a runtime refuses a block (R3 of the crate)")]
pub fn initialize_block(header: &Header) {
    let mut digest = Digest::default();
    for item in &header.digest.logs {
        if matches!(item, DigestItem::PreRuntime(..)) {
            digest.push(item.clone());
        }
    }
    pallet_system::initialize(header.number, header.parent_hash, digest);
    upgrade_state();
    if let Err(why) = pallet_aura::on_initialize() {
        panic!("{why}");
    }
    pallet_timestamp::on_initialize(pallet_grandpa::finality_lag());
    pallet_members::on_initialize();
    pallet_system::note_finished_initialize();
}

/// R7.
fn upgrade_state() {
    if pallet_system::note_runtime_version(&version::version()) {
        migrations::on_runtime_upgrade();
    }
}

/// Applies one extrinsic to the block that is being built or checked.
///
/// # Errors
/// When the extrinsic cannot be in this block; then nothing has changed.
pub fn apply_extrinsic(opaque: &OpaqueExtrinsic) -> ApplyExtrinsicResult {
    // The transaction takes back what an extrinsic left behind that turns out not to fit.
    with_transaction(|| apply(opaque))
}

fn apply(opaque: &OpaqueExtrinsic) -> ApplyExtrinsicResult {
    let (extrinsic, call_bytes) = nesting::decode(opaque)?;
    let length = u32::try_from(opaque.encoded_bytes()).map_err(|_| InvalidTransaction::ExhaustsResources)?;
    match &extrinsic.signature {
        None => {
            let is_inherent = extrinsic.call.is_inherent();
            if !is_inherent {
                validate_unsigned(&extrinsic.call)?;
            }
            let info = extrinsic.call.dispatch_info();
            pallet_system::check_and_note_weight(&info, length)?;
            pallet_system::note_extrinsic(opaque);
            let result = with_transaction(|| extrinsic.call.dispatch(Origin::None));
            if is_inherent && result.is_err() {
                return Err(InvalidTransaction::BadMandatory.into());
            }
            Ok(finish(result, info))
        }
        Some(parts) => {
            if extrinsic.call.is_inherent() {
                return Err(InvalidTransaction::MandatoryValidation.into());
            }
            let signed = extensions::check_signature(parts, call_bytes)?;
            extensions::use_nonce(&signed)?;
            // Weighing reads the state for some calls: nobody may ask for that without a signature.
            let info = extrinsic.call.dispatch_info();
            pallet_system::check_and_note_weight(&info, length)?;
            let paid = payment::withdraw_fee(&signed.who, length, &info, signed.extra.tip)?;
            pallet_system::note_extrinsic(opaque);
            let origin = Origin::Signed(signed.who);
            let result = with_transaction(|| extrinsic.call.dispatch(origin));
            payment::correct_and_deposit(paid, length, &info, &post_info(&result));
            Ok(finish(result, info))
        }
    }
}

/// R9.
fn validate_unsigned(call: &RuntimeCall) -> TransactionValidity {
    call.validate_unsigned().unwrap_or(Err(UnknownTransaction::NoUnsignedValidator.into()))
}

fn post_info(result: &DispatchResultWithInfo) -> pallet_support::PostInfo {
    match result {
        Ok(post) => post.clone(),
        Err(failed) => failed.post_info.clone(),
    }
}

/// R2.
fn finish(result: DispatchResultWithInfo, info: DispatchInfo) -> quire_core::DispatchResult {
    pallet_system::note_applied_extrinsic(&result, info);
    result.map(|_| ()).map_err(|failed| failed.error)
}

/// Senders that may be left out of a block before it counts as full: more than that would cost authors time for nothing
/// whenever a block is full.
const LEFT_OUT_MAX: usize = 8;

/// Applies extrinsics in order. One without room answers `ExhaustsResources`, and so does everything behind it of its
/// sender, whose nonces would not fit any more; smaller ones of others still get in. After [`LEFT_OUT_MAX`] senders, or
/// when an extrinsic of nobody has no room, all the rest answers so.
pub fn apply_extrinsics(extrinsics: &[OpaqueExtrinsic]) -> Vec<ApplyExtrinsicResult> {
    let full = Err(TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources));
    let mut left_out: Vec<AccountId> = Vec::new();
    let mut is_full = false;
    let apply = |extrinsic| {
        if is_full {
            return full;
        }
        // While nobody is left out, nobody's name is needed.
        let sender = if left_out.is_empty() { None } else { sender_of(extrinsic) };
        if sender.is_some_and(|sender| left_out.contains(&sender)) {
            return full;
        }
        let result = apply_extrinsic(extrinsic);
        if result == full {
            match sender.or_else(|| sender_of(extrinsic)) {
                Some(sender) if left_out.len() < LEFT_OUT_MAX => left_out.push(sender),
                _ => is_full = true,
            }
        }
        result
    };
    extrinsics.iter().map(apply).collect()
}

fn sender_of(extrinsic: &OpaqueExtrinsic) -> Option<AccountId> {
    decode_envelope(&extrinsic.0).ok()?.0?.0.account()
}

/// Ends a block: the header with its roots and digest, without a seal.
///
/// # Panics
/// When the block has not set its time (R1).
#[allow(clippy::panic, reason = "a panic is how a runtime refuses a block (R3 of the crate)")]
pub fn finalize_block() -> Header {
    pallet_system::note_finished_extrinsics();
    if let Err(why) = pallet_timestamp::on_finalize() {
        panic!("{why}");
    }
    pallet_grandpa::on_finalize();
    pallet_upgrade::on_finalize();
    // Who holds its contribution back gets no fees (Randomness R3).
    let author = pallet_session::author_account().filter(|_| pallet_randomness::has_contributed());
    pallet_randomness::on_finalize();
    pallet_transaction_payment::on_finalize(author);
    // Last: until here the authors are those that the block was authored by (Session R6).
    let slot = pallet_aura::current_slot();
    if pallet_session::ends_with(slot) {
        let randomness = pallet_randomness::on_session(pallet_session::current_index().saturating_add(1));
        let forgotten = pallet_session::on_finalize(slot, &randomness);
        pallet_equivocation::on_forgotten(&forgotten);
    }
    pallet_system::finalize()
}

/// Applies a whole block of another author. The seal is already taken off.
///
/// # Panics
/// When the block breaks a rule: the node refuses it and reports the message.
#[allow(clippy::panic, reason = "a panic is how a runtime refuses a block (R3 of the crate)")]
pub fn execute_block(block: &Block) {
    initialize_block(&block.header);
    let mut others_seen = false;
    for (index, opaque) in block.extrinsics.iter().enumerate() {
        // What is signed is no inherent; what does not decode is refused below.
        let is_signed = opaque.0.first().is_some_and(|version| version & 0x80 != 0);
        let is_inherent =
            !is_signed && nesting::decode(opaque).is_ok_and(|(extrinsic, _)| extrinsic.call.is_inherent());
        assert!(
            !is_inherent || !others_seen,
            "extrinsic {index}: an inherent stands behind another extrinsic"
        );
        others_seen |= !is_inherent;
        if let Err(why) = apply_extrinsic(opaque) {
            panic!("extrinsic {index} may not be in this block: {why:?}");
        }
    }
    let header = finalize_block();
    assert!(header.digest == block.header.digest, "the digest differs from what the block's execution gives");
    assert!(
        header.extrinsics_root == block.header.extrinsics_root,
        "the extrinsics root differs from the extrinsics"
    );
    assert!(
        header.state_root == block.header.state_root,
        "the state root differs from what the execution gives"
    );
}

/// Prepares the state for validating transactions on top of block `at` (R5).
pub fn begin_validation(at: H256) {
    let number = pallet_system::block_number().saturating_add(1);
    pallet_system::initialize(number, at, Digest::default());
    upgrade_state();
}

/// Whether a transaction can be in one of the next blocks. [`begin_validation`] ran before.
///
/// # Errors
/// Why not.
pub fn validate_transaction(_source: TransactionSource, opaque: &OpaqueExtrinsic) -> TransactionValidity {
    let (extrinsic, call_bytes) = nesting::decode(opaque)?;
    let length = u32::try_from(opaque.encoded_bytes()).map_err(|_| InvalidTransaction::ExhaustsResources)?;
    if extrinsic.call.is_inherent() {
        return Err(InvalidTransaction::MandatoryValidation.into());
    }
    let Some(parts) = &extrinsic.signature else {
        let valid = validate_unsigned(&extrinsic.call)?;
        pallet_system::check_limits(&extrinsic.call.dispatch_info(), length)?;
        return Ok(valid);
    };
    let signed = extensions::check_signature(parts, call_bytes)?;
    let tags = extensions::check_nonce_for_pool(&signed)?;
    let info = extrinsic.call.dispatch_info();
    pallet_system::check_limits(&info, length)?;
    let fee = extensions::check_payment(&signed, &info, length)?;
    let now = pallet_system::block_number();
    Ok(ValidTransaction {
        priority: payment::priority(signed.extra.tip, fee, &info, length),
        requires: tags.requires,
        provides: tags.provides,
        longevity: u64::from(signed.extra.era.death(now).saturating_sub(now)),
        propagate: true,
    })
}
