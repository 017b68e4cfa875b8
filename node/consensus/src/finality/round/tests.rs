//! Rounds: compared with the voter of `finality-grandpa` on random trees and votes, and one test per rule.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use finality_grandpa as theirs;
use futures::channel::mpsc;
use futures::{Future, Sink, StreamExt, future, stream};
use proptest::prelude::*;
use quire_core::GrandpaId;

use super::*;
use crate::finality::testing::{Tree, id, voters};

fn vote(seed: usize, target: Target) -> Ballot {
    Ballot { target, signature: [0; 64], id: id(seed) }
}

type State = theirs::round::State<H256, BlockNumber>;
type Signed = theirs::SignedMessage<H256, BlockNumber, [u8; 64], GrandpaId>;

#[derive(Debug)]
struct Failure;

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed")
    }
}
impl std::error::Error for Failure {}
impl From<theirs::Error> for Failure {
    fn from(_: theirs::Error) -> Self {
        Failure
    }
}

/// Swallows what the crate wants to say.
struct Mute;

impl<T> Sink<T> for Mute {
    type Error = Failure;
    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }
    fn start_send(self: Pin<&mut Self>, _: T) -> Result<(), Failure> {
        Ok(())
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }
}

/// An observer of round 1 that writes down when the crate completes it, and with which state.
struct Observer {
    tree: Tree,
    incoming: Mutex<Option<mpsc::UnboundedReceiver<Signed>>>,
    completed: Mutex<Option<State>>,
    equivocations: Mutex<usize>,
}

impl theirs::Chain<H256, BlockNumber> for Observer {
    fn ancestry(&self, base: H256, block: H256) -> Result<Vec<H256>, theirs::Error> {
        Ancestry(&self.tree).ancestry(base, block)
    }
}

impl theirs::voter::Environment<H256, BlockNumber> for Observer {
    type Timer = future::Ready<Result<(), Failure>>;
    type BestChain = future::Ready<Result<Option<(H256, BlockNumber)>, Failure>>;
    type Id = GrandpaId;
    type Signature = [u8; 64];
    type In = Pin<Box<dyn futures::Stream<Item = Result<Signed, Failure>> + Send>>;
    type Out = Mute;
    type Error = Failure;

    fn best_chain_containing(&self, _: H256) -> Self::BestChain {
        future::ready(Ok(None))
    }
    fn round_data(&self, round: u64) -> theirs::voter::RoundData<GrandpaId, Self::Timer, Self::In, Mute> {
        let votes = self.incoming.lock().expect("one thread").take().filter(|_| round == 1);
        let incoming: Self::In = match votes {
            Some(votes) => Box::pin(votes.map(Ok)),
            None => Box::pin(stream::pending()),
        };
        theirs::voter::RoundData {
            voter_id: None,
            prevote_timer: future::ready(Ok(())),
            precommit_timer: future::ready(Ok(())),
            incoming,
            outgoing: Mute,
        }
    }
    fn round_commit_timer(&self) -> Self::Timer {
        future::ready(Ok(()))
    }
    fn proposed(&self, _: u64, _: theirs::PrimaryPropose<H256, BlockNumber>) -> Result<(), Failure> {
        Ok(())
    }
    fn prevoted(&self, _: u64, _: theirs::Prevote<H256, BlockNumber>) -> Result<(), Failure> {
        Ok(())
    }
    fn precommitted(&self, _: u64, _: theirs::Precommit<H256, BlockNumber>) -> Result<(), Failure> {
        Ok(())
    }
    fn completed(
        &self,
        round: u64,
        state: State,
        _: (H256, BlockNumber),
        _: &theirs::HistoricalVotes<H256, BlockNumber, [u8; 64], GrandpaId>,
    ) -> Result<(), Failure> {
        if round == 1 {
            *self.completed.lock().expect("one thread") = Some(state);
        }
        Ok(())
    }
    fn concluded(
        &self,
        _: u64,
        _: State,
        _: (H256, BlockNumber),
        _: &theirs::HistoricalVotes<H256, BlockNumber, [u8; 64], GrandpaId>,
    ) -> Result<(), Failure> {
        Ok(())
    }
    fn finalize_block(
        &self,
        _: H256,
        _: BlockNumber,
        _: u64,
        _: theirs::Commit<H256, BlockNumber, [u8; 64], GrandpaId>,
    ) -> Result<(), Failure> {
        Ok(())
    }
    fn prevote_equivocation(
        &self,
        _: u64,
        _: theirs::Equivocation<GrandpaId, theirs::Prevote<H256, BlockNumber>, [u8; 64]>,
    ) {
        *self.equivocations.lock().expect("one thread") += 1;
    }
    fn precommit_equivocation(
        &self,
        _: u64,
        _: theirs::Equivocation<GrandpaId, theirs::Precommit<H256, BlockNumber>, [u8; 64]>,
    ) {
        *self.equivocations.lock().expect("one thread") += 1;
    }
}

fn state_of(state: &State) -> RoundState {
    let target = |at: &Option<(H256, BlockNumber)>| at.map(|(hash, number)| Target { hash, number });
    RoundState {
        ghost: target(&state.prevote_ghost),
        finalised: target(&state.finalized),
        estimate: target(&state.estimate),
        completable: state.completable,
    }
}

/// Feeds both with the same votes; they must complete the round at the same vote, in the same state.
fn compare(count: usize, parents: &[usize], casts: &[(bool, usize, usize)]) {
    let mut tree = Tree::new();
    let mut blocks = vec![tree.genesis];
    for (salt, parent) in parents.iter().enumerate() {
        let parent = blocks[parent % blocks.len()];
        blocks.push(tree.grow(parent, u8::try_from(salt).expect("few blocks")));
    }
    let set = voters(0, count);
    let (feed, incoming) = mpsc::unbounded();
    let observer = Arc::new(Observer {
        tree: tree.clone(),
        incoming: Mutex::new(Some(incoming)),
        completed: Mutex::new(None),
        equivocations: Mutex::new(0),
    });
    let their_set =
        theirs::voter_set::VoterSet::new(set.authorities().iter().map(|id| (*id, 1))).expect("some");
    let genesis = (tree.genesis.hash, 0);
    let silence = (stream::pending(), Mute);
    let mut voter =
        theirs::voter::Voter::new(observer.clone(), their_set, silence, 0, Vec::new(), genesis, genesis);
    let mut ours = Round::new(1, set, tree.genesis);
    let mut context = Context::from_waker(futures::task::noop_waker_ref());
    let mut equivocations = 0;
    for (is_prevote, seed, block) in casts {
        let (phase, block) = (PHASES[usize::from(!is_prevote)], blocks[block % blocks.len()]);
        let (seed, message) = match phase {
            Phase::Prevote => {
                (*seed, theirs::Message::Prevote(theirs::Prevote::new(block.hash, block.number)))
            }
            Phase::Precommit => {
                (*seed, theirs::Message::Precommit(theirs::Precommit::new(block.hash, block.number)))
            }
        };
        let was_completable = ours.state().completable;
        let added = ours.add(phase, vote(seed % count, block), &tree);
        equivocations += usize::from(matches!(added, Added::Equivocation { .. }));
        feed.unbounded_send(Signed { message, signature: [0; 64], id: id(seed % count) }).expect("is open");
        assert!(Pin::new(&mut voter).poll(&mut context).is_pending());
        assert_eq!(*observer.equivocations.lock().expect("one thread"), equivocations);
        let completed = observer.completed.lock().expect("one thread").as_ref().map(state_of);
        assert_eq!(completed.is_some(), ours.state().completable, "{casts:?}");
        if !was_completable && ours.state().completable {
            assert_eq!(completed, Some(ours.state()), "{casts:?}");
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn rounds_are_the_crates(
        count in 1usize..8,
        parents in proptest::collection::vec(0usize..20, 1..9),
        prevotes in proptest::collection::vec((0usize..8, 0usize..20), 0..9),
        precommits in proptest::collection::vec((0usize..8, 0usize..20), 0..10),
        mixed in proptest::collection::vec((any::<bool>(), 0usize..8, 0usize..20), 0..6),
    ) {
        // No more equivocators than the set tolerates: beyond that the crate promises nothing.
        let mut casts: Vec<_> = prevotes.iter().map(|(seed, block)| (true, *seed, *block)).collect();
        casts.extend(precommits.iter().map(|(seed, block)| (false, *seed, *block)));
        casts.extend(mixed);
        let tolerated = count - voters(0, count).threshold();
        let mut first: std::collections::BTreeMap<(bool, usize), usize> = Default::default();
        let mut liars: BTreeSet<usize> = BTreeSet::new();
        casts.retain(|(phase, seed, block)| {
            let (seed, block) = (seed % count, block % (parents.len() + 1));
            let is_second = *first.entry((*phase, seed)).or_insert(block) != block;
            if is_second && !liars.contains(&seed) && liars.len() >= tolerated {
                return false;
            }
            if is_second {
                liars.insert(seed);
            }
            true
        });
        compare(count, &parents, &casts);
    }
}

fn fork() -> (Tree, [Target; 4]) {
    let mut tree = Tree::new();
    let one = tree.grow(tree.genesis, 1);
    let two = tree.grow(one, 2);
    let other = tree.grow(one, 3);
    let genesis = tree.genesis;
    (tree, [genesis, one, two, other])
}

#[test]
fn r1_votes_wait_for_their_blocks() {
    let (mut tree, [genesis, one, two, _]) = fork();
    let mut elsewhere = tree.clone();
    let three = elsewhere.grow(two, 9);
    let mut round = Round::new(1, voters(0, 4), genesis);
    for seed in 0..3 {
        round.add(Phase::Prevote, vote(seed, three), &tree);
    }
    assert_eq!(round.state().ghost, None);
    assert_eq!(round.unknown_targets(&tree).count(), 3);
    tree.grow(two, 9);
    round.count(&tree);
    assert_eq!(round.state().ghost, Some(three));

    let mut round = Round::new(1, voters(0, 4), one);
    let wrong_number = Target { number: 7, ..two };
    for (seed, target) in [(0, wrong_number), (1, genesis), (2, two)] {
        round.add(Phase::Prevote, vote(seed, target), &tree);
    }
    assert_eq!(
        round.participation(Phase::Prevote),
        1,
        "neither a wrong number nor a block below the base counts"
    );
}

#[test]
fn r2_equivocators_count_everywhere() {
    let (tree, [genesis, one, two, other]) = fork();
    let mut round = Round::new(1, voters(0, 4), genesis);
    for (seed, target) in [(0, two), (1, two), (2, other), (2, one)] {
        round.add(Phase::Prevote, vote(seed, target), &tree);
    }
    assert_eq!(round.state().ghost, Some(two));
    assert_eq!(round.add(Phase::Prevote, vote(2, two), &tree), Added::Surplus);
    assert_eq!(round.add(Phase::Prevote, vote(2, one), &tree), Added::Duplicate);
}

#[test]
fn r3_the_estimate_falls_as_votes_come_in() {
    let (tree, [genesis, one, two, _]) = fork();
    let mut round = Round::new(1, voters(0, 4), genesis);
    for seed in 0..3 {
        round.add(Phase::Prevote, vote(seed, two), &tree);
    }
    assert_eq!(round.state().estimate, Some(two));
    for (seed, target) in [(0, one), (1, one), (2, one)] {
        assert!(!round.state().completable);
        round.add(Phase::Precommit, vote(seed, target), &tree);
    }
    let expected =
        RoundState { ghost: Some(two), finalised: Some(one), estimate: Some(one), completable: true };
    assert_eq!(round.state(), expected);
}
