//! Watches for new code in the best state, tries it, and has own blocks tell the verdict.
//!
//! Runs on a thread of its own below the author's priority; a dry run takes place here, so it holds up nothing else.
use super::informant::short;
use crate::clock::Stopwatch;
use crate::service::Inner;
use crate::stop::StopReason;
use crate::upgrade::{Attestor, Complaint, Effect, Input, Open, dry_run, trial_options};
use parity_scale_codec::Decode;
use quire_chain::{ExecuteError, Head, QueryError};
use quire_core::{H256, UpgradeState, UpgradeStatus, Verdict};

/// Runs until the node stops.
pub(crate) fn run(node: &Inner) {
    let mut attestor = Attestor::default();
    let mut seen = None;
    while !node.stop.is_thrown() {
        let at = node.chain.best();
        if seen != Some(at.hash) {
            seen = Some(at.hash);
            match open_upgrade(node, at) {
                Ok(open) => advance(node, &mut attestor, Input::Best { at, open }),
                Err(error) if error.is_fatal() => node.stop.throw(StopReason::Fatal(error.to_string())),
                Err(error) => tracing::debug!(target: "upgrade", "block {}: {error}", at.number),
            }
        }
        node.upgrade.wait();
    }
}

/// The upgrade that is open in the state of a block; code without the question has none.
fn open_upgrade(node: &Inner, at: Head) -> Result<Option<Open>, QueryError> {
    let answer = match node.chain.call(at.hash, "QuireUpgrade_status", &[]) {
        Err(QueryError::Execute(ExecuteError::MethodMissing { .. })) => return Ok(None),
        answer => answer?,
    };
    let status = Option::<UpgradeStatus>::decode(&mut &answer[..]).ok().flatten();
    let open = status.map(|status| status.upgrade).filter(|upgrade| upgrade.state.is_open());
    Ok(open.map(|upgrade| Open {
        code_hash: upgrade.code_hash,
        is_scheduled: matches!(upgrade.state, UpgradeState::Scheduled { .. }),
    }))
}

/// One step, and every step that follows from it.
fn advance(node: &Inner, attestor: &mut Attestor, input: Input) {
    for effect in attestor.step(input) {
        match effect {
            Effect::Try { at, code_hash } => {
                let verdict = try_code(node, at, code_hash);
                advance(node, attestor, Input::Tried { code_hash, verdict });
            }
            Effect::Say { code_hash, verdict } => node.upgrade.set(Some((code_hash, verdict))),
            Effect::Forget => node.upgrade.set(None),
        }
    }
}

/// Runs the dry run, makes good code ready for its first block, and tells the operator.
fn try_code(node: &Inner, at: Head, code_hash: H256) -> Option<Verdict> {
    let watch = Stopwatch::start();
    let outcome = dry_run(&node.chain, trial_options(node.compiled_dir()), at, &|| node.stop.is_thrown());
    let (name, ms) = (short(&code_hash), watch.ms());
    match outcome {
        Ok(code) => {
            if let Err(error) = node.chain.executor().prepare(&code) {
                tracing::warn!(target: "upgrade", "new runtime {name} works and is not ready yet: {error}");
            }
            tracing::info!(target: "upgrade", "new runtime {name} works on the state of block {} ({ms} ms)", at.number);
            Some(Verdict::Accept)
        }
        Err(complaint @ Complaint::Code(_)) => {
            tracing::warn!(target: "upgrade", "new runtime {name} is refused ({ms} ms): {complaint}");
            complaint.verdict()
        }
        Err(complaint @ Complaint::Node(_)) => {
            tracing::warn!(target: "upgrade", "new runtime {name} could not be tried ({ms} ms): {complaint}");
            None
        }
    }
}
