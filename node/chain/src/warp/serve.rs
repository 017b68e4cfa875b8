//! Proofs of finality for others.
//!
//! Rules
//! - R1 A proof begins above a final block of this chain; for any other block there is none.
//! - R2 It has every change of the voters above it in order and, if that is not one of them, the last final block.
//! - R3 It ends before it passes the bytes that the caller allows, then it is not finished; one fragment always fits.

use parity_scale_codec::{Decode, Encode};
use quire_core::{GrandpaJustification, H256};

use super::{Fragment, index};
use crate::chain::Chain;
use crate::environment::{Execute, Head, Store, StoreError};

/// A proof, or the first part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragments {
    /// The steps, ascending.
    pub list: Vec<Fragment>,
    /// Whether it ends with the last final block.
    pub is_finished: bool,
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// The proof of finality from `from` to the last final block.
    pub fn warp_proof(&self, from: H256, max_bytes: usize) -> Result<Option<Fragments>, StoreError> {
        let head = self.finalised();
        let Some(start) = self.header(from)?.map(|header| header.number) else { return Ok(None) };
        if start > head.number || self.hash_by_number(start)? != Some(from) {
            return Ok(None);
        }
        let (mut list, mut bytes, mut last) = (Vec::new(), 0_usize, start);
        let mut change = index::first_above(&*self.store, start)?;
        while let Some(at) = index::get(&*self.store, change)?.filter(|at| at.number <= head.number) {
            let fragment = self.fragment(at)?;
            bytes = bytes.saturating_add(fragment.encoded_size());
            if bytes > max_bytes && !list.is_empty() {
                return Ok(Some(Fragments { list, is_finished: false }));
            }
            list.push(fragment);
            last = at.number;
            change = change.saturating_add(1);
        }
        if head.number > last {
            let fragment = self.fragment(head)?;
            if bytes.saturating_add(fragment.encoded_size()) > max_bytes && !list.is_empty() {
                return Ok(Some(Fragments { list, is_finished: false }));
            }
            list.push(fragment);
        }
        Ok(Some(Fragments { list, is_finished: true }))
    }

    fn fragment(&self, at: Head) -> Result<Fragment, StoreError> {
        let lost = |reason: &str| StoreError::Corrupted {
            what: format!("final block {} {}", at.number, at.hash),
            reason: reason.into(),
        };
        let header = self.header(at.hash)?.ok_or_else(|| lost("its header is missing"))?;
        let bytes = self.justification(at.hash)?.ok_or_else(|| lost("its justification is missing"))?;
        let justification = GrandpaJustification::decode(&mut bytes.as_slice())
            .map_err(|error| lost(&format!("its justification does not decode: {error}")))?;
        Ok(Fragment { header: (*header).clone(), justification })
    }
}
