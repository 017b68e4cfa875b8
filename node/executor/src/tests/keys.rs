//! Keys are made where they may be (R6 of the host), and nowhere else.

use super::*;
use crate::KeyMaker;
use quire_core::KeyTypeId;
use std::sync::{Arc, Mutex};

/// Remembers what it was asked for.
#[derive(Default)]
struct Maker(Mutex<Vec<(&'static str, KeyTypeId, Option<String>)>>);

impl Maker {
    fn make(
        &self,
        scheme: &'static str,
        key_type: KeyTypeId,
        suri: Option<&str>,
    ) -> Result<[u8; 32], String> {
        if key_type.0 == *b"none" {
            return Err("the disk is full".into());
        }
        self.0.lock().unwrap().push((scheme, key_type, suri.map(str::to_owned)));
        Ok([scheme.len() as u8; 32])
    }
}

impl KeyMaker for Maker {
    fn sr25519(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String> {
        self.make("sr25519", key_type, suri)
    }

    fn ed25519(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String> {
        self.make("ed", key_type, suri)
    }
}

/// The argument is a key type and an encoded `Option<Vec<u8>>`.
fn code() -> RuntimeCode {
    let body = |scheme: &str| {
        format!(
            "(call $span (call $make_{scheme} (local.get $at)
                (call $span (i32.add (local.get $at) (i32.const 4)) (i32.sub (local.get $length) (i32.const 4))))
                (i32.const 32))"
        )
    };
    runtime(&[entry("sr", &body("sr25519")), entry("ed", &body("ed25519"))].concat())
}

#[test]
fn host_r6_keys_are_made_in_a_call_that_may() {
    let (code, executor, maker) = (code(), executor(), Arc::new(Maker::default()));
    let call = |method: &str, key_type: &[u8; 4], seed: Option<&[u8]>| {
        let args = [&key_type[..], &seed.encode()].concat();
        executor.call_with_keys(&code, &MapState::default(), method, &args, maker.clone())
    };
    assert_eq!(call("sr", b"aura", None).unwrap(), [7; 32]);
    assert_eq!(call("ed", b"gran", Some(b"//Alice")).unwrap(), [2; 32]);
    let asked = maker.0.lock().unwrap().clone();
    let aura = ("sr25519", KeyTypeId(*b"aura"), None);
    assert_eq!(asked, [aura, ("ed", KeyTypeId(*b"gran"), Some("//Alice".into()))]);
    assert_eq!(reason(call("sr", b"none", None).unwrap_err()), "the disk is full");
    assert!(reason(call("sr", b"aura", Some(&[0xff])).unwrap_err()).contains("no text"));
    assert!(reason(call("sr", b"aura", Some(&[b'a'; 5_000])).unwrap_err()).contains("limit"));
}

#[test]
fn host_r6_every_other_call_ends_when_it_asks_for_a_key() {
    for method in ["sr", "ed"] {
        let args = [&b"aura"[..], &None::<Vec<u8>>.encode()].concat();
        let error = run(&code(), &MapState::default(), &mut Overlay::new(), method, &args).unwrap_err();
        assert!(reason(error).contains("author_rotateKeys"));
    }
}
