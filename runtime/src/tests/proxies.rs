//! Which calls proxies may make.

use alloc::boxed::Box;

use pallet_proxy::{Call as Proxy, ProxyType, Proxyable};
use pallet_utility::Call as Utility;
use quire_core::{H256, Weight};

use super::*;

const TYPES: [ProxyType; 6] = [
    ProxyType::Any,
    ProxyType::NonTransfer,
    ProxyType::Governance,
    ProxyType::Staking,
    ProxyType::Channels,
    ProxyType::CancelProxy,
];

fn address() -> MultiAddress {
    MultiAddress::Id(account(9))
}

fn remark() -> RuntimeCall {
    RuntimeCall::System(pallet_system::Call::remark { remark: Vec::new() })
}

/// A call of each kind, and whether each type (in the order of [`TYPES`]) permits it.
fn table() -> Vec<(RuntimeCall, [bool; 6])> {
    let (yes, no) = (true, false);
    let call_hash = H256([0; 32]);
    vec![
        (transfer(2, 1), [yes, no, no, no, no, no]),
        (remark(), [yes, yes, no, no, no, no]),
        (
            RuntimeCall::Members(pallet_members::Call::vote { motion: 0, approve: true }),
            [yes, yes, yes, no, no, no],
        ),
        (RuntimeCall::Bonds(pallet_bonds::Call::chill {}), [yes, yes, no, yes, no, no]),
        (
            RuntimeCall::Channels(pallet_channels::Call::withdraw { channel: 1, amount: 1 }),
            [yes, no, no, no, yes, no],
        ),
        (
            RuntimeCall::Anchors(pallet_anchors::Call::advance { channel: 1, block: 1 }),
            [yes, no, no, no, yes, no],
        ),
        (
            RuntimeCall::Proxy(Proxy::reject_announcement { delegate: address(), call_hash }),
            [yes, yes, no, no, no, yes],
        ),
        (RuntimeCall::Proxy(Proxy::announce { real: address(), call_hash }), [yes, no, no, no, no, no]),
        (
            RuntimeCall::Upgrade(pallet_upgrade::Call::cancel { code_hash: call_hash }),
            [yes, no, no, no, no, no],
        ),
        (RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 1 }), [yes, no, no, no, no, no]),
    ]
}

fn permitted(call: &RuntimeCall) -> [bool; 6] {
    TYPES.map(|by| call.is_permitted(by))
}

#[test]
fn each_type_permits_what_the_table_says() {
    for (call, expected) in table() {
        assert_eq!(permitted(&call), expected, "{call:?}");
    }
}

#[test]
fn r1_utility_is_permitted_as_what_is_nested_in_it() {
    for (call, expected) in table() {
        let boxed = || Box::new(call.clone());
        let inner = RuntimeCall::Utility(Utility::force_batch { calls: vec![call.clone()] });
        for wrapper in [
            Utility::batch { calls: vec![call.clone(), call.clone()] },
            Utility::batch_all { calls: vec![inner] },
            Utility::as_derivative { index: 1, call: boxed() },
            Utility::if_else { main: boxed(), fallback: boxed() },
            Utility::with_weight { call: boxed(), weight: Weight::ZERO },
        ] {
            assert_eq!(permitted(&RuntimeCall::Utility(wrapper)), expected, "{call:?}");
        }
        let mixed = Utility::batch { calls: vec![call.clone(), transfer(2, 1)] };
        assert_eq!(permitted(&RuntimeCall::Utility(mixed)), [true, false, false, false, false, false]);
        let either = Utility::if_else { main: boxed(), fallback: Box::new(transfer(2, 1)) };
        assert_eq!(permitted(&RuntimeCall::Utility(either)), [true, false, false, false, false, false]);
    }
}

#[test]
fn r1_multisig_and_proxy_are_checked_through() {
    for (call, [_, non_transfer, ..]) in table() {
        let expected = [true, non_transfer, false, false, false, false];
        let boxed = || Box::new(call.clone());
        let other_signatories = vec![account(2)];
        for wrapper in [
            RuntimeCall::Multisig(pallet_multisig::Call::as_multi_threshold_1 {
                other_signatories: other_signatories.clone(),
                call: boxed(),
            }),
            RuntimeCall::Multisig(pallet_multisig::Call::as_multi {
                threshold: 2,
                other_signatories,
                maybe_timepoint: None,
                call: boxed(),
                max_weight: Weight::ZERO,
            }),
            RuntimeCall::Proxy(Proxy::proxy { real: address(), force_proxy_type: None, call: boxed() }),
            RuntimeCall::Proxy(Proxy::proxy_announced {
                delegate: address(),
                real: address(),
                force_proxy_type: None,
                call: boxed(),
            }),
        ] {
            assert_eq!(permitted(&wrapper), expected, "{call:?}");
        }
    }
}

#[test]
fn r1_a_motion_is_a_vote_whatever_it_holds() {
    let motion = RuntimeCall::Members(pallet_members::Call::propose { call: Box::new(transfer(2, 1)) });
    assert_eq!(permitted(&motion), [true, true, true, false, false, false]);
}

#[test]
fn r2_a_call_known_by_its_hash_is_for_any_alone() {
    let hidden = RuntimeCall::Multisig(pallet_multisig::Call::approve_as_multi {
        threshold: 2,
        other_signatories: vec![account(2)],
        maybe_timepoint: None,
        call_hash: [0; 32],
        max_weight: Weight::ZERO,
    });
    assert_eq!(permitted(&hidden), [true, false, false, false, false, false]);
}

#[test]
fn r4_covering_types_permit_all_that_the_covered_permit() {
    for (call, _) in table() {
        for a in TYPES {
            for b in TYPES.into_iter().filter(|b| a.covers(*b)) {
                assert!(!call.is_permitted(b) || call.is_permitted(a), "{a:?} covers {b:?}: {call:?}");
            }
        }
    }
}

#[test]
fn a_restricted_proxy_gains_nothing_by_nesting() {
    let mut chain = Chain::new();
    let add = Proxy::add_proxy {
        delegate: MultiAddress::Id(account(2)),
        proxy_type: ProxyType::NonTransfer,
        delay: 0,
    };
    let before = chain.free(2);
    let act = |call| {
        RuntimeCall::Proxy(Proxy::proxy {
            real: MultiAddress::Id(account(1)),
            force_proxy_type: None,
            call: Box::new(call),
        })
    };
    let batch = |call| RuntimeCall::Utility(Utility::batch { calls: vec![remark(), call] });
    let hand_on = RuntimeCall::Proxy(Proxy::add_proxy {
        delegate: MultiAddress::Id(account(2)),
        proxy_type: ProxyType::Any,
        delay: 0,
    });
    let extrinsics = [
        chain.signed(1, 0, Era::Immortal, RuntimeCall::Proxy(add)),
        chain.signed(2, 0, Era::Immortal, act(transfer(2, UNITS))),
        chain.signed(2, 1, Era::Immortal, act(batch(transfer(2, UNITS)))),
        chain.signed(2, 2, Era::Immortal, act(batch(batch(hand_on)))),
        chain.signed(2, 3, Era::Immortal, act(batch(remark()))),
    ];
    chain.block(&extrinsics);
    let results: Vec<_> = (2..=5)
        .map(|index| {
            chain.events_of(index).into_iter().find_map(|event| match event {
                RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => Some(result),
                _ => None,
            })
        })
        .collect();
    let filtered = Some(Err(pallet_system::Error::CallFiltered.into()));
    assert_eq!(results, [filtered, filtered, filtered, Some(Ok(()))]);
    assert!(chain.free(2) < before, "it has paid fees and gained nothing");
}
