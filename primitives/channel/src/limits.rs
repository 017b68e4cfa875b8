//! A number for everything about channels that comes from outside, its unit in its name.
//!
//! Limits that the chain shares come from `quire_core`; those of merge and program run live here. Raising one of the
//! program limits changes which results honest validators compute: it is a protocol change.

pub use quire_core::limits::{
    MAX_BATCH_MESSAGES, MAX_CID_BYTES, MAX_MERKLE_PROOF_HASHES, MAX_MESSAGE_BODY_BYTES,
    MAX_MESSAGE_KEY_BYTES, MAX_NOTICE_BYTES, MAX_OUTPUTS, MAX_PARAMETERS_BYTES, MAX_PART_MESSAGES,
    MAX_PARTICIPANTS, MAX_PROGRAM_BYTES, MAX_REPORT_KEY_BYTES, MIN_PARTICIPANTS,
};

/// Encoding of the longest legal message: 31 fixed bytes, two length prefixes, key and body.
pub const MAX_MESSAGE_BYTES: u32 = 31 + 2 + MAX_MESSAGE_KEY_BYTES + 4 + MAX_MESSAGE_BODY_BYTES;
/// Batch copies in one part.
pub const MAX_PART_BATCHES: u32 = 262_144;
/// Plain form of a part.
pub const MAX_PART_BYTES: u64 = 1024 * 1024 * 1024;
/// Excluded messages and batches that a merge remembers one by one; all of them are counted.
pub const MAX_EXCLUSIONS_KEPT: usize = 1_024;

/// Code of one function of a channel program; compile time grows faster than it.
pub const MAX_FUNCTION_BYTES: u32 = 64 * 1024;
/// Functions of a channel program.
pub const MAX_FUNCTIONS: u32 = 4_096;
/// Parameters of one function type. A call is two bytes of code and as many steps of validation.
pub const MAX_FUNCTION_PARAMETERS: u32 = 32;
/// Locals of one function, parameters included.
pub const MAX_FUNCTION_LOCALS: u32 = 1_024;
/// Globals of a channel program.
pub const MAX_GLOBALS: u32 = 256;
/// Elements of the one table.
pub const MAX_TABLE_ELEMENTS: u32 = 4_096;
/// Data segments and element segments, each.
pub const MAX_SEGMENTS: u32 = 1_024;
/// Linear memory of a channel program: 256 pages of 64 KiB, 16 MiB.
pub const MAX_MEMORY_PAGES: u32 = 256;
/// Stages a program may declare.
pub const MAX_STAGES: u32 = 8;
/// Messages or pairs in one map call.
pub const MAP_BATCH_ITEMS: usize = 1_024;
/// Key groups in one reduce call.
pub const REDUCE_BATCH_GROUPS: usize = 1_024;
/// Input of one map or reduce call. One message or one group may be larger, then it travels alone.
pub const CALL_INPUT_BYTES: usize = 256 * 1024;
/// Values of one key group with their prefixes; a larger group is not run and yields a notice.
pub const MAX_GROUP_BYTES: usize = 4 * 1024 * 1024;
/// What one map or reduce call may return.
pub const MAX_CALL_OUTPUT_BYTES: usize = 4 * 1024 * 1024;
/// Key of an emitted pair.
pub const MAX_PAIR_KEY_BYTES: usize = 64;
/// Value of an emitted pair.
pub const MAX_PAIR_VALUE_BYTES: usize = 16 * 1024;
/// Pairs that one vBucket may hand on, from map to reduce or from reduce to the next stage: this much in any case...
pub const BUCKET_PAIR_BYTES: usize = 256 * 1024;
/// ... and this many times the bytes that went into the vBucket's stage. It keeps programs from inflating a block.
pub const BUCKET_PAIR_FACTOR: usize = 4;
/// Notices by the host about groups that failed, told one by one; the rest is summed up in one.
pub const MAX_HOST_NOTICES: usize = 256;
