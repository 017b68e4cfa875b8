//! How much a program may do, and how it is counted.
//!
//! R1 Every instruction costs 1; a function call also 1 per local; growing memory [`GROW_PAGE_GAS`] per page. Gas is
//!    counted by code that is put into the module itself, per block of instructions, before the block runs.
//! R2 A call with `items` items or groups in `bytes` of input has [`call_gas`]. A repeat of one item or group alone has
//!    the same formula with `items` 1.
//! R3 `quire_init` and `quire_stages` together have [`INIT_GAS`] in each instance.
//! R4 All that one vBucket does in one stage, repeats and `quire_init` included, has [`bucket_gas`] over the items put into
//!    map calls so far and their bytes; a call gets at most what is left. When nothing is left, items and groups fail as out of
//!    gas without being run.
//! R5 Values on the stack (locals, parameters, operands, 2 per frame) are counted by code put into the module too; above
//!    [`STACK_VALUES`] it traps.
//!
//! These figures decide which groups fail, so they are part of the protocol.

/// R1.
pub const GROW_PAGE_GAS: u32 = 16_384;
/// R2: for any call.
pub const CALL_GAS: u64 = 4_000_000;
/// R2: per item or group.
pub const ITEM_GAS: u64 = 20_000;
/// R2: per byte of input.
pub const BYTE_GAS: u64 = 64;
/// R3.
pub const INIT_GAS: u64 = 4_000_000;
/// R4: for any vBucket.
pub const BUCKET_GAS: u64 = 200_000_000;
/// R4: per message or pair.
pub const BUCKET_ITEM_GAS: u64 = 100_000;
/// R4: per byte of messages or pairs, heads included.
pub const BUCKET_BYTE_GAS: u64 = 256;
/// R5.
pub const STACK_VALUES: u32 = 8_192;

/// R2.
pub const fn call_gas(items: u64, bytes: u64) -> u64 {
    CALL_GAS.saturating_add(ITEM_GAS.saturating_mul(items)).saturating_add(BYTE_GAS.saturating_mul(bytes))
}

/// R4.
pub const fn bucket_gas(items: u64, bytes: u64) -> u64 {
    BUCKET_GAS.saturating_add(earned_gas(items, bytes))
}

/// What items add to the gas of their vBucket (R4).
pub const fn earned_gas(items: u64, bytes: u64) -> u64 {
    BUCKET_ITEM_GAS.saturating_mul(items).saturating_add(BUCKET_BYTE_GAS.saturating_mul(bytes))
}
