//! `quire demo`: runs the main job; with `--serve` the node stays up until a signal.
use crate::Error;
use crate::config::ConfigError;
use crate::demo::{self, DemoArgs};
use crate::stop::StopReason;

pub(super) fn run(args: &DemoArgs) -> Result<(), Error> {
    // Bars and the table have the terminal; only what needs attention is logged.
    crate::logging::start(&["warn".into()]).map_err(ConfigError::Log)?;
    let Some(node) = demo::run(args)? else { return Ok(()) };
    if let Some(address) = node.rpc_address() {
        eprintln!("JSON-RPC at ws://{address}; stop with Ctrl-C");
    }
    let reason = super::run::wait(&node)?;
    node.stop();
    match reason {
        StopReason::Requested => Ok(()),
        StopReason::Fatal(why) => Err(Error::Stopped(why)),
    }
}
