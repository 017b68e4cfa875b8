//! What the runtime tells clients about itself: pallets, extrinsic format, runtime APIs, outer enums.

use crate::{Runtime, RuntimeCall, RuntimeError, RuntimeEvent, extensions, version};
use alloc::{vec, vec::Vec};
use pallet_support::EventRecord;
use pallet_support::metadata::{ApiParts, ExtrinsicParts, MethodParts, RuntimeParts, encode_version};
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use quire_core::{
    AccountId, ApplyExtrinsicResult, AuraId, Balance, Block, Extra, GrandpaId, H256, Header, InherentData,
    KeyTypeId, MultiAddress, MultiSignature, Nonce, OpaqueExtrinsic, RuntimeVersion, TransactionSource,
    TransactionValidity, UncheckedExtrinsic, UpgradeStatus, Weight, extrinsic::EXTRINSIC_VERSION,
    inherent::CheckInherentsResult,
};
use scale_info::{MetaType, TypeInfo, meta_type};

/// The extrinsic type of this runtime.
pub type Extrinsic = UncheckedExtrinsic<RuntimeCall>;

/// The encoded metadata of a version, from its magic number on; `None` for versions that are not offered.
pub fn at_version(version: u32) -> Option<Vec<u8>> {
    encode_version(version, &parts())
}

/// Everything that metadata of any version is made from.
pub fn parts() -> RuntimeParts {
    RuntimeParts {
        pallets: vec![
            pallet_system::metadata(meta_type::<Vec<EventRecord<RuntimeEvent, H256>>>(), &version::version()),
            pallet_timestamp::metadata(),
            pallet_balances::metadata(),
            pallet_transaction_payment::metadata(),
            pallet_aura::metadata(),
            pallet_grandpa::metadata(),
            pallet_session::metadata(),
            pallet_upgrade::metadata(),
            pallet_members::metadata::<RuntimeCall>(),
            pallet_bonds::metadata(),
            pallet_channels::metadata(),
            pallet_anchors::metadata(),
            pallet_randomness::metadata(),
            pallet_equivocation::metadata(),
            pallet_utility::metadata::<RuntimeCall>(),
            pallet_multisig::metadata::<RuntimeCall>(),
            pallet_proxy::metadata::<RuntimeCall>(),
            #[cfg(feature = "upgrade-fixture")]
            crate::fixture::metadata(),
        ],
        extrinsic: ExtrinsicParts {
            version: EXTRINSIC_VERSION,
            ty: meta_type::<Extrinsic>(),
            address: meta_type::<MultiAddress>(),
            signature: meta_type::<MultiSignature>(),
            extra: meta_type::<Extra>(),
            extensions: extensions::description(),
        },
        apis: apis(),
        call: meta_type::<RuntimeCall>(),
        event: meta_type::<RuntimeEvent>(),
        error: meta_type::<RuntimeError>(),
        runtime: meta_type::<Runtime>(),
    }
}

fn method(
    name: &'static str,
    inputs: &[(&'static str, MetaType)],
    output: MetaType,
    doc: &'static str,
) -> MethodParts {
    MethodParts { name, inputs: inputs.to_vec(), output, docs: vec![doc] }
}

fn ty<T: TypeInfo + 'static + ?Sized>() -> MetaType {
    meta_type::<T>()
}

fn apis() -> Vec<ApiParts> {
    let api = |name, version, doc, methods| ApiParts { name, version, methods, docs: vec![doc] };
    vec![
        api("Core", 5, "Version, and execution of whole blocks.", core()),
        api("Metadata", 2, "What this description comes from.", metadata_methods()),
        api("BlockBuilder", 6, "Blocks step by step.", block_builder()),
        api("TaggedTransactionQueue", 3, "Validity of transactions.", queue()),
        api(
            "AccountNonceApi",
            1,
            "Nonces.",
            vec![method(
                "account_nonce",
                &[("account", ty::<AccountId>())],
                ty::<Nonce>(),
                "Number of transactions the account has sent.",
            )],
        ),
        api("TransactionPaymentApi", 4, "Fees.", payment()),
        api("AuraApi", 1, "Block authorship.", aura()),
        api("GrandpaApi", 3, "Finality.", grandpa()),
        api("SessionKeys", 1, "Keys of an authority.", session_keys()),
        api(
            "QuireBlock",
            1,
            "Many extrinsics in one call.",
            vec![method(
                "apply_extrinsics",
                &[("extrinsics", ty::<Vec<OpaqueExtrinsic>>())],
                ty::<Vec<ApplyExtrinsicResult>>(),
                "Applies in order until the block is full.",
            )],
        ),
        api(
            "QuireMembers",
            1,
            "Certificates of members and their nodes.",
            vec![
                method(
                    "tower",
                    &[],
                    ty::<quire_certificate::Tower>(),
                    "What the chain says of root key, members and revoked nodes.",
                ),
                method(
                    "authorities",
                    &[],
                    ty::<Vec<AccountId>>(),
                    "Members in the present authority set, which always take part.",
                ),
            ],
        ),
        api("QuireSession", 1, "What authorities need of their session.", session()),
        api("QuireUpgrade", 1, "New code on its way to the state.", upgrade()),
        api(
            "QuirePool",
            1,
            "Validity of many transactions in one call.",
            vec![method(
                "validate_transactions",
                &[
                    ("source", ty::<TransactionSource>()),
                    ("txs", ty::<Vec<OpaqueExtrinsic>>()),
                    ("block_hash", ty::<H256>()),
                ],
                ty::<Vec<TransactionValidity>>(),
                "One answer per transaction, in order.",
            )],
        ),
    ]
}

fn upgrade() -> Vec<MethodParts> {
    vec![
        method(
            "status",
            &[],
            ty::<Option<UpgradeStatus>>(),
            "The open upgrade, or what became of the last one, with its verdicts.",
        ),
        method("pending_code", &[], ty::<Option<Vec<u8>>>(), "The code of the open upgrade."),
    ]
}

fn core() -> Vec<MethodParts> {
    vec![
        method("version", &[], ty::<RuntimeVersion>(), "Version of the runtime."),
        method("execute_block", &[("block", ty::<Block>())], ty::<()>(), "Executes and checks a block."),
        method("initialize_block", &[("header", ty::<Header>())], ty::<InclusionMode>(), "Begins a block."),
    ]
}

/// Which extrinsics a new block may take.
#[derive(TypeInfo)]
#[scale_info(replace_segment("quire_runtime", "sp_runtime"), replace_segment("metadata", "traits"))]
pub enum InclusionMode {
    /// All.
    AllExtrinsics,
    /// Inherents only.
    OnlyInherents,
}

fn metadata_methods() -> Vec<MethodParts> {
    vec![
        method("metadata", &[], ty::<Vec<u8>>(), "Metadata V14."),
        method(
            "metadata_at_version",
            &[("version", ty::<u32>())],
            ty::<Option<Vec<u8>>>(),
            "Metadata of a version.",
        ),
        method("metadata_versions", &[], ty::<Vec<u32>>(), "Versions that are offered."),
    ]
}

fn block_builder() -> Vec<MethodParts> {
    let extrinsic = [("extrinsic", ty::<Extrinsic>())];
    let inherent = [("inherent", ty::<InherentData>())];
    let check = [("block", ty::<Block>()), ("data", ty::<InherentData>())];
    vec![
        method("apply_extrinsic", &extrinsic, ty::<ApplyExtrinsicResult>(), "Applies one extrinsic."),
        method("finalize_block", &[], ty::<Header>(), "Ends the block."),
        method("inherent_extrinsics", &inherent, ty::<Vec<Extrinsic>>(), "The author's own extrinsics."),
        method("check_inherents", &check, ty::<CheckInherentsResult>(), "Judges another author's."),
    ]
}

fn queue() -> Vec<MethodParts> {
    let inputs =
        [("source", ty::<TransactionSource>()), ("tx", ty::<Extrinsic>()), ("block_hash", ty::<H256>())];
    vec![method("validate_transaction", &inputs, ty::<TransactionValidity>(), "Validity on top of a block.")]
}

fn payment() -> Vec<MethodParts> {
    let inputs = [("uxt", ty::<Extrinsic>()), ("len", ty::<u32>())];
    vec![
        method("query_info", &inputs, ty::<RuntimeDispatchInfo>(), "Weight, class and fee without tip."),
        method("query_fee_details", &inputs, ty::<FeeDetails>(), "The parts of the fee."),
        method("query_weight_to_fee", &[("weight", ty::<Weight>())], ty::<Balance>(), "Fee of a weight."),
        method(
            "query_length_to_fee",
            &[("length", ty::<u32>())],
            ty::<Balance>(),
            "Fee of a length in bytes.",
        ),
    ]
}

fn aura() -> Vec<MethodParts> {
    vec![
        method("slot_duration", &[], ty::<u64>(), "Milliseconds per slot."),
        method("authorities", &[], ty::<Vec<AuraId>>(), "Authors in slot order."),
    ]
}

fn session_keys() -> Vec<MethodParts> {
    vec![
        method(
            "generate_session_keys",
            &[("seed", ty::<Option<Vec<u8>>>())],
            ty::<Vec<u8>>(),
            "Makes keys in the node's keystore: Aura, then GRANDPA.",
        ),
        method(
            "decode_session_keys",
            &[("encoded", ty::<Vec<u8>>())],
            ty::<Option<Vec<(Vec<u8>, KeyTypeId)>>>(),
            "The keys with their types.",
        ),
    ]
}

fn grandpa() -> Vec<MethodParts> {
    vec![
        method("grandpa_authorities", &[], ty::<Vec<(GrandpaId, u64)>>(), "Voters with their weights."),
        method("current_set_id", &[], ty::<u64>(), "Number of the voter set."),
        method(
            "generate_key_ownership_proof",
            &[("set_id", ty::<u64>()), ("authority_id", ty::<GrandpaId>())],
            ty::<Option<Vec<u8>>>(),
            "That a key voted in a set, as a report of its equivocation needs it.",
        ),
    ]
}

fn session() -> Vec<MethodParts> {
    let report = ty::<Option<OpaqueExtrinsic>>();
    vec![
        method(
            "vrf_input",
            &[("slot", ty::<quire_core::Slot>())],
            ty::<Vec<u8>>(),
            "What the author of a slot of this session puts through its VRF.",
        ),
        method(
            "report_author",
            &[("proof", ty::<pallet_equivocation::AuthorProof>())],
            report,
            "The transaction that reports two blocks in a slot; none when nothing is to be punished.",
        ),
        method(
            "report_voter",
            &[("proof", ty::<pallet_equivocation::VoterProof>())],
            report,
            "The transaction that reports two votes in a round; none when nothing is to be punished.",
        ),
    ]
}
