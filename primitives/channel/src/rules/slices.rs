//! Which outputs of a result were applied (R11 of [`crate::rules`]).

use crate::limits::MAX_OUTPUTS;
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error as CodecError, Input};
use scale_info::TypeInfo;

/// One bit per output of a result; at most [`MAX_OUTPUTS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, TypeInfo)]
pub struct AppliedOutputs {
    /// Outputs of the result.
    count: u32,
    /// Outputs applied.
    applied: u32,
    /// Bit n of byte n / 8, lowest first.
    bits: Vec<u8>,
}

impl Decode for AppliedOutputs {
    fn decode<I: Input>(input: &mut I) -> Result<Self, CodecError> {
        let (count, applied) = (u32::decode(input)?, u32::decode(input)?);
        let bits = crate::message::decode_bounded(input, (MAX_OUTPUTS / 8) as usize + 1)?;
        Ok(Self { count, applied, bits })
    }
}

/// Why a slice is refused (R11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// No outputs in it.
    #[error("the slice at output {first} is empty; send at least one output")]
    Empty {
        /// Index of the slice.
        first: u32,
    },
    /// It reaches beyond the result.
    #[error("the slice at output {first} has {len} outputs, the result ends at {count}")]
    OutOfRange {
        /// Index of the slice.
        first: u32,
        /// Outputs in the slice.
        len: u32,
        /// Outputs of the result.
        count: u32,
    },
    /// An output was applied before.
    #[error("output {index} is applied already; send only missing outputs")]
    Repeated {
        /// Its index.
        index: u32,
    },
}

impl AppliedOutputs {
    /// None of `count` outputs is applied; `None` above [`MAX_OUTPUTS`].
    pub fn new(count: u32) -> Option<Self> {
        (count <= MAX_OUTPUTS).then(|| Self {
            count,
            applied: 0,
            bits: alloc::vec![0; count.div_ceil(8) as usize],
        })
    }

    /// Outputs of the result.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Outputs applied.
    pub const fn applied(&self) -> u32 {
        self.applied
    }

    /// Is output `index` applied?
    pub fn is_applied(&self, index: u32) -> bool {
        self.bits.get((index / 8) as usize).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// May the slice be applied now? Changes nothing.
    pub fn check(&self, first: u32, len: u32) -> Result<(), SliceError> {
        if len == 0 {
            return Err(SliceError::Empty { first });
        }
        let end = first.checked_add(len).filter(|end| *end <= self.count);
        let end = end.ok_or(SliceError::OutOfRange { first, len, count: self.count })?;
        match (first..end).find(|index| self.is_applied(*index)) {
            Some(index) => Err(SliceError::Repeated { index }),
            None => Ok(()),
        }
    }

    /// Checks the slice and marks it applied.
    pub fn apply(&mut self, first: u32, len: u32) -> Result<(), SliceError> {
        self.check(first, len)?;
        for index in first..first.saturating_add(len) {
            if let Some(byte) = self.bits.get_mut((index / 8) as usize) {
                *byte |= 1 << (index % 8);
                self.applied = self.applied.saturating_add(1);
            }
        }
        Ok(())
    }
}
