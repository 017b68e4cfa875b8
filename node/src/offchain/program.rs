//! Channel programs: code from the state of the chain, run by the executor's host.

use super::view::Snapshot;
use crate::service::NodeHandle;
use pallet_channels::storage::PROGRAM_CODE;
use quire_channel::merge::Merged;
use quire_channel::program::abi::Context;
use quire_core::H256;
use quire_executor::program::ProgramHost;
use quire_offchain::validator::{ProgramRun, RunProgram};

/// The host with the chain's registered programs.
pub(crate) struct ChainPrograms {
    pub(crate) node: NodeHandle,
    pub(crate) host: ProgramHost,
}

impl ChainPrograms {
    fn code(&self, program: &H256) -> Result<Vec<u8>, String> {
        let finalised = self.node.chain().finalised();
        let state = self.node.chain().state_at(finalised.hash).map_err(|error| error.to_string())?;
        let code = Snapshot(state)
            .get::<Vec<u8>>(&PROGRAM_CODE.key_for(program))
            .map_err(|error| error.to_string())?;
        code.ok_or_else(|| "no program with this hash is registered".to_owned())
    }
}

impl RunProgram for ChainPrograms {
    fn run(&self, program: &H256, context: &Context, merged: &Merged) -> Result<ProgramRun, String> {
        let code = self.code(program)?;
        let result = self.host.run(&code, context, merged).map_err(|error| error.to_string())?;
        Ok(ProgramRun { records: result.records, outputs: result.outputs })
    }
}
