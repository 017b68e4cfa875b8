//! Every entry point of the runtime with arbitrary arguments.
//!
//! Promises: a call ends with a result or with an error that is the caller's fault and never stops the node; open
//! storage transactions are closed; entry points that take somebody's extrinsic answer for any extrinsic.

use crate::{Target, calls, choices::Choices, mutate::Random, world};
use parity_scale_codec::Encode;
use quire_chain::Overlay;
use quire_core::{AccountId, H256, OpaqueExtrinsic, TransactionSource, TransactionValidity};
use quire_runtime::apis::ENTRY_POINTS;

pub(crate) const TARGET: Target = Target { name: "runtime", run, seeds };

fn run(data: &[u8]) {
    let world = world::world();
    let mut choices = Choices::new(data);
    let method = ENTRY_POINTS[choices.below(ENTRY_POINTS.len())];
    let after_start = choices.below(2) == 1;
    let mut overlay = Overlay::new();
    if after_start {
        world.begin(&mut overlay);
    }
    let rest = choices.rest();
    if let Err(why) = world.call(&mut overlay, method, rest) {
        assert!(!why.is_fatal(), "{method} with bytes from outside would stop the node: {why}");
    }
    assert_eq!(overlay.depth(), 0, "{method} left a storage transaction open");
    strangers(rest);
}

/// Whatever a stranger sends as an extrinsic gets an answer.
fn strangers(bytes: &[u8]) {
    let world = world::world();
    let extrinsic = OpaqueExtrinsic(bytes.to_vec());
    let args = (TransactionSource::External, &extrinsic, world.genesis).encode();
    let single: TransactionValidity =
        world.must(&mut Overlay::new(), "TaggedTransactionQueue_validate_transaction", &args);
    let args = (TransactionSource::External, vec![&extrinsic, &extrinsic], world.genesis).encode();
    let many: Vec<TransactionValidity> =
        world.must(&mut Overlay::new(), "QuirePool_validate_transactions", &args);
    assert_eq!(many, [single.clone(), single], "one by one and together give one answer");
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(3);
    let world = world::world();
    let mut seeds = Vec::new();
    for method in 0..ENTRY_POINTS.len() {
        let bytes: Vec<u8> = (0..120).map(|_| random.next_u64() as u8).collect();
        let extrinsic = world.sign(method, 0, 0, &calls::call(&mut Choices::new(&bytes)));
        let arguments = [
            Vec::new(),
            bytes,
            extrinsic.encode(),
            (TransactionSource::External, &extrinsic, H256([1; 32])).encode(),
            (&extrinsic, extrinsic.encode().len() as u32).encode(),
            AccountId([9; 32]).encode(),
            15u32.encode(),
        ];
        seeds.extend(arguments.iter().flat_map(|arguments| {
            [0, 1].map(|after_start| [&[method as u8, after_start], arguments.as_slice()].concat())
        }));
    }
    seeds
}
