//! Everything System keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::{Blake2_128Concat, Phase, StorageMap, StorageValue, Twox64Concat};
use quire_core::{AccountId, BlockNumber, Digest, H256, Weight};

use crate::NAME;
use crate::limits::PerDispatchClass;
use crate::types::{AccountInfo, LastRuntimeUpgradeInfo};

/// Accounts; nonce and counts by System, `data` by Balances.
pub const ACCOUNT: StorageMap<AccountId, AccountInfo, Blake2_128Concat> =
    StorageMap::new(NAME, "Account", &["Nonce, reference counts and balance of an account."]).defaulted();

/// Number of extrinsics in the block; by `note_finished_extrinsics`.
pub const EXTRINSIC_COUNT: StorageValue<u32> =
    StorageValue::new(NAME, "ExtrinsicCount", &["Number of extrinsics in the current block."]);

/// Weight used so far; by `check_and_note_weight`.
pub const BLOCK_WEIGHT: StorageValue<PerDispatchClass<Weight>> =
    StorageValue::new(NAME, "BlockWeight", &["Weight of the current block so far, by class."]).defaulted();

/// Bytes used so far; by `check_and_note_weight`.
pub const ALL_EXTRINSICS_LEN: StorageValue<u32> =
    StorageValue::new(NAME, "AllExtrinsicsLen", &["Bytes of the current block's extrinsics so far."]);

/// Hashes of ancestors; by `initialize`.
pub const BLOCK_HASH: StorageMap<BlockNumber, H256, Twox64Concat> =
    StorageMap::new(NAME, "BlockHash", &["Hashes of the genesis block and of recent blocks, by number."])
        .defaulted();

/// Extrinsics of the block, of which `finalize` takes the root; by `note_extrinsic`.
pub const EXTRINSIC_DATA: StorageValue<Vec<Vec<u8>>> =
    StorageValue::new(NAME, "ExtrinsicData", &["Extrinsics of the current block while it is executed."])
        .defaulted();

/// Number of the block; by `initialize`.
pub const NUMBER: StorageValue<BlockNumber> =
    StorageValue::new(NAME, "Number", &["Number of the current block."]).defaulted();

/// Hash of the parent; by `initialize`.
pub const PARENT_HASH: StorageValue<H256> =
    StorageValue::new(NAME, "ParentHash", &["Hash of the current block's parent."]).defaulted();

/// Digest of the block; by `initialize` and `deposit_log`.
pub const DIGEST: StorageValue<Digest> =
    StorageValue::new(NAME, "Digest", &["Digest of the current block so far."]).defaulted();

/// Events of the block; by everybody through `deposit_event`. The real type is the runtime's.
pub const EVENTS: StorageValue<Vec<()>> =
    StorageValue::new(NAME, "Events", &["Events of the current block."]).defaulted();

/// Number of events; by `finalize`.
pub const EVENT_COUNT: StorageValue<u32> =
    StorageValue::new(NAME, "EventCount", &["Number of events of the current block, known at its end."])
        .defaulted();

/// The runtime that produced the last block; by `note_runtime_version`.
pub const LAST_RUNTIME_UPGRADE: StorageValue<LastRuntimeUpgradeInfo> =
    StorageValue::new(NAME, "LastRuntimeUpgrade", &["Version of the runtime that executed the last block."]);

/// Where in the block we are; by the functions that move on.
pub const EXECUTION_PHASE: StorageValue<Phase> =
    StorageValue::new(NAME, "ExecutionPhase", &["The phase that events are marked with."]);

/// Key of the runtime's code.
pub const CODE_KEY: &[u8] = b":code";
/// Key of the number of Wasm heap pages, u64.
pub const HEAP_PAGES_KEY: &[u8] = b":heappages";
/// Key of the index of the extrinsic being applied, u32; absent between blocks.
pub const EXTRINSIC_INDEX_KEY: &[u8] = b":extrinsic_index";
