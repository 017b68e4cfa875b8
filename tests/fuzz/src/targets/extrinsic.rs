//! The extrinsic decoder.
//!
//! Promises: any bytes decode or are refused; what decodes encodes to bytes that decode to the same; the hash is of the
//! bytes that came; the call's bytes are a suffix of the body.

use crate::{Target, calls, choices::Choices, mutate::Random, world};
use parity_scale_codec::{Decode, Encode};
use quire_core::{OpaqueExtrinsic, UncheckedExtrinsic, extrinsic::decode_envelope, limits};
use quire_runtime::RuntimeCall;

pub(crate) const TARGET: Target = Target { name: "extrinsic", run, seeds };

type Extrinsic = UncheckedExtrinsic<RuntimeCall>;

fn run(data: &[u8]) {
    if let Ok(opaque) = OpaqueExtrinsic::decode(&mut &data[..]) {
        assert!(opaque.0.len() <= limits::MAX_EXTRINSIC_BYTES as usize, "longer than the limit");
        assert!(data.starts_with(&opaque.encode()), "an opaque extrinsic encodes to the bytes it came from");
        body(&opaque.0);
    }
    body(data);
}

fn body(body: &[u8]) {
    let envelope = decode_envelope(body);
    let Ok((extrinsic, call)) = Extrinsic::decode_body(body) else { return };
    assert!(body.ends_with(call), "the call's bytes are those at the end");
    let (parts, rest) = envelope.expect("an extrinsic that decodes has an envelope that does");
    assert_eq!((&parts, rest), (&extrinsic.signature, call), "envelope and extrinsic agree");
    let again = extrinsic.encode_body();
    let (same, _) = Extrinsic::decode_body(&again).expect("what was encoded decodes");
    assert_eq!(same, extrinsic, "decoding, encoding and decoding again changes nothing");
    // Read only, whatever the call: these run on the pool's threads for every submission.
    let info = extrinsic.call.dispatch_info();
    assert_eq!(info.weight, extrinsic.call.weight());
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(1);
    let world = world::world();
    (0..64)
        .flat_map(|index| {
            let bytes: Vec<u8> = (0..200).map(|_| random.next_u64() as u8).collect();
            let extrinsic = world.sign(index, index as u32, 0, &calls::call(&mut Choices::new(&bytes)));
            [extrinsic.encode(), extrinsic.0]
        })
        .collect()
}
