//! Signed transactions of accounts whose keys are in the keystore.

use super::OffchainError;
use crate::service::NodeHandle;
use futures::executor::block_on;
use pallet_anchors::Call as AnchorsCall;
use parity_scale_codec::Encode as _;
use quire_core::extrinsic::{Additional, Extra, UncheckedExtrinsic, signing_payload};
use quire_core::{AccountId, Era, H256, MultiSignature};
use quire_offchain::view::Call;
use quire_runtime::RuntimeCall;
use std::sync::{Mutex, PoisonError};

/// How often a transaction is made before its refusal counts.
const ATTEMPTS: usize = 3;

/// Signs and submits, one transaction at a time, so that nonces follow one another.
pub(crate) struct Submitter {
    node: NodeHandle,
    one_at_a_time: Mutex<()>,
}

impl Submitter {
    pub(crate) fn new(node: NodeHandle) -> Submitter {
        Submitter { node, one_at_a_time: Mutex::new(()) }
    }

    /// Offers a call to the pool; the answer is the pool's, not the chain's. A block that is imported between reading
    /// the nonce and offering makes the nonce stale, so a refused transaction is made again.
    pub(crate) fn submit(&self, account: &AccountId, call: &RuntimeCall) -> Result<H256, OffchainError> {
        let _turn = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = self.offer(account, call);
        for _ in 1..ATTEMPTS {
            if outcome.is_err() {
                outcome = self.offer(account, call);
            }
        }
        outcome
            .map_err(|why| OffchainError::Fault(format!("a transaction of {account} is not accepted: {why}")))
    }

    fn offer(&self, account: &AccountId, call: &RuntimeCall) -> Result<H256, String> {
        let nonce = self.node.next_nonce(account).map_err(|error| error.to_string())?;
        let extra = Extra { era: Era::Immortal, nonce, tip: 0, mode: 0 };
        let genesis_hash = self.node.genesis_hash();
        let chain = self.node.chain();
        // Not the version that this binary was built with: an upgrade may have come since.
        let version = chain.runtime_version(chain.best().hash).map_err(|error| error.to_string())?;
        let additional = Additional {
            spec_version: version.spec_version,
            transaction_version: version.transaction_version,
            genesis_hash,
            era_hash: genesis_hash,
            metadata_hash: None,
        };
        let payload = signing_payload(&call.encode(), &extra, &additional);
        let signature = self.node.keystore().sign_extrinsic(&account.0, &payload);
        let signature = MultiSignature::Sr25519(signature.map_err(|error| error.to_string())?);
        let extrinsic = UncheckedExtrinsic::signed(call.clone(), *account, signature, extra).to_opaque();
        block_on(self.node.submit(extrinsic)).map_err(|error| error.to_string())
    }
}

/// What a machine asks for, as the runtime's call.
pub(crate) fn runtime_call(channel: u64, call: Call) -> RuntimeCall {
    RuntimeCall::Anchors(match call {
        Call::Delegate { block, validator } => AnchorsCall::delegate { channel, block, validator },
        Call::Accept { block } => AnchorsCall::accept { channel, block },
        Call::Seal { block } => AnchorsCall::seal { channel, block },
        Call::SubmitPart { block, anchor: part, receipts } => {
            AnchorsCall::submit_part { channel, block, part, receipts }
        }
        Call::Commit { block, commitment } => AnchorsCall::commit { channel, block, commitment },
        Call::Reveal { block, result, salt } => AnchorsCall::reveal { channel, block, result, salt },
        Call::Settle { block, first, outputs, proof } => {
            AnchorsCall::settle { channel, block, first, outputs, proof }
        }
        Call::Advance { block } => AnchorsCall::advance { channel, block },
    })
}
