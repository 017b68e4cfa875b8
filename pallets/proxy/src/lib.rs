//! Proxy: accounts that others may act for, within a type of calls and, if wanted, only after an announcement.
//!
//! Names, indices and arguments are those of Substrate's pallet of this name, which wallets know. Terms: a *proxy* (or
//! delegate) acts for the *real* account (the delegator); its [`ProxyType`] says which calls it may make, its *delay* for
//! how many blocks it must have announced a call before; a *pure* account is one that nobody has a key of, only proxies.
//!
//! Rules:
//! * R1. An account names its proxies: at most [`MAX_PROXIES`], not itself, none twice with one type and delay.
//! * R2. A proxy's call runs as the real account, when a registration allows it: the one of the type that the caller
//!   names, else the first in order. It is refused (`System.CallFiltered`) unless the type permits it and everything
//!   nested in it. How it ended is in the event `ProxyExecuted`; when it failed, what it did is undone.
//! * R3. Nobody gains rights: a proxy adds and removes proxies only of types that its own covers, and only a proxy of
//!   type `Any` removes all proxies or kills a pure account. A proxy of another type than `Any` makes no call that shows
//!   another call by its hash only, since nobody could check that one.
//! * R4. With a delay, the proxy announces the hash of the call, at most [`MAX_PENDING`] of them, and anybody makes the
//!   call when the delay is over. Proxy and real account may take an announcement back before.
//! * R5. Proxies are paid for with a deposit of the real account, [`DEPOSIT_BASE`] and [`DEPOSIT_FACTOR`] for each;
//!   announcements with one of the proxy, [`ANNOUNCEMENT_DEPOSIT_BASE`] and [`ANNOUNCEMENT_DEPOSIT_FACTOR`] for each.
//!   They are freed as the lists become shorter.
//! * R6. A pure account is blake2-256("modlpy/proxy____" ++ spawner ++ block u32 ++ extrinsic u32 ++ type ++ index u16).
//!   Its spawner is its first proxy and pays for that; it is killed by itself, and its spawner gets the deposit back.
//! * R7. `poke_deposit` brings an account's deposits in line with the current prices; it is free when that changes
//!   something.
//! * R8. Calls around another weigh what ran; they are of its class, and never mandatory.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `proxy` | signed, a proxy |
//! | 1 | `add_proxy` | signed |
//! | 2 | `remove_proxy` | signed |
//! | 3 | `remove_proxies` | signed |
//! | 4 | `create_pure` | signed |
//! | 5 | `kill_pure` | signed, the pure account |
//! | 6 | `announce` | signed, a proxy |
//! | 7 | `remove_announcement` | signed, the proxy |
//! | 8 | `reject_announcement` | signed, the real account |
//! | 9 | `proxy_announced` | signed |
//! | 10 | `poke_deposit` | signed |
//!
//! Whoever removes the last proxy of a pure account loses it for ever, with what it holds and its spawner's deposit.
//!
//! Out of scope: which calls of other pallets a type permits (the runtime says so, in [`Proxyable`]).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod announce;
mod deposit;
mod invariants;
mod pallet;
mod permit;
mod pure;
mod register;
mod run;
pub mod storage;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{
    Constant, DispatchError, DispatchResultWithInfo, Dispatchable, Origin, PostInfo, ensure_signed, nested,
    with_info,
};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance, BlockNumber, H256, MultiAddress, Pays, UNITS};
use scale_info::{StaticTypeInfo, TypeInfo, meta_type};

pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use permit::Proxyable;
pub use pure::pure_account;

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 22;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Proxy";

/// Deposit for having proxies: 0.05 QIR.
pub const DEPOSIT_BASE: Balance = UNITS / 20;
/// Deposit for each proxy: 0.005 QIR.
pub const DEPOSIT_FACTOR: Balance = UNITS / 200;
/// Most proxies of an account.
pub const MAX_PROXIES: u32 = 32;
/// Most announcements of a proxy.
pub const MAX_PENDING: u32 = 32;
/// Deposit for having announcements: 0.05 QIR.
pub const ANNOUNCEMENT_DEPOSIT_BASE: Balance = UNITS / 20;
/// Deposit for each announcement: 0.01 QIR.
pub const ANNOUNCEMENT_DEPOSIT_FACTOR: Balance = UNITS / 100;

/// Which calls a proxy may make. Where nothing else is said, batches and derivatives of permitted calls are permitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_proxy", "quire_runtime"), capture_docs = "always")]
pub enum ProxyType {
    /// All.
    #[default]
    #[codec(index = 0)]
    Any,
    /// All that neither move money of the account nor commit it to others: remarks, bonds, motions, proxies, multisig.
    #[codec(index = 1)]
    NonTransfer,
    /// Motions of the members.
    #[codec(index = 2)]
    Governance,
    /// Bonds and duties of validators.
    #[codec(index = 3)]
    Staking,
    /// Channels, their money inside, and the life of their blocks.
    #[codec(index = 4)]
    Channels,
    /// Rejecting what other proxies have announced.
    #[codec(index = 5)]
    CancelProxy,
}

impl ProxyType {
    /// Whether everything that `other` permits is permitted.
    pub fn covers(self, other: ProxyType) -> bool {
        self == other
            || match self {
                Self::Any => true,
                Self::NonTransfer => matches!(other, Self::Governance | Self::Staking | Self::CancelProxy),
                Self::Governance | Self::Staking | Self::Channels | Self::CancelProxy => false,
            }
    }
}

/// A registered proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
pub struct ProxyDefinition {
    /// Who may act.
    pub delegate: AccountId,
    /// Which calls it may make.
    pub proxy_type: ProxyType,
    /// For how many blocks it must have announced a call; 0 for none.
    pub delay: BlockNumber,
}

/// A call that a proxy has announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Announcement {
    /// For whom it will be made.
    pub real: AccountId,
    /// blake2-256 of the encoded call.
    pub call_hash: H256,
    /// Block of the announcement.
    pub height: BlockNumber,
}

/// What a deposit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum DepositKind {
    /// Proxies of the account.
    #[codec(index = 0)]
    Proxies,
    /// Announcements by the account.
    #[codec(index = 1)]
    Announcements,
}

/// The account that an address names.
fn lookup(address: &MultiAddress) -> Result<AccountId, DispatchError> {
    address.account().ok_or(DispatchError::CannotLookup)
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, `CannotLookup`, those of [`Error`] and of Balances.
pub fn dispatch<C: Dispatchable + Proxyable + Encode>(
    call: Call<C>,
    origin: Origin,
) -> DispatchResultWithInfo {
    let base = call.base_weight();
    let refuse = |error| nested::failed(error, base);
    let who = ensure_signed(&origin).map_err(refuse)?;
    match call {
        Call::proxy { real, force_proxy_type, call } => {
            let ran = run::proxy(who, &real, force_proxy_type, *call).map_err(refuse)?;
            Ok(nested::weighed(base + ran))
        }
        Call::add_proxy { delegate, proxy_type, delay } => with_info(
            lookup(&delegate)
                .and_then(|delegate| register::add(&who, ProxyDefinition { delegate, proxy_type, delay })),
        ),
        Call::remove_proxy { delegate, proxy_type, delay } => with_info(
            lookup(&delegate)
                .and_then(|delegate| register::remove(&who, ProxyDefinition { delegate, proxy_type, delay })),
        ),
        Call::remove_proxies {} => with_info(register::remove_all(&who)),
        Call::create_pure { proxy_type, delay, index } => {
            with_info(pure::create(&who, proxy_type, delay, index))
        }
        Call::kill_pure { spawner, proxy_type, index, height, ext_index } => with_info(
            lookup(&spawner)
                .and_then(|spawner| pure::kill(&who, spawner, proxy_type, index, (height, ext_index))),
        ),
        Call::announce { real, call_hash } => {
            with_info(lookup(&real).and_then(|real| announce::announce(&who, real, call_hash)))
        }
        Call::remove_announcement { real, call_hash } => {
            with_info(lookup(&real).and_then(|real| announce::remove(&who, real, call_hash)))
        }
        Call::reject_announcement { delegate, call_hash } => {
            with_info(lookup(&delegate).and_then(|delegate| announce::remove(&delegate, who, call_hash)))
        }
        Call::proxy_announced { delegate, real, force_proxy_type, call } => {
            let ran = run::proxy_announced(&delegate, &real, force_proxy_type, *call).map_err(refuse)?;
            Ok(nested::weighed(base + ran))
        }
        Call::poke_deposit {} => {
            let pays_fee = if deposit::poke(&who).map_err(refuse)? { Pays::No } else { Pays::Yes };
            Ok(PostInfo { pays_fee, ..PostInfo::default() })
        }
    }
}

/// What metadata says about the pallet; `C` is the runtime's call.
pub fn metadata<C: StaticTypeInfo>() -> PalletMetadataParts {
    let constant = |name, value: &Balance, doc| Constant::new(name, value, &[doc]);
    PalletMetadataParts {
        storage: vec![storage::PROXIES.entry_metadata(), storage::ANNOUNCEMENTS.entry_metadata()],
        calls: Some(meta_type::<Call<C>>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            constant("ProxyDepositBase", &DEPOSIT_BASE, "Deposit for having proxies."),
            constant("ProxyDepositFactor", &DEPOSIT_FACTOR, "Deposit for each proxy."),
            Constant::new("MaxProxies", &MAX_PROXIES, &["Most proxies of an account."]),
            Constant::new("MaxPending", &MAX_PENDING, &["Most announcements of a proxy."]),
            constant(
                "AnnouncementDepositBase",
                &ANNOUNCEMENT_DEPOSIT_BASE,
                "Deposit for having announcements.",
            ),
            constant(
                "AnnouncementDepositFactor",
                &ANNOUNCEMENT_DEPOSIT_FACTOR,
                "Deposit for each announcement.",
            ),
        ],
        docs: vec!["Accounts that others may act for, within a type of calls."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
