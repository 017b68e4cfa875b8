//! One test per rule of System.

use alloc::vec;

use pallet_support::events::records;
use pallet_support::testing::{TestExternalities, has_event, last_event_is, new_test, with_state_mut};
use pallet_support::{
    DispatchError, DispatchErrorWithInfo, Origin, Phase, PostInfo, deposit_event, host, module_error,
};
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use quire_core::{
    AccountId, Digest, DigestItem, DispatchClass, DispatchInfo, H256, InvalidTransaction, OpaqueExtrinsic,
    Pays, RuntimeVersion, Slot, Weight, limits as core_limits,
};
use scale_info::{TypeInfo, meta_type};

use crate::limits::{block_length, block_weights};
use crate::storage::{ACCOUNT, ALL_EXTRINSICS_LEN, BLOCK_HASH, BLOCK_WEIGHT, EVENT_COUNT, EXTRINSIC_COUNT};
use crate::{
    AccountInfo, BASE_EXTRINSIC, BLOCK_HASH_COUNT, CONSUMERS_MAX, Call, DecRefStatus, Error, Event, INDEX,
    IncRefStatus, block_hash, block_number, check_and_note_weight, check_code, check_invariants,
    check_limits, dec_consumers, dec_providers, finalize, inc_account_nonce, inc_consumers, inc_providers,
    initialize, note_applied_extrinsic, note_extrinsic, note_finished_extrinsics, note_finished_initialize,
    note_runtime_version,
};

/// Code goes straight to its place here.
const PATH: crate::CodePath = crate::CodePath { offer: enact, protected: &[b"waiting"] };

fn enact(code: &[u8]) -> Result<(), DispatchError> {
    check_code(code)?;
    crate::replace_code(code);
    Ok(())
}

fn dispatch(call: Call, origin: Origin) -> Result<PostInfo, DispatchErrorWithInfo> {
    crate::dispatch(call, origin, &PATH)
}

const ALICE: AccountId = AccountId([1; 32]);

/// Runs `work` on a genesis state.
fn on_chain<R>(work: impl FnOnce() -> R) -> R {
    new_test(|| {
        let config =
            crate::genesis::Config { code: b"code".to_vec(), spec_name: "quire".into(), spec_version: 1 };
        config.build().unwrap();
        work()
    })
}

/// The hash that stands for block `number` here.
fn hash_of(number: u32) -> H256 {
    H256(host::blake2_256(&number.encode()))
}

fn begin(number: u32) {
    initialize(number, hash_of(number - 1), Digest::for_slot(Slot(u64::from(number))));
    note_finished_initialize();
}

fn empty_block(number: u32) -> quire_core::Header {
    begin(number);
    note_finished_extrinsics();
    finalize()
}

fn normal(micros: u64) -> DispatchInfo {
    DispatchInfo { weight: Weight::from_micros(micros), class: DispatchClass::Normal, pays_fee: Pays::Yes }
}

#[test]
fn r1_hashes_of_old_blocks_are_pruned_but_that_of_genesis_stays() {
    on_chain(|| {
        assert_eq!(block_hash(0), Some(H256([0x45; 32])));
        for number in 1..BLOCK_HASH_COUNT + 5 {
            begin(number);
        }
        empty_block(BLOCK_HASH_COUNT + 5);
        assert_eq!(block_number(), BLOCK_HASH_COUNT + 5);
        assert_eq!(block_hash(0), Some(hash_of(0)));
        assert_eq!(block_hash(4), None);
        assert_eq!(block_hash(5), Some(hash_of(5)));
        assert_eq!(block_hash(BLOCK_HASH_COUNT + 4), Some(hash_of(BLOCK_HASH_COUNT + 4)));
        assert_eq!(BLOCK_HASH.iter_keys().count() as u32, BLOCK_HASH_COUNT + 1);
        check_invariants().unwrap();
    });
}

#[test]
fn r2_events_stay_readable_until_the_next_block() {
    on_chain(|| {
        begin(1);
        deposit_event(INDEX, &Event::CodeUpdated);
        note_finished_extrinsics();
        deposit_event(INDEX, &Event::CodeUpdated);
        let header = finalize();
        assert_eq!((header.number, header.parent_hash), (1, hash_of(0)));
        assert_eq!(header.digest, Digest::for_slot(Slot(1)));
        assert_eq!(EVENT_COUNT.get(), Some(2));
        let phases: vec::Vec<_> =
            records::<RuntimeEvent>().unwrap().iter().map(|record| record.phase).collect();
        assert_eq!(phases, [Phase::ApplyExtrinsic(0), Phase::Finalization]);
        check_invariants().unwrap();
        begin(2);
        assert!(records::<RuntimeEvent>().unwrap().is_empty());
    });
}

/// The runtime's event enum, as far as this pallet is concerned.
#[derive(Debug, PartialEq, Decode)]
enum RuntimeEvent {
    #[codec(index = 0)]
    System(Event),
}

#[test]
fn r3_an_extrinsic_ends_with_its_result() {
    on_chain(|| {
        begin(1);
        let info = normal(10);
        check_and_note_weight(&info, 100).unwrap();
        let used = PostInfo { actual_weight: Some(Weight::from_micros(4)), pays_fee: Pays::No };
        note_applied_extrinsic(&Ok(used), info);
        let weight = Weight::from_micros(4) + BASE_EXTRINSIC;
        let success =
            Event::ExtrinsicSuccess { dispatch_info: DispatchInfo { weight, pays_fee: Pays::No, ..info } };
        assert!(last_event_is(INDEX, &success));
        assert_eq!(BLOCK_WEIGHT.get_or_default().normal, weight);

        let failed =
            DispatchErrorWithInfo { post_info: PostInfo::default(), error: DispatchError::BadOrigin };
        note_applied_extrinsic(&Err(failed), info);
        let dispatch_info = DispatchInfo { weight: info.weight + BASE_EXTRINSIC, ..info };
        let failure = Event::ExtrinsicFailed { dispatch_error: DispatchError::BadOrigin, dispatch_info };
        assert!(last_event_is(INDEX, &failure));
        let phases: vec::Vec<_> =
            records::<RuntimeEvent>().unwrap().iter().map(|record| record.phase).collect();
        assert_eq!(phases, [Phase::ApplyExtrinsic(0), Phase::ApplyExtrinsic(1)]);
        note_finished_extrinsics();
        assert_eq!(EXTRINSIC_COUNT.get(), Some(2));
    });
}

#[test]
fn r3_more_than_announced_is_not_reported() {
    on_chain(|| {
        begin(1);
        let info = normal(10);
        let used = PostInfo { actual_weight: Some(Weight::from_micros(99)), pays_fee: Pays::Yes };
        note_applied_extrinsic(&Ok(used), info);
        let dispatch_info = DispatchInfo { weight: info.weight + BASE_EXTRINSIC, ..info };
        assert!(last_event_is(INDEX, &Event::ExtrinsicSuccess { dispatch_info }));
    });
}

#[test]
fn r4_normal_extrinsics_leave_room_for_operational_ones() {
    on_chain(|| {
        begin(1);
        let mut fitted = 0u64;
        while check_and_note_weight(&normal(10_000), 100).is_ok() {
            fitted += 1;
        }
        let max = block_weights().per_class.normal.max_total.unwrap();
        assert_eq!(fitted, max.ref_time / (Weight::from_micros(10_000) + BASE_EXTRINSIC).ref_time);
        assert_eq!(ALL_EXTRINSICS_LEN.get(), Some(fitted as u32 * 100));
        let operational = DispatchInfo { class: DispatchClass::Operational, ..normal(100_000) };
        check_and_note_weight(&operational, 100).unwrap();
        assert_eq!(check_and_note_weight(&normal(10_000), 100), Err(InvalidTransaction::ExhaustsResources));
        let mandatory = DispatchInfo { class: DispatchClass::Mandatory, ..normal(10_000_000) };
        check_and_note_weight(&mandatory, 100).unwrap();
        // The reserve of the operational class outlives even an overfull block.
        check_and_note_weight(&DispatchInfo { class: DispatchClass::Operational, ..normal(10_000) }, 1)
            .unwrap();
    });
}

#[test]
fn r4_what_does_not_fit_counts_nothing() {
    on_chain(|| {
        begin(1);
        let before = BLOCK_WEIGHT.get();
        let max = *block_length().max.get(DispatchClass::Normal);
        assert_eq!(check_and_note_weight(&normal(1), max + 1), Err(InvalidTransaction::ExhaustsResources));
        assert_eq!(check_limits(&normal(1), max + 1), Err(InvalidTransaction::ExhaustsResources));
        assert_eq!(check_limits(&normal(10_000_000), 1), Err(InvalidTransaction::ExhaustsResources));
        assert_eq!(check_limits(&normal(1), max), Ok(()));
        assert_eq!((BLOCK_WEIGHT.get(), ALL_EXTRINSICS_LEN.get()), (before, None));
        check_and_note_weight(&normal(1), max).unwrap();
        assert_eq!(check_and_note_weight(&normal(1), 1), Err(InvalidTransaction::ExhaustsResources));
    });
}

#[test]
fn r5_an_account_lives_while_something_provides_for_it() {
    on_chain(|| {
        begin(1);
        assert_eq!(inc_consumers(&ALICE), Err(DispatchError::NoProviders));
        assert_eq!(inc_providers(&ALICE), IncRefStatus::Created);
        assert!(has_event(INDEX, &Event::NewAccount { account: ALICE }));
        assert_eq!(inc_providers(&ALICE), IncRefStatus::Existed);
        inc_consumers(&ALICE).unwrap();
        assert_eq!(dec_providers(&ALICE), Ok(DecRefStatus::Exists));
        assert_eq!(dec_providers(&ALICE), Err(DispatchError::ConsumerRemaining));
        assert!(ACCOUNT.contains(&ALICE));
        dec_consumers(&ALICE);
        assert_eq!(dec_providers(&ALICE), Ok(DecRefStatus::Reaped));
        assert!(has_event(INDEX, &Event::KilledAccount { account: ALICE }));
        assert!(!ACCOUNT.contains(&ALICE));
        assert_eq!(dec_providers(&ALICE), Err(DispatchError::NoProviders));
    });
}

#[test]
fn r5_consumers_have_a_limit() {
    on_chain(|| {
        inc_providers(&ALICE);
        for _ in 0..CONSUMERS_MAX {
            inc_consumers(&ALICE).unwrap();
        }
        assert_eq!(inc_consumers(&ALICE), Err(DispatchError::TooManyConsumers));
        inc_account_nonce(&ALICE);
        assert_eq!(crate::account_nonce(&ALICE), 1);
    });
}

/// Makes `code` pass for a runtime of this name and version.
fn known_code(code: &[u8], spec_name: &'static str, spec_version: u32) {
    let version = RuntimeVersion { spec_name: spec_name.into(), spec_version, ..RuntimeVersion::default() };
    with_state_mut(|state| state.set_runtime_version(code, &version.encode()));
}

#[test]
fn r6_code_is_replaced_by_a_higher_version_of_the_same_runtime() {
    on_chain(|| {
        begin(1);
        let set =
            |code: &[u8]| dispatch(Call::set_code { code: code.to_vec() }, Origin::Root).map_err(|e| e.error);
        known_code(b"good", "quire", 2);
        known_code(b"same", "quire", 1);
        known_code(b"other", "choir", 9);
        assert_eq!(set(b"unknown"), Err(Error::FailedToExtractRuntimeVersion.into()));
        assert_eq!(set(b"same"), Err(Error::SpecVersionNeedsToIncrease.into()));
        assert_eq!(set(b"other"), Err(Error::InvalidSpecName.into()));
        let long = vec![0; core_limits::MAX_CODE_BYTES as usize + 1];
        assert_eq!(set(&long), Err(Error::CodeTooLong.into()));
        assert_eq!(host::storage_get(b":code"), Some(b"code".to_vec()));
        set(b"good").unwrap();
        assert_eq!(host::storage_get(b":code"), Some(b"good".to_vec()));
        assert!(last_event_is(INDEX, &Event::CodeUpdated));
        assert!(crate::digest().changes_code());
        let new = RuntimeVersion { spec_name: "quire".into(), spec_version: 2, ..RuntimeVersion::default() };
        assert!(note_runtime_version(&new));
        assert!(!note_runtime_version(&new));
    });
}

#[test]
fn r6_only_root_touches_raw_state() {
    on_chain(|| {
        begin(1);
        let calls = [
            Call::set_heap_pages { pages: 1_024 },
            Call::set_storage {
                items: vec![(b"a1".to_vec(), b"1".to_vec()), (b"a2".to_vec(), b"2".to_vec())],
            },
            Call::kill_storage { keys: vec![b"a1".to_vec()] },
            Call::kill_prefix { prefix: b"a".to_vec(), subkeys: 9 },
        ];
        for call in calls.clone() {
            for origin in [Origin::Signed(ALICE), Origin::None] {
                assert_eq!(dispatch(call.clone(), origin).unwrap_err().error, DispatchError::BadOrigin);
            }
        }
        let call = Call::set_code { code: b"good".to_vec() };
        assert_eq!(dispatch(call, Origin::Signed(ALICE)).unwrap_err().error, DispatchError::BadOrigin);
        let [pages, set, kill, prefix] = calls;
        dispatch(pages, Origin::Root).unwrap();
        assert_eq!(host::storage_get(b":heappages"), Some(1_024u64.encode()));
        dispatch(set, Origin::Root).unwrap();
        dispatch(kill, Origin::Root).unwrap();
        assert_eq!((host::storage_exists(b"a1"), host::storage_exists(b"a2")), (false, true));
        dispatch(prefix, Origin::Root).unwrap();
        assert!(!host::storage_exists(b"a2"));
    });
}

#[test]
fn r6_code_and_what_waits_to_become_code_are_no_raw_storage() {
    on_chain(|| {
        begin(1);
        let refused = |call| {
            assert_eq!(dispatch(call, Origin::Root).unwrap_err().error, Error::ProtectedStorage.into());
        };
        for key in [&b":code"[..], b":code2", b":heappages", b"waiting", b"waiting room"] {
            let items = vec![(b"a".to_vec(), vec![]), (key.to_vec(), b"broken".to_vec())];
            refused(Call::set_storage { items });
            refused(Call::kill_storage { keys: vec![b"a".to_vec(), key.to_vec()] });
            refused(Call::kill_prefix { prefix: key.to_vec(), subkeys: 1 });
        }
        for prefix in [&b""[..], b":", b":c", b"wait"] {
            refused(Call::kill_prefix { prefix: prefix.to_vec(), subkeys: 1 });
        }
        assert!(!host::storage_exists(b"a"), "nothing of a refused call is done");
        assert_eq!(host::storage_get(b":code"), Some(b"code".to_vec()));
        for pages in [0, 1_023, 2_049, u64::MAX] {
            let error = dispatch(Call::set_heap_pages { pages }, Origin::Root).unwrap_err().error;
            assert_eq!(error, Error::HeapPagesOutOfBounds.into());
        }
    });
}

#[test]
fn r7_remarks_have_a_limit_and_are_not_stored() {
    on_chain(|| {
        begin(1);
        let keys = |state: &TestExternalities| state.pairs().len();
        let before = pallet_support::testing::with_state(keys);
        let remark = vec![7; core_limits::MAX_REMARK_BYTES as usize];
        dispatch(Call::remark { remark: remark.clone() }, Origin::Signed(ALICE)).unwrap();
        assert_eq!(pallet_support::testing::with_state(keys), before);
        let hash = H256(host::blake2_256(&remark));
        dispatch(Call::remark_with_event { remark: remark.clone() }, Origin::Signed(ALICE)).unwrap();
        assert!(last_event_is(INDEX, &Event::Remarked { sender: ALICE, hash }));
        let long = [remark, vec![7]].concat();
        let refused = module_error(INDEX, 16);
        let call = Call::remark { remark: long.clone() };
        assert_eq!(dispatch(call, Origin::Signed(ALICE)).unwrap_err().error, refused);
        let call = Call::remark_with_event { remark: long };
        assert_eq!(dispatch(call, Origin::Signed(ALICE)).unwrap_err().error, refused);
        let call = Call::remark { remark: vec![] };
        assert_eq!(dispatch(call, Origin::None).unwrap_err().error, DispatchError::BadOrigin);
    });
}

#[test]
fn the_extrinsics_root_is_that_of_the_noted_extrinsics() {
    on_chain(|| {
        let extrinsics = [OpaqueExtrinsic(vec![4, 1, 0, 0]), OpaqueExtrinsic(vec![0x84; 200])];
        begin(1);
        for extrinsic in &extrinsics {
            note_extrinsic(extrinsic);
        }
        note_finished_extrinsics();
        let items: vec::Vec<_> = extrinsics.iter().map(Encode::encode).collect();
        assert_eq!(finalize().extrinsics_root, host::ordered_root(&items));
        assert_eq!(empty_block(2).extrinsics_root, host::ordered_root(&[]));
    });
}

#[test]
fn the_state_root_is_that_of_the_state_left_behind() {
    let mut state = TestExternalities::new();
    let header = state.execute(|| {
        BLOCK_HASH.insert(&0, &hash_of(0));
        empty_block(1)
    });
    assert_eq!(header.state_root, state.root());
}

#[test]
fn invariants_notice_an_account_without_provider() {
    on_chain(|| {
        check_invariants().unwrap();
        ACCOUNT.insert(&ALICE, &AccountInfo::default());
        assert!(check_invariants().unwrap_err().contains("R5"));
    });
}

#[test]
fn genesis_refuses_an_empty_runtime_and_a_missing_name() {
    new_test(|| {
        let good = crate::genesis::Config { code: vec![1], spec_name: "quire".into(), spec_version: 1 };
        assert!(crate::genesis::Config { code: vec![], ..good.clone() }.build().is_err());
        assert!(crate::genesis::Config { spec_name: "".into(), ..good }.build().is_err());
    });
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(AccountInfo::max_encoded_len(), 80);
    assert_eq!(AccountInfo::default().encode().len(), 80);
    let metadata = crate::metadata(meta_type::<u8>(), &RuntimeVersion::default());
    let storage: vec::Vec<_> = metadata.storage.iter().map(|entry| entry.name).collect();
    for name in ["Account", "BlockHash", "Number", "ParentHash", "Digest", "Events", "LastRuntimeUpgrade"] {
        assert!(storage.contains(&name), "{name}");
    }
    let constants: vec::Vec<_> = metadata.constants.iter().map(|constant| constant.name).collect();
    assert_eq!(
        constants,
        ["BlockWeights", "BlockLength", "BlockHashCount", "DbWeight", "Version", "SS58Prefix"]
    );
    assert_eq!(Event::type_info().path.segments, ["frame_system", "pallet", "Event"]);
    assert_eq!(Call::type_info().path.segments, ["frame_system", "pallet", "Call"]);
    assert_eq!(Error::type_info().path.segments, ["frame_system", "pallet", "Error"]);
    assert_eq!(
        crate::limits::BlockWeights::type_info().path.segments,
        ["frame_system", "limits", "BlockWeights"]
    );
    assert_eq!(AccountInfo::type_info().path.segments, ["frame_system", "AccountInfo"]);
    let call = Call::remark_with_event { remark: vec![1] };
    assert_eq!(call.encode(), [7, 4, 1]);
    assert_eq!(DispatchError::from(Error::CodeTooLong), module_error(INDEX, 17));
    let item = DigestItem::RuntimeEnvironmentUpdated;
    assert_eq!(Digest { logs: vec![item] }.encode(), [4, 8]);
}
