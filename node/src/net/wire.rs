//! What the hub needs of a network, so that it runs without one, and in tests over another.
use quire_network::peers::BAN_SCORE;
use quire_network::{Channel, Handshake, Link, Method, Network};
use std::sync::Arc;

/// Sends, asks, reports.
pub(crate) trait Wire: Send + Sync {
    /// The handshake for substreams opened from now on.
    fn set_head(&self, handshake: Handshake);
    /// Sends a notification; false if there is no room for it.
    fn notify(&self, link: Link, channel: Channel, bytes: Arc<[u8]>) -> bool;
    /// Asks a peer; the answer comes as an event with the number given here.
    fn request(&self, link: Link, method: Method, bytes: Vec<u8>) -> u64;
    /// Lowers a peer's score.
    fn report(&self, link: Link, rule: &'static str, cost: u32);
}

impl Wire for Network {
    fn set_head(&self, handshake: Handshake) {
        Network::set_head(self, handshake);
    }

    fn notify(&self, link: Link, channel: Channel, bytes: Arc<[u8]>) -> bool {
        Network::notify(self, link, channel, bytes).is_ok()
    }

    fn request(&self, link: Link, method: Method, bytes: Vec<u8>) -> u64 {
        Network::request(self, link, method, bytes)
    }

    fn report(&self, link: Link, rule: &'static str, cost: u32) {
        Network::report(self, link, rule, scaled(cost));
    }
}

/// The deciders disconnect at 100, the network at a score of its own.
fn scaled(cost: u32) -> u32 {
    cost.saturating_mul(BAN_SCORE.unsigned_abs()) / 100
}

/// No network: nobody to send to.
pub(crate) struct Nowhere;

impl Wire for Nowhere {
    fn set_head(&self, _: Handshake) {}

    fn notify(&self, _: Link, _: Channel, _: Arc<[u8]>) -> bool {
        false
    }

    fn request(&self, _: Link, _: Method, _: Vec<u8>) -> u64 {
        0
    }

    fn report(&self, _: Link, _: &'static str, _: u32) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_everything_in_a_decider_does_so_in_the_network() {
        assert_eq!(scaled(100), BAN_SCORE.unsigned_abs());
        assert_eq!(scaled(10) * 10, BAN_SCORE.unsigned_abs());
        assert_eq!(scaled(u32::MAX), u32::MAX / 100, "no overflow");
    }
}
