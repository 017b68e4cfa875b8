//! The version of this runtime and the runtime APIs it offers, for `Core_version` and for the two custom Wasm
//! sections that nodes and light clients read without executing anything.
//!
//! * **R1** `spec_version` rises with every change of the state transition; `transaction_version` with every change
//!   of call indices, call arguments or signed extensions.
//! * **R2** `system_version` stays 1: clients refuse 2, and 0 would change the trie.
//! * **R3** The section `runtime_version` is the SCALE struct with empty `apis`; `runtime_apis` is the records
//!   `(id, version u32 LE)` one after another without a length. Both are built from the same constants.

use alloc::borrow::Cow;
use quire_core::version::RuntimeVersion;

/// Name of the chain's state transition, also the implementation's.
pub const SPEC_NAME: &str = "quire";
/// R1.
pub const SPEC_VERSION: u32 = if cfg!(feature = "upgrade-fixture") { 101 } else { 100 };
/// R1.
pub const TRANSACTION_VERSION: u32 = 1;
/// R2.
pub const SYSTEM_VERSION: u8 = 1;
const AUTHORING_VERSION: u32 = 1;
const IMPL_VERSION: u32 = 1;

/// Runtime APIs: blake2b-64 of the trait's name, and its version.
pub const APIS: [([u8; 8], u32); 14] = [
    ([0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b], 5), // Core
    ([0x37, 0xe3, 0x97, 0xfc, 0x7c, 0x91, 0xf5, 0xe4], 2), // Metadata
    ([0x40, 0xfe, 0x3a, 0xd4, 0x01, 0xf8, 0x95, 0x9a], 6), // BlockBuilder
    ([0xd2, 0xbc, 0x98, 0x97, 0xee, 0xd0, 0x8f, 0x15], 3), // TaggedTransactionQueue
    ([0xbc, 0x9d, 0x89, 0x90, 0x4f, 0x5b, 0x92, 0x3f], 1), // AccountNonceApi
    ([0x37, 0xc8, 0xbb, 0x13, 0x50, 0xa9, 0xa2, 0xa8], 4), // TransactionPaymentApi
    ([0xdd, 0x71, 0x8d, 0x5c, 0xc5, 0x32, 0x62, 0xd4], 1), // AuraApi
    ([0xed, 0x99, 0xc5, 0xac, 0xb2, 0x5e, 0xed, 0xf5], 3), // GrandpaApi
    ([0xab, 0x3c, 0x05, 0x72, 0x29, 0x1f, 0xeb, 0x8b], 1), // SessionKeys
    (QUIRE_BLOCK, 1),
    (QUIRE_POOL, 1),
    (QUIRE_UPGRADE, 1),
    (QUIRE_MEMBERS, 1),
    (QUIRE_SESSION, 1),
];

/// blake2b-64 of `QuireBlock`.
pub const QUIRE_BLOCK: [u8; 8] = [0xbb, 0x33, 0x96, 0x68, 0xc0, 0x56, 0xf0, 0x94];
/// blake2b-64 of `QuirePool`.
pub const QUIRE_POOL: [u8; 8] = [0x2b, 0x3e, 0x00, 0x59, 0xd9, 0x86, 0x1b, 0xdd];

/// blake2b-64 of `QuireUpgrade`.
pub const QUIRE_UPGRADE: [u8; 8] = [0x73, 0x0b, 0xfc, 0xc6, 0x86, 0xd6, 0x6f, 0x05];

/// blake2b-64 of `QuireMembers`.
pub const QUIRE_MEMBERS: [u8; 8] = [0x5a, 0x51, 0x7f, 0xba, 0xdc, 0x1a, 0x34, 0xf3];

/// blake2b-64 of `QuireSession`.
pub const QUIRE_SESSION: [u8; 8] = [0xcc, 0x28, 0x62, 0x49, 0x47, 0xcc, 0xfb, 0x04];

/// The version as `Core_version` returns it.
pub fn version() -> RuntimeVersion {
    RuntimeVersion {
        spec_name: Cow::Borrowed(SPEC_NAME),
        impl_name: Cow::Borrowed(SPEC_NAME),
        authoring_version: AUTHORING_VERSION,
        spec_version: SPEC_VERSION,
        impl_version: IMPL_VERSION,
        apis: Cow::Borrowed(&APIS),
        transaction_version: TRANSACTION_VERSION,
        system_version: SYSTEM_VERSION,
    }
}

/// Length of [`VERSION_SECTION`]: two names with their lengths, four numbers, the empty list, the system version.
pub const VERSION_SECTION_LEN: usize = 2 * (1 + SPEC_NAME.len()) + 3 * 4 + 1 + 4 + 1;
/// R3: content of the section `runtime_version`.
pub const VERSION_SECTION: [u8; VERSION_SECTION_LEN] = version_section();
/// R3: content of the section `runtime_apis`.
pub const APIS_SECTION: [u8; APIS.len() * 12] = apis_section();

const fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
    at + bytes.len()
}

const fn version_section() -> [u8; VERSION_SECTION_LEN] {
    let mut out = [0; VERSION_SECTION_LEN];
    let (mut at, mut names) = (0, 0);
    while names < 2 {
        at = put(&mut out, at, &[(SPEC_NAME.len() as u8) << 2]);
        at = put(&mut out, at, SPEC_NAME.as_bytes());
        names += 1;
    }
    at = put(&mut out, at, &AUTHORING_VERSION.to_le_bytes());
    at = put(&mut out, at, &SPEC_VERSION.to_le_bytes());
    at = put(&mut out, at, &IMPL_VERSION.to_le_bytes());
    at = put(&mut out, at, &[0]);
    at = put(&mut out, at, &TRANSACTION_VERSION.to_le_bytes());
    put(&mut out, at, &[SYSTEM_VERSION]);
    out
}

const fn apis_section() -> [u8; APIS.len() * 12] {
    let mut out = [0; APIS.len() * 12];
    let (mut i, mut at) = (0, 0);
    while i < APIS.len() {
        at = put(&mut out, at, &APIS[i].0);
        at = put(&mut out, at, &APIS[i].1.to_le_bytes());
        i += 1;
    }
    out
}
