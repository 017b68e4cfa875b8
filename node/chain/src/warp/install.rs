//! Putting a state that was downloaded in the place of the genesis state.
//!
//! Rules
//! - R1 Only a chain that has nothing but its genesis block takes one.
//! - R2 Everything is checked before anything is written: the state hashes to the target's state root, its runtime works
//!   on it, and names the voters that the proofs led to.
//! - R3 It is one commit: after a crash the store has the genesis state or the new one.
//! - R4 Headers and justifications of all changes of the voters are kept, so that this node proves finality to others as
//!   one that imported every block.
//! - R5 The blocks between stay unknown. Their states and bodies are as if pruned.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_core::H256;
use quire_trie::{NoNodes, NodeChanges, NodePath, StateVersion};

use super::{Target, index};
use crate::chain::{Chain, Sets, aura_set, block_node, voter_set};
use crate::environment::{
    CODE_KEY, Commit, Execute, ExecuteError, Head, Install, ProvedBlock, RuntimeCode, StateError, StateView,
    Store, StoreError,
};
use crate::layer::Layer;
use crate::tree::Tree;

/// A state with the proof of its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The block, and the way to it.
    pub target: Target,
    /// All pairs of the state after it.
    pub pairs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Why a state is not installed. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// R1.
    #[error(
        "the database has blocks up to {best} already: warp sync begins with an empty one (quire purge-chain), or leave out --sync warp"
    )]
    NotEmpty {
        /// The best block.
        best: u32,
    },
    /// R2.
    #[error("the downloaded state hashes to {found}, block {number} has the state root {expected}")]
    WrongRoot {
        /// The target.
        number: u32,
        /// What its header says.
        expected: H256,
        /// What the pairs hash to.
        found: H256,
    },
    /// R2.
    #[error("the downloaded state has no :code")]
    NoCode,
    /// R2.
    #[error("the downloaded state names other voters than the proofs of finality")]
    OtherVoters,
    /// R2.
    #[error("the runtime does not work on the downloaded state: {0}")]
    Execute(#[from] ExecuteError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A whole state in memory.
struct Whole<'a> {
    values: &'a BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    nodes: &'a NodeChanges,
}

impl StateView for Whole<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.values.get(key).cloned().flatten())
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let mut above = self.values.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        Ok(above.next().map(|(key, _)| key.clone()))
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(path).cloned().flatten())
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Installs a state as that of the last final block, and goes on from there.
    ///
    /// # Errors
    /// When a rule is broken, or the store fails.
    pub fn install(&self, installation: Installation) -> Result<Head, InstallError> {
        let _writer = self.writer();
        let best = self.best();
        if best.number != 0 {
            return Err(InstallError::NotEmpty { best: best.number });
        }
        let Installation { target, pairs } = installation;
        let header = target.last.header.clone();
        let head = Head { number: header.number, hash: header.hash() };
        let values: BTreeMap<_, _> = pairs.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let layer = whole_layer(values, head.number, header.state_root)?;
        let sets = self.sets_of(&layer, &target)?;
        let mut commit = Commit::default();
        for (count, change) in (0..).zip(&target.followed.changes) {
            let at = Head { number: change.header.number, hash: change.header.hash() };
            index::note(&mut commit, count, at);
        }
        commit.install = Some(Install {
            block: proved(&target.last),
            layer: Arc::new(layer),
            below: target
                .followed
                .changes
                .iter()
                .filter(|change| **change != target.last)
                .map(proved)
                .collect(),
        });
        self.durable(commit, Some(head.number))?;
        *self.tree_mut() = Tree::new(block_node(head.hash, Arc::new(header), Arc::default(), sets));
        Ok(head)
    }

    /// R2: code and authorities of a whole state.
    fn sets_of(&self, layer: &Layer, target: &Target) -> Result<Sets, InstallError> {
        let state = Whole { values: &layer.values, nodes: &layer.nodes };
        let code = layer.values.get(CODE_KEY).and_then(Option::as_ref).ok_or(InstallError::NoCode)?;
        let code = RuntimeCode::new(code);
        let aura = Arc::new(aura_set(&*self.executor, &code, &state)?);
        let voters = Arc::new(voter_set(&*self.executor, &code, &state)?);
        if *voters != target.followed.voters {
            return Err(InstallError::OtherVoters);
        }
        Ok(Sets { code, aura, voters })
    }
}

/// R2: the values with the trie over them.
fn whole_layer(
    values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    number: u32,
    expected: H256,
) -> Result<Layer, InstallError> {
    // A trie without rows to read has nothing to fail on.
    let (found, nodes) = quire_trie::update(&NoNodes, StateVersion::V1, &values)
        .map_err(|_| InstallError::WrongRoot { number, expected, found: H256::ZERO })?;
    if found != expected {
        return Err(InstallError::WrongRoot { number, expected, found });
    }
    Ok(Layer { values, nodes })
}

fn proved(fragment: &super::Fragment) -> ProvedBlock {
    ProvedBlock {
        hash: fragment.header.hash(),
        header: Arc::new(fragment.header.clone()),
        justification: fragment.justification.encode(),
    }
}
