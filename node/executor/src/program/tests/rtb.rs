//! The shipped real-time-bidding program against its rules, computed once more and slowly.

use super::{HOSTS, context, run_everywhere};
use crate::program::ProgramResult;
use proptest::prelude::*;
use quire_channel::batch::{Leaf, SignedBatch};
use quire_channel::merge::{BatchVerifier, MergePlace, Merger};
use quire_channel::message::Message;
use quire_channel::part::PartBuilder;
use quire_channel::program::abi::Context;
use quire_channel::result::{Output, assemble, notice};
use quire_core::H256;
use quire_core::hash::blake2_256;
use std::collections::BTreeMap;

const RTB: &[u8] = include_bytes!("../../../../../runtime/programs/rtb/rtb.wasm");

fn imp(n: u64) -> Vec<u8> {
    blake2_256(&n.to_le_bytes())[..16].to_vec()
}

fn win(sender: u8, seq: u64, n: u64, price: u64) -> Message {
    let body = price.to_le_bytes().to_vec();
    Message { channel: 1, block: 0, sender, seq, time_ms: seq, kind: 1, key: imp(n), body }
}

fn check(sender: u8, seq: u64, n: u64, flags: u8) -> Message {
    Message { channel: 1, block: 0, sender, seq, time_ms: seq, kind: 2, key: imp(n), body: vec![flags] }
}

/// Reports, transfers and fees by hand from the rules; notices as (node, kind, data).
#[derive(Debug, Default, PartialEq)]
struct Expected {
    reports: BTreeMap<&'static str, u128>,
    ssp: u128,
    auditor: u128,
    fee: u128,
    notices: BTreeMap<(u8, u16, u16), u64>,
}

fn by_hand(messages: &[Message]) -> Expected {
    let mut ordered: Vec<&Message> = messages.iter().collect();
    ordered.sort_by_key(|m| (m.time_ms, m.id()));
    let mut imps: BTreeMap<&[u8], [Option<u64>; 3]> = BTreeMap::new();
    let mut expected = Expected::default();
    for m in ordered {
        let right = matches!((m.kind, m.sender), (1, 0 | 1) | (2, 2));
        let whole = m.key.len() == 16 && m.body.len() == if m.kind == 1 { 8 } else { 1 };
        if !right || !whole {
            let kind = if m.kind > 2 { 0 } else { m.kind };
            *expected.notices.entry((m.sender, if right { 2 } else { 1 }, kind)).or_default() += 1;
            continue;
        }
        let mut value = [0; 8];
        value[..m.body.len()].copy_from_slice(&m.body);
        imps.entry(&m.key).or_default()[usize::from(m.sender)].get_or_insert(u64::from_le_bytes(value));
    }
    if messages.is_empty() {
        return expected;
    }
    let names = ["total", "viewed", "rejected", "click"];
    let full = |name: &str, what: &str| -> &'static str { format!("{name}{what}").leak() };
    for name in names {
        expected.reports.insert(full(name, "Impressions"), 0);
        expected.reports.insert(full(name, "Sum"), 0);
    }
    expected.reports.insert("processedImpressions", 0);
    expected.reports.insert("unmatched", 0);
    let mut add = |name: &'static str, value: u128| *expected.reports.get_mut(name).unwrap() += value;
    for [dsp, ssp, flags] in imps.values() {
        let (Some(price), true) = (*dsp, dsp == ssp) else {
            add("unmatched", 1);
            continue;
        };
        let view = flags.is_some_and(|f| f & 2 > 0);
        let fraud = flags.is_some_and(|f| f & 1 > 0);
        let click = flags.is_some_and(|f| f & 4 > 0);
        for (name, yes) in
            [("total", true), ("viewed", view), ("rejected", view && fraud), ("click", click && !fraud)]
        {
            if yes {
                add(full(name, "Impressions"), 1);
                add(full(name, "Sum"), price.into());
            }
        }
        add("processedImpressions", flags.is_some().into());
    }
    let partner = expected.reports["viewedSum"] - expected.reports["rejectedSum"];
    expected.fee = partner / 100;
    expected.ssp = partner - expected.fee;
    expected.auditor = 1_000 * expected.reports["processedImpressions"];
    expected
}

fn from_result(result: &ProgramResult) -> Expected {
    let mut found = Expected::default();
    for output in result.outputs.as_slice() {
        match output {
            Output::Transfer { from: 0, to: 1, amount } => found.ssp = *amount,
            Output::Transfer { from: 0, to: 2, amount } => found.auditor = *amount,
            Output::Fee { from: 0, amount } => found.fee = *amount,
            Output::Report { key, value } => {
                let name = String::from_utf8(key.clone()).unwrap().leak();
                found.reports.insert(name, *value);
            }
            Output::Notice { node, kind, data } => {
                let message_kind = u16::from_le_bytes([data[0], data[1]]);
                let count = u64::from_le_bytes(data[2..].try_into().unwrap());
                found.notices.insert((*node, *kind, message_kind), count);
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(result.outputs.total(), found.ssp + found.auditor + found.fee);
    found
}

#[test]
fn the_ten_figures_of_a_small_block() {
    let mut messages = Vec::new();
    // price, lost by the DSP, flags of the auditor
    let imps = [
        (100, false, Some(2)),
        (250, false, Some(3)),
        (70, true, Some(2)),
        (30, false, Some(6)),
        (9, false, None),
        (11, false, Some(4)),
        (13, false, Some(5)),
    ];
    for (n, (price, lost, flags)) in imps.into_iter().enumerate() {
        let n = n as u64;
        messages.push(win(1, n, n, price));
        if !lost {
            messages.push(win(0, n, n, price));
        }
        messages.extend(flags.map(|flags| check(2, n, n, flags)));
    }
    let result = run_everywhere(RTB, &context(), &messages);
    let report = |name: &str, value| Output::Report { key: name.as_bytes().to_vec(), value };
    // viewed 100 + 250 + 30, rejected 250: the partner has 130, of which 1 is the fee.
    let expected = [
        Output::Transfer { from: 0, to: 1, amount: 129 },
        Output::Transfer { from: 0, to: 2, amount: 5_000 },
        Output::Fee { from: 0, amount: 1 },
        report("clickImpressions", 2),
        report("clickSum", 41),
        report("processedImpressions", 5),
        report("rejectedImpressions", 1),
        report("rejectedSum", 250),
        report("totalImpressions", 6),
        report("totalSum", 413),
        report("unmatched", 1),
        report("viewedImpressions", 3),
        report("viewedSum", 380),
    ];
    assert_eq!(result.outputs.as_slice(), expected);
}

#[test]
fn r1_r2_ignored_messages_are_counted_by_sender_reason_and_kind() {
    let mut messages: Vec<Message> = (0..2_000).map(|n| check(1, n, n, 2)).collect();
    messages.extend((0..10).map(|n| win(2, n, n, 5)));
    messages.extend((0..3).map(|n| Message { kind: 900 + n as u16, ..win(0, n, n, 5) }));
    messages.extend((10..14).map(|n| Message { body: vec![1; 7], ..win(0, n, n, 5) }));
    messages.push(Message { key: vec![1; 17], ..check(2, 50, 0, 2) });
    let found = from_result(&run_everywhere(RTB, &context(), &messages));
    let expected = [((0, 1, 0), 3), ((0, 2, 1), 4), ((1, 1, 2), 2_000), ((2, 1, 1), 10), ((2, 2, 2), 1)];
    assert_eq!(found.notices, expected.into_iter().collect());
    assert_eq!(found, by_hand(&messages));
}

#[test]
fn r3_of_several_messages_the_first_by_time_counts() {
    let late = Message { time_ms: 9, ..win(1, 1, 0, 900) };
    let early = Message { time_ms: 3, ..win(1, 2, 0, 100) };
    let found = from_result(&run_everywhere(RTB, &context(), &[late, early, win(0, 0, 0, 100)]));
    assert_eq!((found.reports["totalImpressions"], found.reports["totalSum"]), (1, 100));
}

#[test]
fn r6_rates_are_exact_at_their_limits() {
    let messages = [win(0, 0, 0, u64::MAX), win(1, 0, 0, u64::MAX), check(2, 0, 0, 2)];
    let with = |fee_rate: u128, auditor_rate: u128| {
        let parameters = [fee_rate.to_le_bytes(), auditor_rate.to_le_bytes()].concat();
        run_everywhere(RTB, &Context { parameters, ..context() }, &messages)
    };
    let whole = 10u128.pow(18);
    let price = u128::from(u64::MAX);
    let all = from_result(&with(whole, 0));
    assert_eq!((all.ssp, all.fee), (0, price));
    let most = from_result(&with(whole - 1, 7));
    assert_eq!(
        (most.fee, most.ssp, most.auditor),
        (price - 19, 19, 7),
        "18.4 plancks rounded down stay with the SSP"
    );
    assert_eq!(from_result(&with(0, 0)).ssp, price);
    let init_failed = |result: ProgramResult| {
        matches!(result.outputs.as_slice(), [Output::Notice { kind: notice::INIT_FAILED, .. }])
    };
    assert!(init_failed(with(whole + 1, 0)));
    let nobody = Context { roles: vec![0, 2, 2], ..context() };
    assert!(init_failed(run_everywhere(RTB, &nobody, &messages)));
    let short = Context { parameters: vec![0; 31], ..context() };
    assert!(init_failed(run_everywhere(RTB, &short, &messages)));
}

struct Anybody;

impl BatchVerifier for Anybody {
    fn verify(&self, _: u8, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }
}

/// Cuts into batches of `size`, spread over two parts in the order given.
fn result_hash(messages: &[Message], size: usize, rotate: usize, host: usize) -> H256 {
    let mut senders = [Vec::new(), Vec::new(), Vec::new()];
    messages.iter().for_each(|m| senders[usize::from(m.sender)].push(m.clone()));
    let mut batches = Vec::new();
    for content in &mut senders {
        content.sort_by_key(|m| m.seq);
        for chunk in content.chunks(size) {
            let ids: Vec<H256> = chunk.iter().map(Message::id).collect();
            let header = SignedBatch::header_for(H256::ZERO, &chunk[0], &ids).unwrap();
            batches.push(SignedBatch {
                header,
                signature: [0; 64],
                leaves: chunk.iter().cloned().map(Leaf::Full).collect(),
            });
        }
    }
    let middle = rotate % batches.len();
    batches.rotate_left(middle);
    let place = MergePlace { genesis: H256::ZERO, channel: 1, block: 0, participants: 3 };
    let mut merger = Merger::new(place);
    let parallel = HOSTS[host].parallel();
    // Everything is in one part or the other, the middle third in both.
    let third = batches.len().div_ceil(3);
    for (participant, part) in
        [&batches[..batches.len() - third], &batches[third.min(batches.len())..]].into_iter().enumerate()
    {
        let mut builder = PartBuilder::new();
        part.iter().for_each(|batch| builder.push_batch(batch).unwrap());
        merger.add_part(participant as u8, &builder.finish().0, &Anybody, &parallel).unwrap();
    }
    let merged = merger.finish(&parallel);
    let result = HOSTS[host].run(RTB, &context(), &merged).unwrap();
    assemble(&merged.facts(), H256(blake2_256(RTB)), &result.records, &result.outputs).hash()
}

#[test]
fn any_cut_any_order_and_any_threads_give_one_result_hash() {
    let messages: Vec<Message> = (0..900)
        .flat_map(|n| [win(0, n, n, 10 + n % 7), win(1, n, n, 10 + n % 7), check(2, n, n, (n % 8) as u8)])
        .collect();
    let expected = result_hash(&messages, 1_000, 0, 0);
    for (size, rotate, host) in [(1_000, 1, 1), (1, 5, 3), (7, 100, 2), (64, 11, 0), (333, 4, 3)] {
        assert_eq!(
            result_hash(&messages, size, rotate, host),
            expected,
            "batches of {size}, rotated {rotate}"
        );
    }
    let mut fewer = messages;
    fewer.pop();
    assert_ne!(result_hash(&fewer, 1_000, 0, 0), expected);
}

fn any_message() -> impl Strategy<Value = Message> {
    (0u8..3, 0u64..400, 0u64..40, 0u64..3, 0u8..8, 0u8..20).prop_map(|(sender, seq, n, price, flags, odd)| {
        let mut message = if sender == 2 { check(sender, seq, n, flags) } else { win(sender, seq, n, price) };
        match odd {
            0 => message.kind = 3 - message.kind,
            1 => message.kind = 7,
            2 => message.key.push(1),
            3 => message.body.push(1),
            _ => {}
        }
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_block_comes_out_as_by_hand(mut messages in prop::collection::vec(any_message(), 0..150)) {
        // Distinct ids, as the merge gives them.
        messages.sort_by_key(Message::id);
        messages.dedup();
        prop_assert_eq!(from_result(&run_everywhere(RTB, &context(), &messages)), by_hand(&messages));
    }
}
