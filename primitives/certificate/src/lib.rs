//! The tower of certificates: who vouches for whom, from the consortium's root key down to a client.
//!
//! Terms: a *principal* is a member organisation, a *peer* a node of one, known by its ed25519 node key, a *client* anybody
//! who talks to a peer. A *certificate* says that an issuer vouches for a subject for a while; its *level* is the floor of
//! the tower:
//!
//! ```text
//!  root key ── Level 0 ──> principal ── Level 1 ──> peer ── Level 2 ──> client
//!  (genesis)              (account, key)           (node key)          (key, proof of work)
//! ```
//!
//! A principal keeps its seat by itself: a Level 0 is also valid as a *renewal* when the principal's present key signs it.
//!
//! Rules:
//! * C1. A certificate is for one chain: it names the genesis hash.
//! * C2. Every level has a domain of its own: what was signed for one is worth nothing on another, nor as a request, nor as
//!   an extrinsic.
//! * C3. It holds from `valid_from` until before `valid_until`, in milliseconds of chain time; the window is not empty and
//!   not longer than its level allows. Serials start at 1.
//! * C4. A name is 1 to [`NAME_BYTES_MAX`] bytes without control characters; a certificate is at most
//!   [`CERTIFICATE_BYTES_MAX`] long.
//! * C5. Level 0 is signed by the root key, or by the present key of the same principal (renewal).
//! * C6. Level 1 is signed by the principal that it names, with its present key or with the former one until that one's
//!   own end: a change of keys strands no peer.
//! * C7. Level 2 is signed by the peer that it names, and carries work of at least as many bits as is asked for. The work
//!   is bound to chain, peer and client, so that none is spent twice.
//! * C8. A request is signed by the key that it asks to certify: nobody has a key certified that is not his.
//! * C9. A refusal names the first rule that does not hold, in this order: there is none, undecodable, other chain, wrong
//!   level, other subject, form, principal, signature, work, revoked, not yet valid, expired.
//! * C10. Revocation and expiry count at the chain's set changes ([`Tower::effective_ms`]), never in between; a window's
//!   beginning counts at once.
//! * C11. As text, a certificate or request is armoured: a first and a last line, hex between them, a checksum at the end,
//!   so that a damaged file is known as such.
//!
//! Signatures are checked through [`Verify`]: by host functions in the runtime, by libraries in the node. Extrinsics and
//! certificates share the sr25519 context `substrate`, so that hardware and wallets can sign both; domains tell them apart.
//!
//! Out of scope: making signatures and keys, finding work with many threads (node), what the chain keeps (`pallet-members`).
#![no_std]

extern crate alloc;

pub mod armour;
mod certificate;
mod key;
mod request;
mod tower;
mod work;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, Subject, Terms};
pub use key::{Key, Verify};
pub use request::{Request, RequestTerms};
pub use tower::{FormerKey, Principal, Refusal, RevokedPeer, Tower};
pub use work::{work_bits, work_hash};

/// Longest encoded certificate or request, bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 512;
/// Longest name of an organisation or node, bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest window of each level, milliseconds: three years, thirteen months, a month.
pub const WINDOW_MS_MAX: [u64; 3] = [1_100 * DAY_MS, 400 * DAY_MS, 31 * DAY_MS];
/// A day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Least work behind a client's certificate, bits: about a second of one core.
pub const CLIENT_WORK_BITS: u32 = 20;
