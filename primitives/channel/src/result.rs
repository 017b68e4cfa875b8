//! Outputs of a channel block, the header that commits to them, and the commitment that hides it until the reveal.
//!
//! R1 `result_hash` is blake2-256 of the encoded [`ResultHeader`]; it holds no content id, signature or time.
//! R2 Outputs stand in canonical order, each kind and key once: transfers by (from, to), fees by payer, reports by key,
//!    notices by (node, kind, data); amounts of equal keys are added, equal notices are one. Zero amounts are dropped.
//! R3 `outputs_root` is the Merkle root over [`Output::leaf`] of the outputs in that order, `outputs_count` their number.
//! R4 `total` is what deposits pay: the sum of all transfers and fees.
//! R5 At most [`MAX_OUTPUTS`]. A set that would be larger, or whose sums overflow, is replaced by one notice
//!    ([`notice::TOO_MANY_OUTPUTS`], [`notice::OVERFLOW`]) that moves no money.
//! R6 A commitment binds chain, channel, block, validator and result; the salt hides it.

use crate::limits::{MAX_NOTICE_BYTES, MAX_OUTPUTS, MAX_PARTICIPANTS, MAX_REPORT_KEY_BYTES};
use crate::merkle;
use crate::message::decode_bounded;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error as CodecError, Input, MaxEncodedLen};
use quire_core::hash::blake2_256;
use quire_core::{AccountId, H256};
use scale_info::TypeInfo;

const COMMIT_TAG: &[u8] = b"quire/commit/1";
const RESULT_TAG: &[u8] = b"quire/result/1";
const OUTPUT_TAG: &[u8] = b"quire/output/1";

/// Kinds of [`Output::Notice`] that the host writes, from 0xff00 up; below it they are the program's.
pub mod notice {
    /// First kind that a program may not use.
    pub const HOST_FIRST: u16 = 0xff00;
    /// A map item or key group trapped. Data: [`crate::program::abi::failure_data`].
    pub const TRAP: u16 = 0xff01;
    /// A map item or key group ran out of gas.
    pub const OUT_OF_GAS: u16 = 0xff02;
    /// A map item or key group returned bytes that are no emits, or too many.
    pub const BAD_OUTPUT: u16 = 0xff03;
    /// A key group was larger than the limit and was not run.
    pub const GROUP_TOO_LARGE: u16 = 0xff04;
    /// More failures than are told one by one. Data: their number, u64 little-endian.
    pub const MORE_FAILURES: u16 = 0xff05;
    /// The program does not start: `quire_init` or `quire_stages` failed. No message was processed.
    pub const INIT_FAILED: u16 = 0xff06;
    /// R5. Data: number of outputs, u64 little-endian.
    pub const TOO_MANY_OUTPUTS: u16 = 0xff07;
    /// R5: a sum does not fit 128 bits.
    pub const OVERFLOW: u16 = 0xff08;
    /// Node index of notices that concern nobody in particular.
    pub const NOBODY: u8 = 0xff;
}

/// One line of a result. `from`, `to` and `node` are participant indices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, TypeInfo)]
pub enum Output {
    /// Money from one in-channel balance to another.
    #[codec(index = 0)]
    Transfer {
        /// Payer.
        from: u8,
        /// Payee.
        to: u8,
        /// Plancks.
        amount: u128,
    },
    /// Money from a participant to the validators that revealed the agreed result.
    #[codec(index = 1)]
    Fee {
        /// Payer.
        from: u8,
        /// Plancks.
        amount: u128,
    },
    /// A figure; moves no money.
    #[codec(index = 2)]
    Report {
        /// At most [`MAX_REPORT_KEY_BYTES`].
        key: Vec<u8>,
        /// The figure.
        value: u128,
    },
    /// Something noteworthy about a participant.
    #[codec(index = 3)]
    Notice {
        /// Participant, or [`notice::NOBODY`].
        node: u8,
        /// Meaning; see [`notice`] for the host's own.
        kind: u16,
        /// At most [`MAX_NOTICE_BYTES`].
        data: Vec<u8>,
    },
}

impl Decode for Output {
    fn decode<I: Input>(input: &mut I) -> Result<Self, CodecError> {
        match u8::decode(input)? {
            0 => Ok(Self::Transfer {
                from: Decode::decode(input)?,
                to: Decode::decode(input)?,
                amount: Decode::decode(input)?,
            }),
            1 => Ok(Self::Fee { from: Decode::decode(input)?, amount: Decode::decode(input)? }),
            2 => Ok(Self::Report {
                key: decode_bounded(input, MAX_REPORT_KEY_BYTES as usize)?,
                value: Decode::decode(input)?,
            }),
            3 => Ok(Self::Notice {
                node: Decode::decode(input)?,
                kind: Decode::decode(input)?,
                data: decode_bounded(input, MAX_NOTICE_BYTES as usize)?,
            }),
            _ => Err("unknown kind of output".into()),
        }
    }
}

impl Output {
    /// The leaf of `outputs_root` (R3).
    pub fn leaf(&self) -> H256 {
        let mut bytes = OUTPUT_TAG.to_vec();
        self.encode_to(&mut bytes);
        H256(blake2_256(&bytes))
    }
}

/// What validators agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct ResultHeader {
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Hash of the program's code.
    pub program: H256,
    /// Bit n: the part of participant n counted.
    pub parts: u32,
    /// Distinct messages.
    pub message_count: u64,
    /// Commits to what every unit of work read and wrote ([`crate::program::record`]).
    pub groups_root: H256,
    /// Number of leaves under `groups_root`.
    pub groups_count: u64,
    /// R3.
    pub outputs_root: H256,
    /// R3.
    pub outputs_count: u32,
    /// R4, plancks.
    pub total: u128,
}

impl ResultHeader {
    /// R1.
    pub fn hash(&self) -> H256 {
        let mut bytes = RESULT_TAG.to_vec();
        self.encode_to(&mut bytes);
        H256(blake2_256(&bytes))
    }
}

/// R6: what a validator puts on the chain before anybody may know its result.
pub fn commitment(
    genesis: H256,
    channel: u64,
    block: u32,
    validator: &AccountId,
    result_hash: H256,
    salt: &[u8; 32],
) -> H256 {
    let mut bytes = COMMIT_TAG.to_vec();
    (genesis, channel, block, validator, result_hash, salt).encode_to(&mut bytes);
    H256(blake2_256(&bytes))
}

/// Gathers outputs into canonical order (R2). Adding is commutative, so the order of arrival does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputSet {
    transfers: BTreeMap<(u8, u8), u128>,
    fees: BTreeMap<u8, u128>,
    reports: BTreeMap<Vec<u8>, u128>,
    notices: BTreeSet<(u8, u16, Vec<u8>)>,
    /// Distinct entries beyond [`MAX_OUTPUTS`] were offered: the set has failed for good.
    too_many: u64,
    overflow: bool,
}

impl OutputSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one output (R2, R5). Never fails: a failure shows in [`OutputSet::finish`].
    pub fn add(&mut self, output: Output) {
        let full = self.len() >= MAX_OUTPUTS as usize;
        let sum = match output {
            Output::Transfer { amount: 0, .. } | Output::Fee { amount: 0, .. } => return,
            Output::Transfer { from, to, amount } => add_to(&mut self.transfers, (from, to), amount, full),
            Output::Fee { from, amount } => add_to(&mut self.fees, from, amount, full),
            Output::Report { key, value } => add_to(&mut self.reports, key, value, full),
            Output::Notice { node, kind, data } => {
                let entry = (node, kind, data);
                if full && !self.notices.contains(&entry) {
                    Sum::Full
                } else {
                    self.notices.insert(entry);
                    Sum::Ok
                }
            }
        };
        match sum {
            Sum::Ok => {}
            Sum::Full => self.too_many = self.too_many.saturating_add(1),
            Sum::Overflow => self.overflow = true,
        }
    }

    fn len(&self) -> usize {
        self.transfers.len() + self.fees.len() + self.reports.len() + self.notices.len()
    }

    fn total(&self) -> Option<u128> {
        self.transfers
            .values()
            .chain(self.fees.values())
            .try_fold(0u128, |sum, amount| sum.checked_add(*amount))
    }

    /// The outputs and their total (R2, R4), or the one notice of R5.
    pub fn finish(self) -> Outputs {
        let failure = |kind, data| {
            Outputs::from_parts(alloc::vec![Output::Notice { node: notice::NOBODY, kind, data }], 0)
        };
        if self.too_many > 0 {
            return failure(notice::TOO_MANY_OUTPUTS, Vec::new());
        }
        let total = match self.total() {
            Some(total) if !self.overflow => total,
            _ => return failure(notice::OVERFLOW, Vec::new()),
        };
        let transfers =
            self.transfers.into_iter().map(|((from, to), amount)| Output::Transfer { from, to, amount });
        let fees = self.fees.into_iter().map(|(from, amount)| Output::Fee { from, amount });
        let reports = self.reports.into_iter().map(|(key, value)| Output::Report { key, value });
        let notices = self.notices.into_iter().map(|(node, kind, data)| Output::Notice { node, kind, data });
        Outputs::from_parts(transfers.chain(fees).chain(reports).chain(notices).collect(), total)
    }
}

enum Sum {
    Ok,
    Full,
    Overflow,
}

fn add_to<K: Ord>(map: &mut BTreeMap<K, u128>, key: K, amount: u128, full: bool) -> Sum {
    match map.get_mut(&key) {
        Some(sum) => match sum.checked_add(amount) {
            Some(new) => {
                *sum = new;
                Sum::Ok
            }
            None => Sum::Overflow,
        },
        None if full => Sum::Full,
        None => {
            map.insert(key, amount);
            Sum::Ok
        }
    }
}

/// The outputs of a block in canonical order, with what the header says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    list: Vec<Output>,
    leaves: Vec<H256>,
    total: u128,
}

impl Outputs {
    fn from_parts(list: Vec<Output>, total: u128) -> Self {
        let leaves = list.iter().map(Output::leaf).collect();
        Self { list, leaves, total }
    }

    /// The outputs.
    pub fn as_slice(&self) -> &[Output] {
        &self.list
    }

    /// R4.
    pub fn total(&self) -> u128 {
        self.total
    }

    /// R3.
    pub fn root(&self) -> H256 {
        merkle::root(&self.leaves)
    }

    /// R3.
    pub fn count(&self) -> u32 {
        self.list.len() as u32 // at most MAX_OUTPUTS (R5)
    }

    /// Outputs `first..first + len` and the proof that they stand there, for `settle`; `None` outside.
    pub fn slice(&self, first: u32, len: u32) -> Option<(Vec<Output>, Vec<H256>)> {
        let proof = merkle::range_proof(&self.leaves, first as usize, len as usize)?;
        let end = first.checked_add(len)?;
        Some((self.list.get(first as usize..end as usize)?.to_vec(), proof))
    }
}

/// Do `outputs` stand at `first..` in the result of `header`?
pub fn verify_slice(header: &ResultHeader, first: u32, outputs: &[Output], proof: &[H256]) -> bool {
    let leaves: Vec<H256> = outputs.iter().map(Output::leaf).collect();
    merkle::verify_range(&header.outputs_root, header.outputs_count, first, &leaves, proof)
}

/// What the merge of a block contributes to its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeFacts {
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Bitmap of counted parts.
    pub parts: u32,
    /// Distinct messages.
    pub message_count: u64,
}

/// Assembles the header from merge, program, work records and outputs.
pub fn assemble(facts: &MergeFacts, program: H256, records: &[H256], outputs: &Outputs) -> ResultHeader {
    ResultHeader {
        channel: facts.channel,
        block: facts.block,
        program,
        parts: facts.parts,
        message_count: facts.message_count,
        groups_root: merkle::root(records),
        groups_count: records.len() as u64,
        outputs_root: outputs.root(),
        outputs_count: outputs.count(),
        total: outputs.total(),
    }
}

/// Why an output is refused when it leaves a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// A participant index at or above the number of participants.
    #[error("output names participant {index}, the channel has {participants}; use indices from the context")]
    UnknownParticipant {
        /// The index.
        index: u8,
        /// Participants of the channel, at most [`MAX_PARTICIPANTS`].
        participants: u8,
    },
    /// Key or data above their limit.
    #[error("output field has {len} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes.
        len: usize,
        /// Limit, bytes.
        limit: u32,
    },
    /// A program used a kind of the host.
    #[error("notice kind {kind:#06x} is reserved for the host; use kinds below 0xff00")]
    ReservedKind {
        /// The kind.
        kind: u16,
    },
}

/// Checks an output that a program emitted.
pub fn check_output(output: &Output, participants: u8) -> Result<(), OutputError> {
    debug_assert!(u32::from(participants) <= MAX_PARTICIPANTS);
    let known = |index: u8| {
        if index < participants {
            Ok(())
        } else {
            Err(OutputError::UnknownParticipant { index, participants })
        }
    };
    let bounded = |bytes: &[u8], limit: u32| {
        if bytes.len() <= limit as usize {
            Ok(())
        } else {
            Err(OutputError::TooLong { len: bytes.len(), limit })
        }
    };
    match output {
        Output::Transfer { from, to, .. } => known(*from).and(known(*to)),
        Output::Fee { from, .. } => known(*from),
        Output::Report { key, .. } => bounded(key, MAX_REPORT_KEY_BYTES),
        Output::Notice { kind, .. } if *kind >= notice::HOST_FIRST => {
            Err(OutputError::ReservedKind { kind: *kind })
        }
        Output::Notice { node, data, .. } => {
            if *node != notice::NOBODY {
                known(*node)?;
            }
            bounded(data, MAX_NOTICE_BYTES)
        }
    }
}

#[cfg(test)]
mod tests;
