//! Which calls a proxy of each type may make.
//!
//! | type | permits |
//! |---|---|
//! | `Any` | everything |
//! | `NonTransfer` | remarks, Bonds, Session, Members, Multisig, Proxy: what neither moves money nor commits it to others |
//! | `Governance` | Members |
//! | `Staking` | Bonds, Session |
//! | `Channels` | Channels and Anchors, their deposits and withdrawals included |
//! | `CancelProxy` | `Proxy.reject_announcement` |
//!
//! * **R1** A Utility call is permitted when everything nested in it is; so are Multisig and Proxy calls, where the type
//!   permits those pallets at all. A motion is a vote, not an act of the account: what it holds is not looked at.
//! * **R2** What names another call by its hash only is permitted to `Any` alone: `approve_as_multi`, `announce`.
//! * **R3** Channels and Anchors are not `NonTransfer`: terms, delegations and reveals decide who gets the deposits.
//! * **R4** A type that covers another permits all that the other permits (`ProxyType::covers`).

use pallet_proxy::{ProxyType, Proxyable};

use crate::RuntimeCall;

impl Proxyable for RuntimeCall {
    fn is_permitted(&self, by: ProxyType) -> bool {
        use ProxyType::{Any, Channels, Governance, NonTransfer, Staking};
        if by == Any {
            return true;
        }
        let nested_are_permitted = || self.nested().all(|call| call.is_permitted(by));
        match self {
            RuntimeCall::Utility(_) => nested_are_permitted(),
            RuntimeCall::Multisig(call) => {
                by == NonTransfer && !call.hides_its_call() && nested_are_permitted()
            }
            RuntimeCall::Proxy(call) => call.is_permitted(by),
            RuntimeCall::Members(_) => matches!(by, NonTransfer | Governance),
            RuntimeCall::Bonds(_) | RuntimeCall::Session(_) => matches!(by, NonTransfer | Staking),
            RuntimeCall::Channels(_) | RuntimeCall::Anchors(_) => by == Channels,
            RuntimeCall::System(_) => by == NonTransfer,
            RuntimeCall::Timestamp(_)
            | RuntimeCall::Balances(_)
            | RuntimeCall::Grandpa(_)
            | RuntimeCall::Randomness(_)
            | RuntimeCall::Equivocation(_)
            | RuntimeCall::Upgrade(_) => false,
            #[cfg(feature = "upgrade-fixture")]
            RuntimeCall::Fixture(_) => false,
        }
    }
}
