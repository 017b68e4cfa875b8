//! What [`Network`](crate::Network) asks of the shell.

use super::Shell;
use crate::event::{Event, Link, RequestError};
use crate::peers::Input;
use crate::protocol::Method;
use libp2p::PeerId;
use std::time::Duration;

/// An order of the node.
pub(crate) enum Command {
    /// Ask a peer.
    Request { link: Link, request: u64, method: Method, bytes: Vec<u8> },
    /// Too many requests wait already.
    Refuse { link: Link, request: u64 },
    /// A peer broke a rule.
    Report { link: Link, rule: &'static str, cost: u32 },
    /// Close a link.
    Disconnect { link: Link },
    /// Keep a peer out.
    Ban { peer: PeerId, rule: &'static str, duration: Duration },
    /// Let it in again.
    Allow { peer: PeerId },
}

impl Shell {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Request { link, request, method, bytes } => {
                self.ask(link, request, method, bytes, false);
            }
            Command::Refuse { link, request } => {
                self.emit(Event::Response { link, request, result: Err(RequestError::Busy) });
            }
            Command::Report { link, rule, cost } => {
                if let Some(peer) = self.conns.get(&link).map(|conn| conn.peer) {
                    self.broke(peer, rule, cost);
                }
            }
            Command::Disconnect { link } => self.close(link),
            Command::Ban { peer, rule, duration } => {
                let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                self.step(Input::Ban(peer, rule, duration_ms));
            }
            Command::Allow { peer } => self.step(Input::Allow(peer)),
        }
    }
}
