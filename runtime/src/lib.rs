//! The runtime: the state-transition function of the chain, stored under `:code` and executed as Wasm.
//!
//! It composes the pallets and adds what none of them owns: the outer enums, the order of a block
//! ([`executive`]), the checks of a signed extrinsic ([`extensions`]), the runtime APIs ([`apis`]), metadata and
//! genesis. The node meets it as bytes; it links it natively only to build a genesis state and in tests.
//!
//! * **R1** The index of a pallet is the same in [`RuntimeCall`], [`RuntimeEvent`], [`RuntimeError`] and metadata.
//! * **R2** `System.remark` is the first call of the first pallet: explorers take it as their default.
//! * **R3** Nothing a user sends makes the runtime panic; only a block that its author got wrong does.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod apis;
pub mod executive;
pub mod extensions;
#[cfg(feature = "upgrade-fixture")]
pub mod fixture;
#[cfg(not(target_arch = "wasm32"))]
pub mod genesis;
pub mod metadata;
mod migrations;
mod motions;
mod nesting;
mod proxies;
pub mod session_keys;
pub mod version;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod wasm;

#[cfg(test)]
mod tests;

use pallet_support::{DispatchResultWithInfo, Dispatchable, Origin};
use pallet_system::CodePath;
use parity_scale_codec::{Decode, Encode};
use quire_core::{DispatchClass, DispatchInfo, Pays, TransactionValidity, Weight};
use scale_info::TypeInfo;

/// New code goes through the attested upgrade, from wherever Root offers it.
const CODE_PATH: CodePath =
    CodePath { offer: pallet_upgrade::offer, protected: &[&pallet_upgrade::STORAGE_PREFIX] };

/// What motions need to know of calls.
const MOTIONS: pallet_members::Runner<RuntimeCall> = pallet_members::Runner {
    weigh: RuntimeCall::weight,
    run: RuntimeCall::dispatch,
    classes: motions::classes,
};

/// A call of any pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum RuntimeCall {
    /// Remarks and code.
    #[codec(index = 0)]
    System(pallet_system::Call),
    /// The time of a block.
    #[codec(index = 1)]
    Timestamp(pallet_timestamp::Call),
    /// Transfers.
    #[codec(index = 2)]
    Balances(pallet_balances::Call),
    /// Finality notes.
    #[codec(index = 5)]
    Grandpa(pallet_grandpa::Call),
    /// Keys of authorities.
    #[codec(index = 6)]
    Session(pallet_session::Call),
    /// New code.
    #[codec(index = 7)]
    Upgrade(pallet_upgrade::Call),
    /// Motions of the consortium.
    #[codec(index = 8)]
    Members(pallet_members::Call<RuntimeCall>),
    /// Bonds and duties of validators.
    #[codec(index = 9)]
    Bonds(pallet_bonds::Call),
    /// Channels and their deposits.
    #[codec(index = 10)]
    Channels(pallet_channels::Call),
    /// Life of channel blocks.
    #[codec(index = 11)]
    Anchors(pallet_anchors::Call),
    /// Contributions to randomness.
    #[codec(index = 15)]
    Randomness(pallet_randomness::Call),
    /// Reports of authorities that signed two things.
    #[codec(index = 16)]
    Equivocation(pallet_equivocation::Call),
    /// Several calls in one extrinsic.
    #[codec(index = 20)]
    Utility(pallet_utility::Call<RuntimeCall>),
    /// Accounts of several signatories.
    #[codec(index = 21)]
    Multisig(pallet_multisig::Call<RuntimeCall>),
    /// Acting for other accounts.
    #[codec(index = 22)]
    Proxy(pallet_proxy::Call<RuntimeCall>),
    /// What only the runtime of upgrade tests has.
    #[cfg(feature = "upgrade-fixture")]
    #[codec(index = 250)]
    Fixture(fixture::Call),
}

/// An event of any pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum RuntimeEvent {
    /// Of System.
    #[codec(index = 0)]
    System(pallet_system::Event),
    /// Of Balances.
    #[codec(index = 2)]
    Balances(pallet_balances::Event),
    /// Of TransactionPayment.
    #[codec(index = 3)]
    TransactionPayment(pallet_transaction_payment::Event),
    /// Of Grandpa.
    #[codec(index = 5)]
    Grandpa(pallet_grandpa::Event),
    /// Of Session.
    #[codec(index = 6)]
    Session(pallet_session::Event),
    /// Of Upgrade.
    #[codec(index = 7)]
    Upgrade(pallet_upgrade::Event),
    /// Of Members.
    #[codec(index = 8)]
    Members(pallet_members::Event),
    /// Of Bonds.
    #[codec(index = 9)]
    Bonds(pallet_bonds::Event),
    /// Of Channels.
    #[codec(index = 10)]
    Channels(pallet_channels::Event),
    /// Of Anchors.
    #[codec(index = 11)]
    Anchors(pallet_anchors::Event),
    /// Of Equivocation.
    #[codec(index = 16)]
    Equivocation(pallet_equivocation::Event),
    /// Of Utility.
    #[codec(index = 20)]
    Utility(pallet_utility::Event),
    /// Of Multisig.
    #[codec(index = 21)]
    Multisig(pallet_multisig::Event),
    /// Of Proxy.
    #[codec(index = 22)]
    Proxy(pallet_proxy::Event),
    /// Of Fixture.
    #[cfg(feature = "upgrade-fixture")]
    #[codec(index = 250)]
    Fixture(fixture::Event),
}

/// An error of any pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum RuntimeError {
    /// Of System.
    #[codec(index = 0)]
    System(pallet_system::Error),
    /// Of Balances.
    #[codec(index = 2)]
    Balances(pallet_balances::Error),
    /// Of Grandpa.
    #[codec(index = 5)]
    Grandpa(pallet_grandpa::Error),
    /// Of Session.
    #[codec(index = 6)]
    Session(pallet_session::Error),
    /// Of Upgrade.
    #[codec(index = 7)]
    Upgrade(pallet_upgrade::Error),
    /// Of Members.
    #[codec(index = 8)]
    Members(pallet_members::Error),
    /// Of Bonds.
    #[codec(index = 9)]
    Bonds(pallet_bonds::Error),
    /// Of Channels.
    #[codec(index = 10)]
    Channels(pallet_channels::Error),
    /// Of Anchors.
    #[codec(index = 11)]
    Anchors(pallet_anchors::Error),
    /// Of Randomness.
    #[codec(index = 15)]
    Randomness(pallet_randomness::Error),
    /// Of Equivocation.
    #[codec(index = 16)]
    Equivocation(pallet_equivocation::Error),
    /// Of Utility.
    #[codec(index = 20)]
    Utility(pallet_utility::Error),
    /// Of Multisig.
    #[codec(index = 21)]
    Multisig(pallet_multisig::Error),
    /// Of Proxy.
    #[codec(index = 22)]
    Proxy(pallet_proxy::Error),
}

/// Stands for the runtime itself in metadata.
#[derive(TypeInfo)]
pub struct Runtime;

impl RuntimeCall {
    /// Weight without the extrinsic's base, class, and whether the signer pays.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let normal = |weight| DispatchInfo { weight, class: DispatchClass::Normal, pays_fee: Pays::Yes };
        match self {
            RuntimeCall::System(call) => call.dispatch_info(),
            RuntimeCall::Timestamp(call) => call.dispatch_info(),
            RuntimeCall::Balances(call) => call.dispatch_info(),
            RuntimeCall::Grandpa(call) => call.dispatch_info(),
            RuntimeCall::Session(call) => call.dispatch_info(),
            RuntimeCall::Upgrade(call) => call.dispatch_info(),
            RuntimeCall::Members(call) => call.dispatch_info(RuntimeCall::weight),
            RuntimeCall::Bonds(call) => normal(call.weight()),
            RuntimeCall::Channels(call) => normal(call.weight()),
            RuntimeCall::Anchors(call) => normal(call.weight()),
            RuntimeCall::Randomness(call) => call.dispatch_info(),
            RuntimeCall::Equivocation(call) => call.dispatch_info(),
            RuntimeCall::Utility(call) => call.dispatch_info(),
            RuntimeCall::Multisig(call) => call.dispatch_info(),
            RuntimeCall::Proxy(call) => call.dispatch_info(),
            #[cfg(feature = "upgrade-fixture")]
            RuntimeCall::Fixture(call) => call.dispatch_info(),
        }
    }

    /// Weight without the extrinsic's base.
    pub fn weight(&self) -> Weight {
        self.dispatch_info().weight
    }

    /// Whether the author puts the call into the block by itself: every mandatory call is an inherent.
    pub fn is_inherent(&self) -> bool {
        // What carries out other calls is never mandatory, and weighing it can take long.
        !self.has_room_for_calls() && self.dispatch_info().class == DispatchClass::Mandatory
    }

    /// Whether the call may be in a block without a signer, although it is no inherent; none when it may not.
    pub fn validate_unsigned(&self) -> Option<TransactionValidity> {
        match self {
            RuntimeCall::Equivocation(call) => Some(pallet_equivocation::validate(call)),
            _ => None,
        }
    }

    /// Hands the call to its pallet. The caller opens the storage transaction.
    ///
    /// # Errors
    /// The pallet's own.
    pub fn dispatch(self, origin: Origin) -> DispatchResultWithInfo {
        match self {
            RuntimeCall::System(call) => pallet_system::dispatch(call, origin, &CODE_PATH),
            RuntimeCall::Timestamp(call) => pallet_timestamp::dispatch(call, origin),
            RuntimeCall::Balances(call) => pallet_balances::dispatch(call, origin),
            RuntimeCall::Grandpa(call) => pallet_grandpa::dispatch(call, origin),
            RuntimeCall::Session(call) => pallet_session::dispatch(call, origin),
            RuntimeCall::Upgrade(call) => pallet_upgrade::dispatch(call, origin),
            RuntimeCall::Members(call) => pallet_members::dispatch(call, origin, &MOTIONS),
            RuntimeCall::Bonds(call) => pallet_bonds::dispatch(call, origin),
            RuntimeCall::Channels(call) => pallet_channels::dispatch(call, origin),
            RuntimeCall::Anchors(call) => pallet_anchors::dispatch(call, origin),
            RuntimeCall::Randomness(call) => pallet_randomness::dispatch(call, origin),
            RuntimeCall::Equivocation(call) => pallet_equivocation::dispatch(call, origin),
            RuntimeCall::Utility(call) => pallet_utility::dispatch(call, origin),
            RuntimeCall::Multisig(call) => pallet_multisig::dispatch(call, origin),
            RuntimeCall::Proxy(call) => pallet_proxy::dispatch(call, origin),
            #[cfg(feature = "upgrade-fixture")]
            RuntimeCall::Fixture(call) => fixture::dispatch(call, origin),
        }
    }
}

impl Dispatchable for RuntimeCall {
    fn dispatch_info(&self) -> DispatchInfo {
        RuntimeCall::dispatch_info(self)
    }

    fn dispatch(self, origin: Origin) -> DispatchResultWithInfo {
        RuntimeCall::dispatch(self, origin)
    }
}
