//! Limits of everything that comes from outside, each with its unit in the name and the reason beside it.
//!
//! A limit here is part of the protocol: raising one is a runtime upgrade, lowering one must not make stored data
//! unreadable.

// Base chain

/// Block body and header together: what a 1 s slot can carry to every peer on a 100 Mbit/s line.
pub const MAX_BLOCK_BYTES: u32 = 5 * 1024 * 1024;
/// One extrinsic; a runtime upgrade is the largest there is and must fit a block beside the inherents.
pub const MAX_EXTRINSIC_BYTES: u32 = 4 * 1024 * 1024;
/// Extrinsics in a block: 5 MiB of the smallest signed transfers (139 bytes) are 37,718.
pub const MAX_BLOCK_EXTRINSICS: u32 = 65_536;
/// Entries in a header's digest: slot, seal, authority changes, code change; the rest is head room.
pub const MAX_DIGEST_ITEMS: u32 = 64;
/// Memory that a call may take up once decoded: an empty key is one byte of the extrinsic and a dozen in memory, and no
/// host gives a runtime more than 32 MiB in one piece, so without it decoding could trap. Polkadot allows as much.
pub const MAX_CALL_MEMORY_BYTES: u32 = 16 * 1024 * 1024;
/// Nesting of calls inside calls (motions, batches); Substrate's own depth limit is 256, stacks here are smaller.
pub const MAX_CALL_DEPTH: u32 = 16;
/// Calls inside one extrinsic, at all levels together; as many as Substrate's formula gives one batch.
pub const MAX_NESTED_CALLS: u32 = 10_922;
/// Kinds of inherent data in one block.
pub const MAX_INHERENT_KINDS: u32 = 64;
/// Runtime APIs in a version.
pub const MAX_RUNTIME_APIS: u32 = 128;
/// Name of a runtime.
pub const MAX_RUNTIME_NAME_BYTES: u32 = 64;
/// The runtime's Wasm, decompressed; smoldot refuses more than 50 MiB.
pub const MAX_CODE_BYTES: u32 = 4 * 1024 * 1024;
/// Why an authority refuses new code: a sentence.
pub const MAX_VERDICT_REASON_BYTES: u32 = 512;
/// Bytes of a remark.
pub const MAX_REMARK_BYTES: u32 = 64 * 1024;

// Consensus

/// Authorities of the base chain: a consortium, and one justification must stay a small message.
pub const MAX_AUTHORITIES: u32 = 1_024;
/// Headers in a justification beside its target.
pub const MAX_VOTES_ANCESTRIES: u32 = 1_024;
/// How far ahead of the clock a slot may be; smoldot allows as much.
pub const MAX_SLOT_AHEAD_MS: u64 = 30_000;

/// Two headers or two votes as a proof: a header with the largest digest that authors make room for has 128 KiB.
pub const MAX_EQUIVOCATION_PROOF_BYTES: u32 = 256 * 1024;

// State

/// One storage key, hashes included.
pub const MAX_STORAGE_KEY_BYTES: u32 = 4 * 1024;
/// Nested storage transactions.
pub const MAX_STORAGE_TRANSACTIONS: u32 = 64;
/// Nodes and values in one storage proof.
pub const MAX_PROOF_ITEMS: u32 = 65_536;
/// Bytes of one storage proof: what `light/2` may answer.
pub const MAX_PROOF_BYTES: u32 = 16 * 1024 * 1024;

// Consortium

/// Members with a vote.
pub const MAX_MEMBERS: u32 = 256;
/// Certified organisations, those included that were revoked in the last thirteen months.
pub const MAX_PRINCIPALS: u32 = 1_024;
/// Nodes that a member has registered.
pub const MAX_PEERS_OF_MEMBER: u32 = 64;
/// Node keys of a member that are revoked and not forgotten: every node is told of all of them.
pub const MAX_REVOKED_PEERS_OF_MEMBER: u32 = 64;
/// Motions open at a time.
pub const MAX_OPEN_MOTIONS: u32 = 256;
/// Motions that one member has open: it cannot take all places.
pub const MAX_OPEN_MOTIONS_OF_MEMBER: u32 = 8;
/// Calls of all open motions together: they lie in the state until they are decided.
pub const MAX_MOTION_CALLS_BYTES: u32 = 32 * 1024 * 1024;
/// Calls of one member's open motions together: two runtimes.
pub const MAX_MOTION_CALLS_BYTES_OF_MEMBER: u32 = 2 * MAX_EXTRINSIC_BYTES;
/// Staked validators of channel blocks.
pub const MAX_VALIDATORS: u32 = 1_024;
/// Withdrawals of one account that wait for their time.
pub const MAX_UNBONDING_CHUNKS: u32 = 32;

// Channels

/// Participants of a channel, at least: a channel with oneself settles nothing.
pub const MIN_PARTICIPANTS: u32 = 2;
/// Participants of a channel, at most: a bitmap of parts is a u32 and every one may have to be paid in a block.
pub const MAX_PARTICIPANTS: u32 = 16;
/// Eras of a channel that are kept.
pub const MAX_CHANNEL_ERAS: u32 = 64;
/// Parameters of a program in an era's terms.
pub const MAX_PARAMETERS_BYTES: u32 = 4 * 1024;
/// Validators excluded from a channel.
pub const MAX_EXCLUSIONS: u32 = 64;
/// Wasm of a channel program.
pub const MAX_PROGRAM_BYTES: u32 = 1024 * 1024;
/// Key of a message (impression id, chunk id).
pub const MAX_MESSAGE_KEY_BYTES: u32 = 64;
/// Body of a message: a record, not a file.
pub const MAX_MESSAGE_BODY_BYTES: u32 = 16 * 1024;
/// Messages in a batch.
pub const MAX_BATCH_MESSAGES: u32 = 65_536;
/// Encoded batch.
pub const MAX_BATCH_BYTES: u32 = 16 * 1024 * 1024;
/// Messages of one part.
pub const MAX_PART_MESSAGES: u32 = 64 * 1024 * 1024;
/// Content address in an anchor: CIDv1 of sha2-256 has 36 bytes.
pub const MAX_CID_BYTES: u32 = 64;
/// Off-chain chunk, encrypted.
pub const MAX_CHUNK_BYTES: u32 = 256 * 1024;
/// Outputs of one channel block.
pub const MAX_OUTPUTS: u32 = 65_536;
/// Outputs applied by one `settle`.
pub const MAX_SETTLE_OUTPUTS: u32 = 256;
/// Hashes in a Merkle path or range proof: two per level of a tree of 2^32 leaves.
pub const MAX_MERKLE_PROOF_HASHES: u32 = 64;
/// Key of a report figure.
pub const MAX_REPORT_KEY_BYTES: u32 = 64;
/// Data of a notice.
pub const MAX_NOTICE_BYTES: u32 = 256;
