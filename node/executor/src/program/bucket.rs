//! A bucket run: everything that one vBucket does in one stage (R2, R3 of [`super`]).

use super::HostError;
use super::compile::Program;
use super::instance::{Failure, Running, start};
use quire_channel::limits::{
    BUCKET_PAIR_BYTES, BUCKET_PAIR_FACTOR, CALL_INPUT_BYTES, MAP_BATCH_ITEMS, MAX_GROUP_BYTES,
    MAX_HOST_NOTICES, REDUCE_BATCH_GROUPS,
};
use quire_channel::program::abi::{
    self, EmitRef, GROUP_HEAD_BYTES, PairRef, VALUE_HEAD_BYTES, failure_data, read_emits, read_pairs,
};
use quire_channel::program::gas::{BUCKET_GAS, call_gas, earned_gas};
use quire_channel::program::record::{CallRecord, Phase};
use quire_channel::result::{Output, check_output, notice};
use quire_core::H256;
use quire_core::hash::blake2_256;

/// Pairs in one flat arena.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    bytes: Vec<u8>,
    /// Offset, length of key, length of value.
    list: Vec<(u32, u16, u32)>,
}

impl Pairs {
    fn push(&mut self, pair: PairRef<'_>) {
        // Both lengths are within the ABI's limits, the whole within the bucket's, so all fit.
        self.list.push((self.bytes.len() as u32, pair.key.len() as u16, pair.value.len() as u32));
        self.bytes.extend_from_slice(pair.key);
        self.bytes.extend_from_slice(pair.value);
    }

    fn truncate(&mut self, len: usize) {
        if let Some((offset, ..)) = self.list.get(len) {
            self.bytes.truncate(*offset as usize);
            self.list.truncate(len);
        }
    }

    fn get(&self, (offset, key, value): (u32, u16, u32)) -> PairRef<'_> {
        let middle = offset as usize + usize::from(key);
        let key = self.bytes.get(offset as usize..middle).unwrap_or_default();
        let value = self.bytes.get(middle..middle + value as usize).unwrap_or_default();
        PairRef { key, value }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PairRef<'_>> {
        self.list.iter().map(|entry| self.get(*entry))
    }

    /// By key, equal keys in order of emission.
    fn sort(&mut self) {
        let mut list = std::mem::take(&mut self.list);
        let key = |entry: &(u32, u16, u32)| self.get(*entry).key;
        if !list.is_sorted_by(|a, b| key(a) <= key(b)) {
            list.sort_by(|a, b| key(a).cmp(key(b)));
        }
        self.list = list;
    }
}

/// What a bucket run gave.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<H256>,
    pub(super) outputs: Vec<Output>,
    pub(super) pairs: Pairs,
    /// The first [`MAX_HOST_NOTICES`] failures, as notices, in order.
    pub(super) notices: Vec<Output>,
    pub(super) failures: u64,
    pub(super) gas: u64,
}

/// Everything that stays the same during a bucket run.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) program: &'a Program,
    pub(super) context: &'a [u8],
    pub(super) participants: u8,
    pub(super) stage: u8,
    pub(super) last_stage: bool,
    pub(super) vbucket: u16,
}

/// The input of one call, unit by unit.
#[derive(Default)]
struct Batch {
    input: Vec<u8>,
    /// Where each unit begins.
    starts: Vec<u32>,
    /// Names of the units, for records and notices; all of one length for messages (their ids).
    names: Vec<u8>,
    name_ends: Vec<u32>,
}

impl Batch {
    fn clear(&mut self) {
        abi::begin_list(&mut self.input);
        self.starts.clear();
        self.names.clear();
        self.name_ends.clear();
    }

    fn begin_unit(&mut self, name: &[u8]) {
        self.starts.push(self.input.len() as u32); // CALL_INPUT_BYTES and one unit at most
        self.names.extend_from_slice(name);
        self.name_ends.push(self.names.len() as u32);
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    /// Would a unit of `bytes` still fit beside `units` others at most?
    fn has_room(&self, bytes: usize, units: usize) -> bool {
        self.len() == 0 || (self.len() < units && self.input.len().saturating_add(bytes) <= CALL_INPUT_BYTES)
    }

    fn unit(&self, index: usize) -> &[u8] {
        let from = self.starts.get(index).map_or(0, |start| *start as usize);
        let to = self.starts.get(index + 1).map_or(self.input.len(), |start| *start as usize);
        self.input.get(from..to).unwrap_or_default()
    }

    fn name(&self, index: usize) -> &[u8] {
        let from =
            index.checked_sub(1).and_then(|before| self.name_ends.get(before)).map_or(0, |end| *end as usize);
        let to = self.name_ends.get(index).map_or(0, |end| *end as usize);
        self.names.get(from..to).unwrap_or_default()
    }
}

/// A bucket run under way.
pub(super) struct BucketRun<'a> {
    task: Task<'a>,
    running: Option<Running>,
    gas_left: u64,
    batch: Batch,
    /// Pairs of map calls, waiting for the reduce calls.
    mapped: Pairs,
    pair_limit: usize,
    input_bytes: usize,
    calls: u32,
    outcome: Outcome,
}

impl<'a> BucketRun<'a> {
    pub(super) fn new(task: Task<'a>) -> Self {
        let mut batch = Batch::default();
        batch.clear();
        Self {
            task,
            running: None,
            gas_left: BUCKET_GAS,
            batch,
            mapped: Pairs::default(),
            pair_limit: BUCKET_PAIR_BYTES,
            input_bytes: 0,
            calls: 0,
            outcome: Outcome::default(),
        }
    }

    /// Adds a unit of the map phase: `write` appends exactly `bytes` bytes.
    pub(super) fn map_unit(
        &mut self,
        name: &[u8],
        bytes: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), HostError> {
        if !self.batch.has_room(bytes, MAP_BATCH_ITEMS) {
            self.flush(Phase::Map)?;
        }
        self.batch.begin_unit(name);
        write(&mut self.batch.input);
        self.gas_left = self.gas_left.saturating_add(earned_gas(1, bytes as u64));
        self.input_bytes = self.input_bytes.saturating_add(bytes);
        self.pair_limit =
            BUCKET_PAIR_BYTES.saturating_add(self.input_bytes.saturating_mul(BUCKET_PAIR_FACTOR));
        Ok(())
    }

    /// Ends the map phase and runs the reduce phase.
    pub(super) fn finish(mut self) -> Result<Outcome, HostError> {
        self.flush(Phase::Map)?;
        self.calls = 0;
        let mut mapped = std::mem::take(&mut self.mapped);
        mapped.sort();
        let mut rest = mapped.list.as_slice();
        while let Some(first) = rest.first() {
            let key = mapped.get(*first).key;
            let len = rest.iter().take_while(|entry| mapped.get(**entry).key == key).count();
            let (group, tail) = rest.split_at(len);
            rest = tail;
            self.reduce_unit(&mapped, key, group)?;
        }
        self.flush(Phase::Reduce)?;
        Ok(self.outcome)
    }

    fn reduce_unit(
        &mut self,
        mapped: &Pairs,
        key: &[u8],
        group: &[(u32, u16, u32)],
    ) -> Result<(), HostError> {
        let values: usize =
            group.iter().map(|(.., value)| VALUE_HEAD_BYTES.saturating_add(*value as usize)).sum();
        if values > MAX_GROUP_BYTES {
            self.fail(Phase::Reduce, key, Failure::TooLarge);
            return Ok(());
        }
        if !self.batch.has_room(GROUP_HEAD_BYTES + key.len() + values, REDUCE_BATCH_GROUPS) {
            self.flush(Phase::Reduce)?;
        }
        self.batch.begin_unit(key);
        abi::push_group(&mut self.batch.input, key, group.len() as u32);
        for entry in group {
            abi::push_value(&mut self.batch.input, mapped.get(*entry).value);
        }
        Ok(())
    }

    /// Makes the call for the units gathered, repeats it unit by unit when it fails, records it.
    fn flush(&mut self, phase: Phase) -> Result<(), HostError> {
        if self.batch.len() == 0 {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.batch);
        let units = batch.len() as u32; // at most MAP_BATCH_ITEMS or REDUCE_BATCH_GROUPS
        abi::end_list(&mut batch.input, units);
        let mut written = Vec::new();
        let mut failed = 0;
        if let Err(failure) = self.attempt(phase, &batch.input, u64::from(units), &mut written)? {
            self.running = None;
            if units == 1 {
                failed = 1;
                self.fail(phase, batch.name(0), failure);
            } else {
                failed = self.repeat_alone(phase, &batch, &mut written)?;
            }
        }
        let by_id = phase == Phase::Map && self.task.stage == 0;
        let read = if by_id { blake2_256(&batch.names) } else { blake2_256(&batch.input) };
        self.outcome.records.push(self.record(phase, units, failed, H256(read), H256(blake2_256(&written))));
        self.calls = self.calls.saturating_add(1);
        batch.clear();
        self.batch = batch;
        Ok(())
    }

    fn record(&self, phase: Phase, items: u32, failed: u32, read: H256, written: H256) -> H256 {
        let Task { stage, vbucket, .. } = self.task;
        CallRecord { stage, vbucket, phase, index: self.calls, items, failed, read, written }.leaf()
    }

    /// R2: each unit in an instance of its own. Gives the number of units that failed.
    fn repeat_alone(&mut self, phase: Phase, batch: &Batch, written: &mut Vec<u8>) -> Result<u32, HostError> {
        let mut failed = 0u32;
        let mut input = Vec::new();
        for index in 0..batch.len() {
            abi::begin_list(&mut input);
            input.extend_from_slice(batch.unit(index));
            abi::end_list(&mut input, 1);
            self.running = None;
            if let Err(failure) = self.attempt(phase, &input, 1, written)? {
                failed = failed.saturating_add(1);
                self.fail(phase, batch.name(index), failure);
            }
        }
        self.running = None;
        Ok(failed)
    }

    /// One call. On success its output is taken in and appended to `written`; on failure nothing changed but the gas.
    fn attempt(
        &mut self,
        phase: Phase,
        input: &[u8],
        units: u64,
        written: &mut Vec<u8>,
    ) -> Result<Result<(), Failure>, HostError> {
        if self.gas_left == 0 {
            return Ok(Err(Failure::OutOfGas));
        }
        let mut running = match self.running.take() {
            Some(running) => running,
            None => {
                let started = start(self.task.program, self.task.context, self.gas_left)?;
                self.spend(started.gas);
                match started.running {
                    Ok(running) => running,
                    Err(failure) => return Ok(Err(failure)),
                }
            }
        };
        let limit = call_gas(units, input.len() as u64).min(self.gas_left);
        let called = running.call(phase, self.task.stage, input, limit)?;
        self.spend(called.gas);
        let taken = called.output.and_then(|range| {
            let bytes = running.output(range);
            match phase {
                Phase::Map => self.take_pairs(bytes)?,
                Phase::Reduce => self.take_emits(bytes)?,
            }
            written.extend_from_slice(bytes);
            Ok(())
        });
        if taken.is_ok() {
            self.running = Some(running);
        }
        Ok(taken)
    }

    fn spend(&mut self, gas: u64) {
        self.gas_left = self.gas_left.saturating_sub(gas);
        self.outcome.gas = self.outcome.gas.saturating_add(gas);
    }

    fn take_pairs(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let before = self.mapped.len();
        let (mapped, limit) = (&mut self.mapped, self.pair_limit);
        let read = read_pairs(bytes, |pair| mapped.push(pair));
        if read.is_err() || mapped.bytes.len() > limit {
            mapped.truncate(before);
            return Err(Failure::BadOutput);
        }
        Ok(())
    }

    fn take_emits(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let (pairs_before, outputs_before) = (self.outcome.pairs.len(), self.outcome.outputs.len());
        let (participants, last_stage) = (self.task.participants, self.task.last_stage);
        let mut good = true;
        let Outcome { pairs, outputs, .. } = &mut self.outcome;
        let read = read_emits(bytes, |emit| match emit {
            EmitRef::Pair(pair) => {
                good &= !last_stage;
                pairs.push(pair);
            }
            EmitRef::Output(output) => {
                good &= check_output(&output, participants).is_ok();
                outputs.push(output);
            }
        });
        if read.is_err() || !good || pairs.bytes.len() > self.pair_limit {
            pairs.truncate(pairs_before);
            outputs.truncate(outputs_before);
            return Err(Failure::BadOutput);
        }
        Ok(())
    }

    fn fail(&mut self, phase: Phase, name: &[u8], failure: Failure) {
        self.outcome.failures = self.outcome.failures.saturating_add(1);
        if self.outcome.notices.len() < MAX_HOST_NOTICES {
            let data = failure_data(self.task.stage, phase as u8, name);
            self.outcome.notices.push(Output::Notice {
                node: notice::NOBODY,
                kind: failure.notice_kind(),
                data,
            });
        }
    }
}
