//! Blocks, with their extrinsics as bytes.

use crate::codec::{compact_u32, decode_bytes, decode_vec};
use crate::hash::blake2_256_concat;
use crate::{H256, Header, limits};
use alloc::vec;
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error, Input};
use scale_info::{Path, Type, TypeInfo, TypeParameter, build::Fields};

/// An extrinsic as bytes, without its length prefix: its encoding adds the prefix and is what the wire carries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct OpaqueExtrinsic(pub Vec<u8>);

impl OpaqueExtrinsic {
    /// blake2-256 of the encoding, length prefix included: the name under which clients look for it.
    pub fn hash(&self) -> H256 {
        // An extrinsic beyond 4 GiB cannot be built: decoding refuses more than `MAX_EXTRINSIC_BYTES`.
        let (prefix, prefix_bytes) = compact_u32(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        H256(blake2_256_concat(&[&prefix[..prefix_bytes], &self.0]))
    }

    /// Bytes of the encoding, length prefix included.
    pub fn encoded_bytes(&self) -> usize {
        compact_u32(u32::try_from(self.0.len()).unwrap_or(u32::MAX)).1.saturating_add(self.0.len())
    }

    /// Reads what `author_submitExtrinsic` gets: one encoded extrinsic and nothing after it.
    ///
    /// # Errors
    /// When the length prefix does not match the bytes, or is above the limit.
    pub fn from_encoded(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = bytes;
        let extrinsic = OpaqueExtrinsic::decode(&mut input)?;
        if input.is_empty() { Ok(extrinsic) } else { Err("bytes left after the extrinsic".into()) }
    }
}

impl core::fmt::Debug for OpaqueExtrinsic {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::hash::write_hex(f, &self.0)
    }
}

impl Decode for OpaqueExtrinsic {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        decode_bytes(input, limits::MAX_EXTRINSIC_BYTES, "OpaqueExtrinsic").map(OpaqueExtrinsic)
    }
}

impl TypeInfo for OpaqueExtrinsic {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("OpaqueExtrinsic", "sp_runtime"))
            .composite(Fields::unnamed().field(|f| f.ty::<Vec<u8>>().type_name("Vec<u8>")))
    }
}

/// A block of the base chain; at most [`limits::MAX_BLOCK_EXTRINSICS`] extrinsics.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Block {
    /// The header, with or without its seal.
    pub header: Header,
    /// The extrinsics in order; inherents first.
    pub extrinsics: Vec<OpaqueExtrinsic>,
}

impl Block {
    /// Hash of the header.
    pub fn hash(&self) -> H256 {
        self.header.hash()
    }
}

impl Decode for Block {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let header = Header::decode(input)?;
        let extrinsics = decode_vec(input, limits::MAX_BLOCK_EXTRINSICS, "Block.extrinsics")?;
        Ok(Block { header, extrinsics })
    }
}

impl TypeInfo for Block {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("Block", "sp_runtime::generic::block"))
            .type_params(vec![
                TypeParameter::new("Header", Some(scale_info::meta_type::<Header>())),
                TypeParameter::new("Extrinsic", Some(scale_info::meta_type::<OpaqueExtrinsic>())),
            ])
            .composite(
                Fields::named()
                    .field(|f| f.ty::<Header>().name("header").type_name("Header"))
                    .field(|f| f.ty::<Vec<OpaqueExtrinsic>>().name("extrinsics").type_name("Vec<Extrinsic>")),
            )
    }
}
