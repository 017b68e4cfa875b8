//! Which calls a proxy may make (R2, R3).

use crate::{Call, ProxyType};

/// The runtime's call, as far as proxies are concerned.
pub trait Proxyable {
    /// Whether a proxy of this type may make the call, and everything nested in it.
    fn is_permitted(&self, by: ProxyType) -> bool;
}

impl<C: Proxyable> Call<C> {
    /// Whether a proxy of this type may make the call for the account it acts for.
    pub fn is_permitted(&self, by: ProxyType) -> bool {
        let may_use_proxies = matches!(by, ProxyType::Any | ProxyType::NonTransfer);
        match self {
            Self::add_proxy { proxy_type, .. } | Self::remove_proxy { proxy_type, .. } => {
                may_use_proxies && by.covers(*proxy_type)
            }
            Self::remove_proxies {} | Self::kill_pure { .. } | Self::announce { .. } => by == ProxyType::Any,
            Self::reject_announcement { .. } => may_use_proxies || by == ProxyType::CancelProxy,
            Self::proxy { call, .. } | Self::proxy_announced { call, .. } => {
                may_use_proxies && call.is_permitted(by)
            }
            Self::create_pure { .. } | Self::remove_announcement { .. } | Self::poke_deposit {} => {
                may_use_proxies
            }
        }
    }
}
