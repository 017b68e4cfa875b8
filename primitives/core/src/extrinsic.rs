//! Extrinsics of version 4, signed and bare.
//!
//! R1. An extrinsic is `Compact<length> ++ body`; a signed body is `84 ++ address ++ signature ++ extra ++ call`, a bare
//!     one `04 ++ call`. Other versions do not decode.
//! R2. The signer signs `call ++ extra ++ additional`, or blake2-256 of it when it is longer than 256 bytes.
//! R3. The body ends with its call: bytes left over, and calls nested deeper than [`limits::MAX_CALL_DEPTH`] or larger
//!     in memory than [`limits::MAX_CALL_MEMORY_BYTES`], are errors.
//!
//! Out of scope: checking signatures, nonces, eras (the runtime's executive).

use crate::codec::{compact_u32, decode_bytes};
use crate::hash::blake2_256;
use crate::{AccountId, Balance, Era, H256, MultiAddress, MultiSignature, Nonce, OpaqueExtrinsic, limits};
use alloc::vec;
use alloc::vec::Vec;
use parity_scale_codec::{
    Compact, Decode, DecodeLimit, Encode, EncodeLike, Error, Input, MemTrackingInput, Output,
};
use scale_info::{Path, Type, TypeInfo, TypeParameter, build::Fields};

/// Version of extrinsics that is read and written.
pub const EXTRINSIC_VERSION: u8 = 4;
const SIGNED: u8 = 0x84;
const BARE: u8 = 0x04;
/// Payloads longer than this are signed by their hash.
const MAX_UNHASHED_PAYLOAD_BYTES: usize = 256;

/// Bytes that the transaction extensions carry inside the extrinsic, in canonical order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, TypeInfo)]
pub struct Extra {
    /// How long the transaction may be included.
    pub era: Era,
    /// The sender's nonce.
    #[codec(compact)]
    pub nonce: Nonce,
    /// Tip in plancks, above the fee.
    #[codec(compact)]
    pub tip: Balance,
    /// 1 when the hash of the metadata is signed, else 0.
    pub mode: u8,
}

impl Decode for Extra {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let era = Era::decode(input)?;
        let nonce = Compact::<Nonce>::decode(input)?.0;
        let tip = Compact::<Balance>::decode(input)?.0;
        let mode = input.read_byte()?;
        if mode > 1 {
            return Err("unknown mode of CheckMetadataHash".into());
        }
        Ok(Extra { era, nonce, tip, mode })
    }
}

/// What is signed beside the extrinsic's own bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Additional {
    /// Version of the runtime's behaviour.
    pub spec_version: u32,
    /// Version of the extrinsics' format.
    pub transaction_version: u32,
    /// Hash of block 0.
    pub genesis_hash: H256,
    /// Hash of the era's birth block; of block 0 when immortal.
    pub era_hash: H256,
    /// Hash of the metadata, when mode is 1.
    pub metadata_hash: Option<H256>,
}

/// What the signer signs (R2).
pub fn signing_payload(call_bytes: &[u8], extra: &Extra, additional: &Additional) -> Vec<u8> {
    let mut payload = Vec::with_capacity(call_bytes.len().saturating_add(160));
    payload.extend_from_slice(call_bytes);
    extra.encode_to(&mut payload);
    additional.encode_to(&mut payload);
    if payload.len() > MAX_UNHASHED_PAYLOAD_BYTES { blake2_256(&payload).to_vec() } else { payload }
}

/// An extrinsic whose signature nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedExtrinsic<Call> {
    /// Who signed, the signature, and the extensions' bytes; none for inherents.
    pub signature: Option<(MultiAddress, MultiSignature, Extra)>,
    /// The call.
    pub call: Call,
}

impl<Call> UncheckedExtrinsic<Call> {
    /// A signed extrinsic.
    pub fn signed(call: Call, signer: AccountId, signature: MultiSignature, extra: Extra) -> Self {
        UncheckedExtrinsic { signature: Some((MultiAddress::Id(signer), signature, extra)), call }
    }

    /// A bare extrinsic: an inherent.
    pub fn bare(call: Call) -> Self {
        UncheckedExtrinsic { signature: None, call }
    }
}

impl<Call: Decode> UncheckedExtrinsic<Call> {
    /// Reads a body (no length prefix); also gives the bytes of the call, which the signature covers.
    ///
    /// # Errors
    /// See R1 and R3.
    pub fn decode_body(body: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (signature, call_bytes) = decode_envelope(body)?;
        let mut input = call_bytes;
        let mut bounded = MemTrackingInput::new(&mut input, limits::MAX_CALL_MEMORY_BYTES as usize);
        let call = Call::decode_with_depth_limit(limits::MAX_CALL_DEPTH, &mut bounded)?;
        if !input.is_empty() {
            return Err("bytes left after the call".into());
        }
        Ok((UncheckedExtrinsic { signature, call }, call_bytes))
    }

    /// Reads an opaque extrinsic; also gives the bytes of the call.
    ///
    /// # Errors
    /// See R1 and R3.
    pub fn from_opaque(opaque: &OpaqueExtrinsic) -> Result<(Self, &[u8]), Error> {
        Self::decode_body(&opaque.0)
    }
}

/// Signer, signature and extensions' bytes of a signed extrinsic.
pub type SignatureParts = (MultiAddress, MultiSignature, Extra);

/// Reads everything of a body but its call; gives the bytes of the call, unread. The pool needs no more to check a
/// signature.
///
/// # Errors
/// When the version is not 4 or the signed part does not decode.
pub fn decode_envelope(body: &[u8]) -> Result<(Option<SignatureParts>, &[u8]), Error> {
    let mut input = body;
    let signature = match input.read_byte()? {
        SIGNED => Some(<(MultiAddress, MultiSignature, Extra)>::decode(&mut input)?),
        BARE => None,
        _ => return Err("extrinsic version is not 4".into()),
    };
    Ok((signature, input))
}

impl<Call: Encode> UncheckedExtrinsic<Call> {
    /// The body: the extrinsic without its length prefix.
    pub fn encode_body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        match &self.signature {
            Some(signature) => {
                body.push(SIGNED);
                signature.encode_to(&mut body);
            }
            None => body.push(BARE),
        }
        self.call.encode_to(&mut body);
        body
    }

    /// The extrinsic as bytes.
    pub fn to_opaque(&self) -> OpaqueExtrinsic {
        OpaqueExtrinsic(self.encode_body())
    }
}

impl<Call: Encode> Encode for UncheckedExtrinsic<Call> {
    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        let body = self.encode_body();
        let (prefix, prefix_bytes) = compact_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
        dest.write(&prefix[..prefix_bytes]);
        dest.write(&body);
    }
}

impl<Call: Encode> EncodeLike for UncheckedExtrinsic<Call> {}

impl<Call: Decode> Decode for UncheckedExtrinsic<Call> {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let body = decode_bytes(input, limits::MAX_EXTRINSIC_BYTES, "UncheckedExtrinsic")?;
        Self::decode_body(&body).map(|(extrinsic, _)| extrinsic)
    }
}

impl<Call: TypeInfo + 'static> TypeInfo for UncheckedExtrinsic<Call> {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("UncheckedExtrinsic", "sp_runtime::generic::unchecked_extrinsic"))
            .type_params(vec![
                TypeParameter::new("Address", Some(scale_info::meta_type::<MultiAddress>())),
                TypeParameter::new("Call", Some(scale_info::meta_type::<Call>())),
                TypeParameter::new("Signature", Some(scale_info::meta_type::<MultiSignature>())),
                TypeParameter::new("Extra", Some(scale_info::meta_type::<Extra>())),
            ])
            .composite(Fields::unnamed().field(|f| f.ty::<Vec<u8>>()))
    }
}
