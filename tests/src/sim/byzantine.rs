//! Nodes that do wrong: an honest node whose outgoing packets pass a [`Behaviour`], one per file.
//!
//! A behaviour has the node's keys and its chain, signs what it likes without asking any guard, and may talk on its own.

pub mod author_twice;
pub mod junk;
pub mod lie_about_head;
pub mod vote_twice;
pub mod withhold;

use super::keys::Keys;
use super::node::SimChain;
use super::packet::Packet;
use super::rng::Rng;

/// What a behaviour may look at and use.
pub struct View<'a> {
    /// Its place among the authorities.
    pub index: usize,
    /// Number of nodes.
    pub nodes: usize,
    /// Its keys.
    pub keys: &'a Keys,
    /// Its chain.
    pub chain: &'a SimChain,
    /// Voter set and round that its honest half is in.
    pub round: (u64, u64),
    /// The time.
    pub now_ms: u64,
}

/// A way to do wrong.
pub trait Behaviour {
    /// Its name, for reports.
    fn name(&self) -> &'static str;

    /// What goes to node `to` instead of a packet that an honest node would send.
    fn outgoing(&mut self, view: &View<'_>, to: usize, packet: Packet, rng: &mut Rng) -> Vec<Packet>;

    /// What it says by itself, some times a second, and to whom.
    fn idle(&mut self, _view: &View<'_>, _rng: &mut Rng) -> Vec<(usize, Packet)> {
        Vec::new()
    }
}

/// The behaviour with this number.
#[must_use]
pub fn behaviour(number: usize) -> Box<dyn Behaviour> {
    match number % KINDS {
        0 => Box::new(author_twice::AuthorTwice::default()),
        1 => Box::new(vote_twice::VoteTwice),
        2 => Box::new(withhold::Withhold::default()),
        3 => Box::new(junk::Junk),
        _ => Box::new(lie_about_head::LieAboutHead),
    }
}

/// Number of behaviours.
pub const KINDS: usize = 5;
