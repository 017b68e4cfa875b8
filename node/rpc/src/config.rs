//! Limits and permissions of the RPC server. Each number carries its unit in its name.

/// Which callers may use methods that change or expose the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsafeMethods {
    /// Only when the listener is bound to a loopback address.
    Auto,
    /// Nobody.
    Deny,
    /// Everybody who reaches the port.
    Allow,
}

/// Which web pages may use the node from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// Every origin.
    All,
    /// These origins; `*` at the end of one stands for any port.
    Origins(Vec<String>),
}

impl Cors {
    /// Pages served by this machine and the hosted polkadot.js Apps, as Substrate nodes allow.
    pub fn local() -> Self {
        Self::Origins(
            ["http://localhost:*", "http://127.0.0.1:*", "https://localhost:*", "https://127.0.0.1:*"]
                .into_iter()
                .chain(["https://polkadot.js.org"])
                .map(str::to_owned)
                .collect(),
        )
    }

    /// Whether a page of this origin may talk to the node.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::All => true,
            Self::Origins(list) => list.iter().any(|allowed| match allowed.strip_suffix(":*") {
                Some(host) => {
                    origin == host || origin.strip_prefix(host).is_some_and(|rest| rest.starts_with(':'))
                }
                None => origin == allowed,
            }),
        }
    }
}

/// Limits and permissions; [`RpcConfig::default`] is what a node serves without flags.
#[derive(Debug, Clone)]
pub struct RpcConfig {
    /// Who may call unsafe methods.
    pub unsafe_methods: UnsafeMethods,
    /// Which browser origins may connect.
    pub cors: Cors,
    /// Connections at once.
    pub max_connections: u32,
    /// Largest request body, bytes.
    pub max_request_bytes: u32,
    /// Largest response body, bytes.
    pub max_response_bytes: u32,
    /// Subscriptions per connection.
    pub max_subscriptions_per_connection: u32,
    /// Requests in one batch.
    pub max_batch_requests: u32,
    /// Messages buffered for one connection before its subscriptions wait.
    pub message_buffer: u32,
    /// Keys in one storage query or subscription.
    pub max_keys_per_call: usize,
    /// Keys in one page of `state_getKeysPaged`.
    pub max_keys_per_page: u32,
    /// Reads (state, blocks, runtime calls) running at once.
    pub concurrent_reads: usize,
    /// How long a subscriber may leave its buffer full, milliseconds.
    pub slow_reader_ms: u64,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            unsafe_methods: UnsafeMethods::Auto,
            cors: Cors::local(),
            max_connections: 1_100,
            max_request_bytes: 15 * 1024 * 1024,
            max_response_bytes: 15 * 1024 * 1024,
            max_subscriptions_per_connection: 1_024,
            max_batch_requests: 1_000,
            message_buffer: 256,
            max_keys_per_call: 4_096,
            max_keys_per_page: 1_000,
            concurrent_reads: 2,
            slow_reader_ms: 10_000,
        }
    }
}
