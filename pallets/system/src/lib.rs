//! System: accounts, blocks, events, the runtime's code. Every other pallet stands on it.
//!
//! Terms: an account's *providers* are the reasons for which it exists, its *consumers* the reasons for which it may
//! not go away; it is in storage while it has a provider. A *phase* says where in a block an event happened.
//!
//! Rules:
//! * R1. At the start of block `n`, `BlockHash(n - 1)` becomes the hash of its parent. Hashes older than
//!   [`BLOCK_HASH_COUNT`] blocks are removed, except that of block 0; in genesis `BlockHash(0)` is 32 × `45`.
//! * R2. Events, counts and extrinsics of the previous block stay readable until the next one starts.
//! * R3. Every applied extrinsic leaves exactly one `ExtrinsicSuccess` or `ExtrinsicFailed`, as its last event.
//! * R4. An extrinsic is refused when it is longer or heavier than what its class or the block has left; mandatory
//!   ones always fit. Operational extrinsics have a share that normal ones cannot use.
//! * R5. An account without providers is removed, and cannot be while it has consumers; a first consumer needs a
//!   provider. Consumers are at most [`CONSUMERS_MAX`].
//! * R6. Only Root offers code, and writes raw storage and heap pages. New code must be a runtime of the same name with a
//!   higher spec version. System checks that and hands it on ([`CodePath`]); who got it calls [`replace_code`] in its
//!   time, and the block that changes the code says so in its digest and by an event. There is no other way to `:code`:
//!   it, the heap pages and the storage in which code waits cannot be written raw.
//! * R7. Remarks are at most `limits::MAX_REMARK_BYTES` long and are not stored.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `remark` | signed or root |
//! | 1 | `set_heap_pages` | root |
//! | 2 | `set_code` | root |
//! | 4 | `set_storage` | root |
//! | 5 | `kill_storage` | root |
//! | 6 | `kill_prefix` | root |
//! | 7 | `remark_with_event` | signed |
//!
//! Out of scope: balances (Balances writes the `data` of an account), signature checks (the runtime), the time of an
//! upgrade (Upgrade).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod account;
mod block;
mod code;
mod fit;
pub mod genesis;
mod invariants;
pub mod limits;
mod pallet;
pub mod storage;
mod types;
mod weights;

#[cfg(test)]
mod tests;

use pallet_support::metadata::{EntryKind, PalletMetadataParts};
use pallet_support::{
    Constant, DispatchResult, DispatchResultWithInfo, Origin, ensure_root, ensure_signed, with_info,
};
use quire_core::RuntimeVersion;
use scale_info::MetaType;

pub use account::{
    DecRefStatus, IncRefStatus, account, account_nonce, dec_consumers, dec_providers, inc_account_nonce,
    inc_consumers, inc_providers, put_account,
};
pub use block::{
    extrinsic_index, finalize, initialize, note_applied_extrinsic, note_extrinsic, note_finished_extrinsics,
    note_finished_initialize, note_runtime_version,
};
pub use code::{CodePath, check_code, replace_code};
pub use fit::{check_and_note_weight, check_limits, correct_weight};
pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use pallet_support::events::{EventRecord, Phase};
pub use types::{AccountData, AccountInfo, ExtraFlags, LastRuntimeUpgradeInfo};
pub use weights::{BASE_BLOCK, BASE_EXTRINSIC};

use quire_core::{BlockNumber, Digest, H256};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 0;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "System";

/// For how many blocks hashes are kept, and transactions can be mortal.
pub const BLOCK_HASH_COUNT: BlockNumber = 2_400;
/// Address prefix of SS58 texts on development chains; must agree with the chain spec's properties.
pub const SS58_PREFIX: u16 = 42;
/// Least heap of a runtime in pages of 64 KiB: with less, honest calls run out of memory.
pub const HEAP_PAGES_MIN: u64 = 1_024;
/// Most heap of a runtime in pages of 64 KiB: what every node can give.
pub const HEAP_PAGES_MAX: u64 = 2_048;
/// Most consumers that an account can have.
pub const CONSUMERS_MAX: u32 = 128;

/// Number of the current block; 0 in genesis.
pub fn block_number() -> BlockNumber {
    storage::NUMBER.get_or_default()
}

/// Hash of block `number`, when it is an ancestor that is still known (R1).
pub fn block_hash(number: BlockNumber) -> Option<H256> {
    storage::BLOCK_HASH.get(&number)
}

/// Hash of the current block's parent.
pub fn parent_hash() -> H256 {
    storage::PARENT_HASH.get_or_default()
}

/// Digest of the current block so far.
pub fn digest() -> Digest {
    storage::DIGEST.get_or_default()
}

/// Adds to the current block's digest.
pub fn deposit_log(item: quire_core::DigestItem) {
    storage::DIGEST.mutate_default(|digest| digest.push(item));
}

/// Carries out a call; `path` is where new code goes.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`] and of [`CodePath::offer`].
pub fn dispatch(call: Call, origin: Origin, path: &CodePath) -> DispatchResultWithInfo {
    let as_root = |work: &dyn Fn() -> DispatchResult| with_info(ensure_root(&origin).and_then(|()| work()));
    match call {
        Call::remark { remark } => with_info(code::remark(&origin, &remark)),
        Call::set_heap_pages { pages } => as_root(&|| code::set_heap_pages(pages)),
        Call::set_code { code } => as_root(&|| (path.offer)(&code)),
        Call::set_storage { items } => as_root(&|| code::set_storage(&items, path)),
        Call::kill_storage { keys } => as_root(&|| code::kill_storage(&keys, path)),
        Call::kill_prefix { prefix, subkeys } => as_root(&|| code::kill_prefix(&prefix, subkeys, path)),
        Call::remark_with_event { remark } => {
            with_info(ensure_signed(&origin).and_then(|who| code::remark_with_event(who, &remark)))
        }
    }
}

/// What metadata says about the pallet; `event` is the type of `System.Events`, a vector of [`EventRecord`] of the
/// runtime's event enum; `version` is the runtime's.
pub fn metadata(event: MetaType, version: &RuntimeVersion) -> PalletMetadataParts {
    PalletMetadataParts {
        storage: alloc::vec![
            storage::ACCOUNT.entry_metadata(),
            storage::EXTRINSIC_COUNT.entry_metadata(),
            storage::BLOCK_WEIGHT.entry_metadata(),
            storage::ALL_EXTRINSICS_LEN.entry_metadata(),
            storage::BLOCK_HASH.entry_metadata(),
            storage::EXTRINSIC_DATA.entry_metadata(),
            storage::NUMBER.entry_metadata(),
            storage::PARENT_HASH.entry_metadata(),
            storage::DIGEST.entry_metadata(),
            storage::EVENTS.entry_metadata_as(EntryKind::Plain(event)),
            storage::EVENT_COUNT.entry_metadata(),
            storage::LAST_RUNTIME_UPGRADE.entry_metadata(),
            storage::EXECUTION_PHASE.entry_metadata(),
        ],
        calls: Some(scale_info::meta_type::<Call>()),
        events: Some(scale_info::meta_type::<Event>()),
        errors: Some(scale_info::meta_type::<Error>()),
        constants: alloc::vec![
            Constant::new(
                "BlockWeights",
                &limits::block_weights(),
                &["Weights that a block and its classes may have."]
            ),
            Constant::new(
                "BlockLength",
                &limits::block_length(),
                &["Bytes that the extrinsics of a block may have."]
            ),
            Constant::new("BlockHashCount", &BLOCK_HASH_COUNT, &["For how many blocks hashes are kept."]),
            Constant::new("DbWeight", &limits::db_weight(), &["What one read and one write weigh."]),
            Constant::new("Version", version, &["The version of the runtime."]),
            Constant::new("SS58Prefix", &SS58_PREFIX, &["Prefix of SS58 addresses."]),
        ],
        associated_types: alloc::vec![("Hashing", scale_info::meta_type::<types::BlakeTwo256>())],
        docs: alloc::vec!["Accounts, blocks, events and code."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
