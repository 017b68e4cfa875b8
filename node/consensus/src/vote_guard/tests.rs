//! The guard: one test per rule, then crashes at every step.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const KEY: SignerKey = [1; 32];
const OTHER: SignerKey = [2; 32];

fn seal(key: SignerKey, slot: u64, payload: u8) -> Request {
    Request::Seal { key, slot: Slot(slot), payload: H256([payload; 32]) }
}

fn vote(kind: VoteKind, set_id: u64, round: u64, target: u8) -> Request {
    Request::Vote { key: KEY, kind, set_id, round, target_hash: H256([target; 32]), target_number: 1 }
}

fn messages(channel: u64, first_seq: u64, count: u32, root: u8) -> Request {
    Request::Messages { key: KEY, channel, first_seq, count, root: H256([root; 32]) }
}

fn commit(channel: u64, block: u32, commitment: u8) -> Request {
    Request::Commit { key: KEY, channel, block, commitment: H256([commitment; 32]) }
}

fn is_safe(guard: &mut VoteGuard, request: Request) -> bool {
    matches!(guard.ask(&request), Verdict::Safe { .. })
}

#[test]
fn r1_one_header_per_slot() {
    let mut guard = VoteGuard::fresh();
    assert!(is_safe(&mut guard, seal(KEY, 5, 1)));
    assert!(is_safe(&mut guard, seal(KEY, 5, 1)), "R5: the same again");
    let conflict = Conflict::Slot { slot: Slot(5), sealed: Slot(5) };
    assert_eq!(guard.ask(&seal(KEY, 5, 2)), Verdict::NotSafe(conflict));
    assert!(!is_safe(&mut guard, seal(KEY, 4, 1)), "slots only rise");
    assert!(is_safe(&mut guard, seal(OTHER, 5, 2)), "another key");
    assert!(is_safe(&mut guard, seal(KEY, 6, 2)));
    assert_eq!(guard.last_slot(&KEY), Some(Slot(6)));
}

#[test]
fn r2_one_vote_per_round() {
    let mut guard = VoteGuard::fresh();
    let precommit = VoteKind::Precommit;
    assert!(is_safe(&mut guard, vote(precommit, 1, 5, 1)));
    assert!(is_safe(&mut guard, vote(precommit, 1, 5, 1)), "R5");
    assert!(!is_safe(&mut guard, vote(precommit, 1, 5, 2)));
    assert!(!is_safe(&mut guard, vote(precommit, 1, 4, 1)));
    assert!(!is_safe(&mut guard, vote(precommit, 0, 9, 1)), "an older set");
    assert!(is_safe(&mut guard, vote(VoteKind::Prevote, 1, 5, 2)), "the other phase");
    assert!(is_safe(&mut guard, vote(precommit, 2, 1, 2)), "a newer set");
    let last = LastVote { set_id: 2, round: 1, target_hash: H256([2; 32]), target_number: 1 };
    assert_eq!(guard.last_precommit(&KEY), Some(last));
}

#[test]
fn r3_numbers_are_used_once() {
    let mut guard = VoteGuard::fresh();
    assert!(is_safe(&mut guard, messages(7, 0, 10, 1)));
    assert!(is_safe(&mut guard, messages(7, 0, 10, 1)), "R5");
    for (first_seq, count, root) in [(0, 10, 2), (0, 9, 1), (9, 1, 1)] {
        assert!(!is_safe(&mut guard, messages(7, first_seq, count, root)));
    }
    assert!(is_safe(&mut guard, messages(7, 10, 5, 2)));
    assert!(is_safe(&mut guard, messages(7, 0, 10, 1)), "an older batch, still known");
    assert!(is_safe(&mut guard, messages(8, 0, 1, 1)), "another channel");
    assert_eq!((guard.next_seq(&KEY, 7), guard.next_seq(&OTHER, 7)), (15, 0));
    assert!(!is_safe(&mut guard, messages(7, 20, 0, 1)), "nothing in it");
    assert!(!is_safe(&mut guard, messages(7, u64::MAX, 1, 1)), "beyond the last number");
    for batch in 0..BATCHES_KEPT as u64 {
        assert!(is_safe(&mut guard, messages(7, 100 + batch, 1, 1)));
    }
    assert!(!is_safe(&mut guard, messages(7, 0, 10, 1)), "forgotten, so refused");
}

#[test]
fn r4_one_commitment_per_block() {
    let mut guard = VoteGuard::fresh();
    assert!(is_safe(&mut guard, commit(7, 3, 1)));
    assert!(is_safe(&mut guard, commit(7, 3, 1)), "R5");
    assert!(!is_safe(&mut guard, commit(7, 3, 2)));
    assert!(is_safe(&mut guard, commit(7, 1, 2)), "blocks are independent");
    assert!(is_safe(&mut guard, commit(8, 3, 2)));
    guard.retire(KEY, 7, 4);
    assert_eq!(guard.commitment(&KEY, 7, 3), None);
    assert!(!is_safe(&mut guard, commit(7, 3, 1)), "not even the same again");
    assert_eq!(guard.commitment(&KEY, 8, 3), Some(H256([2; 32])));
    assert!(is_safe(&mut guard, commit(7, 4, 1)));
    guard.retire(KEY, 7, 2);
    assert!(!is_safe(&mut guard, commit(7, 3, 1)), "retiring less changes nothing");
}

#[test]
fn r6_safe_is_not_durable() {
    let mut guard = VoteGuard::fresh();
    assert_eq!(guard.write(), None, "nothing to write");
    let Verdict::Safe { after } = guard.ask(&seal(KEY, 5, 1)) else { panic!("safe") };
    assert!(!guard.is_durable(after));
    let write = guard.write().expect("something is recorded");
    let Verdict::Safe { after: later } = guard.ask(&seal(KEY, 6, 1)) else { panic!("safe") };
    assert_eq!(guard.write(), None, "one write at a time");
    guard.written(write.through);
    assert!(guard.is_durable(after) && !guard.is_durable(later));
    let Verdict::Safe { after: again } = guard.ask(&seal(KEY, 6, 1)) else { panic!("safe") };
    assert!(!guard.is_durable(again), "the same request again waits for the same write");
    let next = guard.write().expect("the second entry");
    assert_ne!(next.file, write.file, "files alternate");
    guard.written(next.through);
    assert!(guard.is_durable(later));
    let restored = VoteGuard::restore([Some(&next.bytes), Some(&write.bytes)]).expect("both whole");
    assert_eq!(restored.last_slot(&KEY), Some(Slot(6)), "the newer one counts");
    let torn = &next.bytes[..next.bytes.len() - 1];
    let restored = VoteGuard::restore([Some(torn), Some(&write.bytes)]).expect("one whole");
    assert_eq!(restored.last_slot(&KEY), Some(Slot(5)));
}

#[test]
fn r6_damage_is_seen() {
    let [first, second] = VoteGuard::fresh().initial_files();
    assert_eq!((first.file, second.file), (0, 1));
    assert_eq!(VoteGuard::restore([None, None]), Ok(VoteGuard::fresh()));
    assert_eq!(VoteGuard::restore([Some(&first.bytes), Some(&second.bytes)]), Ok(VoteGuard::fresh()));
    assert_eq!(
        VoteGuard::restore([Some(b"torn"), None]),
        Ok(VoteGuard::fresh()),
        "the first start was cut off"
    );
    assert!(matches!(VoteGuard::restore([Some(b""), Some(b"QGRD")]), Err(GuardError::Damaged { .. })));
    for position in 0..first.bytes.len() {
        let mut bytes = first.bytes.clone();
        bytes[position] ^= 0x10;
        let error = VoteGuard::restore([Some(&bytes), Some(&bytes)]).expect_err("a bit differs");
        assert!(matches!(error, GuardError::Damaged { .. }), "{error}");
    }
    let mut newer = first.bytes[..first.bytes.len() - 32].to_vec();
    newer[4] = 3;
    newer.extend_from_slice(&quire_core::hash::blake2_256(&newer));
    let error = VoteGuard::restore([Some(&newer), Some(&second.bytes)]);
    assert_eq!(error, Err(GuardError::Version { version: 3 }), "never ignored in favour of the older file");
}

#[test]
fn r7_a_full_guard_refuses() {
    let mut guard = VoteGuard::fresh();
    for block in 0..ENTRIES_MAX as u32 {
        assert!(is_safe(&mut guard, commit(1, block, 1)));
    }
    assert_eq!(guard.ask(&commit(1, u32::MAX, 1)), Verdict::NotSafe(Conflict::Full));
    assert!(!is_safe(&mut guard, seal(KEY, 1, 1)) && !is_safe(&mut guard, messages(1, 0, 1, 1)));
    assert!(!is_safe(&mut guard, vote(VoteKind::Prevote, 1, 1, 1)));
    assert!(is_safe(&mut guard, commit(1, 0, 1)), "what is known stays safe");
    guard.retire(KEY, 1, 10);
    assert!(is_safe(&mut guard, seal(KEY, 1, 1)));
}

#[test]
fn the_format_is_frozen() {
    let mut guard = VoteGuard::fresh();
    for request in
        [seal(KEY, 5, 1), vote(VoteKind::Precommit, 1, 2, 3), messages(7, 0, 2, 4), commit(7, 3, 5)]
    {
        assert!(is_safe(&mut guard, request));
    }
    guard.retire(OTHER, 9, 1);
    guard.keep_round(OTHER, vec![6; 3]);
    let write = guard.write().expect("recorded");
    let content = &write.bytes[..write.bytes.len() - 32];
    let number = |value: u64| value.to_le_bytes().to_vec();
    let expected = [
        b"QGRD\x02".to_vec(),
        [number(6), number(1)].concat(),
        [vec![4], vec![1; 32], number(5), vec![1; 32]].concat(),
        [vec![4], vec![1; 32], vec![1], number(1), number(2), vec![3; 32], vec![1, 0, 0, 0]].concat(),
        [vec![4], vec![1; 32], number(7), number(2), vec![4], number(0), vec![2, 0, 0, 0], vec![4; 32]]
            .concat(),
        [vec![4], vec![1; 32], number(7), vec![3, 0, 0, 0], vec![5; 32]].concat(),
        [vec![4], vec![2; 32], number(9), vec![1, 0, 0, 0]].concat(),
        [vec![4], vec![2; 32], vec![12], vec![6; 3]].concat(),
    ];
    assert_eq!(content, expected.concat());
}

/// What happens to a node and its disk.
#[derive(Clone, Debug)]
enum Event {
    Ask(u8, u8, u8),
    /// Start a write.
    Write,
    /// The write under way becomes durable.
    Done,
    /// The node dies; of a write under way this much of the file is on the disk, `None` for nothing.
    Crash(Option<u8>),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0u8..4, 0u8..4, 0u8..3).prop_map(|(kind, place, content)| Event::Ask(kind, place, content)),
        4 => Just(Event::Write),
        4 => Just(Event::Done),
        1 => proptest::option::of(any::<u8>()).prop_map(Event::Crash),
    ]
}

fn request(kind: u8, place: u8, content: u8) -> Request {
    match kind {
        0 => seal(KEY, u64::from(place), content),
        1 => vote(VoteKind::Precommit, 0, u64::from(place), content),
        2 => messages(1, u64::from(place) * 2, 2 + u32::from(content % 2), content),
        _ => commit(1, u32::from(place), content),
    }
}

struct Node {
    guard: VoteGuard,
    disk: [Vec<u8>; 2],
    under_way: Option<GuardWrite>,
    waiting: Vec<(u64, Request)>,
    signed: Vec<Request>,
}

impl Node {
    fn new() -> Self {
        let guard = VoteGuard::fresh();
        let disk = guard.initial_files().map(|write| write.bytes);
        Self { guard, disk, under_way: None, waiting: Vec::new(), signed: Vec::new() }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Ask(kind, place, content) => {
                let request = request(kind, place, content);
                if let Verdict::Safe { after } = self.guard.ask(&request) {
                    self.waiting.push((after, request));
                }
            }
            Event::Write => self.under_way = self.guard.write().or(self.under_way.take()),
            Event::Done => {
                if let Some(write) = self.under_way.take() {
                    self.disk[write.file] = write.bytes;
                    self.guard.written(write.through);
                }
            }
            Event::Crash(landed) => self.crash(landed),
        }
        let durable = |(after, _): &(u64, Request)| self.guard.is_durable(*after);
        let (now, later): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(durable);
        self.signed.extend(now.into_iter().map(|(_, request)| request));
        self.waiting = later;
    }

    fn crash(&mut self, landed: Option<u8>) {
        if let (Some(write), Some(landed)) = (self.under_way.take(), landed) {
            // The new file from its start, the rest is what was there before or missing.
            let cut = write.bytes.len() * usize::from(landed) / 255;
            let mut torn = write.bytes[..cut].to_vec();
            torn.extend(self.disk[write.file].iter().skip(cut));
            self.disk[write.file] = torn;
        }
        let [first, second] = &self.disk;
        self.guard = VoteGuard::restore([Some(first), Some(second)]).expect("one file is always whole");
        self.waiting.clear();
    }
}

/// The numbers that a request uses up, each with what it says there.
fn claims(request: &Request) -> Vec<(u8, u64)> {
    match request {
        Request::Seal { slot, .. } => vec![(0, slot.0)],
        Request::Vote { round, .. } => vec![(1, *round)],
        Request::Messages { first_seq, count, .. } => {
            (*first_seq..first_seq + u64::from(*count)).map(|seq| (2, seq)).collect()
        }
        Request::Commit { block, .. } => vec![(3, u64::from(*block))],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_crash_leads_to_two_different_signatures(events in proptest::collection::vec(event(), 1..80)) {
        let mut node = Node::new();
        for event in events {
            node.take(event);
        }
        let distinct: BTreeSet<String> = node.signed.iter().map(|request| format!("{request:?}")).collect();
        let mut signed: Vec<Request> = Vec::new();
        for request in node.signed {
            if !signed.contains(&request) {
                signed.push(request);
            }
        }
        prop_assert_eq!(signed.len(), distinct.len());
        let mut seen = BTreeSet::new();
        for request in &signed {
            for claim in claims(request) {
                prop_assert!(seen.insert(claim), "{:?} was signed twice differently: {:?}", claim, signed);
            }
        }
    }
}

#[test]
fn r8_the_round_is_kept_with_the_vote() {
    let mut guard = VoteGuard::fresh();
    guard.keep_round([1; 32], vec![1, 2, 3]);
    let write = guard.write().expect("something is recorded");
    let restored = VoteGuard::restore([None, Some(&write.bytes)]).expect("is whole");
    assert_eq!(restored.round(&[1; 32]), Some(&[1, 2, 3][..]));
    guard.written(write.through);
    guard.keep_round([1; 32], vec![1, 2, 3]);
    assert_eq!(guard.write(), None, "the same record again is no news");
}

#[test]
fn files_of_the_version_without_rounds_are_read() {
    let mut guard = VoteGuard::fresh();
    let slot = Request::Seal { key: [1; 32], slot: Slot(7), payload: H256([2; 32]) };
    assert!(matches!(guard.ask(&slot), Verdict::Safe { .. }));
    let bytes = guard.write().expect("something is recorded").bytes;
    // Version 1 ended before the rounds, which are an empty map here: one zero byte.
    let mut old = bytes[..bytes.len() - 33].to_vec();
    old[4] = 1;
    old.extend_from_slice(&quire_core::hash::blake2_256(&old));
    let restored = VoteGuard::restore([Some(&old), None]).expect("is still read");
    assert_eq!(restored.last_slot(&[1; 32]), Some(Slot(7)));
}
