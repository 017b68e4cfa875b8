//! Proofs of finality, downloads and installations between small chains: one test per rule.

use super::*;
use crate::testing::runtime::Call;
use crate::testing::store::MemoryStore;
use crate::testing::*;
use crate::{Head, QueryError, Store};
use quire_core::justification::SignedPrecommit;
use quire_trie::compact as compact_proof;

const CONFIG: Config = Config {
    timeout_ms: 1_000,
    retry_ms: 100,
    peers_wanted: 2,
    gather_ms: 500,
    gap_min_blocks: 3,
    failures_max: 3,
    state_bytes_max: 1_000_000,
};

/// A chain of 12 blocks, of which 11 are final, with the voter changed after blocks 3 and 7.
struct Source {
    chain: TestChain,
    store: Arc<MemoryStore>,
    heads: Vec<Head>,
}

fn source() -> Source {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, crate::Config::default());
    let mut heads = vec![Head { number: 0, hash: chain.genesis() }];
    for number in 1..=12_u8 {
        let mut calls = vec![set(&format!("key{number}"), &"v".repeat(usize::from(number) * 9))];
        if number == 3 || number == 7 {
            let (set_id, seed) = if number == 3 { (1, 2) } else { (2, 3) };
            calls.push(Call::SetVoters { set_id, voters: vec![(grandpa_id(seed), 1)] });
        }
        let parent = heads[usize::from(number) - 1].hash;
        heads.push(author(&chain, parent, u64::from(number), &calls).block);
    }
    for (number, seed, set_id) in [(3, 1, 0), (5, 2, 1), (7, 2, 1), (11, 3, 2)] {
        let head = heads[number];
        chain.finalise(head.hash, &justify(seed, set_id, 1, head.hash, head.number)).expect("is right");
    }
    Source { chain, store, heads }
}

fn start() -> Followed {
    let chain = new_chain();
    let voters = chain.voter_set(chain.genesis()).expect("the root");
    Followed::genesis(Head { number: 0, hash: chain.genesis() }, (*voters).clone())
}

fn numbers(fragments: &[Fragment]) -> Vec<u32> {
    fragments.iter().map(|fragment| fragment.header.number).collect()
}

#[test]
fn serving_r1_r2_changes_and_the_last_final_block() {
    let source = source();
    let from = |number: usize| source.chain.warp_proof(source.heads[number].hash, 1 << 20).expect("readable");
    let all = |number: usize| from(number).map(|proof| (numbers(&proof.list), proof.is_finished));
    assert_eq!(all(0), Some((vec![3, 7, 11], true)));
    assert_eq!(all(3), Some((vec![7, 11], true)));
    assert_eq!(all(10), Some((vec![11], true)));
    assert_eq!(all(11), Some((vec![], true)));
    assert_eq!(all(12), None, "not final");
    let unknown = source.chain.warp_proof(H256([9; 32]), 1 << 20).expect("readable");
    assert_eq!(unknown, None);
    let again = open(&source.store, crate::Config::default());
    assert_eq!(
        numbers(&again.warp_proof(again.genesis(), 1 << 20).expect("readable").expect("known").list),
        [3, 7, 11]
    );
}

#[test]
fn serving_r3_a_proof_is_cut() {
    let source = source();
    let genesis = source.chain.genesis();
    let proof = source.chain.warp_proof(genesis, 0).expect("readable").expect("final");
    assert_eq!((numbers(&proof.list), proof.is_finished), (vec![3], false));
    let size = proof.list[0].encoded_size() * 2 + 100;
    let proof = source.chain.warp_proof(genesis, size).expect("readable").expect("final");
    assert_eq!((numbers(&proof.list), proof.is_finished), (vec![3, 7], false));
}

#[test]
fn index_r3_an_older_database_gets_its_list() {
    let source = source();
    source.store.forget_meta(b"chain/voter_changes");
    let again = open(&source.store, crate::Config::default());
    let proof = again.warp_proof(again.genesis(), 1 << 20).expect("readable").expect("final");
    assert_eq!(numbers(&proof.list), [3, 7, 11]);
}

#[test]
fn following_r1_to_r3() {
    let source = source();
    let list =
        source.chain.warp_proof(source.chain.genesis(), 1 << 20).expect("readable").expect("final").list;
    let (followed, target) = start().follow(list.clone(), true).expect("a proof");
    assert_eq!((followed.at, followed.voters.set_id), (source.heads[7], 2));
    assert_eq!(target.map(|target| target.last), Some(list[2].clone()));
    let (followed, target) = start().follow(list[..2].to_vec(), false).expect("half of it");
    assert_eq!((followed.at, target), (source.heads[7], None));
    assert!(followed.follow(list[2..].to_vec(), true).is_ok());

    let refused = |list: Vec<Fragment>, is_finished| start().follow(list, is_finished).expect_err("no proof");
    assert_eq!(refused(vec![], false), ProofError::NoProgress);
    assert_eq!(refused(list.clone(), false), ProofError::NoChange { number: 11 });
    assert!(matches!(refused(list[1..].to_vec(), true), ProofError::Justification { number: 7, .. }));
    let twice = vec![list[0].clone(), list[0].clone()];
    assert_eq!(refused(twice, true), ProofError::NotAbove { number: 3, above: 3 });
    let mut forged = list.clone();
    forged[0].header.state_root = H256([1; 32]);
    assert!(matches!(refused(forged, true), ProofError::Justification { number: 3, .. }));
    let mut unsigned = list;
    let vote: &mut SignedPrecommit = &mut unsigned[2].justification.precommits[0];
    vote.signature[0] ^= 1;
    assert!(matches!(refused(unsigned, true), ProofError::Justification { number: 11, .. }));
}

/// Answers the requests of a step until nothing is asked any more; what is left is the end.
struct Client {
    warp: Warp,
    now: u64,
    saved: Option<Saved>,
    pairs: Vec<Pair>,
    asked: Vec<Effect>,
    reports: Vec<(PeerId, Rule)>,
    end: Option<Effect>,
}

impl Client {
    fn new(warp: Warp) -> Self {
        Self { warp, now: 0, saved: None, pairs: vec![], asked: vec![], reports: vec![], end: None }
    }

    fn step(&mut self, input: Input) {
        for effect in self.warp.step(self.now, input) {
            match effect {
                Effect::AskProof { .. } | Effect::AskState { .. } => self.asked.push(effect),
                Effect::Begin(saved) => {
                    self.saved = Some(*saved);
                    self.pairs.clear();
                }
                Effect::Save(pairs) => self.pairs.extend(pairs),
                Effect::Report { peer, rule } => self.reports.push((peer, rule)),
                end => assert!(self.end.replace(end).is_none(), "the end comes once"),
            }
        }
    }

    /// Answers the oldest request as `source` would, with pieces of about `bytes`.
    fn serve(&mut self, source: &TestChain, bytes: usize) -> bool {
        if self.asked.is_empty() {
            return false;
        }
        let input = match self.asked.remove(0) {
            Effect::AskProof { peer, request, from } => {
                match source.warp_proof(from, bytes).expect("readable") {
                    Some(proof) => {
                        Input::Proof { peer, request, fragments: proof.list, is_finished: proof.is_finished }
                    }
                    None => Input::Failed { peer, request },
                }
            }
            Effect::AskState { peer, request, block, after } => {
                match source.prove_range(block, after.as_deref(), bytes) {
                    Ok(piece) => {
                        let root = source.header(block).expect("readable").expect("known").state_root;
                        let items = compact_proof::encode(root, &piece.items).expect("our own proof");
                        Input::State { peer, request, items }
                    }
                    Err(_) => Input::Failed { peer, request },
                }
            }
            other => unreachable!("no request: {other:?}"),
        };
        self.step(input);
        true
    }

    fn installation(self) -> Installation {
        match self.end {
            Some(Effect::Install(installation)) => *installation,
            other => unreachable!("not the state: {other:?}"),
        }
    }
}

fn connected(peers: u64) -> Client {
    let mut client = Client::new(Warp::new(CONFIG, start()));
    (1..=peers).for_each(|peer| client.step(Input::Connected { peer: PeerId(peer) }));
    client
}

#[test]
fn a_state_is_downloaded_installed_and_built_upon() {
    let source = source();
    let mut client = connected(2);
    while client.serve(&source.chain, 200) {}
    assert_eq!(client.reports, []);
    assert_eq!(client.saved.as_ref().map(|saved| numbers(&saved.fragments)), Some(vec![3, 7, 11]));
    assert!(client.pairs.len() > 12);
    let installation = client.installation();
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, crate::Config::default());
    assert_eq!(chain.install(installation), Ok(source.heads[11]));
    for chain in [&chain, &open(&store, crate::Config::default())] {
        assert_eq!((chain.best(), chain.finalised()), (source.heads[11], source.heads[11]));
        assert_eq!(value(chain, source.heads[11].hash, "key9"), Some("v".repeat(81)));
        let whole = chain.pairs(source.heads[11].hash, None, usize::MAX, usize::MAX).expect("readable");
        let theirs =
            source.chain.pairs(source.heads[11].hash, None, usize::MAX, usize::MAX).expect("readable");
        assert_eq!(whole, theirs);
        // R4 and R5 of installing.
        let proof = chain.warp_proof(chain.genesis(), 1 << 20).expect("readable").expect("final");
        assert_eq!(numbers(&proof.list), [3, 7, 11]);
        assert_eq!(chain.hash_by_number(5), Ok(None));
        assert_eq!(chain.body(source.heads[11].hash), Ok(None));
        let unknown = chain.state_at(source.heads[5].hash).err();
        assert_eq!(unknown, Some(QueryError::UnknownBlock { hash: source.heads[5].hash }));
        assert!(matches!(chain.state_at(chain.genesis()).err(), Some(QueryError::State(_))));
    }
    let twelve = source.chain.body(source.heads[12].hash).expect("readable").expect("known");
    let header = source.chain.header(source.heads[12].hash).expect("readable").expect("known");
    let block = quire_core::Block { header: (*header).clone(), extrinsics: twelve };
    assert!(chain.import(NOW_MS, block.clone()).is_ok(), "blocks follow");
    let head = source.heads[12];
    assert!(
        chain.finalise(head.hash, &justify(3, 2, 2, head.hash, 12)).is_ok(),
        "by the voters that were proved"
    );
    assert_eq!(store.oldest_state(), Ok(11));
}

#[test]
fn installing_r1_r2_what_is_wrong_changes_nothing() {
    let source = source();
    let mut client = connected(2);
    while client.serve(&source.chain, 10_000) {}
    let good = client.installation();
    let (store, chain) = {
        let store = Arc::new(MemoryStore::default());
        (store.clone(), open(&store, crate::Config::default()))
    };
    let commits = store.commits();
    let mut other = good.clone();
    other.pairs.insert(b"kv/more".to_vec(), vec![1]);
    assert!(matches!(chain.install(other), Err(InstallError::WrongRoot { number: 11, .. })));
    let mut voters = good.clone();
    voters.target.followed.voters = start().voters;
    assert_eq!(chain.install(voters), Err(InstallError::OtherVoters));
    assert_eq!((store.commits(), chain.best().number), (commits, 0));
    store.set_failing(true);
    assert!(matches!(chain.install(good.clone()), Err(InstallError::Store(_))));
    assert_eq!(chain.best().number, 0, "R3 of installing: nothing is half done");
    store.set_failing(false);
    author(&chain, chain.genesis(), 1, &[]);
    assert_eq!(chain.install(good), Err(InstallError::NotEmpty { best: 1 }));
}

#[test]
fn r1_a_silent_peer_is_reported_and_another_one_is_asked() {
    let source = source();
    let mut client = connected(2);
    while !matches!(client.asked.first(), Some(Effect::AskState { .. })) {
        assert!(client.serve(&source.chain, 10_000));
    }
    let Some(Effect::AskState { peer: silent, .. }) = client.asked.pop() else { unreachable!() };
    assert_eq!(client.warp.wake_at(), Some(1_000));
    client.now = 1_000;
    client.step(Input::Tick);
    assert_eq!(client.reports, [(silent, Rule::Timeout)]);
    assert!(matches!(client.asked[..], [Effect::AskState { peer, .. }] if peer != silent));
    while client.serve(&source.chain, 10_000) {}
    assert!(matches!(client.end, Some(Effect::Install(_))));
}

#[test]
fn r2_the_highest_target_of_several_peers_wins() {
    let (old, new) = (source(), source());
    let head = new.heads[12];
    new.chain.finalise(head.hash, &justify(3, 2, 2, head.hash, 12)).expect("is right");
    let mut client = connected(2);
    let stale = old.chain.warp_proof(old.chain.genesis(), 1 << 20).expect("readable").expect("final");
    let Effect::AskProof { peer, request, .. } = client.asked.remove(0) else { unreachable!() };
    client.step(Input::Proof { peer, request, fragments: stale.list, is_finished: true });
    assert_eq!(client.saved, None, "one peer is not enough");
    while client.serve(&new.chain, 10_000) {}
    assert_eq!(client.installation().target.last.header.number, 12);
}

#[test]
fn r2_late_peers_are_not_waited_for_and_liars_are_reported() {
    let source = source();
    let mut client = connected(2);
    let Effect::AskProof { peer: liar, request, .. } = client.asked.remove(0) else { unreachable!() };
    let mut fragments =
        source.chain.warp_proof(source.chain.genesis(), 1 << 20).expect("readable").expect("final").list;
    fragments.remove(0);
    client.step(Input::Proof { peer: liar, request, fragments, is_finished: true });
    assert_eq!(client.reports, [(liar, Rule::Proof)]);
    assert!(client.serve(&source.chain, 10_000));
    assert_eq!(client.saved, None);
    client.now = 500;
    client.step(Input::Tick);
    assert!(client.saved.is_some(), "half a second after the first proof");
}

#[test]
fn r3_a_short_chain_is_not_worth_it() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    finalise(&chain, one);
    for chain in [&chain, &new_chain()] {
        let mut client = connected(2);
        while client.serve(chain, 10_000) {}
        assert!(matches!(client.end, Some(Effect::Nothing)));
    }
}

#[test]
fn r4_a_piece_of_another_state_is_refused() {
    let (source, other) = (source(), with_genesis_value(b"kv/x", vec![1]));
    let mut client = connected(2);
    while !matches!(client.asked.first(), Some(Effect::AskState { .. })) {
        assert!(client.serve(&source.chain, 10_000));
    }
    let Some(Effect::AskState { peer, request, .. }) = client.asked.pop() else { unreachable!() };
    let piece = other.prove_range(other.genesis(), None, 10_000).expect("readable");
    let root = other.header(other.genesis()).expect("readable").expect("known").state_root;
    let items = compact_proof::encode(root, &piece.items).expect("our own proof");
    client.step(Input::State { peer, request, items });
    assert_eq!((client.reports.as_slice(), client.pairs.len()), (&[(peer, Rule::State)][..], 0));
    while client.serve(&source.chain, 10_000) {}
    assert!(matches!(client.end, Some(Effect::Install(_))));
}

#[test]
fn r5_an_interrupted_download_goes_on_where_it_was() {
    let source = source();
    let mut client = connected(1);
    client.step(Input::Connected { peer: PeerId(2) });
    while client.pairs.len() < 6 {
        assert!(client.serve(&source.chain, 300));
    }
    let (saved, pairs) = (client.saved.take().expect("has begun"), client.pairs);
    let had = pairs.len();
    let mut again = Client::new(Warp::resume(CONFIG, start(), saved.clone(), pairs.clone()));
    again.step(Input::Connected { peer: PeerId(1) });
    assert!(
        matches!(&again.asked[..], [Effect::AskState { after: Some(after), .. }] if *after == pairs[had - 1].0)
    );
    while again.serve(&source.chain, 300) {}
    let installation = again.installation();
    assert!(new_chain().install(installation).is_ok());

    let forged = Saved { fragments: saved.fragments[1..].to_vec() };
    let mut again = Client::new(Warp::resume(CONFIG, start(), forged, pairs));
    again.step(Input::Connected { peer: PeerId(1) });
    assert!(matches!(again.asked[..], [Effect::AskProof { .. }]), "what does not verify is forgotten");
}

#[test]
fn r6_a_target_that_nobody_has_any_more_is_given_up() {
    let source = source();
    let mut client = connected(2);
    while !matches!(client.asked.first(), Some(Effect::AskState { .. })) {
        assert!(client.serve(&source.chain, 10_000));
    }
    source.store.prune(12);
    for _ in 0..3 {
        assert!(client.serve(&source.chain, 10_000), "a piece is asked for");
        client.now += 100;
        client.step(Input::Tick);
    }
    assert!(
        client.asked.iter().all(|effect| matches!(effect, Effect::AskProof { .. })),
        "{:?}",
        client.asked
    );
    let head = source.heads[12];
    source.chain.finalise(head.hash, &justify(3, 2, 2, head.hash, 12)).expect("is right");
    while client.serve(&source.chain, 10_000) {}
    assert_eq!(client.installation().target.last.header.number, 12);
}

#[test]
fn r7_a_state_that_is_too_large_is_left() {
    let source = source();
    let mut client = Client::new(Warp::new(Config { state_bytes_max: 300, ..CONFIG }, start()));
    (1..=2).for_each(|peer| client.step(Input::Connected { peer: PeerId(peer) }));
    while client.serve(&source.chain, 100) {}
    assert!(matches!(client.end, Some(Effect::TooLarge)));
}
