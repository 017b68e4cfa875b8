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
    /// Messages waiting for one connection before its subscriptions and reads wait too.
    pub message_buffer: u32,
    /// Bytes waiting for one connection before its subscriptions and reads wait too.
    pub output_room_bytes: usize,
    /// Bytes waiting for one connection at which it is closed.
    pub max_output_bytes_per_connection: usize,
    /// Bytes waiting for all connections at which the one with most of them is closed.
    pub max_output_bytes: usize,
    /// Memory for requests of more than 64 KiB of all connections together, bytes.
    pub max_long_request_bytes: usize,
    /// The kernel's send buffer of one connection as asked for, bytes; the kernel takes twice that.
    pub send_buffer_bytes: usize,
    /// Calls of one session that run at once.
    pub max_calls_per_connection: u32,
    /// Subscriptions of all connections together.
    pub max_subscriptions: usize,
    /// Memory for the keys that storage subscriptions watch, bytes.
    pub max_watched_bytes: usize,
    /// Keys in one storage query or subscription.
    pub max_keys_per_call: usize,
    /// Keys in one page of `state_getKeysPaged`.
    pub max_keys_per_page: u32,
    /// Reads (state, blocks, runtime calls) running at once.
    pub concurrent_reads: usize,
    /// How long a client may take nothing of what waits for it, milliseconds.
    pub slow_reader_ms: u64,
    /// `chainHead_v1_follow` subscriptions per connection.
    pub max_follows_per_connection: u32,
    /// Operations of one follow at once.
    pub max_operations_per_follow: usize,
    /// Blocks that are final or lost and that one follow keeps pinned.
    pub max_pinned_blocks_per_follow: usize,
    /// The same over all follows; above it those end that keep one longer than [`max_pin_ms`](Self::max_pin_ms).
    pub max_pinned_blocks: usize,
    /// How long a block that is final or lost stays pinned where there are too many, milliseconds.
    pub max_pin_ms: u64,
    /// Keys and values in one event of a storage operation, bytes; one value alone may be larger.
    pub storage_page_bytes: usize,
    /// Keys and values after which a storage operation waits for `chainHead_v1_continue`, bytes.
    pub storage_bytes_before_continue: usize,
    /// `transaction_v1_broadcast` operations per connection.
    pub max_broadcasts_per_connection: usize,
    /// The same over all connections.
    pub max_broadcasts: usize,
    /// How long one of them runs, milliseconds.
    pub max_broadcast_ms: u64,
    /// How long a connection may take for the head of a request, the pause before it included, milliseconds.
    pub head_ms: u64,
    /// How long a connection is waited for amid a body or a message, milliseconds.
    pub request_ms: u64,
    /// How long a session may say nothing before it is pinged, and then again before it is closed, milliseconds.
    pub ping_ms: u64,
    /// How long a client that was told the end may take to close its side, milliseconds.
    pub closing_ms: u64,
}

const MIB: usize = 1024 * 1024;

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
            output_room_bytes: MIB,
            max_output_bytes_per_connection: 64 * MIB,
            max_output_bytes: 256 * MIB,
            max_long_request_bytes: 128 * MIB,
            send_buffer_bytes: 96 * 1024,
            max_calls_per_connection: 256,
            max_subscriptions: 65_536,
            max_watched_bytes: 64 * MIB,
            max_keys_per_call: 4_096,
            max_keys_per_page: 1_000,
            concurrent_reads: 2,
            slow_reader_ms: 10_000,
            max_follows_per_connection: 4,
            max_operations_per_follow: 16,
            max_pinned_blocks_per_follow: 512,
            max_pinned_blocks: 16_384,
            max_pin_ms: 60_000,
            storage_page_bytes: 256 * 1024,
            storage_bytes_before_continue: 4 * 1024 * 1024,
            max_broadcasts_per_connection: 16,
            max_broadcasts: 1_024,
            max_broadcast_ms: 600_000,
            head_ms: 30_000,
            request_ms: 60_000,
            ping_ms: 30_000,
            closing_ms: 10_000,
        }
    }
}
