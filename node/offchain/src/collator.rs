//! Builds a participant's part of a block: which batches, and which of their messages.
//!
//! Rules
//! * R1: every message of the participant's own is in its part.
//! * R2: of the others it takes what its [`Selection`] keeps: what it would lose money by omitting. Messages that are not
//!   kept stand as ids, so that the others can be proved; a batch of which nothing is kept is left out.
//! * R3: both sides of an equivocation are offered to the selection like everything else.
//! * R4: the part depends on the messages and the selection only, not on the order of arrival: batches stand by
//!   (sender, first number, root).
//! * R5: a draft without a signature is no batch yet: collating before everything is signed is an error.

use crate::log::LogError;
use crate::mailbox::{Mailbox, StoredBatch};
use quire_channel::MessageRef;
use quire_channel::part::{BatchRef, LeafRef, LeafSource, PartBuilder, PartError, PartSummary};
use rayon::prelude::*;

/// Batches that are read and judged at a time: bounds the memory.
const WINDOW: usize = 64;

/// Which messages of others a participant takes into its part.
pub trait Selection: Sync {
    /// Shown every message of the participant's own, before any other.
    fn learn(&mut self, own: &MessageRef<'_>);

    /// Called between the last own message and the first of the others.
    fn learned(&mut self);

    /// Whether omitting this message of another participant could cost money.
    fn keep(&self, other: &MessageRef<'_>) -> bool;
}

/// Why a part could not be built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CollateError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// More than fits a part.
    #[error(transparent)]
    Part(#[from] PartError),
    /// R5.
    #[error("the batch from message {first_seq} is not signed yet; sign what is pending before collating")]
    Unsigned {
        /// First number.
        first_seq: u64,
    },
}

/// Builds the plain form of the owner's part (R1 to R5).
///
/// # Errors
/// Failing disks, parts beyond the limits.
pub fn collate(
    mailbox: &Mailbox,
    block: u32,
    selection: &mut dyn Selection,
) -> Result<(Vec<u8>, PartSummary), CollateError> {
    let batches = mailbox.batches(block);
    if let Some(batch) = batches.iter().find(|batch| batch.signature.is_none()) {
        return Err(CollateError::Unsigned { first_seq: batch.header.first_seq });
    }
    let me = mailbox.owner().index;
    let mut buffers: Vec<Vec<u8>> = Vec::new();
    let own: Vec<StoredBatch> = batches.iter().filter(|batch| batch.header.sender == me).copied().collect();
    for window in own.chunks(WINDOW) {
        read(mailbox, window, &mut buffers)?;
        let leaves = buffers
            .iter()
            .filter_map(|bytes| BatchRef::read(bytes).ok())
            .flat_map(|(batch, _)| batch.leaves());
        for leaf in leaves {
            if let LeafRef::Full(message) = leaf {
                selection.learn(&message);
            }
        }
    }
    selection.learned();
    let mut builder = PartBuilder::new();
    for window in batches.chunks(WINDOW) {
        read(mailbox, window, &mut buffers)?;
        add(&mut builder, &buffers, me, selection)?;
    }
    Ok(builder.finish())
}

/// Reads a window of batches into buffers that are used again.
fn read(mailbox: &Mailbox, window: &[StoredBatch], buffers: &mut Vec<Vec<u8>>) -> Result<(), LogError> {
    buffers.resize_with(window.len(), Vec::new);
    window.iter().zip(buffers.iter_mut()).try_for_each(|(batch, buffer)| mailbox.read(batch, buffer))
}

/// Judges a window on all cores and appends what is kept.
fn add(
    builder: &mut PartBuilder,
    buffers: &[Vec<u8>],
    me: u8,
    selection: &mut dyn Selection,
) -> Result<(), CollateError> {
    let selection: &dyn Selection = selection;
    let judged: Vec<Option<(BatchRef<'_>, Vec<LeafSource<'_>>)>> = buffers
        .par_iter()
        .map(|bytes| {
            let (batch, _) = BatchRef::read(bytes).ok()?;
            let leaves: Vec<LeafSource<'_>> = batch
                .leaves()
                .map(|leaf| match leaf {
                    LeafRef::Full(message) if message.sender == me || selection.keep(&message) => {
                        LeafSource::Full(message.bytes)
                    }
                    leaf => LeafSource::Id(leaf.id()),
                })
                .collect();
            leaves.iter().any(|leaf| matches!(leaf, LeafSource::Full(_))).then_some((batch, leaves))
        })
        .collect();
    for (batch, leaves) in judged.into_iter().flatten() {
        builder.push(&batch.header, &batch.signature, leaves.into_iter())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
