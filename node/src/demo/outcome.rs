//! What came out, read from finalised state only (R3 of the parent).
//!
//! Rules
//! * R1: the report adds up the figures that the chain holds of every block; what was paid adds up the settled claims of
//!   every block.
//! * R2: the claims must agree with the money in the channel: a difference is an error, not a rounding.

use super::DemoError;
use super::input::Census;
use super::record::Record;
use super::roles::{AUDITOR, DSP, SSP};
use super::setup::Stage;
use crate::offchain::view::Snapshot;
use pallet_anchors::storage::{REPORTS, SETTLEMENTS};
use pallet_anchors::{Payee, Settlement};
use pallet_channels::Money;
use pallet_channels::storage::MONEY;
use quire_channel::BlockState;
use quire_core::ss58;
use quire_core::{AccountId, Balance};

/// Figures of the report, in the order in which they are printed; sums are plancks.
pub(super) const FIGURES: [&str; 10] = [
    "totalImpressions",
    "totalSum",
    "viewedImpressions",
    "viewedSum",
    "rejectedImpressions",
    "rejectedSum",
    "clickImpressions",
    "clickSum",
    "processedImpressions",
    "unmatched",
];

/// Who paid or got how much over all blocks, plancks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Paid {
    /// By the DSP.
    pub(super) dsp: Balance,
    /// To the SSP.
    pub(super) ssp: Balance,
    /// To the auditor.
    pub(super) auditor: Balance,
    /// To the validators together.
    pub(super) validators: Balance,
}

/// One channel block.
#[derive(Debug, Clone)]
pub(super) struct BlockOutcome {
    pub(super) number: u32,
    pub(super) state: String,
    /// Distinct messages.
    pub(super) messages: u64,
    /// Counted parts.
    pub(super) parts: u32,
    /// `0x` hex, or nothing without a result.
    pub(super) result_hash: Option<String>,
    pub(super) paid: Paid,
}

/// The whole run.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) lines: u64,
    pub(super) skipped: Vec<(String, u64)>,
    pub(super) figures: [u128; 10],
    pub(super) paid: Paid,
    /// SS58 addresses of DSP, SSP and auditor.
    pub(super) participants: Vec<String>,
    pub(super) validators: Vec<String>,
    pub(super) channel: u64,
    pub(super) blocks: Vec<BlockOutcome>,
    pub(super) seconds: f64,
}

impl Outcome {
    /// Distinct messages of all blocks.
    pub(super) fn messages(&self) -> u64 {
        self.blocks.iter().map(|block| block.messages).sum()
    }

    /// Distinct messages per second from first message to last settlement.
    pub(super) fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.messages() as f64 / self.seconds } else { 0.0 }
    }
}

/// Reads the outcome.
pub(super) fn read(stage: &Stage, record: &Record, census: &Census) -> Result<Outcome, DemoError> {
    let office = &stage.office;
    let state = office.snapshot()?;
    let (mut figures, mut paid, mut blocks) = ([0u128; 10], Paid::default(), Vec::new());
    for number in 0..record.blocks() {
        for (sum, name) in figures.iter_mut().zip(FIGURES) {
            let key = REPORTS.key_for(&(office.channel, number), &name.as_bytes().to_vec());
            let value: u128 = state.get(&key)?.unwrap_or(0);
            *sum = add(*sum, value)?;
        }
        let block = read_block(&state, office.channel, number)?;
        for (sum, value) in [
            (&mut paid.dsp, block.paid.dsp),
            (&mut paid.ssp, block.paid.ssp),
            (&mut paid.auditor, block.paid.auditor),
            (&mut paid.validators, block.paid.validators),
        ] {
            *sum = add(*sum, value)?;
        }
        blocks.push(block);
    }
    check_money(&state, office.channel, &paid)?;
    let address = |account: &AccountId| ss58::encode(account, ss58::DEVELOPMENT_PREFIX);
    Ok(Outcome {
        lines: census.lines,
        skipped: census.skipped.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
        figures,
        paid,
        participants: office.seats.iter().map(|seat| address(&seat.account)).collect(),
        validators: office.stands.iter().map(|stand| address(&stand.account)).collect(),
        channel: office.channel,
        blocks,
        seconds: record.seconds(),
    })
}

fn add(sum: u128, value: u128) -> Result<u128, DemoError> {
    sum.checked_add(value).ok_or_else(|| DemoError::Contradiction("a sum does not fit 128 bits".into()))
}

fn read_block(state: &Snapshot, channel: u64, number: u32) -> Result<BlockOutcome, DemoError> {
    let block = state.block(channel, number)?;
    let settlement: Option<Settlement> = state.get(&SETTLEMENTS.key_for(&channel, &number))?;
    let mut paid = Paid::default();
    for claim in settlement.map(|settlement| settlement.claims).unwrap_or_default() {
        let to = match claim.to {
            Payee::Validators => &mut paid.validators,
            Payee::Participant(SSP) => &mut paid.ssp,
            Payee::Participant(AUDITOR) => &mut paid.auditor,
            Payee::Participant(other) => {
                return Err(DemoError::Contradiction(format!("block {number} pays participant {other}")));
            }
        };
        *to = add(*to, claim.paid)?;
        if claim.from == DSP {
            paid.dsp = add(paid.dsp, claim.paid)?;
        }
    }
    let result = block.as_ref().and_then(|block| block.result);
    Ok(BlockOutcome {
        number,
        state: block.as_ref().map_or_else(|| "Unopened".into(), |block| name(block.state())),
        messages: result.map_or(0, |result| result.message_count),
        parts: block.as_ref().map_or(0, |block| block.counted_parts().count_ones()),
        result_hash: result.map(|result| result.hash().to_string()),
        paid,
    })
}

/// The state's name, as clients see it in metadata.
fn name(state: BlockState) -> String {
    format!("{state:?}")
}

/// R2: what the SSP and the auditor hold in the channel is what they were paid.
fn check_money(state: &Snapshot, channel: u64, paid: &Paid) -> Result<(), DemoError> {
    let money: Vec<Money> = state.get(&MONEY.key_for(&channel))?.unwrap_or_default();
    let total = |index: u8| money.get(usize::from(index)).map_or(0, Money::total);
    let parts = paid.ssp.saturating_add(paid.auditor).saturating_add(paid.validators);
    for (what, claimed, held) in
        [("SSP", paid.ssp, total(SSP)), ("auditor", paid.auditor, total(AUDITOR)), ("DSP", paid.dsp, parts)]
    {
        if claimed != held {
            let why =
                format!("claims of the {what} say {claimed} plancks, its balance or the payees say {held}");
            return Err(DemoError::Contradiction(why));
        }
    }
    Ok(())
}
