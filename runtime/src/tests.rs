//! The runtime as a whole, natively: one genesis, real blocks, real signatures.

mod metadata;
mod nesting;
mod proxies;
mod sessions;
mod upgrade;

use alloc::{borrow::ToOwned, vec, vec::Vec};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use pallet_support::testing::TestExternalities;
use parity_scale_codec::{Decode, Encode};
use quire_core::{
    AccountId, Additional, AuraId, Block, Digest, Era, Extra, GrandpaId, H256, Header, InherentData,
    InvalidTransaction, MultiAddress, MultiSignature, OpaqueExtrinsic, Slot, TransactionSource,
    TransactionValidity, UNITS, UncheckedExtrinsic, UnknownTransaction, inherent::TIMESTAMP_ID,
    signing_payload,
};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};

use crate::{RuntimeCall, RuntimeEvent, apis, genesis, version};

const SLOT_MS: u64 = 1_000;
const FIRST_SLOT: u64 = 1_700_000_000;

fn key(seed: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn account(seed: u8) -> AccountId {
    AccountId(key(seed).public.to_bytes())
}

fn config() -> genesis::Config {
    genesis::Config {
        balances: pallet_balances::genesis::Config {
            balances: [1, 2].map(|seed| (account(seed), 1_000 * UNITS)).to_vec(),
        },
        session: pallet_session::genesis::Config {
            authorities: vec![(
                account(1),
                pallet_session::SessionKeys { aura: AuraId(account(1).0), grandpa: GrandpaId([7; 32]) },
            )],
            ..Default::default()
        },
        members: pallet_members::genesis::Config::simple(&[account(1)]),
        ..genesis::Config::default()
    }
}

/// A chain in a test: state, and the head it has reached.
#[derive(Clone)]
struct Chain {
    state: TestExternalities,
    genesis: H256,
    head: Header,
}

impl Chain {
    fn new() -> Self {
        Chain::with(&config())
    }

    fn with(config: &genesis::Config) -> Self {
        let state = TestExternalities::from_pairs(genesis::build(config, b"code").unwrap());
        let head = Header { state_root: state.root(), ..Header::default() };
        Chain { state, genesis: head.hash(), head }
    }

    fn call<T: Decode>(&mut self, method: &str, arguments: impl Encode) -> T {
        let bytes = self.state.execute(|| apis::call(method, &arguments.encode()).unwrap().unwrap());
        T::decode(&mut bytes.as_slice()).unwrap()
    }

    /// Begins the next block; gives its slot.
    fn begin(&mut self) -> u64 {
        let number = self.head.number + 1;
        let slot = FIRST_SLOT + u64::from(number);
        let header = Header {
            parent_hash: self.head.hash(),
            number,
            digest: Digest::for_slot(Slot(slot)),
            ..Header::default()
        };
        let _: u8 = self.call("Core_initialize_block", &header);
        slot
    }

    /// Authors a block with `extrinsics`, then has it executed by another node on the state before.
    fn block(&mut self, extrinsics: &[OpaqueExtrinsic]) -> Block {
        self.block_with(extrinsics, InherentData::new())
    }

    /// Like [`block`](Self::block), and the author knows more than the time.
    fn block_with(&mut self, extrinsics: &[OpaqueExtrinsic], mut data: InherentData) -> Block {
        let before = self.state.clone();
        let slot = self.begin();
        data.put(TIMESTAMP_ID, &(slot * SLOT_MS));
        let mut all: Vec<OpaqueExtrinsic> = self.call("BlockBuilder_inherent_extrinsics", data);
        all.extend_from_slice(extrinsics);
        let results: Vec<quire_core::ApplyExtrinsicResult> = self.call("QuireBlock_apply_extrinsics", &all);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let header: Header = self.call("BlockBuilder_finalize_block", ());
        let block = Block { header, extrinsics: all };
        let mut importer = Chain { state: before, genesis: self.genesis, head: self.head.clone() };
        importer.call::<()>("Core_execute_block", &block);
        assert_eq!(importer.state, self.state, "import and authoring end in one state");
        self.state.execute(|| genesis::check_invariants().unwrap());
        self.head = block.header.clone();
        block
    }

    fn signed(&self, seed: u8, nonce: u32, era: Era, call: RuntimeCall) -> OpaqueExtrinsic {
        let extra = Extra { era, nonce, tip: 0, mode: 0 };
        let era_hash = if era.is_immortal() { self.genesis } else { self.head.hash() };
        let additional = Additional {
            spec_version: version::SPEC_VERSION,
            transaction_version: version::TRANSACTION_VERSION,
            genesis_hash: self.genesis,
            era_hash,
            metadata_hash: None,
        };
        let payload = signing_payload(&call.encode(), &extra, &additional);
        let signature = key(seed).sign(signing_context(b"substrate").bytes(&payload)).to_bytes();
        UncheckedExtrinsic::signed(call, account(seed), MultiSignature::Sr25519(signature), extra).to_opaque()
    }

    fn validate(&mut self, extrinsic: &OpaqueExtrinsic) -> TransactionValidity {
        let at = self.head.hash();
        let mut scratch = self.clone();
        let one: TransactionValidity = scratch.call(
            "TaggedTransactionQueue_validate_transaction",
            (TransactionSource::External, extrinsic, at),
        );
        let mut scratch = self.clone();
        let many: Vec<TransactionValidity> = scratch
            .call("QuirePool_validate_transactions", (TransactionSource::External, vec![extrinsic], at));
        assert_eq!(many, std::slice::from_ref(&one));
        one
    }

    /// Events of the extrinsic at `index` of the last block, in order.
    fn events_of(&mut self, index: u32) -> Vec<RuntimeEvent> {
        let records = self.state.execute(pallet_support::events::records::<RuntimeEvent>).unwrap();
        let phase = pallet_support::Phase::ApplyExtrinsic(index);
        records.into_iter().filter(|record| record.phase == phase).map(|record| record.event).collect()
    }

    fn free(&mut self, seed: u8) -> u128 {
        self.state.execute(|| pallet_balances::free_balance(&account(seed)))
    }
}

fn transfer(to: u8, value: u128) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: MultiAddress::Id(account(to)),
        value,
    })
}

#[test]
fn a_transfer_moves_money_and_pays_the_author() {
    let mut chain = Chain::new();
    let before = chain.free(2);
    let xt = chain.signed(1, 0, Era::Immortal, transfer(2, 5 * UNITS));
    assert!(chain.validate(&xt).is_ok());
    chain.block(&[xt]);
    assert_eq!(chain.free(2) - before, 5 * UNITS);
    let events = chain.events_of(1);
    assert!(matches!(
        events.last(),
        Some(RuntimeEvent::System(pallet_system::Event::ExtrinsicSuccess { .. }))
    ));
    assert!(
        events.iter().any(|e| matches!(e, RuntimeEvent::Balances(pallet_balances::Event::Transfer { .. })))
    );
    let nonce: u32 = chain.call("AccountNonceApi_account_nonce", account(1));
    assert_eq!(nonce, 1);
}

#[test]
fn r3_a_failing_call_leaves_fee_nonce_and_its_error() {
    let mut chain = Chain::new();
    let xt = chain.signed(2, 0, Era::Immortal, transfer(1, 10_u128.pow(30)));
    let before = chain.free(2);
    chain.block(&[xt]);
    assert!(chain.free(2) < before, "the fee is paid");
    let events = chain.events_of(1);
    assert!(matches!(
        events.last(),
        Some(RuntimeEvent::System(pallet_system::Event::ExtrinsicFailed { .. }))
    ));
}

#[test]
fn r4_nonces_are_used_in_order() {
    let mut chain = Chain::new();
    let first = chain.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    let second = chain.signed(1, 1, Era::Immortal, transfer(2, UNITS));
    let ready = chain.validate(&second).unwrap();
    assert_eq!(ready.requires, chain.validate(&first).unwrap().provides);
    chain.block(&[first.clone(), second]);
    assert_eq!(chain.validate(&first), Err(InvalidTransaction::Stale.into()));
}

#[test]
fn r1_a_signature_for_another_chain_or_call_is_bad() {
    let mut chain = Chain::new();
    let good = chain.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    let (mut unchecked, _) = UncheckedExtrinsic::<RuntimeCall>::from_opaque(&good).unwrap();
    unchecked.call = transfer(2, 2 * UNITS);
    assert_eq!(chain.validate(&unchecked.to_opaque()), Err(InvalidTransaction::BadProof.into()));
    let other = Chain { genesis: H256([9; 32]), ..Chain::new() };
    let foreign = other.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    assert_eq!(chain.validate(&foreign), Err(InvalidTransaction::BadProof.into()));
}

#[test]
fn r2_a_signer_is_an_account_that_is_not_zero() {
    let mut chain = Chain::new();
    let good = chain.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    let (unchecked, _) = UncheckedExtrinsic::<RuntimeCall>::from_opaque(&good).unwrap();
    let mut signed_by = |address: MultiAddress| {
        let mut other = unchecked.clone();
        other.signature.as_mut().unwrap().0 = address;
        chain.validate(&other.to_opaque())
    };
    assert_eq!(signed_by(MultiAddress::Raw(vec![1])), Err(UnknownTransaction::CannotLookup.into()));
    assert_eq!(signed_by(MultiAddress::Address32([1; 32])), Err(UnknownTransaction::CannotLookup.into()));
    assert_eq!(signed_by(MultiAddress::Id(AccountId([0; 32]))), Err(InvalidTransaction::BadSigner.into()));
}

#[test]
fn r3_eras_end() {
    let mut chain = Chain::new();
    for _ in 0..5 {
        chain.block(&[]);
    }
    let unborn = chain.signed(1, 0, Era::mortal(64, 32), transfer(2, UNITS));
    assert_eq!(chain.validate(&unborn), Err(InvalidTransaction::AncientBirthBlock.into()));
    let mortal = chain.signed(1, 0, Era::mortal(4, chain.head.number), transfer(2, UNITS));
    assert_eq!(chain.validate(&mortal).unwrap().longevity, 3);
    for _ in 0..4 {
        chain.block(&[]);
    }
    assert_eq!(
        chain.validate(&mortal),
        Err(InvalidTransaction::BadProof.into()),
        "the next era has another hash"
    );
}

#[test]
fn r1_of_the_executive_inherents_come_first_and_once() {
    let mut chain = Chain::new();
    let mut block = chain.block(&[]);
    let fresh = Chain::new();
    block.extrinsics.push(block.extrinsics[0].clone());
    let refused = std::panic::catch_unwind(move || {
        let mut importer = fresh;
        importer.call::<()>("Core_execute_block", &block);
    });
    assert!(refused.is_err(), "two timestamps in a block");
    let inherent = OpaqueExtrinsic(
        UncheckedExtrinsic::bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 1 }))
            .encode_body(),
    );
    assert_eq!(chain.validate(&inherent), Err(InvalidTransaction::MandatoryValidation.into()));
}

#[test]
fn r4_of_the_executive_wrong_roots_are_refused() {
    for spoil in [0_u8, 1, 2] {
        let mut chain = Chain::new();
        let fresh = Chain::new();
        let mut block = chain.block(&[]);
        match spoil {
            0 => block.header.state_root = H256([1; 32]),
            1 => block.header.extrinsics_root = H256([1; 32]),
            _ => block.header.digest.push(quire_core::DigestItem::Other(vec![1])),
        }
        let refused = std::panic::catch_unwind(move || {
            let mut importer = fresh;
            importer.call::<()>("Core_execute_block", &block);
        });
        assert!(refused.is_err(), "spoiled {spoil}");
    }
}

#[test]
fn a_motion_of_the_only_member_acts_as_root() {
    let mut chain = Chain::new();
    let set =
        RuntimeCall::System(pallet_system::Call::set_storage { items: vec![(b"k".to_vec(), b"v".to_vec())] });
    let direct = chain.signed(1, 0, Era::Immortal, set.clone());
    let propose = pallet_members::Call::propose { call: alloc::boxed::Box::new(set) };
    let propose = chain.signed(1, 1, Era::Immortal, RuntimeCall::Members(propose));
    chain.block(&[direct]);
    assert_eq!(chain.state.get(b"k"), None, "a signer is not Root");
    chain.block(&[propose]);
    assert_eq!(chain.state.get(b"k"), Some(b"v".as_slice()));
}

#[test]
fn deep_nesting_and_junk_are_refused_without_a_panic() {
    let mut chain = Chain::new();
    let mut call = transfer(2, 1);
    for _ in 0..40 {
        call = RuntimeCall::Members(pallet_members::Call::propose { call: alloc::boxed::Box::new(call) });
    }
    let deep = chain.signed(1, 0, Era::Immortal, call);
    assert_eq!(chain.validate(&deep), Err(InvalidTransaction::Call.into()));
    let good = chain.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    for cut in 0..good.0.len() {
        assert!(chain.validate(&OpaqueExtrinsic(good.0[..cut].to_vec())).is_err());
    }
}

#[test]
fn apis_refuse_bad_arguments() {
    assert!(apis::call("Core_version", &[1]).unwrap().is_err());
    assert!(apis::call("BlockBuilder_apply_extrinsic", &[]).unwrap().is_err());
    assert!(apis::call("Core_none", &[]).is_none());
}

#[test]
fn metadata_of_every_version_names_what_clients_look_for() {
    let mut chain = Chain::new();
    let versions: Vec<u32> = chain.call("Metadata_metadata_versions", ());
    assert_eq!(versions, [14, 15, 16]);
    for version in versions {
        let bytes: Option<Vec<u8>> = chain.call("Metadata_metadata_at_version", version);
        let metadata = RuntimeMetadataPrefixed::decode(&mut bytes.unwrap().as_slice()).unwrap();
        let types = match &metadata.1 {
            RuntimeMetadata::V14(m) => &m.types,
            RuntimeMetadata::V15(m) => &m.types,
            RuntimeMetadata::V16(m) => &m.types,
            other => panic!("{other:?}"),
        };
        let paths: Vec<_> = types.types.iter().map(|ty| ty.ty.path.segments.join("::")).collect();
        for path in [
            "sp_core::crypto::AccountId32",
            "sp_runtime::multiaddress::MultiAddress",
            "sp_runtime::MultiSignature",
            "sp_runtime::generic::era::Era",
            "primitive_types::H256",
            "frame_system::EventRecord",
            "frame_system::Phase",
            "quire_runtime::RuntimeCall",
            "quire_runtime::RuntimeEvent",
            "sp_runtime::DispatchError",
            "sp_runtime::ModuleError",
            "sp_weights::weight_v2::Weight",
            "sp_runtime::generic::digest::DigestItem",
            "sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic",
        ] {
            assert!(paths.contains(&path.to_owned()), "V{version} has no {path}");
        }
    }
    let none: Option<Vec<u8>> = chain.call("Metadata_metadata_at_version", 13_u32);
    assert_eq!(none, None);
}

#[test]
fn version_sections_agree_with_the_version() {
    let declared = version::version();
    let without_apis = quire_core::RuntimeVersion { apis: Vec::new().into(), ..declared.clone() };
    assert_eq!(version::VERSION_SECTION.as_slice(), without_apis.encode());
    assert_eq!(
        version::APIS_SECTION.as_slice(),
        declared.apis.iter().flat_map(Encode::encode).collect::<Vec<_>>()
    );
    for (name, id) in [
        ("QuireBlock", version::QUIRE_BLOCK),
        ("QuirePool", version::QUIRE_POOL),
        ("QuireUpgrade", version::QUIRE_UPGRADE),
        ("QuireMembers", version::QUIRE_MEMBERS),
    ] {
        assert_eq!(quire_core::RuntimeVersion::api_id(name), id);
    }
    for (name, entry) in apis::ENTRY_POINTS.iter().filter_map(|e| e.split_once('_').map(|(n, _)| (n, e))) {
        assert!(declared.api_version(&quire_core::RuntimeVersion::api_id(name)).is_some(), "{entry}");
    }
}

/// Names and indices of an outer enum's variants.
fn variants<T: scale_info::TypeInfo>() -> Vec<(&'static str, u8)> {
    match T::type_info().type_def {
        scale_info::TypeDef::Variant(def) => def.variants.iter().map(|v| (v.name, v.index)).collect(),
        other => panic!("{other:?} is no enum"),
    }
}

#[test]
fn r1_of_the_crate_pallet_indices_agree_everywhere() {
    let pallets = crate::metadata::parts().pallets;
    let named = |has: fn(&pallet_support::PalletMetadataParts) -> bool| -> Vec<(&'static str, u8)> {
        pallets.iter().filter(|p| has(p)).map(|p| (p.name, p.index)).collect()
    };
    assert_eq!(variants::<RuntimeCall>(), named(|p| p.calls.is_some()));
    assert_eq!(variants::<RuntimeEvent>(), named(|p| p.events.is_some()));
    assert_eq!(variants::<crate::RuntimeError>(), named(|p| p.errors.is_some()));
    assert_eq!(transfer(1, 1).encode()[0], pallet_balances::INDEX);
}

#[test]
fn what_has_no_room_leaves_its_sender_out_and_nobody_else() {
    let mut chain = Chain::new();
    let funding: Vec<_> = (0..10u8)
        .map(|n| chain.signed(1, u32::from(n), Era::Immortal, transfer(n + 3, 10 * UNITS)))
        .collect();
    chain.block(&funding);
    let slot = chain.begin();
    let mut time = InherentData::new();
    time.put(TIMESTAMP_ID, &(slot * SLOT_MS));
    let inherents: Vec<OpaqueExtrinsic> = chain.call("BlockBuilder_inherent_extrinsics", time);
    let _: Vec<quire_core::ApplyExtrinsicResult> = chain.call("QuireBlock_apply_extrinsics", &inherents);
    let remark = || RuntimeCall::System(pallet_system::Call::remark { remark: vec![0; 8] });
    // Room for some remarks, and not for one transfer.
    chain.state.execute(|| {
        let normal = quire_core::DispatchClass::Normal;
        let limits = *pallet_system::limits::block_weights().per_class.get(normal);
        let transfer = transfer(2, UNITS).dispatch_info().weight + limits.base_extrinsic;
        let room = quire_core::Weight { ref_time: transfer.ref_time - 1, ..transfer };
        let max = limits.max_total.unwrap();
        pallet_system::storage::BLOCK_WEIGHT
            .mutate_default(|used| *used.get_mut(normal) = max.saturating_sub(room));
    });
    let full = Err(InvalidTransaction::ExhaustsResources.into());
    let batch = [
        chain.signed(2, 0, Era::Immortal, transfer(1, UNITS)),
        chain.signed(2, 1, Era::Immortal, remark()),
        chain.signed(3, 0, Era::Immortal, remark()),
    ];
    let mut scratch = chain.clone();
    let answers: Vec<quire_core::ApplyExtrinsicResult> =
        scratch.call("QuireBlock_apply_extrinsics", &batch[..]);
    assert_eq!(answers, [full, full, Ok(Ok(()))]);
    // Eight senders too many are enough: the ninth is not even tried.
    let many: Vec<_> =
        (3..=11).map(|seed| chain.signed(seed, 0, Era::Immortal, transfer(1, UNITS))).collect();
    let last = chain.signed(12, 0, Era::Immortal, remark());
    let answers: Vec<quire_core::ApplyExtrinsicResult> =
        chain.call("QuireBlock_apply_extrinsics", [&many[..8], core::slice::from_ref(&last)].concat());
    assert_eq!(answers, [[full; 8].as_slice(), &[Ok(Ok(()))]].concat());
    let answers: Vec<quire_core::ApplyExtrinsicResult> =
        chain.call("QuireBlock_apply_extrinsics", [&many[..], &[last]].concat());
    assert_eq!(answers, [full; 10]);
}
