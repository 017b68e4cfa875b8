//! Bounded decoding: counts are checked before anything is built (R1 of the crate).

use alloc::vec::Vec;
use parity_scale_codec::{Compact, Decode, Error, Input};

/// Decodes a `Vec<T>` of at most `max_items`; `what` names the field in the error.
///
/// # Errors
/// When the count is above `max_items`, or an item does not decode.
pub fn decode_vec<T: Decode, I: Input>(
    input: &mut I,
    max_items: u32,
    what: &'static str,
) -> Result<Vec<T>, Error> {
    let count = Compact::<u32>::decode(input)?.0;
    if count > max_items {
        return Err(Error::from("too many items").chain(what));
    }
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(T::decode(input)?);
    }
    Ok(items)
}

/// Decodes a byte string of at most `max_bytes`; `what` names the field in the error.
///
/// # Errors
/// When the length is above `max_bytes`, or the input ends before it.
pub fn decode_bytes<I: Input>(input: &mut I, max_bytes: u32, what: &'static str) -> Result<Vec<u8>, Error> {
    let length = Compact::<u32>::decode(input)?.0;
    if length > max_bytes {
        return Err(Error::from("too many bytes").chain(what));
    }
    read_bytes(input, length)
}

/// Reads exactly `length` bytes, allocating in steps of at most 64 KiB ahead of what has really arrived.
///
/// # Errors
/// When the input ends before.
pub fn read_bytes<I: Input>(input: &mut I, length: u32) -> Result<Vec<u8>, Error> {
    const STEP_BYTES: usize = 64 * 1024;
    let length = length as usize;
    if input.remaining_len()?.is_some_and(|remaining| remaining < length) {
        return Err("not enough bytes".into());
    }
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let start = bytes.len();
        let end = length.min(start.saturating_add(STEP_BYTES));
        bytes.resize(end, 0);
        input.read(&mut bytes[start..end])?;
    }
    Ok(bytes)
}

/// Length of `Compact<u32>(value)` in bytes, and the bytes themselves, without allocating.
pub fn compact_u32(value: u32) -> ([u8; 5], usize) {
    let mut out = [0; 5];
    let length = match value {
        0..=0x3f => {
            out[0] = (value as u8) << 2;
            1
        }
        0x40..=0x3fff => {
            out[..2].copy_from_slice(&(((value as u16) << 2) | 0b01).to_le_bytes());
            2
        }
        0x4000..=0x3fff_ffff => {
            out[..4].copy_from_slice(&((value << 2) | 0b10).to_le_bytes());
            4
        }
        _ => {
            out[0] = 0b11;
            out[1..].copy_from_slice(&value.to_le_bytes());
            5
        }
    };
    (out, length)
}
