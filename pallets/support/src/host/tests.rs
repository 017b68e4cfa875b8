//! One test per rule of the host, run against the native stand-in.

use alloc::vec;
use alloc::vec::Vec;

use parity_scale_codec::Decode;
use proptest::prelude::*;

use super::{
    ClearPrefix, LogLevel, commit_transaction, ed25519_verify, log, ordered_root, ordered_root_of_encoded,
    rollback_transaction, sr25519_verify, start_transaction, storage_append, storage_clear,
    storage_clear_prefix, storage_exists, storage_get, storage_next_key, storage_read, storage_root,
    storage_set,
};
use crate::testing::{TestExternalities, new_test, with_state};

#[test]
fn r1_a_rollback_undoes_writes_removals_and_appends() {
    new_test(|| {
        storage_set(b"a", b"1");
        storage_append(b"v", &[7]);
        start_transaction();
        storage_set(b"a", b"2");
        storage_set(b"b", b"3");
        storage_append(b"v", &[8]);
        rollback_transaction();
        assert_eq!(storage_get(b"a"), Some(b"1".to_vec()));
        assert!(!storage_exists(b"b"));
        assert_eq!(storage_get(b"v"), Some(vec![4, 7]));
        start_transaction();
        storage_clear(b"a");
        rollback_transaction();
        assert!(storage_exists(b"a"));
    });
}

#[test]
fn r1_an_inner_commit_is_undone_by_an_outer_rollback() {
    new_test(|| {
        storage_set(b"a", b"0");
        start_transaction();
        storage_set(b"a", b"1");
        start_transaction();
        storage_set(b"a", b"2");
        storage_set(b"b", b"2");
        commit_transaction();
        assert_eq!(storage_get(b"a"), Some(b"2".to_vec()));
        rollback_transaction();
        assert_eq!(storage_get(b"a"), Some(b"0".to_vec()));
        assert_eq!(storage_get(b"b"), None);
        assert_eq!(with_state(TestExternalities::open_transactions), 0);
    });
}

#[test]
fn r2_the_next_key_is_strictly_greater() {
    new_test(|| {
        for key in [&b"a"[..], b"ab", b"c"] {
            storage_set(key, b"");
        }
        assert_eq!(storage_next_key(b"a"), Some(b"ab".to_vec()));
        assert_eq!(storage_next_key(b"aa"), Some(b"ab".to_vec()));
        assert_eq!(storage_next_key(b"ab"), Some(b"c".to_vec()));
        assert_eq!(storage_next_key(b"c"), None);
    });
}

#[test]
fn r3_append_grows_the_vector_or_starts_a_new_one() {
    new_test(|| {
        for item in 0..70u8 {
            storage_append(b"v", &[item]);
        }
        let stored = storage_get(b"v").unwrap();
        assert_eq!(Vec::<u8>::decode(&mut stored.as_slice()).unwrap(), (0..70).collect::<Vec<u8>>());
        storage_set(b"bad", b"");
        storage_append(b"bad", &[1]);
        assert_eq!(storage_get(b"bad"), Some(vec![4, 1]));
    });
}

#[test]
fn r4_sr25519_holds_only_for_its_message_and_key() {
    let keys = schnorrkel::MiniSecretKey::from_bytes(&[1; 32])
        .unwrap()
        .expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let signature = keys.sign_simple(b"substrate", b"message").to_bytes();
    let public = keys.public.to_bytes();
    assert!(sr25519_verify(&signature, b"message", &public));
    assert!(!sr25519_verify(&signature, b"massage", &public));
    assert!(!sr25519_verify(&signature, b"message", &[2; 32]));
    let other_context = keys.sign_simple(b"quire", b"message").to_bytes();
    assert!(!sr25519_verify(&other_context, b"message", &public));
    assert!(!sr25519_verify(&[0xff; 64], b"message", &public));
}

#[test]
fn r4_ed25519_holds_only_for_its_message_and_key() {
    let key = ed25519_zebra::SigningKey::from([3; 32]);
    let public: [u8; 32] = ed25519_zebra::VerificationKey::from(&key).into();
    let signature: [u8; 64] = key.sign(b"message").into();
    assert!(ed25519_verify(&signature, b"message", &public));
    assert!(!ed25519_verify(&signature, b"massage", &public));
    assert!(!ed25519_verify(&[0; 64], b"message", &public));
}

#[test]
fn read_copies_what_fits_and_tells_what_is_left() {
    new_test(|| {
        storage_set(b"a", b"abcdef");
        let mut out = [0; 4];
        assert_eq!(storage_read(b"a", &mut out, 1), Some(5));
        assert_eq!(&out, b"bcde");
        assert_eq!(storage_read(b"a", &mut out, 9), Some(0));
        assert_eq!(storage_read(b"absent", &mut out, 0), None);
    });
}

#[test]
fn clear_prefix_stops_at_its_limit_and_spares_the_neighbours() {
    new_test(|| {
        for key in [&b"p"[..], b"p1", b"p2", b"q"] {
            storage_set(key, b"");
        }
        assert_eq!(storage_clear_prefix(b"p", Some(2)), ClearPrefix::SomeRemaining(2));
        assert_eq!(storage_clear_prefix(b"p", None), ClearPrefix::AllRemoved(1));
        assert!(storage_exists(b"q"));
    });
}

#[test]
fn roots_are_the_tries() {
    const EMPTY: [u8; 4] = [0x03, 0x17, 0x0a, 0x2e];
    new_test(|| {
        assert!(storage_root().0.starts_with(&EMPTY));
        storage_set(b"a", b"1");
        assert!(!storage_root().0.starts_with(&EMPTY));
    });
    assert!(ordered_root(&[]).0.starts_with(&EMPTY));
    let items = vec![vec![1, 2], vec![3]];
    let encoded = parity_scale_codec::Encode::encode(&items);
    assert_eq!(ordered_root_of_encoded(&encoded), ordered_root(&items));
}

#[test]
fn a_state_comes_back_from_a_panicking_test() {
    let mut state = TestExternalities::new();
    let panicked = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        state.execute(|| {
            storage_set(b"a", b"1");
            log(LogLevel::Warn, "test", "line");
            assert!(storage_get(b"b").is_some());
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(state.get(b"a"), Some(&b"1"[..]));
    assert_eq!(state.lines(), [(LogLevel::Warn, "test: line".into())]);
    assert_eq!(storage_get(b"a"), None);
}

proptest! {
    /// R1 against a model: a stack of maps.
    #[test]
    fn r1_transactions_behave_like_a_stack_of_maps(
        steps in proptest::collection::vec((0u8..5, 0u8..4, any::<u8>()), 0..60),
    ) {
        let mut model = vec![alloc::collections::BTreeMap::new()];
        new_test(|| {
            for (step, key, value) in steps {
                match step {
                    0 => { start_transaction(); model.push(model[model.len() - 1].clone()); }
                    1 if model.len() > 1 => { rollback_transaction(); model.pop(); }
                    2 if model.len() > 1 => {
                        commit_transaction();
                        let top = model.pop().unwrap();
                        *model.last_mut().unwrap() = top;
                    }
                    3 => { storage_clear(&[key]); model.last_mut().unwrap().remove(&key); }
                    _ => { storage_set(&[key], &[value]); model.last_mut().unwrap().insert(key, value); }
                }
            }
            for key in 0..4 {
                assert_eq!(storage_get(&[key]), model.last().unwrap().get(&key).map(|value| vec![*value]));
            }
        });
    }
}
