//! All stages of a program over all vBuckets (R1, R4, R5 of [`super`]).

use super::bucket::{BucketRun, Outcome, Pairs, Task};
use super::compile::Program;
use super::instance::start;
use super::{HostError, MessageSource, ProgramResult};
use quire_channel::limits::{MAX_HOST_NOTICES, MAX_STAGES};
use quire_channel::program::abi::{self, Context, MESSAGE_HEAD_BYTES, PAIR_HEAD_BYTES, PairRef};
use quire_channel::program::gas::INIT_GAS;
use quire_channel::result::{Output, OutputSet, notice};
use quire_channel::{VBUCKETS, vbucket};
use quire_core::H256;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Units of a stage: messages, or the pairs of the stage before by vBucket of their key.
enum Input<'a> {
    Messages(&'a dyn MessageSource),
    Pairs(Vec<Vec<PairRef<'a>>>),
}

/// What all stages add up to.
#[derive(Default)]
struct Sum {
    records: Vec<H256>,
    notices: Vec<Output>,
    failures: u64,
    gas: u64,
}

pub(super) fn run(
    program: &Program,
    context: &Context,
    messages: &dyn MessageSource,
) -> Result<ProgramResult, HostError> {
    let context_bytes = context.encode();
    let mut sum = Sum::default();
    let outputs = Mutex::new(OutputSet::new());
    let started = start(program, &context_bytes, INIT_GAS)?;
    sum.gas = started.gas;
    let stages = started.running.ok().and_then(|running| u8::try_from(running.stages).ok());
    let Some(stages) = stages.filter(|stages| (1..=MAX_STAGES).contains(&u32::from(*stages))) else {
        sum.failures = 1;
        sum.notices.push(Output::Notice {
            node: notice::NOBODY,
            kind: notice::INIT_FAILED,
            data: Vec::new(),
        });
        return Ok(finish(sum, outputs));
    };
    let mut emitted: Vec<Pairs> = Vec::new();
    for stage in 0..stages {
        let input = if stage == 0 { Input::Messages(messages) } else { Input::Pairs(shuffle(&emitted)) };
        let task = |vbucket| Task {
            program,
            context: &context_bytes,
            participants: context.participants(),
            stage,
            last_stage: stage + 1 == stages,
            vbucket,
        };
        let outcomes = run_stage(&input, context, &task, &outputs)?;
        drop(input);
        emitted = outcomes.into_iter().map(|outcome| sum.add(outcome)).collect();
    }
    Ok(finish(sum, outputs))
}

impl Sum {
    /// Outcomes come in order of stage and vBucket.
    fn add(&mut self, outcome: Outcome) -> Pairs {
        self.records.extend(outcome.records);
        self.failures = self.failures.saturating_add(outcome.failures);
        self.gas = self.gas.saturating_add(outcome.gas);
        let room = MAX_HOST_NOTICES.saturating_sub(self.notices.len());
        self.notices.extend(outcome.notices.into_iter().take(room));
        outcome.pairs
    }
}

fn finish(sum: Sum, outputs: Mutex<OutputSet>) -> ProgramResult {
    let mut outputs = outputs.into_inner().unwrap_or_else(PoisonError::into_inner);
    let untold = sum.failures.saturating_sub(sum.notices.len() as u64);
    if untold > 0 {
        let data = untold.to_le_bytes().to_vec();
        outputs.add(Output::Notice { node: notice::NOBODY, kind: notice::MORE_FAILURES, data });
    }
    for notice in sum.notices {
        outputs.add(notice);
    }
    ProgramResult { outputs: outputs.finish(), records: sum.records, failures: sum.failures, gas: sum.gas }
}

/// Pairs by vBucket of their key; inside a vBucket by key, then in order of emission.
fn shuffle(emitted: &[Pairs]) -> Vec<Vec<PairRef<'_>>> {
    let mut buckets: Vec<Vec<PairRef<'_>>> = (0..VBUCKETS).map(|_| Vec::new()).collect();
    for pair in emitted.iter().flat_map(Pairs::iter) {
        if let Some(bucket) = buckets.get_mut(usize::from(vbucket(pair.key))) {
            bucket.push(pair);
        }
    }
    buckets.par_iter_mut().for_each(|bucket| bucket.sort_by(|a, b| a.key.cmp(b.key)));
    buckets
}

fn run_stage<'a>(
    input: &Input<'_>,
    context: &Context,
    task: &(impl Fn(u16) -> Task<'a> + Sync),
    outputs: &Mutex<OutputSet>,
) -> Result<Vec<Outcome>, HostError> {
    (0..VBUCKETS)
        .into_par_iter()
        .map(|vbucket| {
            let mut outcome = match input {
                Input::Messages(messages) => map_messages(*messages, context, vbucket, task)?,
                Input::Pairs(buckets) => map_pairs(
                    buckets.get(usize::from(vbucket)).map(Vec::as_slice).unwrap_or_default(),
                    vbucket,
                    task,
                )?,
            };
            // The set is commutative, so threads may come in any order.
            let mut set = outputs.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut outcome.outputs).into_iter().for_each(|output| set.add(output));
            Ok(outcome)
        })
        .collect()
}

fn map_messages<'a>(
    messages: &dyn MessageSource,
    context: &Context,
    vbucket: u16,
    task: &impl Fn(u16) -> Task<'a>,
) -> Result<Outcome, HostError> {
    let mut run = BucketRun::new(task(vbucket));
    for (message, id) in messages.bucket(vbucket) {
        let bytes = MESSAGE_HEAD_BYTES + message.key.len() + message.body.len();
        run.map_unit(&id.0, bytes, |input| abi::push_message(input, &message, context.role(message.sender)))?;
    }
    run.finish()
}

fn map_pairs<'a>(
    pairs: &[PairRef<'_>],
    vbucket: u16,
    task: &impl Fn(u16) -> Task<'a>,
) -> Result<Outcome, HostError> {
    let mut run = BucketRun::new(task(vbucket));
    for pair in pairs {
        let bytes = PAIR_HEAD_BYTES + pair.key.len() + pair.value.len();
        run.map_unit(pair.key, bytes, |input| abi::push_pair(input, pair.key, pair.value))?;
    }
    run.finish()
}
