//! The events of a follow and their JSON.
use crate::backend::Runtime;
use crate::json::Hex;
use crate::v2::storage::Item;
use quire_core::H256;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A notification of `chainHead_v1_followEvent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The first one.
    Initialized {
        /// The last final blocks, ascending.
        finalized: Vec<H256>,
        /// The runtime after the last of them; only with runtime.
        runtime: Option<Arc<Runtime>>,
    },
    /// A block that is not final.
    NewBlock {
        /// Its hash.
        block: H256,
        /// Its parent, reported before.
        parent: H256,
        /// Absent without runtime; `null` when the runtime stays the same.
        new_runtime: Option<Option<Arc<Runtime>>>,
    },
    /// The best head is another block.
    BestBlockChanged(H256),
    /// Blocks became final.
    Finalized {
        /// Ascending; the last one is the head.
        finalized: Vec<H256>,
        /// Blocks that lost.
        pruned: Vec<H256>,
    },
    /// Something of an operation.
    Operation(u64, OperationEvent),
    /// The end.
    Stop,
}

/// What an operation tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OperationEvent {
    /// The extrinsics of the block; ends it.
    BodyDone(Vec<Vec<u8>>),
    /// The answer of the runtime; ends it.
    CallDone(Vec<u8>),
    /// Some of what was asked for.
    StorageItems(Vec<Item>),
    /// More follows after `chainHead_v1_continue`.
    WaitingForContinue,
    /// Everything was told; ends it.
    StorageDone,
    /// The block cannot be read any more; ends it.
    Inaccessible,
    /// It failed; ends it.
    Error(String),
}

impl OperationEvent {
    /// Bytes of what it carries.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::BodyDone(body) => body.iter().fold(0, |sum, one| sum.saturating_add(one.len())),
            Self::CallDone(output) => output.len(),
            Self::StorageItems(items) => {
                items.iter().fold(0, |sum, item| sum.saturating_add(item.size_bytes()))
            }
            Self::Error(why) => why.len(),
            Self::WaitingForContinue | Self::StorageDone | Self::Inaccessible => 0,
        }
    }

    /// Whether nothing can follow.
    pub(crate) fn is_last(&self) -> bool {
        !matches!(self, Self::StorageItems(_) | Self::WaitingForContinue)
    }
}

fn hashes(list: &[H256]) -> Vec<Hex<'_>> {
    list.iter().map(|hash| Hex::new(&hash.0)).collect()
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Initialized { finalized, runtime } => {
                map.serialize_entry("event", "initialized")?;
                map.serialize_entry("finalizedBlockHashes", &hashes(finalized))?;
                if let Some(runtime) = runtime {
                    map.serialize_entry("finalizedBlockRuntime", &RuntimeJson(runtime))?;
                }
            }
            Self::NewBlock { block, parent, new_runtime } => {
                map.serialize_entry("event", "newBlock")?;
                map.serialize_entry("blockHash", &Hex::new(&block.0))?;
                map.serialize_entry("parentBlockHash", &Hex::new(&parent.0))?;
                if let Some(runtime) = new_runtime {
                    map.serialize_entry("newRuntime", &runtime.as_deref().map(RuntimeJson))?;
                }
            }
            Self::BestBlockChanged(best) => {
                map.serialize_entry("event", "bestBlockChanged")?;
                map.serialize_entry("bestBlockHash", &Hex::new(&best.0))?;
            }
            Self::Finalized { finalized, pruned } => {
                map.serialize_entry("event", "finalized")?;
                map.serialize_entry("finalizedBlockHashes", &hashes(finalized))?;
                map.serialize_entry("prunedBlockHashes", &hashes(pruned))?;
            }
            Self::Operation(id, event) => operation(&mut map, *id, event)?,
            Self::Stop => map.serialize_entry("event", "stop")?,
        }
        map.end()
    }
}

fn operation<M: SerializeMap>(map: &mut M, id: u64, event: &OperationEvent) -> Result<(), M::Error> {
    let name = match event {
        OperationEvent::BodyDone(_) => "operationBodyDone",
        OperationEvent::CallDone(_) => "operationCallDone",
        OperationEvent::StorageItems(_) => "operationStorageItems",
        OperationEvent::WaitingForContinue => "operationWaitingForContinue",
        OperationEvent::StorageDone => "operationStorageDone",
        OperationEvent::Inaccessible => "operationInaccessible",
        OperationEvent::Error(_) => "operationError",
    };
    map.serialize_entry("event", name)?;
    map.serialize_entry("operationId", &id.to_string())?;
    match event {
        OperationEvent::BodyDone(body) => {
            map.serialize_entry("value", &body.iter().map(|one| Hex::new(one)).collect::<Vec<_>>())
        }
        OperationEvent::CallDone(output) => map.serialize_entry("output", &Hex::new(output)),
        OperationEvent::StorageItems(items) => map.serialize_entry("items", items),
        OperationEvent::Error(why) => map.serialize_entry("error", why),
        OperationEvent::WaitingForContinue | OperationEvent::StorageDone | OperationEvent::Inaccessible => {
            Ok(())
        }
    }
}

/// A runtime as `finalizedBlockRuntime` and `newRuntime` show it; its APIs are a map, unlike the legacy list.
struct RuntimeJson<'a>(&'a Runtime);

impl Serialize for RuntimeJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        match self.0 {
            Runtime::Invalid(why) => {
                map.serialize_entry("type", "invalid")?;
                map.serialize_entry("error", why)?;
            }
            Runtime::Valid(version) => {
                let apis: BTreeMap<String, u32> =
                    version.apis.iter().map(|(id, number)| (Hex::new(id).text(), *number)).collect();
                map.serialize_entry("type", "valid")?;
                map.serialize_entry(
                    "spec",
                    &serde_json::json!({
                        "specName": version.spec_name,
                        "implName": version.impl_name,
                        "specVersion": version.spec_version,
                        "implVersion": version.impl_version,
                        "transactionVersion": version.transaction_version,
                        "apis": apis,
                    }),
                )?;
            }
        }
        map.end()
    }
}
