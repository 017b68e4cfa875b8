//! JSON shapes of headers, blocks and versions, as Substrate prints them.
use crate::backend::{Block, TxStatus};
use parity_scale_codec::Encode;
use quire_core::{H256, Header, RuntimeVersion};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::borrow::Cow;

/// Bytes that print as lower-case `0x` hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex<'a>(pub Cow<'a, [u8]>);

impl<'a> Hex<'a> {
    /// Borrows the bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    /// Takes the bytes.
    pub fn owned(bytes: Vec<u8>) -> Hex<'static> {
        Hex(Cow::Owned(bytes))
    }

    /// The text, `0x` included.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(2 + self.0.len() * 2);
        text.push_str("0x");
        text.push_str(&hex::encode(&self.0));
        text
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// A hash as hex.
pub(crate) fn hash(hash: &H256) -> Hex<'_> {
    Hex::new(&hash.0)
}

/// A header; it carries no hash, clients recompute it.
#[derive(Debug, Clone, Copy)]
pub struct HeaderJson<'a>(pub &'a Header);

impl Serialize for HeaderJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let header = self.0;
        let logs: Vec<Hex> = header.digest.logs.iter().map(|log| Hex::owned(log.encode())).collect();
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("parentHash", &hash(&header.parent_hash))?;
        map.serialize_entry("number", &format!("{:#x}", header.number))?;
        map.serialize_entry("stateRoot", &hash(&header.state_root))?;
        map.serialize_entry("extrinsicsRoot", &hash(&header.extrinsics_root))?;
        map.serialize_entry("digest", &std::collections::BTreeMap::from([("logs", logs)]))?;
        map.end()
    }
}

/// The answer of `chain_getBlock`.
pub(crate) struct BlockJson<'a>(pub &'a Block);

struct Inner<'a>(&'a Block);

struct Extrinsics<'a>(&'a Block);

impl Serialize for BlockJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Byte strings as JSON arrays of numbers: the one place where Substrate does not print hex.
        let justifications = self.0.justification.as_ref().map(|j| vec![(j.engine, j.bytes.as_slice())]);
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("block", &Inner(self.0))?;
        map.serialize_entry("justifications", &justifications)?;
        map.end()
    }
}

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("header", &HeaderJson(&self.0.header))?;
        map.serialize_entry("extrinsics", &Extrinsics(self.0))?;
        map.end()
    }
}

impl Serialize for Extrinsics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.extrinsics.len()))?;
        for extrinsic in &self.0.extrinsics {
            list.serialize_element(&Hex::owned(extrinsic.encode()))?;
        }
        list.end()
    }
}

/// A runtime version with Substrate's camel-case names; `systemVersion` and `stateVersion` are the same number.
pub(crate) struct VersionJson<'a>(pub &'a RuntimeVersion);

impl Serialize for VersionJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let version = self.0;
        let apis: Vec<(Hex, u32)> = version.apis.iter().map(|(id, n)| (Hex::new(id), *n)).collect();
        let mut map = serializer.serialize_map(Some(9))?;
        map.serialize_entry("specName", &*version.spec_name)?;
        map.serialize_entry("implName", &*version.impl_name)?;
        map.serialize_entry("authoringVersion", &version.authoring_version)?;
        map.serialize_entry("specVersion", &version.spec_version)?;
        map.serialize_entry("implVersion", &version.impl_version)?;
        map.serialize_entry("apis", &apis)?;
        map.serialize_entry("transactionVersion", &version.transaction_version)?;
        map.serialize_entry("systemVersion", &version.system_version)?;
        map.serialize_entry("stateVersion", &version.system_version)?;
        map.end()
    }
}

impl Serialize for TxStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, block) = match self {
            Self::Future => return serializer.serialize_str("future"),
            Self::Ready => return serializer.serialize_str("ready"),
            Self::Dropped => return serializer.serialize_str("dropped"),
            Self::Invalid => return serializer.serialize_str("invalid"),
            Self::Broadcast(peers) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("broadcast", peers)?;
                return map.end();
            }
            Self::InBlock { block, .. } => ("inBlock", block),
            Self::Retracted(block) => ("retracted", block),
            Self::FinalityTimeout(block) => ("finalityTimeout", block),
            Self::Finalized { block, .. } => ("finalized", block),
            Self::Usurped(other) => ("usurped", other),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(name, &hash(block))?;
        map.end()
    }
}
