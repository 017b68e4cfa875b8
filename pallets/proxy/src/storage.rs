//! What Proxy keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::{StorageMap, Twox64Concat};
use quire_core::{AccountId, Balance};

use crate::{Announcement, NAME, ProxyDefinition};

/// Proxies of an account, sorted, and the deposit for them; by `add_proxy`, `remove_proxy`, `remove_proxies`,
/// `create_pure`, `kill_pure` and `poke_deposit`.
pub const PROXIES: StorageMap<AccountId, (Vec<ProxyDefinition>, Balance), Twox64Concat> =
    StorageMap::new(NAME, "Proxies", &["Proxies of an account, sorted, and the deposit for them."])
        .defaulted();

/// Announcements by a proxy, oldest first, and the deposit for them; by `announce`, `remove_announcement`,
/// `reject_announcement`, `proxy_announced` and `poke_deposit`.
pub const ANNOUNCEMENTS: StorageMap<AccountId, (Vec<Announcement>, Balance), Twox64Concat> = StorageMap::new(
    NAME,
    "Announcements",
    &["Announcements by a proxy, oldest first, and the deposit for them."],
)
.defaulted();
