//! What a command fails with: a sentence that says what, where and what to do.
use crate::chain_spec::SpecError;
use crate::config::ConfigError;

/// Any failure of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flags do not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The chain spec cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Output could not be written.
    #[error("cannot write {what}: {source}")]
    Output {
        /// Where to.
        what: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The node did not start.
    #[error(transparent)]
    Start(#[from] crate::service::StartError),
    /// A key command failed.
    #[error(transparent)]
    Key(#[from] crate::command::KeyError),
    /// A certificate command failed.
    #[error(transparent)]
    Cert(#[from] crate::command::CertError),
    /// An invitation failed.
    #[error(transparent)]
    Join(#[from] crate::command::JoinError),
    /// A subcommand on a chain's database failed.
    #[error(transparent)]
    Operator(#[from] crate::command::OperatorError),
    /// A running node explained nothing.
    #[error(transparent)]
    Explain(#[from] crate::command::ExplainError),
    /// The demo failed.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// The node ran and had to stop.
    #[error("the node stopped: {0}")]
    Stopped(String),
    /// The async runtime did not start.
    #[error("cannot start the node's threads: {0}; raise the limit on processes (ulimit -u)")]
    Threads(std::io::Error),
}
