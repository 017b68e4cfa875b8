//! The header of a base-chain block.

use crate::{BlockNumber, Digest, DigestItem, H256, hash::blake2_256};
use alloc::vec;
use parity_scale_codec::{Decode, Encode};
use scale_info::{Path, Type, TypeInfo, TypeParameter, build::Fields};

/// Header of a block; its hash, seal included, names the block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// Hash of the parent block; zero in the genesis block.
    pub parent_hash: H256,
    /// Height; the genesis block has 0.
    #[codec(compact)]
    pub number: BlockNumber,
    /// Root of the state trie after the block.
    pub state_root: H256,
    /// Root of the trie of extrinsics.
    pub extrinsics_root: H256,
    /// Slot, seal and messages between runtime and node.
    pub digest: Digest,
}

impl Header {
    /// Hash of the encoding, seal included: the block's name.
    pub fn hash(&self) -> H256 {
        H256(blake2_256(&self.encode()))
    }

    /// The header as the runtime sees it: without a seal in the last place.
    pub fn without_seal(&self) -> Header {
        let mut header = self.clone();
        if matches!(header.digest.logs.last(), Some(DigestItem::Seal(..))) {
            header.digest.logs.pop();
        }
        header
    }

    /// What the author signs: the hash of the header without its seal.
    pub fn pre_hash(&self) -> H256 {
        self.without_seal().hash()
    }
}

impl TypeInfo for Header {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("Header", "sp_runtime::generic::header"))
            .type_params(vec![
                TypeParameter::new("Number", Some(scale_info::meta_type::<BlockNumber>())),
                TypeParameter::new("Hash", None),
            ])
            .composite(
                Fields::named()
                    .field(|f| f.ty::<H256>().name("parent_hash").type_name("Hash::Output"))
                    .field(|f| f.compact::<BlockNumber>().name("number").type_name("Number"))
                    .field(|f| f.ty::<H256>().name("state_root").type_name("Hash::Output"))
                    .field(|f| f.ty::<H256>().name("extrinsics_root").type_name("Hash::Output"))
                    .field(|f| f.ty::<Digest>().name("digest").type_name("Digest")),
            )
    }
}
