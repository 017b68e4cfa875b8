//! Events: what a block's extrinsics and the chain itself report, kept in `System.Events` until the next block begins.
//!
//! An event stands there as `phase ++ pallet index ++ event ++ topics`, appended without reading the rest; clients
//! decode the whole as `Vec<frame_system::EventRecord<RuntimeEvent, H256>>`.
//!
//! Rules:
//! * R1. An event carries the phase that System has set: the extrinsic being applied, initialization or finalization.
//! * R2. An event deposited inside a transaction that is rolled back is gone.
//! * R3. No topics.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use scale_info::build::{Fields, Variants};
use scale_info::{Path, Type, TypeInfo, TypeParameter, meta_type};

use crate::{host, storage};

/// Key of `System.Events`.
pub const EVENTS_KEY: [u8; storage::PREFIX_BYTES] = storage::prefix("System", "Events");

/// Key of `System.ExecutionPhase`, written by System.
pub const EXECUTION_PHASE_KEY: [u8; storage::PREFIX_BYTES] = storage::prefix("System", "ExecutionPhase");

/// When in its block something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Phase {
    /// While the extrinsic of this index was applied.
    #[codec(index = 0)]
    ApplyExtrinsic(u32),
    /// After the last extrinsic.
    #[codec(index = 1)]
    Finalization,
    /// Before the first extrinsic.
    #[default]
    #[codec(index = 2)]
    Initialization,
}

impl TypeInfo for Phase {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("Phase", "frame_system")).variant(
            Variants::new()
                .variant("ApplyExtrinsic", |v| {
                    v.index(0).fields(Fields::unnamed().field(|f| f.ty::<u32>().type_name("u32")))
                })
                .variant("Finalization", |v| v.index(1))
                .variant("Initialization", |v| v.index(2)),
        )
    }
}

/// An event with its phase.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EventRecord<E, T> {
    /// When it happened.
    pub phase: Phase,
    /// What happened.
    pub event: E,
    /// Topics for light clients; always empty.
    pub topics: Vec<T>,
}

impl<E: TypeInfo + 'static, T: TypeInfo + 'static> TypeInfo for EventRecord<E, T> {
    type Identity = Self;

    fn type_info() -> Type {
        let parameters = [
            TypeParameter::new("E", Some(meta_type::<E>())),
            TypeParameter::new("T", Some(meta_type::<T>())),
        ];
        Type::builder().path(Path::new("EventRecord", "frame_system")).type_params(parameters).composite(
            Fields::named()
                .field(|f| f.ty::<Phase>().name("phase").type_name("Phase"))
                .field(|f| f.ty::<E>().name("event").type_name("E"))
                .field(|f| f.ty::<Vec<T>>().name("topics").type_name("Vec<T>")),
        )
    }
}

/// Reports that pallet `index` did something.
pub fn deposit_event(index: u8, event: &impl Encode) {
    let mut record = Vec::with_capacity(128);
    host::storage_with(&EXECUTION_PHASE_KEY, |phase| match phase {
        Some(phase) => record.extend_from_slice(phase),
        None => Phase::default().encode_to(&mut record),
    });
    record.push(index);
    event.encode_to(&mut record);
    // An empty vector of topics.
    record.push(0);
    host::storage_append(&EVENTS_KEY, &record);
}

/// All events of the current block, decoded as `E`, which is the runtime's event enum (or any other enum that decodes
/// `pallet index ++ event`). `None` when they are not of that type.
pub fn records<E: Decode>() -> Option<Vec<EventRecord<E, quire_core::H256>>> {
    host::storage_with(&EVENTS_KEY, |events| match events {
        Some(mut events) => Decode::decode(&mut events).ok(),
        None => Some(Vec::new()),
    })
}

/// Number of events in the current block.
pub fn count() -> u32 {
    let mut start = [0; 5];
    host::storage_read(&EVENTS_KEY, &mut start, 0);
    parity_scale_codec::Compact::<u32>::decode(&mut start.as_slice()).map_or(0, |count| count.0)
}
