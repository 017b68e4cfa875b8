//! SS58 text of accounts: base58 of `prefix ++ account ++ checksum`.
//!
//! R1. The checksum is the first two bytes of blake2-512 over `SS58PRE ++ prefix ++ account`.
//! R2. Prefixes 0..=63 take one byte, 64..=16383 two; no other form of a prefix decodes.
//!
//! Out of scope: addresses of other lengths than 32 bytes.

use crate::AccountId;
use crate::hash::blake2_512;
use alloc::string::String;
use alloc::vec::Vec;

/// Network prefix of development chains.
pub const DEVELOPMENT_PREFIX: u16 = 42;
/// Largest prefix that the text form can carry.
pub const MAX_PREFIX: u16 = 16_383;

const CHECKSUM_BYTES: usize = 2;
const CHECKSUM_CONTEXT: &[u8] = b"SS58PRE";
/// 36 bytes of base58 take at most 50 characters; anything longer is refused before the quadratic decoding.
const MAX_TEXT_CHARS: usize = 64;

/// Why a text is no SS58 address of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ss58Error {
    /// Longer than any address.
    #[error("address of {chars} characters; an SS58 address has at most 50")]
    TooLong {
        /// Characters of the text.
        chars: usize,
    },
    /// A character outside the base58 alphabet.
    #[error("not base58: an SS58 address has only letters and digits, without 0, O, I and l")]
    NotBase58,
    /// The decoded bytes have the wrong number.
    #[error(
        "address of {bytes} bytes; one of a 32-byte account has 35 or 36: use the account's full address"
    )]
    WrongLength {
        /// Decoded bytes.
        bytes: usize,
    },
    /// A reserved or non-minimal prefix.
    #[error("unknown form of network prefix (first byte {first_byte})")]
    BadPrefix {
        /// First decoded byte.
        first_byte: u8,
    },
    /// The checksum differs: a mistyped address.
    #[error("wrong checksum: the address is mistyped or cut off")]
    BadChecksum,
}

/// The address of an account under a network prefix; only the low 14 bits of the prefix count.
pub fn encode(account: &AccountId, prefix: u16) -> String {
    let prefix = prefix & MAX_PREFIX;
    let mut bytes = Vec::with_capacity(36);
    if prefix < 64 {
        bytes.push(prefix as u8);
    } else {
        bytes.push(((prefix & 0b1111_1100) >> 2) as u8 | 0b0100_0000);
        bytes.push((prefix >> 8) as u8 | ((prefix & 0b11) as u8) << 6);
    }
    bytes.extend_from_slice(&account.0);
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    bs58::encode(bytes).into_string()
}

/// The account and network prefix of an address.
///
/// # Errors
/// Says what is wrong with the text; see [`Ss58Error`].
pub fn decode(text: &str) -> Result<(AccountId, u16), Ss58Error> {
    if text.len() > MAX_TEXT_CHARS {
        return Err(Ss58Error::TooLong { chars: text.len() });
    }
    let bytes = bs58::decode(text).into_vec().map_err(|_| Ss58Error::NotBase58)?;
    let wrong_length = Ss58Error::WrongLength { bytes: bytes.len() };
    let first_byte = *bytes.first().ok_or(wrong_length)?;
    let (prefix, prefix_bytes) = match first_byte {
        0..=63 => (u16::from(first_byte), 1),
        64..=127 => {
            let second = *bytes.get(1).ok_or(wrong_length)?;
            let low = (first_byte << 2) | (second >> 6);
            (u16::from(low) | u16::from(second & 0b0011_1111) << 8, 2)
        }
        _ => return Err(Ss58Error::BadPrefix { first_byte }),
    };
    if prefix_bytes == 2 && prefix < 64 {
        return Err(Ss58Error::BadPrefix { first_byte });
    }
    if bytes.len() != prefix_bytes + 32 + CHECKSUM_BYTES {
        return Err(wrong_length);
    }
    let (payload, given) = bytes.split_at(prefix_bytes + 32);
    if checksum(payload) != given {
        return Err(Ss58Error::BadChecksum);
    }
    let account = <[u8; 32]>::try_from(&payload[prefix_bytes..]).map_err(|_| wrong_length)?;
    Ok((AccountId(account), prefix))
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = blake2_512(&[CHECKSUM_CONTEXT, payload].concat());
    [hash[0], hash[1]]
}
