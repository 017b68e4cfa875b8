//! The handshake of `block-announces/1`: `role u8 ++ best number u32 LE ++ best hash ++ genesis hash`, 69 bytes. The
//! other channels' handshake is the role byte alone.
//!
//! Rules:
//! * R1 Exactly [`HANDSHAKE_BYTES`] bytes.
//! * R2 The role byte has one of the three bits that Substrate gives a meaning, and no other.

use quire_core::{BlockNumber, H256};

/// Length of an encoded handshake.
pub const HANDSHAKE_BYTES: usize = 1 + 4 + 32 + 32;

/// Role bit of a full node.
pub const FULL: u8 = 1;
/// Role bit of a light client.
pub const LIGHT: u8 = 2;
/// Role bit of an authority.
pub const AUTHORITY: u8 = 4;

/// Who a peer is and where its chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// [`FULL`], [`LIGHT`] or [`AUTHORITY`].
    pub roles: u8,
    /// Height of its best block.
    pub best_number: BlockNumber,
    /// Hash of its best block.
    pub best_hash: H256,
    /// Hash of its block 0.
    pub genesis: H256,
}

/// Why bytes are no handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// R1.
    #[error("a handshake has {HANDSHAKE_BYTES} bytes, not {0}")]
    Length(usize),
    /// R2.
    #[error("no role has the bits {0:#010b}")]
    Roles(u8),
}

impl Handshake {
    /// Whether a light client speaks: it serves nothing.
    pub const fn is_light(&self) -> bool {
        self.roles & LIGHT != 0
    }

    /// The 69 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HANDSHAKE_BYTES);
        out.push(self.roles);
        out.extend_from_slice(&self.best_number.to_le_bytes());
        out.extend_from_slice(&self.best_hash.0);
        out.extend_from_slice(&self.genesis.0);
        out
    }

    /// Reads them back.
    pub fn decode(bytes: &[u8]) -> Result<Self, HandshakeError> {
        let wrong = HandshakeError::Length(bytes.len());
        let bytes: &[u8; HANDSHAKE_BYTES] = bytes.try_into().map_err(|_| wrong)?;
        let (&[roles], rest) = bytes.split_first_chunk().ok_or(wrong)?;
        let (number, rest) = rest.split_first_chunk().ok_or(wrong)?;
        let (best, genesis) = rest.split_first_chunk().ok_or(wrong)?;
        if roles & !(FULL | LIGHT | AUTHORITY) != 0 || roles.count_ones() != 1 {
            return Err(HandshakeError::Roles(roles));
        }
        Ok(Self {
            roles,
            best_number: BlockNumber::from_le_bytes(*number),
            best_hash: H256(*best),
            genesis: H256(genesis.try_into().map_err(|_| wrong)?),
        })
    }
}

#[cfg(test)]
mod tests;
