//! `quire` without a subcommand: runs a node until a signal or a fatal error.
use crate::Error;
use crate::cli::RunArgs;
use crate::config::{Config, ConfigError};
use crate::service::Node;
use crate::stop::StopReason;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(args: &RunArgs) -> Result<(), Error> {
    crate::logging::start(&args.shared.log).map_err(ConfigError::Log)?;
    let config = Config::from_args(args)?;
    for warning in args.compat.warnings() {
        tracing::warn!(target: "substrate", "{warning}");
    }
    tracing::info!(target: "substrate", "Quire {}", env!("CARGO_PKG_VERSION"));
    let node = Node::start(config)?;
    let reason = wait(&node)?;
    tracing::info!(target: "substrate", "stopping");
    node.stop();
    match reason {
        StopReason::Requested => Ok(()),
        StopReason::Fatal(why) => Err(Error::Stopped(why)),
    }
}

/// Until SIGINT, SIGTERM, or the node stops by itself.
pub(super) fn wait(node: &Node) -> Result<StopReason, Error> {
    wait_with(node, async {})
}

/// The same, with something to see to meanwhile.
pub(super) fn wait_with(node: &Node, meanwhile: impl Future<Output = ()>) -> Result<StopReason, Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Threads)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Threads)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Threads)?;
        let end = async {
            tokio::select! {
                _ = interrupt.recv() => StopReason::Requested,
                _ = terminate.recv() => StopReason::Requested,
                reason = node.stopped() => reason,
            }
        };
        let meanwhile = async {
            meanwhile.await;
            std::future::pending::<StopReason>().await
        };
        Ok(tokio::select! {
            reason = end => reason,
            reason = meanwhile => reason,
        })
    })
}
