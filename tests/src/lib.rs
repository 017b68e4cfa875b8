//! The harness of the workspace's own tests: where the repository is, what a checked-in Wasm blob was built from, how to
//! spoil one, the simulator, the load test of JSON-RPC, and the soak of a consortium.

pub mod blob;
pub mod consortium;
pub mod mutate;
pub mod sim;
pub mod soak;

use std::path::{Path, PathBuf};

/// Root folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
