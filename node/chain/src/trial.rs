//! Blocks under new code, made for nobody to see: what a dry run of an upgrade consists of.
//!
//! Terms: the *enacted state* of a block is its state with other code under `:code`, as if the block had put it there.
//!
//! Rules
//! - R1 A trial changes nothing that stays: not the store, not the tree, not the pool.
//! - R2 It runs on the executor that it is given, which has limits of its own; the chain's own executor is not used.
//! - R3 The block is built by the same steps as one of ours, and then executed by the same call as one of somebody else;
//!   both must end in the same state root.
//! - R4 Transactions that the new code refuses are counted and left out: they may be signed for the old one.
//! - R5 An error says whether the code is at fault ([`Fault::Sender`]) or this node, or the moment.
//!
//! Out of scope: what is to be checked of the outcome, limits of time and memory.

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_core::{Block, H256, Header, InherentData, OpaqueExtrinsic, Slot};
use quire_trie::StateVersion;

use crate::author::{ProposeError, Proposer};
use crate::chain::{Chain, Sets};
use crate::environment::{
    CODE_KEY, Execute, ExecuteError, Fault, Head, RuntimeCode, StateError, StateView, Store,
};
use crate::layer::Layer;
use crate::overlay::{Overlay, RootError};
use crate::query::QueryError;
use crate::view::Group;

/// A state in which new code is enacted.
#[derive(Clone)]
pub struct Enacted {
    /// The block whose state it is.
    pub parent: Head,
    /// The new code.
    pub code: RuntimeCode,
    /// The state, with the new code in it.
    pub state: Arc<dyn StateView>,
}

/// What a trial block came to.
#[derive(Debug)]
pub struct Tried {
    /// Its header, without a seal.
    pub header: Header,
    /// What it changed in the enacted state.
    pub layer: Layer,
    /// Transactions that the code took.
    pub applied: usize,
    /// Transactions that it refused (R4).
    pub refused: usize,
}

/// Why a trial ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// The block or its state is not there any more.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The block could not be built.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// The block was built and cannot be executed.
    #[error("its own block cannot be executed: {0}")]
    Execute(#[from] ExecuteError),
    /// Building and executing end in different states.
    #[error("building a block gives state root {built}, executing it {executed}")]
    StateRoot {
        /// After building.
        built: H256,
        /// After executing.
        executed: H256,
    },
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl TrialError {
    /// Whose fault it is: [`Fault::Sender`] means the code (R5).
    #[must_use]
    pub fn fault(&self) -> Fault {
        let of_call = |error: &ExecuteError| match error.fault() {
            // The code lacks what everybody calls.
            Fault::Caller => Fault::Sender,
            fault => fault,
        };
        match self {
            Self::Query(error) => match error.fault() {
                Fault::Caller => Fault::Nobody,
                fault => fault,
            },
            Self::Propose(ProposeError::Execute { source, .. }) => of_call(source),
            Self::Propose(ProposeError::Inherent { .. } | ProposeError::WrongHeader { .. }) => Fault::Sender,
            Self::Propose(ProposeError::UnknownParent { .. } | ProposeError::Slot(_)) => Fault::Nobody,
            Self::Propose(ProposeError::State(error)) | Self::State(error) => error.fault(),
            Self::Execute(error) => of_call(error),
            Self::StateRoot { .. } => Fault::Sender,
        }
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// The state after `parent` with `code` enacted.
    pub fn enacted(&self, parent: H256, code: &RuntimeCode) -> Result<Enacted, TrialError> {
        let header = match self.header(parent).map_err(QueryError::from)? {
            Some(header) => header,
            None => return Err(QueryError::UnknownBlock { hash: parent }.into()),
        };
        let mut view = self.view_at(parent)?;
        let mut overlay = Overlay::new();
        overlay.set(CODE_KEY, code.bytes.to_vec());
        let (_, layer) = overlay.into_layer(&view, StateVersion::V1).map_err(StateError::from)?;
        view.groups.insert(0, Group::Single(Arc::new(layer)));
        let parent = Head { number: header.number, hash: parent };
        Ok(Enacted { parent, code: code.clone(), state: Arc::new(view) })
    }

    /// Builds a block with `transactions` on an enacted state, executes it, and compares (R1 to R4).
    pub fn try_block<T: Execute + ?Sized>(
        &self,
        executor: &Arc<T>,
        on: &Enacted,
        slot: Slot,
        inherents: &InherentData,
        transactions: &[Arc<OpaqueExtrinsic>],
    ) -> Result<Tried, TrialError> {
        let sets = Sets { code: on.code.clone(), ..self.best_sets() };
        let parent = (on.parent, sets);
        let mut proposer = Proposer::begin(executor.clone(), on.state.clone(), parent, slot, inherents)?;
        let answers = proposer.push_batch(transactions)?;
        let applied = answers.iter().filter(|answer| answer.is_ok()).count();
        let built = proposer.finish()?;
        let block = Block { header: built.header, extrinsics: built.body.to_vec() };
        let (executed, _) = execute(&**executor, on, &block)?;
        if executed != block.header.state_root {
            return Err(TrialError::StateRoot { built: block.header.state_root, executed });
        }
        let refused = answers.len() - applied;
        Ok(Tried { header: block.header, layer: built.layer, applied, refused })
    }

    /// The sets of the best head; trial blocks are not sealed, so that the authorities do not matter.
    fn best_sets(&self) -> Sets {
        self.tree().best().data.sets.clone()
    }
}

/// The state root that executing a block gives, and what it changed.
fn execute<T: Execute + ?Sized>(
    executor: &T,
    on: &Enacted,
    block: &Block,
) -> Result<(H256, Layer), TrialError> {
    let mut overlay = Overlay::new();
    executor.call(&on.code, &*on.state, &mut overlay, "Core_execute_block", &block.encode())?;
    let done = overlay.into_layer(&*on.state, StateVersion::V1);
    Ok(done.map_err(|error: RootError| StateError::from(error))?)
}

#[cfg(test)]
mod tests;
