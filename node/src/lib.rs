//! The parts of the `quire` binary: command line, configuration, keys, and the tasks that drive the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | flags and subcommands, no logic |
//! | [`config`] | what the flags mean, checked once |
//! | [`chain_spec`] | presets, and specs read from and written to files |
//! | [`certificate`], [`admission`], [`credentials`] | certificates of nodes, what a peer may do by its own, their exchange |
//! | [`invitation`] | the one file with which an organisation joins |
//! | [`base_path`] | where a chain lives on disk, and the lock on it |
//! | [`block_file`] | files of blocks, for export and import |
//! | [`keystore`], [`suri`], [`guard`] | secret keys, the only place that signs, what must never be signed twice |
//! | [`secret_input`] | secrets as people give them to a command |
//! | [`service`] | builds the parts and connects them: [`service::Node`] and [`service::NodeHandle`] |
//! | `offchain` | drives the machines of `quire-offchain`: participants and validators of channels |
//! | `demo` | `quire demo`: the main job on one machine |
//! | `serve` | answers of peers and light clients |
//! | [`sealing`] | when to make a block: in slots, or on demand |
//! | `explain` | why finality, a peer or a block is as it is |
//! | `net` | the node among others: votes, sync and gossip over the network |
//! | `offences` | what is done with proofs of equivocation |
//! | [`equivocation`] | reports authorities that signed two things |
//! | `metrics` | what Prometheus scrapes |
//! | `task` | one loop per file: author, pool, informant |
//! | [`warp_sync`] | `--sync warp`: starting from a state that is downloaded |
//! | `upgrade` | new code: when to try it, what is tried, what own blocks say about it |
//! | `command` | one file per subcommand |

pub mod admission;
pub mod base_path;
pub mod block_file;
pub mod certificate;
pub mod chain_spec;
pub mod cli;
mod clock;
mod command;
pub mod config;
pub mod credentials;
mod demo;
pub mod equivocation;
mod error;
mod explain;
pub mod guard;
pub mod invitation;
pub mod keystore;
mod logging;
mod metrics;
mod net;
mod offchain;
mod offences;
pub mod sealing;
pub mod secret_input;
mod serve;
pub mod service;
mod stop;
pub mod suri;
mod task;
mod upgrade;
pub mod warp_sync;

pub use command::run;
pub use error::Error;
pub use service::{Node, NodeHandle};
pub use stop::StopReason;
