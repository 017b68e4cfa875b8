//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::boxed::Box;

use pallet_support::nested::{self, Calls};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance, BlockNumber, DispatchResult, H256, MultiAddress};
use scale_info::TypeInfo;

use crate::{DepositKind, INDEX, ProxyType};

/// Calls of Proxy; `C` is the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(skip_type_params(C), capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call<C> {
    /// Makes a call for an account that one is a proxy of.
    #[codec(index = 0)]
    proxy {
        /// The account to act for.
        real: MultiAddress,
        /// The type of the registration to use; none for the first.
        force_proxy_type: Option<ProxyType>,
        /// The call.
        call: Box<C>,
    },
    /// Names a proxy of the sender.
    #[codec(index = 1)]
    add_proxy {
        /// Who may act.
        delegate: MultiAddress,
        /// Which calls it may make.
        proxy_type: ProxyType,
        /// For how many blocks it must have announced a call; 0 for none.
        delay: BlockNumber,
    },
    /// Takes a proxy off the sender's list.
    #[codec(index = 2)]
    remove_proxy {
        /// Who may act.
        delegate: MultiAddress,
        /// Which calls it may make.
        proxy_type: ProxyType,
        /// Its delay.
        delay: BlockNumber,
    },
    /// Takes all proxies off the sender's list. A pure account that does so is lost.
    #[codec(index = 3)]
    remove_proxies {},
    /// Creates an account that nobody has a key of, with the sender as its proxy.
    #[codec(index = 4)]
    create_pure {
        /// Which calls the sender may make.
        proxy_type: ProxyType,
        /// For how many blocks the sender must have announced a call; 0 for none.
        delay: BlockNumber,
        /// Tells several accounts created in one extrinsic apart.
        index: u16,
    },
    /// Kills the pure account that is the sender. What it holds is lost.
    #[codec(index = 5)]
    kill_pure {
        /// Who created it.
        spawner: MultiAddress,
        /// With which type.
        proxy_type: ProxyType,
        /// With which index.
        index: u16,
        /// In which block.
        #[codec(compact)]
        height: BlockNumber,
        /// In which extrinsic of the block.
        #[codec(compact)]
        ext_index: u32,
    },
    /// Announces a call that will be made for an account that one is a proxy of.
    #[codec(index = 6)]
    announce {
        /// The account to act for.
        real: MultiAddress,
        /// blake2-256 of the encoded call.
        call_hash: H256,
    },
    /// Takes the sender's own announcement back.
    #[codec(index = 7)]
    remove_announcement {
        /// The account to act for.
        real: MultiAddress,
        /// blake2-256 of the encoded call.
        call_hash: H256,
    },
    /// Takes back what a proxy of the sender has announced.
    #[codec(index = 8)]
    reject_announcement {
        /// The proxy.
        delegate: MultiAddress,
        /// blake2-256 of the encoded call.
        call_hash: H256,
    },
    /// Makes a call that a proxy has announced, when its delay is over. Anybody may.
    #[codec(index = 9)]
    proxy_announced {
        /// The proxy.
        delegate: MultiAddress,
        /// The account to act for.
        real: MultiAddress,
        /// The type of the registration to use; none for the first.
        force_proxy_type: Option<ProxyType>,
        /// The call.
        call: Box<C>,
    },
    /// Brings the sender's deposits in line with the current prices.
    #[codec(index = 10)]
    poke_deposit {},
}

impl<C> Call<C> {
    /// The calls directly inside.
    pub fn nested(&self) -> Calls<'_, C> {
        match self {
            Self::proxy { call, .. } | Self::proxy_announced { call, .. } => nested::one(call),
            _ => nested::none(),
        }
    }
}

/// Events of Proxy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A proxy made a call.
    #[codec(index = 0)]
    ProxyExecuted {
        /// How the call ended.
        result: DispatchResult,
    },
    /// A pure account was created.
    #[codec(index = 1)]
    PureCreated {
        /// The account.
        pure: AccountId,
        /// Who created it.
        who: AccountId,
        /// Which calls its creator may make.
        proxy_type: ProxyType,
        /// What tells it from others created in the same extrinsic.
        disambiguation_index: u16,
    },
    /// A pure account was killed.
    #[codec(index = 2)]
    PureKilled {
        /// The account.
        pure: AccountId,
        /// Who had created it.
        spawner: AccountId,
        /// With which type.
        proxy_type: ProxyType,
        /// With which index.
        disambiguation_index: u16,
    },
    /// A call was announced.
    #[codec(index = 3)]
    Announced {
        /// The account it will be made for.
        real: AccountId,
        /// The proxy.
        proxy: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: H256,
    },
    /// A proxy was named.
    #[codec(index = 4)]
    ProxyAdded {
        /// Whose proxy.
        delegator: AccountId,
        /// The proxy.
        delegatee: AccountId,
        /// Which calls it may make.
        proxy_type: ProxyType,
        /// For how many blocks it must have announced a call.
        delay: BlockNumber,
    },
    /// A proxy was taken off the list.
    #[codec(index = 5)]
    ProxyRemoved {
        /// Whose proxy.
        delegator: AccountId,
        /// The proxy.
        delegatee: AccountId,
        /// Which calls it could make.
        proxy_type: ProxyType,
        /// Its delay.
        delay: BlockNumber,
    },
    /// A deposit changed with the prices.
    #[codec(index = 6)]
    DepositPoked {
        /// Whose deposit.
        who: AccountId,
        /// What it is for.
        kind: DepositKind,
        /// Plancks before.
        old_deposit: Balance,
        /// Plancks now.
        new_deposit: Balance,
    },
}

/// Errors of Proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// There are too many proxies, or too many announcements.
    TooMany,
    /// There is no such proxy or announcement.
    NotFound,
    /// The sender is no proxy of the account, or not of that type.
    NotProxy,
    /// The type of the proxy does not permit the call.
    Unproxyable,
    /// The proxy is registered already.
    Duplicate,
    /// The sender is not the pure account that these arguments name.
    NoPermission,
    /// The call was not announced, or not long enough ago.
    Unannounced,
    /// An account cannot be its own proxy.
    NoSelfProxy,
}

pallet_support::impl_module_error!(Error, INDEX);
