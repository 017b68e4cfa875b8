//! Asking for a certificate (C8).

use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeAll, Encode};
use quire_core::H256;
use scale_info::TypeInfo;

use crate::{CERTIFICATE_BYTES_MAX, Refusal, Subject, Verify, work_bits};

const DOMAIN: &[u8] = b"quire/certificate-request/1/level-";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RequestTerms {
    /// Genesis hash of the chain.
    pub chain: H256,
    /// Who is to be certified.
    pub subject: Subject,
}

impl RequestTerms {
    /// What the subject's key signs.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = DOMAIN.to_vec();
        out.push(b'0'.saturating_add(self.subject.level()));
        self.encode_to(&mut out);
        out
    }

    /// The request, with the subject's signature of [`Self::payload`].
    pub const fn signed(self, signature: [u8; 64]) -> Request {
        Request { terms: self, signature }
    }
}

/// A request with the signature of the key to certify.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Request {
    /// What is asked for.
    pub terms: RequestTerms,
    /// By the key that is to be certified.
    pub signature: [u8; 64],
}

impl Request {
    /// Reads a whole request.
    ///
    /// # Errors
    /// [`Refusal::Undecodable`] when it is too long, cut off, or has bytes left over.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(Refusal::Undecodable);
        }
        Self::decode_all(&mut &*bytes).map_err(|_| Refusal::Undecodable)
    }

    /// Whether an issuer may answer it (C1, C4, C7, C8); `work_bits_min` is what a client must have spent.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn check(&self, chain: &H256, work_bits_min: u32, verify: &impl Verify) -> Result<(), Refusal> {
        if self.terms.chain != *chain {
            return Err(Refusal::OtherChain { named: self.terms.chain });
        }
        self.terms.subject.check_form()?;
        if !verify.verify(&self.terms.subject.key(), &self.terms.payload(), &self.signature) {
            return Err(Refusal::BadSignature);
        }
        if let Subject::Client { key, peer, nonce } = &self.terms.subject {
            let bits = work_bits(chain, peer, key, *nonce);
            if bits < work_bits_min {
                return Err(Refusal::TooLittleWork { bits, wanted: work_bits_min });
            }
        }
        Ok(())
    }
}
