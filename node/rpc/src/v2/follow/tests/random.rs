//! Random fork trees: a chain decides, the follow reports, the client checks.
use super::super::*;
use super::client::Client;
use crate::backend::SnapshotBlock;
use proptest::prelude::*;

/// What happens next; the numbers choose among what is possible.
#[derive(Debug, Clone)]
enum Step {
    Import(usize),
    Finalize(usize),
    Unpin(usize),
    /// An input that never arrives.
    Lose,
}

/// A chain with longest-chain choice: hash, parent and height of what waits.
#[derive(Debug, Clone)]
struct Chain {
    finalized: Vec<H256>,
    height: u64,
    waiting: BTreeMap<H256, (H256, u64)>,
    made: u64,
}

impl Chain {
    fn new() -> Self {
        Self { finalized: vec![H256::ZERO], height: 0, waiting: BTreeMap::new(), made: 0 }
    }

    fn head(&self) -> H256 {
        self.finalized[self.finalized.len() - 1]
    }

    fn best(&self) -> H256 {
        let highest = self.waiting.iter().max_by_key(|(hash, (_, height))| (*height, **hash));
        highest.map_or(self.head(), |(hash, _)| *hash)
    }

    fn pick(&self, choice: usize) -> Option<H256> {
        self.waiting.keys().nth(choice % self.waiting.len().max(1)).copied()
    }

    fn import(&mut self, choice: usize) -> Input {
        // The head, or a block that waits.
        let parent = match choice % (self.waiting.len() + 1) {
            0 => self.head(),
            n => self.pick(n - 1).unwrap_or(self.head()),
        };
        let height = self.waiting.get(&parent).map_or(self.height, |(_, height)| *height) + 1;
        self.made += 1;
        // Spread, so that the order of hashes is not that of blocks.
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let block = H256(bytes);
        let before = self.best();
        self.waiting.insert(block, (parent, height));
        let is_best = self.best() != before;
        Input::Imported { block, parent, is_best, new_runtime: None }
    }

    fn finalize(&mut self, choice: usize) -> Option<Input> {
        let target = self.pick(choice)?;
        let mut chain = vec![target];
        while let Some((parent, _)) = self.waiting.get(&chain[chain.len() - 1])
            && *parent != self.head()
        {
            chain.push(*parent);
        }
        chain.reverse();
        self.height = self.waiting[&target].1;
        self.finalized.extend(&chain);
        // What descends from the target, found by height.
        let mut by_height: Vec<(u64, H256, H256)> =
            self.waiting.iter().map(|(hash, (parent, height))| (*height, *hash, *parent)).collect();
        by_height.sort();
        let mut kept = BTreeMap::new();
        for (height, hash, parent) in by_height {
            if parent == target || kept.contains_key(&parent) {
                kept.insert(hash, (parent, height));
            }
        }
        self.waiting = kept;
        Some(Input::Finalized { blocks: chain.into(), best: self.best() })
    }

    fn snapshot(&self, finalized_max: usize) -> Snapshot {
        let first = self.finalized.len().saturating_sub(finalized_max);
        let mut blocks: Vec<_> = self.waiting.iter().collect();
        blocks.sort_by_key(|(hash, (_, height))| (*height, **hash));
        let block = |(hash, (parent, _)): &(&H256, &(H256, u64))| SnapshotBlock {
            hash: **hash,
            parent: *parent,
            new_runtime: None,
        };
        Snapshot {
            finalized: self.finalized[first..].to_vec(),
            runtime: Arc::new(Runtime::Invalid("none".into())),
            blocks: blocks.iter().map(block).collect(),
            best: self.best(),
        }
    }

    fn step(&mut self, step: &Step) -> Option<Input> {
        match step {
            Step::Import(choice) => Some(self.import(*choice)),
            Step::Finalize(choice) => self.finalize(*choice),
            Step::Unpin(_) | Step::Lose => None,
        }
    }
}

fn steps(most: usize, with_loss: bool) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => any::<usize>().prop_map(Step::Import),
        2 => any::<usize>().prop_map(Step::Finalize),
        3 => any::<usize>().prop_map(Step::Unpin),
        u32::from(with_loss) => Just(Step::Lose),
    ];
    prop::collection::vec(step, 0..most)
}

const MANY: Limits = Limits { pinned_blocks_max: usize::MAX, pin_ms_max: 0, operations_max: 1 };

/// Runs a follow over a chain; gives it, its client and the chain.
fn run(limits: Limits, before: &[Step], after: &[Step]) -> Result<(Follow, Client, Chain), TestCaseError> {
    let mut chain = Chain::new();
    before.iter().for_each(|step| drop(chain.step(step)));
    let (mut events, mut client) = (Vec::new(), Client::default());
    let mut follow = Follow::start(limits, true, 0, chain.snapshot(3), &mut events);
    client.hear(&events).map_err(TestCaseError::fail)?;
    let mut lose_next = false;
    for step in after {
        match step {
            Step::Lose => lose_next = true,
            Step::Unpin(choice) => unpin(&mut follow, &mut client, *choice)?,
            Step::Import(_) | Step::Finalize(_) => {
                let Some(input) = chain.step(step) else { continue };
                if std::mem::take(&mut lose_next) {
                    continue;
                }
                events.clear();
                follow.step(0, false, input, &mut events);
                client.hear(&events).map_err(TestCaseError::fail)?;
            }
        }
        prop_assert_eq!(client.is_stopped, follow.is_stopped());
        prop_assert!(client.is_stopped || follow.settled_pins() <= client.settled.len());
    }
    Ok((follow, client, chain))
}

/// Unpins a settled block, after which it must be gone.
fn unpin(follow: &mut Follow, client: &mut Client, choice: usize) -> Result<(), TestCaseError> {
    let count = client.settled.len().max(1);
    let Some(hash) = client.settled.iter().nth(choice % count).copied() else { return Ok(()) };
    client.settled.remove(&hash);
    let expected = if client.is_stopped { Err(Refusal::NotPinned) } else { Ok(()) };
    prop_assert_eq!(follow.unpin(&[hash]), expected);
    prop_assert_eq!(follow.check_pinned(&hash), Err(Refusal::NotPinned));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn r1_to_r4_every_promise_is_kept_and_the_client_knows_the_chain(
        before in steps(30, false),
        after in steps(80, false),
    ) {
        let (follow, client, chain) = run(MANY, &before, &after)?;
        prop_assert!(!client.is_stopped);
        prop_assert_eq!(client.head, Some(chain.head()));
        prop_assert_eq!(client.best, Some(chain.best()));
        let waiting = chain.waiting.iter().map(|(hash, (parent, _))| (*hash, *parent)).collect();
        prop_assert_eq!(&client.waiting, &waiting);
        prop_assert_eq!(follow.settled_pins(), client.settled.len());
        for hash in client.waiting.keys().chain(&client.settled).chain(&client.head) {
            prop_assert_eq!(follow.check_pinned(hash), Ok(()));
        }
    }

    #[test]
    fn r5_a_gap_that_nobody_noticed_breaks_no_promise(before in steps(20, false), after in steps(60, true)) {
        run(MANY, &before, &after)?;
    }

    #[test]
    fn r7_no_client_keeps_more_than_it_may(before in steps(20, false), after in steps(80, false)) {
        let (follow, client, _) = run(super::LIMITS, &before, &after)?;
        prop_assert!(client.is_stopped || follow.settled_pins() <= super::LIMITS.pinned_blocks_max);
    }
}
