//! Calls inside calls.

use alloc::boxed::Box;

use pallet_support::Origin;
use pallet_utility::Call as Utility;
use parity_scale_codec::Encode;
use quire_core::{
    ApplyExtrinsicResult, DispatchClass, Era, InvalidTransaction, UNITS, UncheckedExtrinsic, Weight, limits,
};

use super::*;

fn remark() -> RuntimeCall {
    RuntimeCall::System(pallet_system::Call::remark { remark: Vec::new() })
}

fn batch(calls: Vec<RuntimeCall>) -> RuntimeCall {
    RuntimeCall::Utility(Utility::batch { calls })
}

fn motion(call: RuntimeCall) -> RuntimeCall {
    RuntimeCall::Members(pallet_members::Call::propose { call: Box::new(call) })
}

fn inherents() -> [RuntimeCall; 3] {
    let (code_hash, verdict) = (H256([0; 32]), quire_core::Verdict::Accept);
    [
        RuntimeCall::Upgrade(pallet_upgrade::Call::attest { code_hash, verdict }),
        RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 1 }),
        RuntimeCall::Grandpa(pallet_grandpa::Call::note_finalised { number: 1 }),
    ]
}

/// Every way in which one call can stand inside another.
fn wrapped(call: &RuntimeCall) -> Vec<RuntimeCall> {
    let boxed = || Box::new(call.clone());
    let calls = || vec![remark(), call.clone()];
    let (real, delegate) = (MultiAddress::Id(account(2)), MultiAddress::Id(account(3)));
    let others = || vec![account(2)];
    vec![
        motion(call.clone()),
        batch(calls()),
        RuntimeCall::Utility(Utility::batch_all { calls: calls() }),
        RuntimeCall::Utility(Utility::force_batch { calls: calls() }),
        RuntimeCall::Utility(Utility::as_derivative { index: 0, call: boxed() }),
        RuntimeCall::Utility(Utility::with_weight { call: boxed(), weight: Weight::ZERO }),
        RuntimeCall::Utility(Utility::if_else { main: Box::new(remark()), fallback: boxed() }),
        RuntimeCall::Utility(Utility::if_else { main: boxed(), fallback: Box::new(remark()) }),
        RuntimeCall::Multisig(pallet_multisig::Call::as_multi_threshold_1 {
            other_signatories: others(),
            call: boxed(),
        }),
        RuntimeCall::Multisig(pallet_multisig::Call::as_multi {
            threshold: 2,
            other_signatories: others(),
            maybe_timepoint: None,
            call: boxed(),
            max_weight: Weight::ZERO,
        }),
        RuntimeCall::Proxy(pallet_proxy::Call::proxy {
            real: real.clone(),
            force_proxy_type: None,
            call: boxed(),
        }),
        RuntimeCall::Proxy(pallet_proxy::Call::proxy_announced {
            delegate,
            real,
            force_proxy_type: None,
            call: boxed(),
        }),
    ]
}

fn validated(chain: &mut Chain, call: RuntimeCall) -> TransactionValidity {
    let extrinsic = chain.signed(1, 0, Era::Immortal, call);
    let validity = chain.validate(&extrinsic);
    if let Err(why) = validity {
        let mut author = chain.clone();
        author.begin();
        let before = author.state.clone();
        let applied: ApplyExtrinsicResult = author.call("BlockBuilder_apply_extrinsic", &extrinsic);
        assert_eq!(applied, Err(why), "blocks refuse what the pool refuses");
        assert_eq!(author.state, before, "what is refused changes nothing");
    }
    validity
}

#[test]
fn r1_depth_and_memory_are_bounded() {
    let mut chain = Chain::new();
    for wrapper in 0..wrapped(&remark()).len() {
        let mut call = remark();
        for _ in 0..limits::MAX_CALL_DEPTH - 1 {
            call = wrapped(&call).remove(wrapper);
        }
        let extrinsic = UncheckedExtrinsic::bare(call.clone()).to_opaque();
        assert!(UncheckedExtrinsic::<RuntimeCall>::from_opaque(&extrinsic).is_ok(), "way {wrapper}");
        for _ in 0..2 {
            call = wrapped(&call).remove(wrapper);
        }
        assert_eq!(validated(&mut chain, call), Err(InvalidTransaction::Call.into()), "way {wrapper}");
    }
    // Three bytes of an extrinsic that take up a whole call in memory.
    let per_batch = 1_000_000;
    let bomb = batch(vec![batch(Vec::new()); per_batch]);
    assert!(per_batch * size_of::<RuntimeCall>() > limits::MAX_CALL_MEMORY_BYTES as usize);
    assert_eq!(validated(&mut chain, bomb), Err(InvalidTransaction::Call.into()));
}

#[test]
fn r2_batches_of_batches_have_no_more_calls_than_a_batch() {
    let mut chain = Chain::new();
    let half = limits::MAX_NESTED_CALLS as usize / 2;
    let two = |calls| batch(vec![batch(vec![remark(); half]), batch(vec![remark(); calls])]);
    assert!(validated(&mut chain, two(half - 2)).is_ok());
    let why = Err(InvalidTransaction::ExhaustsResources.into());
    assert_eq!(validated(&mut chain, two(half - 1)), why);
    let flat = batch(vec![remark(); limits::MAX_NESTED_CALLS as usize + 1]);
    assert_eq!(validated(&mut chain, flat), why);
}

#[test]
fn r2_many_light_calls_do_not_make_a_heavy_extrinsic_light() {
    let mut chain = Chain::new();
    // 500 motions of 2 ms each: no block has room for that, however they are packed.
    let heavy = RuntimeCall::System(pallet_system::Call::kill_prefix { prefix: vec![1], subkeys: 400 });
    let packed = batch((0..50).map(|_| batch(vec![motion(heavy.clone()); 10])).collect());
    assert!(packed.weight().ref_time > 500 * heavy.weight().ref_time);
    assert_eq!(validated(&mut chain, packed), Err(InvalidTransaction::ExhaustsResources.into()));
}

#[test]
fn r3_inherents_never_stand_inside_another_call() {
    let mut chain = Chain::new();
    for inherent in inherents() {
        for (way, call) in wrapped(&inherent).into_iter().enumerate() {
            let why = Err(InvalidTransaction::Call.into());
            assert_eq!(validated(&mut chain, call.clone()), why, "way {way}");
            assert_eq!(validated(&mut chain, batch(vec![call.clone()])), why, "way {way} in a batch");
            assert_ne!(call.dispatch_info().class, DispatchClass::Mandatory, "way {way}");
            assert!(!call.is_inherent(), "way {way}");
        }
    }
}

#[test]
fn r3_inherents_do_not_run_as_anybody() {
    for inherent in inherents() {
        for origin in [Origin::Root, Origin::Signed(account(1))] {
            let refused = TestExternalities::new().execute(|| inherent.clone().dispatch(origin)).unwrap_err();
            assert_eq!(refused.error, pallet_support::DispatchError::BadOrigin);
        }
    }
}

#[test]
fn nested_calls_are_not_root() {
    let mut chain = Chain::new();
    let steal = RuntimeCall::Balances(pallet_balances::Call::force_transfer {
        source: MultiAddress::Id(account(2)),
        dest: MultiAddress::Id(account(1)),
        value: UNITS,
    });
    let before = chain.free(2);
    // All but the motion, which is Root's by right.
    for (nonce, call) in (0..).zip(wrapped(&steal).into_iter().skip(1)) {
        let xt = chain.signed(1, nonce, Era::Immortal, call);
        chain.block(&[xt]);
    }
    assert_eq!(chain.free(2), before);
}

#[test]
fn motions_in_a_batch_keep_class_and_weight() {
    let heavy = RuntimeCall::System(pallet_system::Call::kill_prefix { prefix: vec![1], subkeys: 100 });
    let alone = motion(heavy.clone()).dispatch_info();
    assert_eq!(alone.class, DispatchClass::Operational);
    let batched = batch(vec![motion(heavy.clone())]).dispatch_info();
    assert_eq!(batched.class, DispatchClass::Operational);
    assert!(batched.weight.ref_time > alone.weight.ref_time);
    assert!(alone.weight.ref_time > heavy.weight().ref_time);
    assert_eq!(batch(vec![motion(heavy), remark()]).dispatch_info().class, DispatchClass::Normal);
}

#[test]
fn a_motion_in_a_batch_acts_as_root_and_a_stranger_has_none() {
    let mut chain = Chain::new();
    let set = |value: &[u8]| {
        let items = vec![(b"k".to_vec(), value.to_vec())];
        batch(vec![motion(RuntimeCall::System(pallet_system::Call::set_storage { items }))])
    };
    let stranger = chain.signed(2, 0, Era::Immortal, set(b"stranger"));
    let member = chain.signed(1, 0, Era::Immortal, set(b"member"));
    chain.block(&[stranger]);
    assert_eq!(chain.state.get(b"k"), None);
    chain.block(&[member]);
    assert_eq!(chain.state.get(b"k"), Some(b"member".as_slice()));
}

#[test]
fn what_a_batch_did_not_run_is_not_paid_for() {
    let mut chain = Chain::new();
    let fails = transfer(2, 10_u128.pow(30));
    let interrupted = batch([vec![fails], vec![transfer(2, 1); 99]].concat());
    let announced = interrupted.weight();
    let before = chain.free(1);
    let xt = chain.signed(1, 0, Era::Immortal, interrupted);
    let length = xt.encoded_bytes() as u32;
    chain.block(&[xt]);
    let info = quire_core::DispatchInfo {
        weight: announced,
        class: DispatchClass::Normal,
        pays_fee: quire_core::Pays::Yes,
    };
    let full = chain.state.execute(|| pallet_transaction_payment::compute_fee(length, &info, 0));
    let fee = chain.events_of(1).into_iter().find_map(|event| match event {
        RuntimeEvent::TransactionPayment(pallet_transaction_payment::Event::TransactionFeePaid {
            actual_fee,
            ..
        }) => Some(actual_fee),
        _ => None,
    });
    assert_eq!(Some(before - chain.free(1)), fee);
    assert!(fee.unwrap() < full / 2, "{fee:?} of {full}");
}

#[test]
fn an_oversized_transaction_does_not_keep_others_from_an_answer() {
    let mut chain = Chain::new();
    let good = chain.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    let oversized = OpaqueExtrinsic(vec![0x84; limits::MAX_EXTRINSIC_BYTES as usize + 1]);
    let batch = vec![oversized, good.clone(), OpaqueExtrinsic(Vec::new())];
    let at = chain.head.hash();
    let answers: Vec<TransactionValidity> =
        chain.clone().call("QuirePool_validate_transactions", (TransactionSource::External, batch, at));
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0], Err(InvalidTransaction::ExhaustsResources.into()));
    assert_eq!(answers[1], chain.validate(&good));
    assert!(answers[1].is_ok());
    assert_eq!(answers[2], Err(InvalidTransaction::Call.into()));
}

#[test]
fn a_transaction_that_claims_more_bytes_than_there_are_is_refused() {
    let arguments = |length: &[u8]| {
        let mut input = TransactionSource::External.encode();
        input.push(4);
        input.extend_from_slice(length);
        input.extend_from_slice(&[0; 40]);
        apis::call("QuirePool_validate_transactions", &input).unwrap()
    };
    assert!(arguments(&[3, 255, 255, 255, 255]).is_err());
    assert!(arguments(&quire_core::codec::compact_u32(2_000_000).0[..4]).is_err());
}
