//! Data that the author of a block tells the runtime, and what the runtime says about another author's.

use crate::codec::decode_bytes;
use crate::limits;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use parity_scale_codec::{Compact, Decode, Encode, Error, Input};
use scale_info::{Path, Type, TypeInfo, build::Fields};

/// Names one kind of inherent data.
pub type InherentIdentifier = [u8; 8];
/// The time in milliseconds since the Unix epoch, as u64.
pub const TIMESTAMP_ID: InherentIdentifier = *b"timstap0";

/// Inherent data by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct InherentData {
    /// Encoded data by kind.
    pub data: BTreeMap<InherentIdentifier, Vec<u8>>,
}

impl InherentData {
    /// No data.
    pub const fn new() -> Self {
        InherentData { data: BTreeMap::new() }
    }

    /// Puts a value, in the place of an earlier one of its kind.
    pub fn put<T: Encode>(&mut self, id: InherentIdentifier, value: &T) {
        self.data.insert(id, value.encode());
    }

    /// The value of a kind; none when absent.
    ///
    /// # Errors
    /// When the bytes do not decode, or do not end with the value.
    pub fn get<T: Decode>(&self, id: &InherentIdentifier) -> Result<Option<T>, Error> {
        let Some(bytes) = self.data.get(id) else { return Ok(None) };
        let mut input = bytes.as_slice();
        let value = T::decode(&mut input)?;
        if input.is_empty() { Ok(Some(value)) } else { Err("bytes left after inherent data".into()) }
    }
}

impl Decode for InherentData {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let count = Compact::<u32>::decode(input)?.0;
        if count > limits::MAX_INHERENT_KINDS {
            return Err("too many kinds of inherent data".into());
        }
        let mut data = BTreeMap::new();
        for _ in 0..count {
            let id = InherentIdentifier::decode(input)?;
            data.insert(id, decode_bytes(input, limits::MAX_BLOCK_BYTES, "InherentData.data")?);
        }
        Ok(InherentData { data })
    }
}

impl TypeInfo for InherentData {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("InherentData", "sp_inherents")).composite(Fields::named().field(
            |f| {
                f.ty::<BTreeMap<InherentIdentifier, Vec<u8>>>()
                    .name("data")
                    .type_name("BTreeMap<InherentIdentifier, Vec<u8>>")
            },
        ))
    }
}

/// What the runtime says about the inherents of a block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CheckInherentsResult {
    /// Whether nothing is wrong.
    pub okay: bool,
    /// Whether the block must be refused for good.
    pub fatal_error: bool,
    /// Errors by kind.
    pub errors: InherentData,
}

impl CheckInherentsResult {
    /// Nothing is wrong.
    pub const fn ok() -> Self {
        CheckInherentsResult { okay: true, fatal_error: false, errors: InherentData::new() }
    }
}

impl TypeInfo for CheckInherentsResult {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("CheckInherentsResult", "sp_inherents")).composite(
            Fields::named()
                .field(|f| f.ty::<bool>().name("okay").type_name("bool"))
                .field(|f| f.ty::<bool>().name("fatal_error").type_name("bool"))
                .field(|f| f.ty::<InherentData>().name("errors").type_name("InherentData")),
        )
    }
}
