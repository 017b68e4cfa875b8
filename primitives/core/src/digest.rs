//! The digest of a header: slots, seals, authority changes and code changes.

use crate::codec::decode_vec;
use crate::{Slot, limits};
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error, Input};
use scale_info::{
    Path, Type, TypeInfo,
    build::{Fields, Variants},
};

/// Which consensus engine a digest item belongs to.
pub type ConsensusEngineId = [u8; 4];
/// Authorship by Aura slots.
pub const AURA_ENGINE_ID: ConsensusEngineId = *b"aura";
/// Finality by GRANDPA.
pub const GRANDPA_ENGINE_ID: ConsensusEngineId = *b"FRNK";

/// One entry of a digest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum DigestItem {
    /// Anything; ignored by the node.
    #[codec(index = 0)]
    Other(Vec<u8>),
    /// A message of the runtime to the engine, such as an authority change.
    #[codec(index = 4)]
    Consensus(ConsensusEngineId, Vec<u8>),
    /// The author's signature; last in the digest, absent while the runtime executes the block.
    #[codec(index = 5)]
    Seal(ConsensusEngineId, Vec<u8>),
    /// A message of the author to the runtime, such as the slot.
    #[codec(index = 6)]
    PreRuntime(ConsensusEngineId, Vec<u8>),
    /// The block changes `:code`; clients fetch the runtime again.
    #[codec(index = 8)]
    RuntimeEnvironmentUpdated,
}

impl TypeInfo for DigestItem {
    type Identity = Self;

    fn type_info() -> Type {
        fn engine_and_bytes()
        -> scale_info::build::FieldsBuilder<scale_info::form::MetaForm, scale_info::build::UnnamedFields>
        {
            Fields::unnamed()
                .field(|f| f.ty::<ConsensusEngineId>().type_name("ConsensusEngineId"))
                .field(|f| f.ty::<Vec<u8>>().type_name("Vec<u8>"))
        }
        Type::builder().path(Path::new("DigestItem", "sp_runtime::generic::digest")).variant(
            Variants::new()
                .variant("PreRuntime", |v| v.index(6).fields(engine_and_bytes()))
                .variant("Consensus", |v| v.index(4).fields(engine_and_bytes()))
                .variant("Seal", |v| v.index(5).fields(engine_and_bytes()))
                .variant("Other", |v| {
                    v.index(0).fields(Fields::unnamed().field(|f| f.ty::<Vec<u8>>().type_name("Vec<u8>")))
                })
                .variant_unit("RuntimeEnvironmentUpdated", 8),
        )
    }
}

/// The digest of a header; at most [`limits::MAX_DIGEST_ITEMS`] entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct Digest {
    /// Entries in order; the seal is last.
    pub logs: Vec<DigestItem>,
}

impl Decode for Digest {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(Digest { logs: decode_vec(input, limits::MAX_DIGEST_ITEMS, "Digest.logs")? })
    }
}

impl TypeInfo for Digest {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("Digest", "sp_runtime::generic::digest")).composite(
            Fields::named().field(|f| f.ty::<Vec<DigestItem>>().name("logs").type_name("Vec<DigestItem>")),
        )
    }
}

impl Digest {
    /// The digest that an author starts a block with.
    pub fn for_slot(slot: Slot) -> Digest {
        Digest { logs: alloc::vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())] }
    }

    /// Appends an entry.
    pub fn push(&mut self, item: DigestItem) {
        self.logs.push(item);
    }

    /// The Aura slot; none when there is no such entry, more than one, or a malformed one.
    pub fn aura_slot(&self) -> Option<Slot> {
        let mut found = None;
        for item in &self.logs {
            if let DigestItem::PreRuntime(AURA_ENGINE_ID, bytes) = item {
                if found.is_some() {
                    return None;
                }
                found = Some(Slot(u64::from_le_bytes(bytes.as_slice().try_into().ok()?)));
            }
        }
        found
    }

    /// The Aura seal: signature in the last entry; none when the block is not sealed or the seal is malformed.
    pub fn seal(&self) -> Option<[u8; 64]> {
        match self.logs.last()? {
            DigestItem::Seal(AURA_ENGINE_ID, bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// Whether the block changes `:code`.
    pub fn changes_code(&self) -> bool {
        self.logs.contains(&DigestItem::RuntimeEnvironmentUpdated)
    }
}
