//! One test per rule of Proxy.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pallet_balances::{free_balance, reserved_balance};
use pallet_support::testing::{has_event, last_event_is, new_test};
use pallet_support::{
    DispatchError, DispatchErrorWithInfo, DispatchResultWithInfo, Dispatchable, Origin, PostInfo, host,
    with_transaction,
};
use parity_scale_codec::{Decode, Encode};
use quire_core::{
    AccountId, Balance, Digest, DispatchClass, DispatchInfo, H256, MultiAddress, Pays, UNITS, Weight,
};
use scale_info::TypeInfo;

use crate::storage::{ANNOUNCEMENTS, PROXIES};
use crate::{
    ANNOUNCEMENT_DEPOSIT_BASE, ANNOUNCEMENT_DEPOSIT_FACTOR, Call, DEPOSIT_BASE, DEPOSIT_FACTOR, DepositKind,
    Error, Event, INDEX, MAX_PENDING, MAX_PROXIES, ProxyType, Proxyable, check_invariants, dispatch,
    pure_account,
};

const REAL: AccountId = AccountId([1; 32]);
const PROXY: AccountId = AccountId([2; 32]);
const OTHER: AccountId = AccountId([3; 32]);
const ANNOUNCED: Weight = Weight::from_micros(100);
const USED: Weight = Weight::from_micros(10);
const TYPES: [ProxyType; 6] = [
    ProxyType::Any,
    ProxyType::NonTransfer,
    ProxyType::Governance,
    ProxyType::Staking,
    ProxyType::Channels,
    ProxyType::CancelProxy,
];

/// Stands for the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
enum TestCall {
    /// A call that only `Any` permits; leaves its origin behind.
    Transfer,
    /// A call that staking proxies may make; leaves its origin behind.
    Bond,
    /// Leaves something behind and fails.
    Fail,
    Proxy(Call<TestCall>),
    Operational,
    Inherent,
}

impl Dispatchable for TestCall {
    fn dispatch_info(&self) -> DispatchInfo {
        let class = match self {
            Self::Proxy(call) => return call.dispatch_info(),
            Self::Operational => DispatchClass::Operational,
            Self::Inherent => DispatchClass::Mandatory,
            Self::Transfer | Self::Bond | Self::Fail => DispatchClass::Normal,
        };
        DispatchInfo { weight: ANNOUNCED, class, pays_fee: Pays::Yes }
    }

    fn dispatch(self, origin: Origin) -> DispatchResultWithInfo {
        let post_info = PostInfo::from(Some(USED));
        let Origin::Signed(who) = origin else { return Err(DispatchError::BadOrigin.into()) };
        match self {
            Self::Fail => {
                host::storage_set(b"signed", b"by a call that fails");
                Err(DispatchErrorWithInfo { post_info, error: DispatchError::Unavailable })
            }
            Self::Proxy(call) => dispatch(call, origin),
            Self::Inherent => Err(DispatchError::BadOrigin.into()),
            Self::Transfer | Self::Bond | Self::Operational => {
                host::storage_append(b"signed", &who.encode());
                Ok(post_info)
            }
        }
    }
}

impl Proxyable for TestCall {
    fn is_permitted(&self, by: ProxyType) -> bool {
        match self {
            Self::Proxy(call) => call.is_permitted(by),
            Self::Bond => matches!(by, ProxyType::Any | ProxyType::NonTransfer | ProxyType::Staking),
            _ => by == ProxyType::Any,
        }
    }
}

/// Who the nested calls that ran were signed by.
fn signers() -> Vec<AccountId> {
    let signed = host::storage_get(b"signed").unwrap_or_default();
    Vec::decode(&mut signed.as_slice()).unwrap_or_default()
}

fn begin(number: u32) {
    pallet_system::initialize(number, H256([0; 32]), Digest::default());
    pallet_system::note_finished_initialize();
}

/// Runs `work` in block 5 of a chain where three accounts have 10 QIR each.
fn on_chain(work: impl FnOnce()) {
    new_test(|| {
        let balances = [REAL, PROXY, OTHER].map(|who| (who, 10 * UNITS)).to_vec();
        pallet_balances::genesis::Config { balances }.build().unwrap();
        begin(5);
        work();
    });
}

/// As the runtime runs an extrinsic: what a failing one did is undone.
fn full(who: AccountId, call: Call<TestCall>) -> DispatchResultWithInfo {
    let result = with_transaction(|| dispatch(call, Origin::Signed(who)));
    check_invariants().unwrap();
    pallet_balances::check_invariants().unwrap();
    result
}

fn run(who: AccountId, call: Call<TestCall>) -> Result<(), DispatchError> {
    full(who, call).map(|_| ()).map_err(|failed| failed.error)
}

fn refused(error: Error) -> Result<(), DispatchError> {
    Err(error.into())
}

fn add(delegate: AccountId, proxy_type: ProxyType, delay: u32) -> Call<TestCall> {
    Call::add_proxy { delegate: delegate.into(), proxy_type, delay }
}

fn remove(delegate: AccountId, proxy_type: ProxyType, delay: u32) -> Call<TestCall> {
    Call::remove_proxy { delegate: delegate.into(), proxy_type, delay }
}

fn act(force_proxy_type: Option<ProxyType>, call: TestCall) -> Call<TestCall> {
    Call::proxy { real: REAL.into(), force_proxy_type, call: Box::new(call) }
}

fn act_announced(call: TestCall) -> Call<TestCall> {
    let (delegate, real) = (PROXY.into(), REAL.into());
    Call::proxy_announced { delegate, real, force_proxy_type: None, call: Box::new(call) }
}

fn announce(call: &TestCall) -> Call<TestCall> {
    Call::announce { real: REAL.into(), call_hash: hash(call) }
}

fn hash(call: &TestCall) -> H256 {
    H256(host::blake2_256(&call.encode()))
}

fn ended(result: Result<(), DispatchError>) -> bool {
    last_event_is(INDEX, &Event::ProxyExecuted { result })
}

fn filtered() -> Result<(), DispatchError> {
    Err(pallet_system::Error::CallFiltered.into())
}

#[test]
fn r1_the_list_of_proxies_has_rules() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Staking, 0)).unwrap();
        let (delegator, delegatee, proxy_type, delay) = (REAL, PROXY, ProxyType::Staking, 0);
        assert!(last_event_is(INDEX, &Event::ProxyAdded { delegator, delegatee, proxy_type, delay }));
        assert_eq!(run(REAL, add(PROXY, ProxyType::Staking, 0)), refused(Error::Duplicate));
        run(REAL, add(PROXY, ProxyType::Staking, 7)).unwrap();
        run(REAL, add(PROXY, ProxyType::Any, 0)).unwrap();
        assert_eq!(run(REAL, add(REAL, ProxyType::Any, 0)), refused(Error::NoSelfProxy));
        assert_eq!(run(REAL, remove(PROXY, ProxyType::Channels, 0)), refused(Error::NotFound));
        run(REAL, remove(PROXY, ProxyType::Staking, 0)).unwrap();
        assert!(last_event_is(INDEX, &Event::ProxyRemoved { delegator, delegatee, proxy_type, delay }));
        for n in 2..MAX_PROXIES as u8 {
            run(REAL, add(AccountId([100 + n; 32]), ProxyType::Any, 0)).unwrap();
        }
        assert_eq!(run(REAL, add(OTHER, ProxyType::Any, 0)), refused(Error::TooMany));
        let raw = Call::add_proxy { delegate: MultiAddress::Raw(vec![1]), proxy_type, delay };
        assert_eq!(run(REAL, raw), Err(DispatchError::CannotLookup));
    });
}

#[test]
fn r2_a_proxy_acts_as_the_real_account() {
    on_chain(|| {
        assert_eq!(run(PROXY, act(None, TestCall::Transfer)), refused(Error::NotProxy));
        run(REAL, add(PROXY, ProxyType::Any, 0)).unwrap();
        run(PROXY, act(None, TestCall::Transfer)).unwrap();
        assert!(ended(Ok(())));
        assert_eq!(signers(), [REAL]);
        assert_eq!(run(OTHER, act(None, TestCall::Transfer)), refused(Error::NotProxy));
        assert_eq!(run(REAL, act(None, TestCall::Transfer)), refused(Error::NotProxy));
        run(REAL, remove(PROXY, ProxyType::Any, 0)).unwrap();
        assert_eq!(run(PROXY, act(None, TestCall::Transfer)), refused(Error::NotProxy));
        assert_eq!(signers().len(), 1);
    });
}

#[test]
fn r2_a_failing_call_is_undone_and_reported() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Any, 0)).unwrap();
        run(PROXY, act(None, TestCall::Fail)).unwrap();
        assert!(ended(Err(DispatchError::Unavailable)));
        run(PROXY, act(None, TestCall::Inherent)).unwrap();
        assert!(ended(Err(DispatchError::BadOrigin)));
        assert_eq!(signers(), []);
    });
}

#[test]
fn r2_the_type_decides_what_may_be_called() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Staking, 0)).unwrap();
        run(PROXY, act(None, TestCall::Bond)).unwrap();
        assert!(ended(Ok(())));
        run(PROXY, act(None, TestCall::Transfer)).unwrap();
        assert!(ended(filtered()));
        assert_eq!(signers(), [REAL]);
        assert_eq!(run(PROXY, act(Some(ProxyType::Any), TestCall::Transfer)), refused(Error::NotProxy));
    });
}

#[test]
fn r2_the_first_registration_counts_unless_one_is_named() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Staking, 0)).unwrap();
        run(REAL, add(PROXY, ProxyType::Any, 0)).unwrap();
        run(PROXY, act(None, TestCall::Transfer)).unwrap();
        assert!(ended(Ok(())));
        run(PROXY, act(Some(ProxyType::Staking), TestCall::Transfer)).unwrap();
        assert!(ended(filtered()));
    });
}

#[test]
fn r2_what_is_nested_is_checked_too() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::NonTransfer, 0)).unwrap();
        run(OTHER, add(REAL, ProxyType::Any, 0)).unwrap();
        let for_other = |call| {
            let (real, call) = (OTHER.into(), Box::new(call));
            TestCall::Proxy(Call::proxy { real, force_proxy_type: None, call })
        };
        run(PROXY, act(None, for_other(TestCall::Bond))).unwrap();
        assert_eq!(signers(), [OTHER]);
        run(PROXY, act(None, for_other(TestCall::Transfer))).unwrap();
        assert!(ended(filtered()));
        assert_eq!(signers(), [OTHER]);
    });
}

#[test]
fn r3_proxies_hand_on_no_more_than_they_have() {
    on_chain(|| {
        for by in TYPES {
            let may_use_proxies = matches!(by, ProxyType::Any | ProxyType::NonTransfer);
            for other in TYPES {
                let expected = may_use_proxies && by.covers(other);
                assert_eq!(add(OTHER, other, 0).is_permitted(by), expected, "{by:?} adds {other:?}");
                assert_eq!(remove(OTHER, other, 0).is_permitted(by), expected, "{by:?} removes {other:?}");
            }
        }
        run(REAL, add(PROXY, ProxyType::NonTransfer, 0)).unwrap();
        run(PROXY, act(None, TestCall::Proxy(add(OTHER, ProxyType::Any, 0)))).unwrap();
        assert!(ended(filtered()));
        run(PROXY, act(None, TestCall::Proxy(add(OTHER, ProxyType::Staking, 0)))).unwrap();
        assert!(ended(Ok(())));
        run(PROXY, act(None, TestCall::Proxy(Call::remove_proxies {}))).unwrap();
        assert!(ended(filtered()));
        assert_eq!(PROXIES.get_or_default(&REAL).0.len(), 2);
    });
}

#[test]
fn r3_only_any_makes_calls_that_nobody_can_check() {
    let hidden = announce(&TestCall::Transfer);
    let kill = Call::kill_pure {
        spawner: REAL.into(),
        proxy_type: ProxyType::Any,
        index: 0,
        height: 1,
        ext_index: 1,
    };
    for call in [hidden, kill, Call::remove_proxies {}] {
        assert_eq!(TYPES.map(|by| call.is_permitted(by)), [true, false, false, false, false, false]);
    }
    let reject = Call::<TestCall>::reject_announcement { delegate: REAL.into(), call_hash: H256([0; 32]) };
    assert_eq!(TYPES.map(|by| reject.is_permitted(by)), [true, true, false, false, false, true]);
}

#[test]
fn r3_covering_is_an_order() {
    for a in TYPES {
        assert!(a.covers(a) && ProxyType::Any.covers(a));
        for b in TYPES {
            assert!(a == b || !(a.covers(b) && b.covers(a)), "{a:?} and {b:?}");
            for c in TYPES {
                assert!(!(a.covers(b) && b.covers(c)) || a.covers(c), "{a:?}, {b:?}, {c:?}");
            }
        }
    }
    assert!(!ProxyType::NonTransfer.covers(ProxyType::Channels));
}

#[test]
fn r4_a_delay_wants_an_announcement() {
    on_chain(|| {
        let call = TestCall::Transfer;
        run(REAL, add(PROXY, ProxyType::Any, 3)).unwrap();
        assert_eq!(run(PROXY, act(None, call.clone())), refused(Error::Unannounced));
        assert_eq!(run(OTHER, act_announced(call.clone())), refused(Error::Unannounced));
        assert_eq!(run(OTHER, announce(&call)), refused(Error::NotProxy));
        run(PROXY, announce(&call)).unwrap();
        let (real, proxy, call_hash) = (REAL, PROXY, hash(&call));
        assert!(last_event_is(INDEX, &Event::Announced { real, proxy, call_hash }));
        begin(7);
        assert_eq!(run(OTHER, act_announced(call.clone())), refused(Error::Unannounced));
        begin(8);
        assert_eq!(run(OTHER, act_announced(TestCall::Bond)), refused(Error::Unannounced));
        run(OTHER, act_announced(call.clone())).unwrap();
        assert_eq!(signers(), [REAL]);
        assert_eq!(run(OTHER, act_announced(call)), refused(Error::Unannounced), "once");
        assert_eq!(reserved_balance(&PROXY), 0);
    });
}

#[test]
fn r4_both_sides_take_announcements_back() {
    on_chain(|| {
        let call = TestCall::Transfer;
        let call_hash = hash(&call);
        run(REAL, add(PROXY, ProxyType::Any, 1)).unwrap();
        let reject = || Call::reject_announcement { delegate: PROXY.into(), call_hash };
        let take_back = || Call::remove_announcement { real: REAL.into(), call_hash };
        assert_eq!(run(REAL, reject()), refused(Error::NotFound));
        run(PROXY, announce(&call)).unwrap();
        assert_eq!(run(OTHER, reject()), refused(Error::NotFound));
        assert_eq!(run(OTHER, take_back()), refused(Error::NotFound));
        run(REAL, reject()).unwrap();
        run(PROXY, announce(&call)).unwrap();
        run(PROXY, take_back()).unwrap();
        begin(20);
        assert_eq!(run(PROXY, act_announced(call)), refused(Error::Unannounced));
        assert_eq!(ANNOUNCEMENTS.iter().count(), 0);
    });
}

#[test]
fn r4_announcements_have_a_limit() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Any, 1)).unwrap();
        for _ in 0..MAX_PENDING {
            run(PROXY, announce(&TestCall::Transfer)).unwrap();
        }
        assert_eq!(run(PROXY, announce(&TestCall::Transfer)), refused(Error::TooMany));
    });
}

#[test]
fn r5_lists_are_paid_for_as_long_as_they_are_there() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Any, 1)).unwrap();
        assert_eq!(reserved_balance(&REAL), DEPOSIT_BASE + DEPOSIT_FACTOR);
        run(REAL, add(OTHER, ProxyType::Any, 1)).unwrap();
        assert_eq!(reserved_balance(&REAL), DEPOSIT_BASE + 2 * DEPOSIT_FACTOR);
        run(REAL, remove(OTHER, ProxyType::Any, 1)).unwrap();
        assert_eq!(reserved_balance(&REAL), DEPOSIT_BASE + DEPOSIT_FACTOR);
        for n in 1..3 {
            run(PROXY, announce(&TestCall::Transfer)).unwrap();
            let expected = ANNOUNCEMENT_DEPOSIT_BASE + n * ANNOUNCEMENT_DEPOSIT_FACTOR;
            assert_eq!(reserved_balance(&PROXY), expected);
        }
        run(REAL, remove(PROXY, ProxyType::Any, 1)).unwrap();
        run(REAL, Call::reject_announcement { delegate: PROXY.into(), call_hash: hash(&TestCall::Transfer) })
            .unwrap();
        for who in [REAL, PROXY] {
            assert_eq!((free_balance(&who), reserved_balance(&who)), (10 * UNITS, 0));
        }
        assert_eq!((PROXIES.iter().count(), ANNOUNCEMENTS.iter().count()), (0, 0));
    });
}

#[test]
fn r5_who_cannot_pay_gets_no_proxy() {
    on_chain(|| {
        pallet_balances::transfer(&REAL, &OTHER, 10 * UNITS - DEPOSIT_BASE, true).unwrap();
        let poor = Err(pallet_balances::Error::InsufficientBalance.into());
        assert_eq!(run(REAL, add(PROXY, ProxyType::Any, 0)), poor);
        let create = Call::create_pure { proxy_type: ProxyType::Any, delay: 0, index: 0 };
        assert_eq!(run(REAL, create), poor);
        assert_eq!(PROXIES.iter().count(), 0);
    });
}

#[test]
fn r5_all_proxies_can_go_at_once() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Any, 0)).unwrap();
        run(REAL, add(OTHER, ProxyType::Staking, 0)).unwrap();
        run(REAL, Call::remove_proxies {}).unwrap();
        run(REAL, Call::remove_proxies {}).unwrap();
        assert_eq!((free_balance(&REAL), PROXIES.iter().count()), (10 * UNITS, 0));
    });
}

#[test]
fn r6_pure_accounts_are_substrates() {
    let alice: AccountId =
        "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d".parse().unwrap();
    new_test(|| {
        for (proxy_type, index, expected) in [
            (ProxyType::Any, 0, "0xf498c6e286d3514fbca93d0787f1c967ae42169a72bc55536cc1b960c864cd44"),
            (ProxyType::NonTransfer, 7, "0x5a3ac096b079331a3adc61b837c01455d63f4863affa9ef4b5e0ebe411e83397"),
        ] {
            assert_eq!(pure_account(&alice, proxy_type, index, (1_000, 2)), expected.parse().unwrap());
        }
    });
}

#[test]
fn r6_a_pure_account_lives_by_its_proxies() {
    on_chain(|| {
        let create = |index| Call::create_pure { proxy_type: ProxyType::Any, delay: 0, index };
        run(REAL, create(3)).unwrap();
        let pure = pure_account(&REAL, ProxyType::Any, 3, (5, 0));
        let (proxy_type, disambiguation_index) = (ProxyType::Any, 3);
        assert!(last_event_is(
            INDEX,
            &Event::PureCreated { pure, who: REAL, proxy_type, disambiguation_index }
        ));
        assert_eq!(run(REAL, create(3)), refused(Error::Duplicate));
        run(REAL, create(4)).unwrap();
        let by_pure = |call| Call::proxy { real: pure.into(), force_proxy_type: None, call: Box::new(call) };
        run(REAL, by_pure(TestCall::Transfer)).unwrap();
        assert_eq!(signers(), [pure]);

        let kill = || Call::kill_pure {
            spawner: REAL.into(),
            proxy_type,
            index: disambiguation_index,
            height: 5,
            ext_index: 0,
        };
        assert_eq!(run(REAL, kill()), refused(Error::NoPermission));
        run(REAL, by_pure(TestCall::Proxy(kill()))).unwrap();
        assert!(ended(Ok(())));
        let killed = Event::PureKilled { pure, spawner: REAL, proxy_type, disambiguation_index };
        assert!(has_event(INDEX, &killed));
        assert_eq!(run(REAL, by_pure(TestCall::Transfer)), refused(Error::NotProxy));
        assert_eq!(reserved_balance(&REAL), DEPOSIT_BASE + DEPOSIT_FACTOR, "the other one's");
    });
}

#[test]
fn r7_deposits_follow_the_prices() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Any, 1)).unwrap();
        run(PROXY, announce(&TestCall::Transfer)).unwrap();
        assert_eq!(full(REAL, Call::poke_deposit {}).unwrap().pays_fee, Pays::Yes, "nothing changed");
        assert_eq!(full(OTHER, Call::poke_deposit {}).unwrap().pays_fee, Pays::Yes, "nothing there");
        let prices = [DEPOSIT_BASE + DEPOSIT_FACTOR, ANNOUNCEMENT_DEPOSIT_BASE + ANNOUNCEMENT_DEPOSIT_FACTOR];
        let owners = [REAL, PROXY];
        let kinds = [DepositKind::Proxies, DepositKind::Announcements];
        for ((who, kind), price) in owners.into_iter().zip(kinds).zip(prices) {
            for old in [price - UNITS / 100, price + UNITS / 100] {
                // As if the prices had been others before.
                pallet_balances::unreserve(&who, Balance::MAX).unwrap();
                pallet_balances::reserve(&who, old).unwrap();
                match kind {
                    DepositKind::Proxies => PROXIES.mutate(&who, |list| list.as_mut().unwrap().1 = old),
                    DepositKind::Announcements => {
                        ANNOUNCEMENTS.mutate(&who, |list| list.as_mut().unwrap().1 = old);
                    }
                }
                assert_eq!(full(who, Call::poke_deposit {}).unwrap().pays_fee, Pays::No);
                assert_eq!(reserved_balance(&who), price);
                let (old_deposit, new_deposit) = (old, price);
                assert!(last_event_is(INDEX, &Event::DepositPoked { who, kind, old_deposit, new_deposit }));
            }
        }
    });
}

#[test]
fn r8_weights_and_classes_are_those_of_the_call() {
    on_chain(|| {
        run(REAL, add(PROXY, ProxyType::Any, 0)).unwrap();
        let call = act(None, TestCall::Transfer);
        let base = call.base_weight();
        assert_eq!(call.dispatch_info().weight, base + ANNOUNCED);
        assert_eq!(full(PROXY, call).unwrap().actual_weight, Some(base + USED));
        let refused = full(OTHER, act(None, TestCall::Transfer)).unwrap_err();
        assert_eq!(refused.post_info.actual_weight, Some(base), "what did not run is not paid for");
        let class = |call| act(None, call).dispatch_info().class;
        assert_eq!(class(TestCall::Operational), DispatchClass::Operational);
        assert_eq!(class(TestCall::Transfer), DispatchClass::Normal);
        assert_eq!(class(TestCall::Inherent), DispatchClass::Normal);
        let announced = act_announced(TestCall::Operational);
        assert_eq!(announced.dispatch_info().weight, announced.base_weight() + ANNOUNCED);
        assert_eq!(announced.dispatch_info().class, DispatchClass::Operational);
    });
}

#[test]
fn only_signers_have_proxies() {
    on_chain(|| {
        for origin in [Origin::Root, Origin::None] {
            for call in [act(None, TestCall::Bond), add(PROXY, ProxyType::Any, 0), Call::poke_deposit {}] {
                let failed = dispatch(call, origin.clone()).unwrap_err();
                assert_eq!(failed.error, DispatchError::BadOrigin);
            }
        }
    });
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(Call::<TestCall>::type_info().path.segments, ["pallet_proxy", "pallet", "Call"]);
    assert_eq!(ProxyType::type_info().path.segments, ["quire_runtime", "ProxyType"]);
    assert_eq!(crate::ProxyDefinition::type_info().path.segments, ["pallet_proxy", "ProxyDefinition"]);
    assert_eq!(crate::Announcement::type_info().path.segments, ["pallet_proxy", "Announcement"]);
    assert_eq!(DepositKind::type_info().path.segments, ["pallet_proxy", "DepositKind"]);
    assert_eq!(TYPES.map(|ty| ty.encode()[0]), [0, 1, 2, 3, 4, 5]);
    let kill = Call::<TestCall>::kill_pure {
        spawner: REAL.into(),
        proxy_type: ProxyType::Any,
        index: 1,
        height: 2,
        ext_index: 3,
    };
    assert_eq!(kill.encode()[34..], [0, 1, 0, 8, 12], "block and extrinsic are compact");
}
