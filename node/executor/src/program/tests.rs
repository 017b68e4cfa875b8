//! The host with well-behaved and hostile programs, on one to four threads.

use super::*;
use proptest::prelude::*;
use quire_channel::limits::MAX_HOST_NOTICES;
use quire_channel::message::Message;
use quire_channel::program::abi::failure_data;
use quire_channel::result::{Output, notice};
use quire_channel::{VBUCKETS, vbucket};
use quire_core::hash::blake2_256;
use std::collections::BTreeMap;
use std::sync::LazyLock;

mod rtb;

/// Messages in the order of the merge, without one.
pub(super) struct Sorted {
    buckets: Vec<Vec<(Vec<u8>, H256)>>,
}

impl Sorted {
    pub(super) fn new(messages: &[Message]) -> Self {
        use parity_scale_codec::Encode;
        let mut ordered: Vec<(&Message, H256)> =
            messages.iter().map(|message| (message, message.id())).collect();
        ordered.sort_by(|(a, i), (b, j)| (&a.key, a.time_ms, i).cmp(&(&b.key, b.time_ms, j)));
        let mut buckets: Vec<Vec<(Vec<u8>, H256)>> = (0..VBUCKETS).map(|_| Vec::new()).collect();
        for (message, id) in ordered {
            buckets[usize::from(vbucket(&message.key))].push((message.encode(), id));
        }
        Self { buckets }
    }
}

impl MessageSource for Sorted {
    fn bucket<'a>(&'a self, vbucket: u16) -> Box<dyn Iterator<Item = (MessageRef<'a>, &'a H256)> + 'a> {
        let bucket = &self.buckets[usize::from(vbucket)];
        Box::new(bucket.iter().map(|(bytes, id)| (MessageRef::read_exact(bytes).unwrap(), id)))
    }
}

pub(super) static TOY: LazyLock<Vec<u8>> = LazyLock::new(|| wat::parse_str(include_str!("toy.wat")).unwrap());

/// Hosts with one to four threads; starting them reserves address space, so all tests share them.
pub(super) static HOSTS: LazyLock<Vec<ProgramHost>> = LazyLock::new(|| {
    (1..=4).map(|threads| ProgramHost::new(HostConfig { threads, cache: None }).unwrap()).collect()
});

pub(super) fn context() -> Context {
    let mut parameters = 10u128.pow(16).to_le_bytes().to_vec();
    parameters.extend(1_000u128.to_le_bytes());
    Context { channel: 1, block: 0, roles: vec![0, 1, 2], parameters }
}

/// The same on every host, or the test fails.
pub(super) fn run_everywhere(code: &[u8], context: &Context, messages: &[Message]) -> ProgramResult {
    let source = Sorted::new(messages);
    let results: Vec<ProgramResult> =
        HOSTS.iter().map(|host| host.run(code, context, &source).unwrap()).collect();
    for other in &results[1..] {
        assert_eq!(*other, results[0], "the number of threads shows");
    }
    results.into_iter().next().unwrap()
}

fn message(seq: u64, key: &[u8], kind: u16) -> Message {
    Message { channel: 1, block: 0, sender: 0, seq, time_ms: seq, kind, key: key.to_vec(), body: vec![7; 3] }
}

fn report(key: &[u8], value: u128) -> Output {
    Output::Report { key: key.to_vec(), value }
}

fn failed(kind: u16, phase: u8, name: &[u8]) -> Output {
    Output::Notice { node: notice::NOBODY, kind, data: failure_data(0, phase, name) }
}

/// Keys that fall into one vBucket.
fn neighbours(count: usize) -> Vec<Vec<u8>> {
    let keys = (0u64..).map(|n| blake2_256(&n.to_le_bytes())[..8].to_vec());
    let mut keys: Vec<Vec<u8>> = keys.filter(|key| vbucket(key) == 77).take(count).collect();
    keys.sort();
    keys
}

#[test]
fn groups_are_counted_and_ordered() {
    let messages: Vec<Message> = (0..5_000u64).map(|n| message(n, &(n % 700).to_le_bytes(), 50)).collect();
    let result = run_everywhere(&TOY, &context(), &messages);
    let mut expected: BTreeMap<Vec<u8>, u128> = BTreeMap::new();
    messages.iter().for_each(|message| *expected.entry(message.key.clone()).or_default() += 1);
    let expected: Vec<Output> = expected.iter().map(|(key, value)| report(key, *value)).collect();
    assert_eq!(result.outputs.as_slice(), expected);
    assert_eq!((result.failures, result.outputs.total()), (0, 0));
    let none = run_everywhere(&TOY, &context(), &[]);
    assert_eq!((none.outputs.as_slice(), none.records.len()), (&[][..], 0));
}

#[test]
fn r2_an_offender_yields_a_notice_and_the_others_go_on() {
    let kinds = [
        (1, notice::TRAP),
        (2, notice::OUT_OF_GAS),
        (4, notice::BAD_OUTPUT),
        (5, notice::BAD_OUTPUT),
        (6, notice::TRAP),
        (7, notice::TRAP),
        (8, notice::TRAP),
        (9, notice::BAD_OUTPUT),
        (10, notice::BAD_OUTPUT),
    ];
    let keys = neighbours(40);
    for (kind, expected) in kinds {
        for offenders in [vec![0], vec![39], vec![7, 8, 30]] {
            let kind_of = |n: usize| if offenders.contains(&n) { kind } else { 50 };
            let messages: Vec<Message> = (0..40).map(|n| message(n as u64, &keys[n], kind_of(n))).collect();
            let result = run_everywhere(&TOY, &context(), &messages);
            let good = (0..40).filter(|n| !offenders.contains(n)).map(|n| report(&keys[n], 1));
            let bad = offenders.iter().map(|n| failed(expected, 1, &keys[*n]));
            let all: Vec<Output> = good.chain(bad).collect();
            assert_eq!(result.outputs.as_slice(), all, "kind {kind}, offenders {offenders:?}");
            assert_eq!(result.failures, offenders.len() as u64);
        }
    }
}

#[test]
fn r2_an_offender_in_map_is_named_by_its_id() {
    let keys = neighbours(20);
    for (kind, expected) in
        [(101, notice::TRAP), (102, notice::OUT_OF_GAS), (104, notice::BAD_OUTPUT), (110, notice::BAD_OUTPUT)]
    {
        let messages: Vec<Message> =
            (0..40).map(|n| message(n, &keys[n as usize % 20], if n == 25 { kind } else { 50 })).collect();
        let result = run_everywhere(&TOY, &context(), &messages);
        let good = (0..20).map(|n| report(&keys[n], if n == 5 { 1 } else { 2 }));
        let all: Vec<Output> = good.chain([failed(expected, 0, &messages[25].id().0)]).collect();
        assert_eq!(result.outputs.as_slice(), all, "kind {kind}");
    }
}

#[test]
fn outputs_about_strangers_and_pairs_in_the_last_stage_are_refused() {
    for kind in [11, 12] {
        let result = run_everywhere(&TOY, &context(), &[message(0, b"a", kind), message(1, b"b", 50)]);
        assert_eq!(result.outputs.as_slice(), [report(b"b", 1), failed(notice::BAD_OUTPUT, 1, b"a")]);
    }
}

#[test]
fn growing_memory_to_its_maximum_is_no_failure() {
    let result = run_everywhere(&TOY, &context(), &[message(0, b"a", 3), message(1, b"b", 50)]);
    assert_eq!(result.outputs.as_slice(), [report(b"a", 1), report(b"b", 1)]);
}

#[test]
fn r3_a_group_above_the_limit_is_not_run() {
    let big = |n: u64, key: &[u8]| Message { body: vec![1; 16_000], ..message(n, key, 50) };
    let mut messages: Vec<Message> = (0..270).map(|n| big(n, b"crowded")).collect();
    messages.extend((0..250).map(|n| big(1_000 + n, b"full")));
    let result = run_everywhere(&TOY, &context(), &messages);
    // A group within the limit but beyond what the program can hold is the program's own failure.
    let kinds: Vec<u16> = result
        .outputs
        .as_slice()
        .iter()
        .map(|output| match output {
            Output::Notice { kind, .. } => *kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [notice::TRAP, notice::GROUP_TOO_LARGE]);
}

#[test]
fn r4_failures_beyond_the_limit_are_counted_in_one_notice() {
    let messages: Vec<Message> = (0..2_000u64).map(|n| message(n, &n.to_le_bytes(), 1)).collect();
    let result = run_everywhere(&TOY, &context(), &messages);
    assert_eq!(result.failures, 2_000);
    let more = Output::Notice {
        node: notice::NOBODY,
        kind: notice::MORE_FAILURES,
        data: (2_000 - MAX_HOST_NOTICES as u64).to_le_bytes().to_vec(),
    };
    assert_eq!(result.outputs.count() as usize, MAX_HOST_NOTICES + 1);
    assert_eq!(result.outputs.as_slice().last(), Some(&more));
}

#[test]
fn a_vbucket_cannot_burn_more_than_its_gas() {
    let keys = neighbours(150);
    let mut messages: Vec<Message> = (0..149).map(|n| message(n as u64, &keys[n], 2)).collect();
    messages.push(message(149, &keys[149], 50));
    let elsewhere = (0u64..).map(|n| n.to_le_bytes()).find(|key| vbucket(key) != 77).unwrap();
    messages.push(message(150, &elsewhere, 50));
    let result = run_everywhere(&TOY, &context(), &messages);
    let limit = quire_channel::program::gas::bucket_gas(150, 150 * (26 + 8 + 3));
    let others = 2 * quire_channel::program::gas::CALL_GAS;
    assert!((limit..limit + others).contains(&result.gas), "{} of {limit}", result.gas);
    assert_eq!(result.failures, 150, "the good group came after the gas was gone");
    assert!(result.outputs.as_slice().contains(&report(&elsewhere, 1)), "another vBucket has its own gas");
}

#[test]
fn r5_a_program_that_does_not_start_processes_nothing() {
    let stages = include_str!("toy.wat").replace(
        "(result i32) (i32.const 1))\n  (func (export \"quire_init\")",
        "(result i32) (i32.const 9))\n  (func (export \"quire_init\")",
    );
    let init = include_str!("toy.wat").replace(
        "(func (export \"quire_init\") (param i32 i32))",
        "(func (export \"quire_init\") (param i32 i32) unreachable)",
    );
    let segment =
        include_str!("toy.wat").replace("(func $deep", "(data (i32.const 131070) \"abcd\") (func $deep");
    for text in [stages, init, segment] {
        assert_ne!(text, include_str!("toy.wat"));
        let code = wat::parse_str(text).unwrap();
        let result = run_everywhere(&code, &context(), &[message(0, b"a", 50)]);
        let expected = Output::Notice { node: notice::NOBODY, kind: notice::INIT_FAILED, data: Vec::new() };
        assert_eq!(result.outputs.as_slice(), [expected]);
        assert_eq!(result.records.len(), 0);
    }
}

#[test]
fn refused_code_is_not_run() {
    let text = include_str!("toy.wat").replace("2 64)", "2)");
    let code = wat::parse_str(text).unwrap();
    let error = HOSTS[0].prepare(&code).unwrap_err();
    assert!(matches!(error, HostError::Refused(ProgramError::NoMemoryMaximum)), "{error}");
}

#[test]
fn records_change_with_what_is_read_and_written() {
    let base: Vec<Message> = (0..300u64).map(|n| message(n, &(n % 90).to_le_bytes(), 50)).collect();
    let records = run_everywhere(&TOY, &context(), &base).records;
    let mut other = base.clone();
    other[17].body[0] ^= 1;
    let changed = run_everywhere(&TOY, &context(), &other).records;
    let differ = records.iter().zip(&changed).filter(|(a, b)| a != b).count();
    assert_eq!(
        (records.len(), differ),
        (changed.len(), 2),
        "one map call and one reduce call read the change"
    );
    let mut failing = base;
    failing[17].kind = 1;
    assert_ne!(run_everywhere(&TOY, &context(), &failing).records, records);
}

#[test]
fn metering_is_the_same_every_time() {
    assert_eq!(compile::instrument(&TOY).unwrap(), compile::instrument(&TOY).unwrap());
}

#[test]
fn compiled_programs_are_cached_and_damaged_files_are_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = HostConfig { threads: 1, cache: Some(folder.path().to_path_buf()) };
    let messages = Sorted::new(&[message(0, b"a", 50)]);
    let run = || ProgramHost::new(config.clone()).unwrap().run(&TOY, &context(), &messages).unwrap();
    let fresh = run();
    let files =
        || std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let [file] = files().try_into().unwrap();
    let compiled = std::fs::read(&file).unwrap();
    assert_eq!(run(), fresh, "from the cache");
    let mut damaged = compiled.clone();
    damaged[5_000] ^= 1;
    for content in [&damaged[..], &compiled[..compiled.len() / 2], &[]] {
        std::fs::write(&file, content).unwrap();
        assert_eq!(run(), fresh);
        assert_eq!(std::fs::read(&file).unwrap(), compiled, "the cache is mended");
    }
    let nowhere = HostConfig { threads: 1, cache: Some("/proc/nowhere".into()) };
    assert_eq!(ProgramHost::new(nowhere).unwrap().run(&TOY, &context(), &messages).unwrap(), fresh);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_mix_of_misbehaviour_is_the_same_on_any_number_of_threads(
        kinds in prop::collection::vec((0u8..30, prop_oneof![4 => Just(50u16), 1 => 1u16..13, 1 => 101u16..113]), 1..60),
    ) {
        let messages: Vec<Message> =
            kinds.iter().enumerate().map(|(n, (key, kind))| message(n as u64, &[*key], *kind)).collect();
        let result = run_everywhere(&TOY, &context(), &messages);
        // Every key that no offender touched is reported in full.
        let clean = |key: u8| messages.iter().filter(|m| m.key == [key]).all(|m| m.kind == 50 || m.kind == 3);
        for key in (0..30).filter(|key| clean(*key)) {
            let count = messages.iter().filter(|m| m.key == [key]).count() as u128;
            prop_assert_eq!(count > 0, result.outputs.as_slice().contains(&report(&[key], count)));
        }
    }
}
