//! Whether an extrinsic fits into what the block has left (R4).

use quire_core::{DispatchClass, DispatchInfo, InvalidTransaction, Weight};

use crate::limits::{PerDispatchClass, block_length, block_weights};
use crate::storage::{ALL_EXTRINSICS_LEN, BLOCK_WEIGHT};

/// Whether an extrinsic could fit into an empty block, for the pool.
///
/// # Errors
/// `ExhaustsResources` when it never can.
pub fn check_limits(info: &DispatchInfo, length: u32) -> Result<(), InvalidTransaction> {
    let class = block_weights().per_class;
    let too_heavy = class.get(info.class).max_extrinsic.is_some_and(|max| info.weight.any_gt(max));
    let too_long = length > *block_length().max.get(info.class);
    if too_heavy || too_long { Err(InvalidTransaction::ExhaustsResources) } else { Ok(()) }
}

/// Counts an extrinsic's length and weight into the block.
///
/// # Errors
/// `ExhaustsResources` when it does not fit; then nothing is counted.
pub fn check_and_note_weight(info: &DispatchInfo, length: u32) -> Result<(), InvalidTransaction> {
    check_limits(info, length)?;
    let bytes = ALL_EXTRINSICS_LEN.get_or_default().saturating_add(length);
    if bytes > *block_length().max.get(info.class) {
        return Err(InvalidTransaction::ExhaustsResources);
    }
    let mut used = BLOCK_WEIGHT.get_or_default();
    let limits = block_weights().per_class;
    let weight = info.weight + limits.get(info.class).base_extrinsic;
    let of_class = used.get_mut(info.class);
    *of_class = of_class.saturating_add(weight);
    if !fits(&used, info.class) {
        return Err(InvalidTransaction::ExhaustsResources);
    }
    ALL_EXTRINSICS_LEN.put(&bytes);
    BLOCK_WEIGHT.put(&used);
    Ok(())
}

/// Whether the block is within the limits of a class and of all.
fn fits(used: &PerDispatchClass<Weight>, class: DispatchClass) -> bool {
    let weights = block_weights();
    let limits = weights.per_class.get(class);
    let Some(max_total) = limits.max_total else { return true };
    let of_class = *used.get(class);
    if of_class.any_gt(max_total) {
        return false;
    }
    used.total().all_lte(weights.max_block)
        || limits.reserved.is_some_and(|reserved| of_class.all_lte(reserved))
}

/// Gives back weight that was counted and not needed.
pub fn correct_weight(class: DispatchClass, unused: Weight) {
    if unused != Weight::ZERO {
        BLOCK_WEIGHT.mutate_default(|used| {
            let of_class = used.get_mut(class);
            *of_class = of_class.saturating_sub(unused);
        });
    }
}
