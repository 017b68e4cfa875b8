//! The result does not depend on threads, order of arrival or batch cuts; undecodable parts count as empty.

use super::{Computed, Job, ProcessError, ProgramRun, RunProgram, Stage, process};
use crate::chunk_store::{ChunkError, ChunkStore, FetchChunk};
use crate::cid::ChunkId;
use crate::collator::{Selection, collate};
use crate::mailbox::tests::{CHANNEL, GENESIS, drafts, keys, open, signed, signer};
use crate::part_store::tests::{chunks, key, place};
use crate::part_store::{Undecodable, store_part};
use quire_channel::merge::{MergePlace, Merged, Reason};
use quire_channel::program::abi::Context;
use quire_channel::result::OutputSet;
use quire_channel::{MessageRef, Output, PartAnchor};
use quire_core::H256;
use tempfile::TempDir;

/// Takes everything of everybody.
struct All;

impl Selection for All {
    fn learn(&mut self, _: &MessageRef<'_>) {}
    fn learned(&mut self) {}
    fn keep(&self, _: &MessageRef<'_>) -> bool {
        true
    }
}

/// Reports the number of messages of each sender, and records the ids in the order in which they come.
struct Counting;

impl RunProgram for Counting {
    fn run(&self, _: &H256, _: &Context, merged: &Merged) -> Result<ProgramRun, String> {
        let mut outputs = OutputSet::new();
        let mut records = Vec::new();
        for (message, id) in merged.iter() {
            outputs.add(Output::Report { key: vec![message.sender], value: 1 });
            records.push(*id);
        }
        Ok(ProgramRun { records, outputs: outputs.finish() })
    }
}

fn job(parts: Vec<(u8, PartAnchor)>) -> Job {
    Job {
        place: MergePlace { genesis: GENESIS, channel: CHANNEL, block: 0, participants: 3 },
        keys: keys(),
        parts,
        key: key(),
        program: H256([6; 32]),
        context: Context { channel: CHANNEL, block: 0, roles: vec![0, 1, 2], parameters: Vec::new() },
    }
}

/// Parts of all three participants, cut and delivered in some way.
fn parts(dir: &TempDir, store: &ChunkStore, per_batch: u32, is_reversed: bool) -> Vec<(u8, PartAnchor)> {
    let all: Vec<_> =
        (0..3u8).map(|index| drafts(index, 0, 0, 500 + u64::from(index), per_batch, 0)).collect();
    let build = |me: u8| {
        let mailbox = open(&dir.path().join(me.to_string()), me);
        let others = all.iter().enumerate().filter(|(index, _)| *index != usize::from(me));
        let mut sent: Vec<Vec<u8>> = others.flat_map(|(_, drafts)| drafts).map(signed).collect();
        if is_reversed {
            sent.reverse();
        }
        let views: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        assert!(mailbox.receive(&views, &keys()).expect("the disk works").iter().all(Result::is_ok));
        mailbox.publish(&all[usize::from(me)], &signer(me)).expect("published");
        let (plain, summary) = collate(&mailbox, 0, &mut All).expect("collated");
        (me, store_part(&plain, &summary, &key(), place(me), 0, store).expect("stored"))
    };
    (0..3).map(build).collect()
}

fn run(job: &Job, source: &impl FetchChunk) -> Computed {
    process(job, source, &Counting, &mut |_| {}).expect("processed")
}

#[test]
fn r2_the_result_does_not_depend_on_cuts_order_or_threads() {
    let mut results = Vec::new();
    for (per_batch, is_reversed, threads) in
        [(64, false, 1), (64, true, 2), (1, false, 3), (500, true, 1), (7, true, 4)]
    {
        let dir = TempDir::new().expect("a folder");
        let store = chunks(&dir);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let computed = pool.install(|| {
            let mut parts = parts(&dir, &store, per_batch, is_reversed);
            if is_reversed {
                parts.reverse();
            }
            run(&job(parts), &store)
        });
        assert_eq!(computed.header.message_count, 500 + 501 + 502);
        results.push(computed.header.hash());
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
}

#[test]
fn r1_an_undecodable_part_counts_as_empty_for_everybody() {
    let dir = TempDir::new().expect("a folder");
    let store = chunks(&dir);
    let mut parts = parts(&dir, &store, 64, false);
    let whole = run(&job(parts.clone()), &store);
    assert!(whole.empty.is_empty());
    // Participant 1 anchors a length that its part does not have.
    parts[1].1.length += 1;
    let computed = run(&job(parts.clone()), &store);
    assert_eq!(computed.header.parts, 0b111, "it counts, as empty");
    assert!(matches!(&computed.empty[..], [(1, Undecodable::Expand { .. })]));
    assert_eq!(computed.header.message_count, 1503, "the others hold its messages too");
    let alone = run(&job(vec![parts[1].clone()]), &store);
    assert_eq!((alone.header.message_count, alone.header.parts), (0, 0b010));
}

struct Nothing;

impl FetchChunk for Nothing {
    fn fetch(&self, _: &ChunkId) -> Result<Option<Vec<u8>>, ChunkError> {
        Ok(None)
    }
}

#[test]
fn r1_missing_bytes_give_no_result() {
    let dir = TempDir::new().expect("a folder");
    let store = chunks(&dir);
    let job = job(parts(&dir, &store, 64, false));
    let outcome = process(&job, &Nothing, &Counting, &mut |_| {});
    assert!(matches!(outcome, Err(ProcessError::Part { participant: 0, .. })));
    assert_eq!(run(&job, &store).header.message_count, 1503);
}

struct Broken;

impl RunProgram for Broken {
    fn run(&self, _: &H256, _: &Context, _: &Merged) -> Result<ProgramRun, String> {
        Err("its code is not on this chain".into())
    }
}

#[test]
fn a_host_that_cannot_run_the_program_says_so() {
    let dir = TempDir::new().expect("a folder");
    let store = chunks(&dir);
    let mut stages = Vec::new();
    let outcome = process(&job(Vec::new()), &store, &Broken, &mut |stage| stages.push(stage));
    assert!(outcome.expect_err("no result").to_string().contains("its code is not on this chain"));
    assert_eq!(stages, [Stage::Merge, Stage::Order, Stage::Program]);
}

#[test]
fn equivocating_messages_are_excluded_for_everybody() {
    let dir = TempDir::new().expect("a folder");
    let store = chunks(&dir);
    let mut results = Vec::new();
    for (n, order) in [[0, 1], [1, 0]].into_iter().enumerate() {
        let mailbox = open(&dir.path().join(format!("m{n}")), 1);
        let cuts = [drafts(0, 0, 0, 20, 20, 0), drafts(0, 0, 0, 20, 20, 1)];
        for cut in order {
            let bytes = signed(&cuts[cut][0]);
            assert!(mailbox.receive(&[&bytes], &keys()).expect("the disk works")[0].is_ok());
        }
        let (plain, summary) = collate(&mailbox, 0, &mut All).expect("collated");
        let anchor = store_part(&plain, &summary, &key(), place(1), 0, &store).expect("stored");
        let computed = run(&job(vec![(1, anchor)]), &store);
        assert_eq!(computed.header.message_count, 20);
        assert_eq!(computed.exclusions.count(Reason::Equivocation), 20);
        results.push(computed.header.hash());
    }
    assert_eq!(results[0], results[1]);
}
