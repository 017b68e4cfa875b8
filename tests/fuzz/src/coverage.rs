//! A target under libFuzzer; `QUIRE_FUZZ_TARGET` names it.
#![no_main]

use quire_fuzz::{Target, target};
use std::sync::OnceLock;

fn chosen() -> &'static Target {
    static CHOSEN: OnceLock<&'static Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let name = std::env::var("QUIRE_FUZZ_TARGET").unwrap_or_else(|_| "calls".to_owned());
        target(&name).expect("QUIRE_FUZZ_TARGET names a target")
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| (chosen().run)(data));
