//! Why the network did not start.

/// Why the network did not start; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The node key is no ed25519 seed.
    #[error("the node key is not an ed25519 seed: {reason}; make a new one or pass --node-key")]
    Key {
        /// The library's reason.
        reason: String,
    },
    /// Another process listens there.
    #[error(
        "the peer-to-peer address {address} is in use by another process: stop it, or choose another port with --port"
    )]
    InUse {
        /// The multiaddress.
        address: String,
    },
    /// The address cannot be bound.
    #[error("cannot listen for peers on {address}: {source}; choose another with --port or --listen-addr")]
    Bind {
        /// The multiaddress.
        address: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The address is none that this node can listen on.
    #[error(
        "cannot listen for peers on {address}: {reason}; an address looks like /ip4/0.0.0.0/tcp/30333 or /ip4/0.0.0.0/tcp/30334/ws"
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address names no peer.
    #[error(
        "{address} is no address of a boot node: {reason}; it looks like /ip4/10.0.0.1/tcp/30333/p2p/12D3KooW…"
    )]
    BootNode {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The transports could not be built.
    #[error("the peer-to-peer stack did not start: {reason}")]
    Setup {
        /// The library's reason.
        reason: String,
    },
}

impl NetworkError {
    pub(crate) fn bind(address: &str, source: std::io::Error) -> Self {
        let address = address.to_owned();
        match source.kind() {
            std::io::ErrorKind::AddrInUse => Self::InUse { address },
            _ => Self::Bind { address, source },
        }
    }
}
