//! One test per rule of trials.

use std::sync::Arc;

use quire_core::inherent::TIMESTAMP_ID;
use quire_core::{InherentData, Slot};

use crate::testing::runtime::{Call, FakeRuntime};
use crate::testing::{SLOT_MS, TestChain, author, extrinsic, new_chain, set, value};
use crate::{CODE_KEY, Execute, ExecuteError, Fault, Overlay, RuntimeCode, StateView, TrialError, Tried};

fn inherents(slot: u64) -> InherentData {
    let mut data = InherentData::new();
    data.put(TIMESTAMP_ID, &(slot * SLOT_MS));
    data
}

fn try_calls<T: Execute>(
    chain: &TestChain,
    executor: T,
    slot: u64,
    calls: &[Call],
) -> Result<Tried, TrialError> {
    let on = chain.enacted(chain.best().hash, &RuntimeCode::new(b"code 2"))?;
    let calls: Vec<_> = calls.iter().map(extrinsic).collect();
    chain.try_block(&Arc::new(executor), &on, Slot(slot), &inherents(slot), &calls)
}

/// A runtime that spoils one entry point.
struct Spoilt(&'static str, Option<ExecuteError>);

impl Execute for Spoilt {
    fn call(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        overlay: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, ExecuteError> {
        match (&self.1, method == self.0) {
            (Some(error), true) => Err(error.clone()),
            (None, true) => {
                let answer = FakeRuntime::default().call(code, state, overlay, method, args);
                overlay.set(b"kv/extra", vec![1]);
                answer
            }
            _ => FakeRuntime::default().call(code, state, overlay, method, args),
        }
    }

    fn version(&self, code: &RuntimeCode) -> Result<quire_core::RuntimeVersion, ExecuteError> {
        FakeRuntime::default().version(code)
    }
}

#[test]
fn r1_a_trial_leaves_nothing_behind() {
    let chain = new_chain();
    let best = author(&chain, chain.genesis(), 1, &[set("a", "1")]).block;
    let tried = try_calls(&chain, FakeRuntime::default(), 2, &[set("a", "2"), Call::WhichCode]).unwrap();
    assert_eq!((tried.header.number, tried.header.parent_hash), (2, best.hash));
    assert_eq!(tried.layer.values.get(&b"kv/code"[..]), Some(&Some(b"code 2".to_vec())), "the new code ran");
    assert_eq!((chain.best(), value(&chain, best.hash, "a").as_deref()), (best, Some("1")));
    assert_eq!(chain.code_at(best.hash).unwrap(), RuntimeCode::new(b"code 1"));
}

#[test]
fn r1_the_enacted_state_has_the_code_and_a_trie_that_says_so() {
    let chain = new_chain();
    let on = chain.enacted(chain.genesis(), &RuntimeCode::new(b"code 2")).unwrap();
    assert_eq!(on.state.get(CODE_KEY).unwrap(), Some(b"code 2".to_vec()));
    let root = Overlay::new().root(&*on.state, quire_trie::StateVersion::V1).unwrap();
    let old = chain.header(chain.genesis()).unwrap().unwrap().state_root;
    assert_ne!(root, old);
    let state = chain.state_at(chain.genesis()).unwrap();
    assert_eq!(state.get(CODE_KEY).unwrap(), Some(b"code 1".to_vec()));
}

#[test]
fn r2_the_chains_own_executor_is_not_used() {
    let chain = new_chain();
    let before = chain.executor().called.load(std::sync::atomic::Ordering::Relaxed);
    try_calls(&chain, FakeRuntime::default(), 1, &[set("a", "2")]).unwrap();
    assert_eq!(chain.executor().called.load(std::sync::atomic::Ordering::Relaxed), before);
}

#[test]
fn r3_building_and_executing_must_agree() {
    let error = try_calls(&new_chain(), Spoilt("Core_execute_block", None), 1, &[]).unwrap_err();
    assert!(matches!(error, TrialError::StateRoot { .. }), "{error}");
    assert_eq!(error.fault(), Fault::Sender);
}

#[test]
fn r4_refused_transactions_are_counted() {
    let calls = [set("a", "2"), Call::Refuse, Call::Trap, Call::Fail { key: b"kv/x".to_vec() }];
    let tried = try_calls(&new_chain(), FakeRuntime::default(), 1, &calls).unwrap();
    assert_eq!((tried.applied, tried.refused), (2, 2));
}

#[test]
fn r5_errors_say_whose_fault_it_is() {
    let trapped = ExecuteError::Trapped { method: "m".into(), reason: "r".into() };
    let engine = ExecuteError::Engine { method: "m".into(), reason: "no memory".into() };
    let missing = ExecuteError::MethodMissing { method: "m".into() };
    for method in ["Core_initialize_block", "BlockBuilder_finalize_block", "Core_execute_block"] {
        for (error, fault) in [(&trapped, Fault::Sender), (&missing, Fault::Sender), (&engine, Fault::Ours)] {
            let failed = try_calls(&new_chain(), Spoilt(method, Some(error.clone())), 1, &[]).unwrap_err();
            assert_eq!(failed.fault(), fault, "{method}: {failed}");
        }
    }
    let chain = new_chain();
    let unknown = chain.enacted(quire_core::H256([9; 32]), &RuntimeCode::new(b"x")).err().unwrap();
    assert_eq!(unknown.fault(), Fault::Nobody, "a fork that is gone");
}
