//! Signed calls of every pallet, in a block, in Wasm.
//!
//! Promises: no signed call makes the runtime trap, neither in the pool nor in a block; pool and block agree on
//! whether it is valid (but for the room that earlier ones left); the block ends well; all funds together are what was
//! issued; nothing is created.

use crate::{Target, calls, choices::Choices, mutate::Random, world, world::broken};
use parity_scale_codec::Encode;
use quire_chain::Overlay;
use quire_core::{ApplyExtrinsicResult, InvalidTransaction, TransactionSource, TransactionValidity};

pub(crate) const TARGET: Target = Target { name: "calls", run, seeds };

/// Calls in one block at most.
const MAX_CALLS: usize = 8;

fn run(data: &[u8]) {
    let world = world::world();
    let mut choices = Choices::new(data);
    let mut overlay = Overlay::new();
    world.begin(&mut overlay);
    let (before, _) = world.money(&mut overlay);
    let mut is_begun = false;
    for _ in 0..MAX_CALLS {
        if choices.is_used_up() {
            break;
        }
        let signer = choices.below(world::ACCOUNTS);
        let tip = choices.number();
        let call = calls::call(&mut choices);
        let nonce = world.nonce(&mut overlay, signer);
        let extrinsic = world.sign(signer, nonce, if tip < 1 << 40 { tip } else { 0 }, &call);
        let args = (TransactionSource::External, &extrinsic, world.genesis).encode();
        let validity: TransactionValidity =
            world.must(&mut overlay.clone(), "TaggedTransactionQueue_validate_transaction", &args);
        let applied: ApplyExtrinsicResult =
            world.must(&mut overlay, "BlockBuilder_apply_extrinsic", &extrinsic.encode());
        let is_full = is_begun && applied == Err(InvalidTransaction::ExhaustsResources.into());
        is_begun = true;
        if validity.is_ok() != applied.is_ok() && !is_full {
            broken(&format!("the pool says {validity:?}, the block {applied:?}: {call:02x?}"));
        }
    }
    world.end(&mut overlay);
    let (after, issued) = world.money(&mut overlay);
    assert_eq!(after, issued, "all funds together are what was issued");
    assert!(after <= before, "a block of user calls created {} plancks", after - before);
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(2);
    (0..256).map(|_| (0..300).map(|_| random.next_u64() as u8).collect()).collect()
}
