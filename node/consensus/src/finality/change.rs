//! The message in a header by which the voters change.
//!
//! Rules
//! - R1 A change is a `FRNK` message of kind 1: `Vec<(key, weight)> ++ delay`. Of several the first one counts, as light
//!   clients read it.
//! - R2 Quire's runtime writes delay 0 and weights of 1; anything else is no change that a proof can rest on.

use parity_scale_codec::Decode;
use quire_core::codec::decode_vec;
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_core::{DigestItem, GrandpaId, Header, limits};

/// Tag of a scheduled change.
const SCHEDULED_CHANGE: u8 = 1;

/// A change that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It does not decode.
    #[error("the change of voters in block {number} does not decode: {reason}")]
    Malformed {
        /// The block.
        number: u32,
        /// Why not.
        reason: String,
    },
    /// R2.
    #[error("the change of voters in block {number} has a delay, unequal weights or no voters")]
    Unsupported {
        /// The block.
        number: u32,
    },
}

/// Whether a header says that the voters change after it.
#[must_use]
pub fn changes_voters(header: &Header) -> bool {
    message(header).is_some()
}

/// The voters after a block, if its header changes them.
///
/// # Errors
/// When the message is none that can be followed (R2).
pub fn new_voters(header: &Header) -> Result<Option<Vec<GrandpaId>>, ChangeError> {
    let Some(mut input) = message(header) else { return Ok(None) };
    let number = header.number;
    let malformed =
        |error: parity_scale_codec::Error| ChangeError::Malformed { number, reason: error.to_string() };
    let what = "the voters of a change";
    let list: Vec<(GrandpaId, u64)> =
        decode_vec(&mut input, limits::MAX_AUTHORITIES, what).map_err(malformed)?;
    let delay = u32::decode(&mut input).map_err(malformed)?;
    if delay != 0 || list.is_empty() || list.iter().any(|(_, weight)| *weight != 1) || !input.is_empty() {
        return Err(ChangeError::Unsupported { number });
    }
    Ok(Some(list.into_iter().map(|(id, _)| id).collect()))
}

/// R1: what follows the tag.
fn message(header: &Header) -> Option<&[u8]> {
    header.digest.logs.iter().find_map(|item| match item {
        DigestItem::Consensus(GRANDPA_ENGINE_ID, bytes) => bytes.strip_prefix(&[SCHEDULED_CHANGE]),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parity_scale_codec::Encode;
    use quire_core::Digest;

    fn header(logs: Vec<DigestItem>) -> Header {
        Header { number: 7, digest: Digest { logs }, ..Header::default() }
    }

    fn change(weights: &[u64], delay: u32) -> DigestItem {
        let list: Vec<_> =
            (1_u8..).zip(weights).map(|(seed, weight)| (GrandpaId([seed; 32]), *weight)).collect();
        DigestItem::Consensus(GRANDPA_ENGINE_ID, (SCHEDULED_CHANGE, list, delay).encode())
    }

    #[test]
    fn r1_the_first_change_counts_and_other_messages_do_not() {
        let other = DigestItem::Consensus(GRANDPA_ENGINE_ID, vec![3, 0, 0]);
        let aura = DigestItem::Consensus(*b"aura", vec![1, 0]);
        assert!(!changes_voters(&header(vec![other.clone(), aura.clone()])));
        assert_eq!(new_voters(&header(vec![aura.clone()])), Ok(None));
        let both = header(vec![aura, other, change(&[1, 1], 0), change(&[1], 0)]);
        assert_eq!(new_voters(&both), Ok(Some(vec![GrandpaId([1; 32]), GrandpaId([2; 32])])));
    }

    #[test]
    fn r2_what_cannot_be_followed_is_refused() {
        for bad in [change(&[1], 1), change(&[2], 0), change(&[], 0)] {
            assert_eq!(new_voters(&header(vec![bad])), Err(ChangeError::Unsupported { number: 7 }));
        }
        let short = DigestItem::Consensus(GRANDPA_ENGINE_ID, vec![SCHEDULED_CHANGE, 4, 1]);
        assert!(changes_voters(&header(vec![short.clone()])));
        assert!(matches!(new_voters(&header(vec![short])), Err(ChangeError::Malformed { number: 7, .. })));
    }
}
