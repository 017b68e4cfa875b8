//! The runtime APIs: what the node and clients may call.
//!
//! One list names every entry point, `<Trait>_<method>`; the Wasm build exports each under its name, the native build
//! offers [`call`] to tests.
//!
//! * **A1** Arguments are SCALE-encoded one after another, the result is SCALE.
//! * **A2** Arguments that do not decode, or leave bytes over, end the call with a panic that says so.
//! * **A3** An entry point changes the caller's overlay only; whether that is kept is the caller's decision.
//!
//! Standard traits are Substrate's, byte for byte. Our own: `QuireBlock` applies many extrinsics in one call,
//! `QuirePool` validates many transactions in one call, both save one instance per item; `QuireUpgrade` tells of new code,
//! `QuireMembers` of certificates, `QuireSession` tells authorities what they need.

use crate::{executive, metadata, nesting, version};
use alloc::vec::Vec;
use pallet_transaction_payment as payment;
use parity_scale_codec::{Compact, Decode, Encode, Error, Input};
use quire_core::{
    AccountId, Balance, Block, GrandpaId, H256, Header, InherentData, InvalidTransaction, OpaqueExtrinsic,
    Slot, TransactionSource, TransactionValidity, UncheckedExtrinsic, Weight,
    codec::{decode_vec, read_bytes},
    inherent::{CheckInherentsResult, TIMESTAMP_ID},
    limits,
};

use crate::RuntimeCall;

/// Decodes the arguments of an entry point (A2).
fn arguments<T: Decode>(mut input: &[u8]) -> Result<T, Error> {
    let value = T::decode(&mut input)?;
    if input.is_empty() { Ok(value) } else { Err("bytes left after the arguments".into()) }
}

/// A bounded list of extrinsics.
struct Extrinsics(Vec<OpaqueExtrinsic>);

impl Decode for Extrinsics {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        decode_vec(input, limits::MAX_BLOCK_EXTRINSICS, "extrinsics").map(Extrinsics)
    }
}

/// A bounded list of what may be extrinsics. One that is too long for an extrinsic is passed over and stands as `None`, so
/// that it does not keep the others from an answer.
struct Candidates(Vec<Option<OpaqueExtrinsic>>);

impl Decode for Candidates {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        decode_vec(input, limits::MAX_BLOCK_EXTRINSICS, "transactions")
            .map(|list: Vec<Candidate>| Candidates(list.into_iter().map(|candidate| candidate.0).collect()))
    }
}

/// One of [`Candidates`].
struct Candidate(Option<OpaqueExtrinsic>);

impl Decode for Candidate {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let length = Compact::<u32>::decode(input)?.0;
        if length > limits::MAX_EXTRINSIC_BYTES {
            skip(input, length)?;
            return Ok(Candidate(None));
        }
        read_bytes(input, length).map(|bytes| Candidate(Some(OpaqueExtrinsic(bytes))))
    }
}

/// Reads bytes away.
fn skip<I: Input>(input: &mut I, length: u32) -> Result<(), Error> {
    let mut step = [0; 1_024];
    let mut left = length as usize;
    while left > 0 {
        let bytes = left.min(step.len());
        input.read(&mut step[..bytes])?;
        left = left.saturating_sub(bytes);
    }
    Ok(())
}

macro_rules! entry_points {
    ($( $name:ident = $module:ident :: $handler:ident; )*) => {
        /// Calls the entry point `method` natively; `None` when there is no such entry point.
        pub fn call(method: &str, input: &[u8]) -> Option<Result<Vec<u8>, Error>> {
            match method {
                $( stringify!($name) => Some($module::$handler(input)), )*
                _ => None,
            }
        }

        /// Every entry point, in the order of the list.
        pub const ENTRY_POINTS: &[&str] = &[$( stringify!($name), )*];

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        mod exports {
            $(
                #[unsafe(no_mangle)]
                extern "C" fn $name(pointer: *const u8, length: usize) -> u64 {
                    // SAFETY: the host passes a block of `length` bytes that it allocated for this call and wrote.
                    let input = if length == 0 { &[] } else { unsafe { core::slice::from_raw_parts(pointer, length) } };
                    super::output(stringify!($name), super::$module::$handler(input))
                }
            )*
        }
    };
}

entry_points! {
    Core_version = core_api::version;
    Core_execute_block = core_api::execute_block;
    Core_initialize_block = core_api::initialize_block;
    Metadata_metadata = meta::metadata;
    Metadata_metadata_at_version = meta::at_version;
    Metadata_metadata_versions = meta::versions;
    BlockBuilder_apply_extrinsic = builder::apply_extrinsic;
    BlockBuilder_finalize_block = builder::finalize_block;
    BlockBuilder_inherent_extrinsics = builder::inherent_extrinsics;
    BlockBuilder_check_inherents = builder::check_inherents;
    QuireBlock_apply_extrinsics = builder::apply_extrinsics;
    TaggedTransactionQueue_validate_transaction = pool::validate_transaction;
    QuirePool_validate_transactions = pool::validate_transactions;
    AccountNonceApi_account_nonce = accounts::nonce;
    TransactionPaymentApi_query_info = fees::query_info;
    TransactionPaymentApi_query_fee_details = fees::query_fee_details;
    TransactionPaymentApi_query_weight_to_fee = fees::query_weight_to_fee;
    TransactionPaymentApi_query_length_to_fee = fees::query_length_to_fee;
    AuraApi_slot_duration = consensus::slot_duration;
    AuraApi_authorities = consensus::aura_authorities;
    GrandpaApi_grandpa_authorities = consensus::grandpa_authorities;
    GrandpaApi_current_set_id = consensus::set_id;
    SessionKeys_generate_session_keys = keys::generate;
    SessionKeys_decode_session_keys = keys::decode;
    GrandpaApi_generate_key_ownership_proof = consensus::key_ownership;
    QuireSession_vrf_input = session::vrf_input;
    QuireSession_report_author = session::report_author;
    QuireSession_report_voter = session::report_voter;
    QuireUpgrade_status = upgrade::status;
    QuireUpgrade_pending_code = upgrade::pending_code;
    QuireMembers_tower = members::tower;
    QuireMembers_authorities = members::authorities;
}

/// Hands a result to the host: `length << 32 | pointer`; the block stays allocated for the host to read.
#[cfg(target_arch = "wasm32")]
#[allow(clippy::panic, reason = "A2: the host reports the message")]
fn output(method: &str, result: Result<Vec<u8>, Error>) -> u64 {
    match result {
        Ok(bytes) => {
            let bytes = bytes.leak();
            (bytes.len() as u64) << 32 | bytes.as_ptr() as usize as u64
        }
        Err(error) => panic!("bad arguments for {method}: {error}"),
    }
}

mod core_api {
    //! `Core`: version, execution of whole blocks, start of a block.
    use super::*;

    pub(super) fn version(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| version::version().encode())
    }

    pub(super) fn execute_block(input: &[u8]) -> Result<Vec<u8>, Error> {
        executive::execute_block(&arguments::<Block>(input)?);
        Ok(Vec::new())
    }

    pub(super) fn initialize_block(input: &[u8]) -> Result<Vec<u8>, Error> {
        /// `ExtrinsicInclusionMode::AllExtrinsics`.
        const ALL_EXTRINSICS: u8 = 0;
        executive::initialize_block(&arguments::<Header>(input)?);
        Ok(ALL_EXTRINSICS.encode())
    }
}

mod meta {
    //! `Metadata`: all versions, each as a byte string.
    use super::*;

    const FIRST_VERSION: u32 = 14;

    pub(super) fn metadata(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input)?;
        Ok(metadata::at_version(FIRST_VERSION).unwrap_or_default().encode())
    }

    pub(super) fn at_version(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(metadata::at_version(arguments::<u32>(input)?).encode())
    }

    pub(super) fn versions(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_support::metadata::VERSIONS.to_vec().encode())
    }
}

mod builder {
    //! `BlockBuilder` and `QuireBlock`: blocks step by step.
    use super::*;

    pub(super) fn apply_extrinsic(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(executive::apply_extrinsic(&arguments::<OpaqueExtrinsic>(input)?).encode())
    }

    pub(super) fn apply_extrinsics(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(executive::apply_extrinsics(&arguments::<Extrinsics>(input)?.0).encode())
    }

    pub(super) fn finalize_block(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| executive::finalize_block().encode())
    }

    pub(super) fn inherent_extrinsics(input: &[u8]) -> Result<Vec<u8>, Error> {
        let data = arguments::<InherentData>(input)?;
        let time = pallet_timestamp::create_inherent(&data)
            .ok_or_else(|| Error::from("inherent data without a timestamp (timstap0)"))?;
        let finality = pallet_grandpa::create_inherent(&data);
        let verdict = pallet_upgrade::create_inherent(&data);
        let randomness = pallet_randomness::create_inherent(&data);
        let calls = [RuntimeCall::Timestamp(time)]
            .into_iter()
            .chain(finality.map(RuntimeCall::Grandpa))
            .chain(verdict.map(RuntimeCall::Upgrade))
            .chain(randomness.map(RuntimeCall::Randomness));
        Ok(calls.map(|call| UncheckedExtrinsic::bare(call).to_opaque()).collect::<Vec<_>>().encode())
    }

    pub(super) fn check_inherents(input: &[u8]) -> Result<Vec<u8>, Error> {
        let (block, data) = arguments::<(Block, InherentData)>(input)?;
        let mut result = CheckInherentsResult::ok();
        for opaque in &block.extrinsics {
            let Ok((extrinsic, _)) = UncheckedExtrinsic::<RuntimeCall>::from_opaque(opaque) else { continue };
            if let RuntimeCall::Timestamp(call) = &extrinsic.call
                && let Err(why) = pallet_timestamp::check_inherent(call, &data)
            {
                result.okay = false;
                result.fatal_error = why == pallet_timestamp::InherentError::TooFarInFuture;
                result.errors.put(TIMESTAMP_ID, &why);
            }
        }
        Ok(result.encode())
    }
}

mod pool {
    //! `TaggedTransactionQueue` and `QuirePool`: validity of transactions on top of a block.
    use super::*;

    pub(super) fn validate_transaction(input: &[u8]) -> Result<Vec<u8>, Error> {
        let (source, extrinsic, at) = arguments::<(TransactionSource, OpaqueExtrinsic, H256)>(input)?;
        executive::begin_validation(at);
        Ok(executive::validate_transaction(source, &extrinsic).encode())
    }

    pub(super) fn validate_transactions(input: &[u8]) -> Result<Vec<u8>, Error> {
        let (source, candidates, at) = arguments::<(TransactionSource, Candidates, H256)>(input)?;
        executive::begin_validation(at);
        let answer = |candidate: &Option<OpaqueExtrinsic>| match candidate {
            Some(extrinsic) => executive::validate_transaction(source, extrinsic),
            None => Err(InvalidTransaction::ExhaustsResources.into()),
        };
        Ok(candidates.0.iter().map(answer).collect::<Vec<TransactionValidity>>().encode())
    }
}

mod accounts {
    //! `AccountNonceApi`.
    use super::*;

    pub(super) fn nonce(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(pallet_system::account_nonce(&arguments::<AccountId>(input)?).encode())
    }
}

mod fees {
    //! `TransactionPaymentApi`: fees of extrinsics, signed or with an empty signature.
    use super::*;

    fn dispatch_info(
        extrinsic: &OpaqueExtrinsic,
    ) -> Result<(quire_core::DispatchInfo, Balance, bool), Error> {
        let refused = |_| Error::from("the extrinsic does not decode, or holds calls that it may not hold");
        let (extrinsic, _) = nesting::decode(extrinsic).map_err(refused)?;
        let tip = extrinsic.signature.as_ref().map(|(_, _, extra)| extra.tip);
        Ok((extrinsic.call.dispatch_info(), tip.unwrap_or(0), tip.is_some()))
    }

    pub(super) fn query_info(input: &[u8]) -> Result<Vec<u8>, Error> {
        let (extrinsic, length) = arguments::<(OpaqueExtrinsic, u32)>(input)?;
        let (info, _, signed) = dispatch_info(&extrinsic)?;
        Ok(payment::query_info(length, &info, signed).encode())
    }

    pub(super) fn query_fee_details(input: &[u8]) -> Result<Vec<u8>, Error> {
        let (extrinsic, length) = arguments::<(OpaqueExtrinsic, u32)>(input)?;
        let (info, tip, signed) = dispatch_info(&extrinsic)?;
        Ok(payment::query_fee_details(length, &info, tip, signed).encode())
    }

    pub(super) fn query_weight_to_fee(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(payment::weight_to_fee(arguments::<Weight>(input)?).encode())
    }

    pub(super) fn query_length_to_fee(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(payment::length_to_fee(arguments::<u32>(input)?).encode())
    }
}

mod keys {
    //! `SessionKeys`.
    use super::*;
    use crate::session_keys;

    pub(super) fn generate(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(session_keys::generate(arguments::<Option<Vec<u8>>>(input)?).encode())
    }

    pub(super) fn decode(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(session_keys::decode(&arguments::<Vec<u8>>(input)?).encode())
    }
}

mod consensus {
    //! `AuraApi` and `GrandpaApi`.
    use super::*;

    pub(super) fn slot_duration(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_timestamp::slot_duration_ms().encode())
    }

    pub(super) fn aura_authorities(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_aura::authorities().encode())
    }

    pub(super) fn grandpa_authorities(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_grandpa::authorities().encode())
    }

    pub(super) fn set_id(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_grandpa::current_set_id().encode())
    }

    pub(super) fn key_ownership(input: &[u8]) -> Result<Vec<u8>, Error> {
        let (set_id, key) = arguments::<(u64, GrandpaId)>(input)?;
        Ok(pallet_equivocation::key_ownership(set_id, &key).map(|proof| proof.encode()).encode())
    }
}

mod session {
    //! `QuireSession`.
    use super::*;

    pub(super) fn vrf_input(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(pallet_randomness::vrf_input(arguments::<Slot>(input)?).encode())
    }

    fn bare(call: Option<pallet_equivocation::Call>) -> Vec<u8> {
        call.map(|call| UncheckedExtrinsic::bare(RuntimeCall::Equivocation(call)).to_opaque()).encode()
    }

    pub(super) fn report_author(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(bare(pallet_equivocation::report_author(arguments(input)?)))
    }

    pub(super) fn report_voter(input: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(bare(pallet_equivocation::report_voter(arguments(input)?)))
    }
}

mod members {
    //! `QuireMembers`.
    use super::*;

    pub(super) fn tower(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_members::tower().encode())
    }

    /// Members whose account is the key of an author.
    pub(super) fn authorities(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input)?;
        let accounts = pallet_aura::authorities().into_iter().map(|author| AccountId(author.0));
        Ok(accounts.filter(pallet_members::is_member).collect::<Vec<_>>().encode())
    }
}

mod upgrade {
    //! `QuireUpgrade`.
    use super::*;

    pub(super) fn status(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_upgrade::status().encode())
    }

    pub(super) fn pending_code(input: &[u8]) -> Result<Vec<u8>, Error> {
        arguments::<()>(input).map(|()| pallet_upgrade::pending_code().encode())
    }
}
