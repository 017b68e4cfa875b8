//! The binary form (R1 of [`super`]).
use super::{
    MAX_JUSTIFICATIONS, MAX_JUSTIFICATIONS_BYTES, MAX_SCALE_BYTES, SignedBlock, grandpa_only, justifications,
};
use parity_scale_codec::{Decode, Encode, Error, Input};
use quire_core::Block;
use quire_core::codec::{decode_bytes, decode_vec};
use std::io::Read;

pub(super) fn encode(block: &SignedBlock) -> Vec<u8> {
    let mut bytes = block.block.encode();
    justifications(block).encode_to(&mut bytes);
    bytes
}

pub(super) fn decode<R: Read>(input: &mut Metered<R>) -> Result<SignedBlock, String> {
    input.left = MAX_SCALE_BYTES;
    let block = Block::decode(input).map_err(|why| input.explain(&why))?;
    let all = Option::<Justifications>::decode(input).map_err(|why| input.explain(&why))?;
    Ok(SignedBlock { block, justification: grandpa_only(all.map(|all| all.0)) })
}

struct Justifications(Vec<([u8; 4], Vec<u8>)>);

impl Decode for Justifications {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let all = decode_vec::<Justification, _>(input, MAX_JUSTIFICATIONS, "justifications")?;
        Ok(Self(all.into_iter().map(|one| (one.0, one.1)).collect()))
    }
}

struct Justification([u8; 4], Vec<u8>);

impl Decode for Justification {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let engine = <[u8; 4]>::decode(input)?;
        Ok(Self(engine, decode_bytes(input, MAX_JUSTIFICATIONS_BYTES, "a justification")?))
    }
}

/// A reader that gives a block no more than its share of bytes, and remembers why it failed.
pub(super) struct Metered<R> {
    inner: R,
    left: u64,
    failure: Option<String>,
}

impl<R: Read> Metered<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, left: 0, failure: None }
    }

    fn explain(&mut self, why: &Error) -> String {
        self.failure.take().unwrap_or_else(|| format!("it does not decode: {why}"))
    }
}

impl<R: Read> Input for Metered<R> {
    fn remaining_len(&mut self) -> Result<Option<usize>, Error> {
        Ok(None)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), Error> {
        match self.left.checked_sub(into.len() as u64) {
            Some(left) => self.left = left,
            None => {
                self.failure = Some(format!("it has more than {MAX_SCALE_BYTES} bytes"));
                return Err("too long".into());
            }
        }
        self.inner.read_exact(into).map_err(|why| {
            let text = match why.kind() {
                std::io::ErrorKind::UnexpectedEof => "the file ends within it".to_owned(),
                _ => why.to_string(),
            };
            self.failure = Some(text);
            Error::from("unreadable")
        })
    }
}
