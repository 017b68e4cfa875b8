//! The JSON form (R2 of [`super`]).
use super::{MAX_JSON_BYTES, MAX_JUSTIFICATIONS, SignedBlock, grandpa_only, justifications};
use parity_scale_codec::{Decode, DecodeAll, Encode};
use quire_core::{Block, Digest, DigestItem, H256, Header, OpaqueExtrinsic};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io::{Error, ErrorKind, Read};
use std::rc::Rc;

#[derive(Serialize, Deserialize)]
pub(super) struct JsonSigned {
    block: JsonBlock,
    justifications: Option<Vec<([u8; 4], Vec<u8>)>>,
}

#[derive(Serialize, Deserialize)]
struct JsonBlock {
    header: JsonHeader,
    extrinsics: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonHeader {
    parent_hash: String,
    number: String,
    state_root: String,
    extrinsics_root: String,
    digest: JsonDigest,
}

#[derive(Serialize, Deserialize)]
struct JsonDigest {
    logs: Vec<String>,
}

fn hex0x(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

impl From<&SignedBlock> for JsonSigned {
    fn from(signed: &SignedBlock) -> Self {
        let header = &signed.block.header;
        let extrinsics = signed.block.extrinsics.iter();
        Self {
            block: JsonBlock {
                header: JsonHeader {
                    parent_hash: hex0x(&header.parent_hash.0),
                    number: format!("{:#x}", header.number),
                    state_root: hex0x(&header.state_root.0),
                    extrinsics_root: hex0x(&header.extrinsics_root.0),
                    digest: JsonDigest {
                        logs: header.digest.logs.iter().map(|log| hex0x(&log.encode())).collect(),
                    },
                },
                extrinsics: extrinsics.map(|extrinsic| hex0x(&extrinsic.encode())).collect(),
            },
            justifications: justifications(signed),
        }
    }
}

impl JsonSigned {
    fn read(self) -> Result<SignedBlock, String> {
        if self.justifications.as_ref().is_some_and(|all| all.len() > MAX_JUSTIFICATIONS as usize) {
            return Err(format!("it has more than {MAX_JUSTIFICATIONS} justifications"));
        }
        let extrinsics = self.block.extrinsics.iter().enumerate().map(|(place, text)| {
            let bytes = unhex(&format!("extrinsics[{place}]"), text)?;
            OpaqueExtrinsic::from_encoded(&bytes).map_err(|why| format!("extrinsics[{place}]: {why}"))
        });
        let block = Block {
            extrinsics: extrinsics.collect::<Result<_, String>>()?,
            header: self.block.header.read()?,
        };
        Ok(SignedBlock { block, justification: grandpa_only(self.justifications) })
    }
}

impl JsonHeader {
    fn read(&self) -> Result<Header, String> {
        let hash = |what, text: &str| {
            let bytes = unhex(what, text)?;
            let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| format!("{what} has not 32 bytes"))?;
            Ok::<_, String>(H256(bytes))
        };
        let digits = self.number.strip_prefix("0x").unwrap_or_default();
        let number = u32::from_str_radix(digits, 16);
        let logs = self.digest.logs.iter().enumerate().map(|(place, text)| {
            let bytes = unhex(&format!("digest.logs[{place}]"), text)?;
            DigestItem::decode_all(&mut &bytes[..]).map_err(|why| format!("digest.logs[{place}]: {why}"))
        });
        let header = Header {
            parent_hash: hash("parentHash", &self.parent_hash)?,
            number: number.map_err(|_| format!("number {:?} is no 0x number", self.number))?,
            state_root: hash("stateRoot", &self.state_root)?,
            extrinsics_root: hash("extrinsicsRoot", &self.extrinsics_root)?,
            digest: Digest { logs: logs.collect::<Result<_, String>>()? },
        };
        // The limits of a header are those of its decoder.
        Header::decode(&mut &header.encode()[..]).map_err(|why| format!("header: {why}"))
    }
}

fn unhex(what: &str, text: &str) -> Result<Vec<u8>, String> {
    let digits = text.strip_prefix("0x").ok_or_else(|| format!("{what} does not start with 0x"))?;
    hex::decode(digits).map_err(|why| format!("{what} is no hex: {why}"))
}

/// Objects one after the other.
pub(super) struct JsonReader<R: Read> {
    objects: serde_json::StreamDeserializer<'static, serde_json::de::IoRead<Metered<R>>, JsonSigned>,
    left: Rc<Cell<u64>>,
}

impl<R: Read> JsonReader<R> {
    pub(super) fn new(input: R) -> Self {
        let left = Rc::new(Cell::new(MAX_JSON_BYTES));
        let input = Metered { inner: input, left: left.clone() };
        Self { objects: serde_json::Deserializer::from_reader(input).into_iter(), left }
    }

    pub(super) fn next_block(&mut self) -> Result<Option<SignedBlock>, String> {
        self.left.set(MAX_JSON_BYTES);
        match self.objects.next() {
            None => Ok(None),
            Some(Ok(signed)) => signed.read().map(Some),
            Some(Err(why)) if why.is_eof() => Err("the file ends within it".into()),
            Some(Err(why)) => Err(why.to_string()),
        }
    }
}

/// A reader that gives an object no more than its share of bytes.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => {
                let text = format!("it has more than {MAX_JSON_BYTES} bytes");
                return Err(Error::new(ErrorKind::InvalidData, text));
            }
        }
        Ok(read)
    }
}
