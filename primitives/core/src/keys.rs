//! Four-byte types of keys, the first half of a keystore file's name.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What a key in the keystore is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen, TypeInfo,
)]
#[scale_info(replace_segment("quire_core", "sp_core"), replace_segment("keys", "crypto"))]
pub struct KeyTypeId(pub [u8; 4]);

/// Seals Aura blocks (sr25519).
pub const AURA: KeyTypeId = KeyTypeId(*b"aura");
/// Votes in GRANDPA (ed25519).
pub const GRANDPA: KeyTypeId = KeyTypeId(*b"gran");
/// Controls an account (sr25519).
pub const ACCOUNT: KeyTypeId = KeyTypeId(*b"acco");
/// Signs certificates of an organisation's nodes (sr25519).
pub const CERTIFICATE: KeyTypeId = KeyTypeId(*b"cert");
/// Signs a participant's channel messages (sr25519).
pub const MESSAGE: KeyTypeId = KeyTypeId(*b"qmsg");
/// Signs a validator's custody receipts (sr25519).
pub const SIGNING: KeyTypeId = KeyTypeId(*b"qsig");
/// Opens secrets sealed to a participant or validator (x25519).
pub const SEALING: KeyTypeId = KeyTypeId(*b"qsea");
