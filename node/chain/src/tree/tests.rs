//! Fork choice and finality as lists of operations, the tree drawn above; then random trees against a model.

use proptest::prelude::*;

use super::*;

/// A hash from a short name, such as `2b`.
fn hash(name: &str) -> H256 {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    H256(bytes)
}

fn name(hash: H256) -> String {
    hash.0.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

enum Op {
    /// Add a block: name, parent, slot; then the best head must be this.
    Add(&'static str, &'static str, u64, &'static str),
    /// Finalise a block: dropped names, then the best head must be this.
    Finalise(&'static str, &'static [&'static str], &'static str),
    /// The route between two blocks: common, retracted, enacted.
    Route(&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]),
}

fn number(name: &str) -> BlockNumber {
    name.trim_end_matches(|letter: char| letter.is_alphabetic()).parse().expect("names start with the number")
}

fn node(name: &str, parent: &str, slot: u64) -> Node<()> {
    Node { hash: hash(name), parent: hash(parent), number: number(name), slot: Slot(slot), data: () }
}

fn tree() -> Tree<()> {
    Tree::new(node("0", "none0", 0))
}

fn names(heads: &[Head]) -> Vec<String> {
    heads.iter().map(|head| name(head.hash)).collect()
}

fn run(ops: &[Op]) {
    let mut tree = tree();
    for op in ops {
        match op {
            Op::Add(block, parent, slot, best) => {
                let before = tree.best().hash;
                let route = tree.insert(node(block, parent, *slot)).expect("fits");
                assert_eq!(name(tree.best().hash), *best, "best after {block}");
                assert_eq!(route.is_some(), before != tree.best().hash);
            }
            Op::Finalise(block, dropped, best) => {
                let before = tree.best().hash;
                let done = tree.finalise(hash(block)).expect("is in the tree");
                let lost: Vec<String> = done.dropped.iter().map(|hash| name(*hash)).collect();
                assert_eq!(lost, *dropped, "dropped by {block}");
                assert_eq!(name(tree.best().hash), *best, "best after finalising {block}");
                assert_eq!(done.route.is_some(), before != tree.best().hash);
                assert_eq!(done.chain.last().map(|node| node.hash), Some(hash(block)));
            }
            Op::Route(from, to, common, retracted, enacted) => {
                let route = tree.route(hash(from), hash(to)).expect("both are there");
                assert_eq!(name(route.common.hash), *common);
                assert_eq!(
                    (names(&route.retracted), names(&route.enacted)),
                    (
                        retracted.iter().map(ToString::to_string).collect(),
                        enacted.iter().map(ToString::to_string).collect()
                    )
                );
            }
        }
    }
}

#[test]
fn r2_longest_then_lower_slot_then_lower_hash() {
    //  0 -- 1a(1) -- 2a(2)
    //   \-- 1b(1) -- 2b(3) -- 3b(4)
    //   \-- 1c(2)
    run(&[
        Op::Add("1b", "0", 1, "1b"),
        Op::Add("1a", "0", 1, "1a"), // same slot: the lower hash
        Op::Add("1c", "0", 2, "1a"), // a later slot
        Op::Add("2b", "1b", 3, "2b"),
        Op::Add("2a", "1a", 2, "2a"), // an earlier slot
        Op::Route("2b", "2a", "0", &["2b", "1b"], &["1a", "2a"]),
        Op::Add("3b", "2b", 4, "3b"),
        Op::Route("2a", "3b", "0", &["2a", "1a"], &["1b", "2b", "3b"]),
        Op::Route("1b", "3b", "1b", &[], &["2b", "3b"]),
        Op::Route("3b", "3b", "3b", &[], &[]),
    ]);
}

#[test]
fn r3_finality_drops_what_lost() {
    //  0 -- 1a -- 2a -- 3a -- 4a
    //   \     \-- 2b -- 3b
    //    \-- 1c -- 2c
    run(&[
        Op::Add("1a", "0", 1, "1a"),
        Op::Add("2a", "1a", 2, "2a"),
        Op::Add("3a", "2a", 3, "3a"),
        Op::Add("4a", "3a", 4, "4a"),
        Op::Add("2b", "1a", 5, "4a"),
        Op::Add("3b", "2b", 6, "4a"),
        Op::Add("1c", "0", 7, "4a"),
        Op::Add("2c", "1c", 8, "4a"),
        Op::Finalise("1a", &["1c", "2c"], "4a"),
        Op::Finalise("2b", &["2a", "3a", "4a"], "3b"), // the best head loses against finality
        Op::Add("4b", "3b", 9, "4b"),
        Op::Finalise("4b", &[], "4b"),
    ]);
}

#[test]
fn r3_the_target_itself_becomes_best() {
    //  0 -- 1a -- 2a
    //   \-- 1b
    run(&[
        Op::Add("1a", "0", 1, "1a"),
        Op::Add("2a", "1a", 2, "2a"),
        Op::Add("1b", "0", 3, "2a"),
        Op::Finalise("1b", &["1a", "2a"], "1b"),
        Op::Add("2b", "1b", 4, "2b"),
    ]);
}

#[test]
fn refuses_what_does_not_fit() {
    let mut tree = tree();
    tree.insert(node("1a", "0", 1)).expect("fits");
    assert_eq!(tree.insert(node("1a", "0", 1)), Err(TreeError::Known));
    assert_eq!(tree.insert(node("0", "none0", 0)), Err(TreeError::Known));
    assert_eq!(tree.insert(node("3x", "2x", 1)), Err(TreeError::UnknownParent));
    assert_eq!(tree.insert(node("3x", "1a", 1)), Err(TreeError::WrongNumber));
    assert!(tree.finalise(hash("2x")).is_none());
    assert!(tree.route(hash("1a"), hash("2x")).is_none());
}

/// A random tree: block `i` has one of the blocks before it as parent.
fn blocks() -> impl Strategy<Value = Vec<(usize, u64)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), 0u64..3), 1..24).prop_map(|raw| {
        raw.into_iter().enumerate().map(|(i, (parent, skip))| (parent.index(i + 1), skip)).collect()
    })
}

/// Nodes of a random tree; node 0 is the root.
fn nodes(blocks: &[(usize, u64)]) -> Vec<Node<()>> {
    let mut nodes = vec![node("0", "none0", 0)];
    for (i, (parent, skip)) in blocks.iter().enumerate() {
        let parent = nodes[*parent].clone();
        let mut hash = [0; 32];
        // Hashes in another order than the blocks'.
        hash[0] = (i as u8).wrapping_mul(97).wrapping_add(13);
        hash[1] = i as u8 + 1;
        nodes.push(Node {
            hash: H256(hash),
            parent: parent.hash,
            number: parent.number + 1,
            slot: Slot(parent.slot.0 + 1 + skip),
            data: (),
        });
    }
    nodes
}

fn ancestors(nodes: &[Node<()>], of: H256) -> Vec<H256> {
    let mut chain = vec![of];
    while let Some(node) = nodes.iter().find(|node| Some(&node.hash) == chain.last()) {
        chain.push(node.parent);
    }
    chain.pop();
    chain
}

proptest! {
    #[test]
    fn r2_import_order_does_not_matter(blocks in blocks(), seed in any::<u64>()) {
        let nodes = nodes(&blocks);
        let mut first = Tree::new(nodes[0].clone());
        for node in &nodes[1..] {
            first.insert(node.clone()).expect("parents first");
        }
        // Another order: repeatedly one of the blocks whose parent is there, chosen by the seed.
        let mut second = Tree::new(nodes[0].clone());
        let mut left: Vec<_> = nodes[1..].to_vec();
        let mut seed = seed;
        while !left.is_empty() {
            let fitting: Vec<usize> = (0..left.len()).filter(|i| second.get(left[*i].parent).is_some()).collect();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let chosen = fitting[(seed >> 33) as usize % fitting.len()];
            second.insert(left.swap_remove(chosen)).expect("parent is there");
        }
        prop_assert_eq!(&first, &second);
        let best = nodes.iter().max_by(|a, b| a.number.cmp(&b.number)
            .then(b.slot.cmp(&a.slot)).then(b.hash.cmp(&a.hash))).expect("root");
        prop_assert_eq!(first.best().hash, best.hash);
        let chain = ancestors(&nodes, best.hash);
        for node in &nodes {
            prop_assert_eq!(first.best_at(node.number).is_some(), node.number <= best.number);
            prop_assert_eq!(first.best_at(node.number) == Some(node.hash), chain.contains(&node.hash));
        }
    }

    #[test]
    fn r3_finalising_keeps_exactly_the_descendants(blocks in blocks(), pick in any::<prop::sample::Index>()) {
        let nodes = nodes(&blocks);
        let mut tree = Tree::new(nodes[0].clone());
        for node in &nodes[1..] {
            tree.insert(node.clone()).expect("parents first");
        }
        let target = nodes[1 + pick.index(nodes.len() - 1)].clone();
        let old_best = tree.best().hash;
        let done = tree.finalise(target.hash).expect("in the tree");
        let path = ancestors(&nodes, target.hash);
        for node in &nodes {
            let descends = ancestors(&nodes, node.hash).contains(&target.hash);
            prop_assert_eq!(tree.get(node.hash).is_some(), descends);
            prop_assert_eq!(done.dropped.contains(&node.hash), !descends && !path.contains(&node.hash));
        }
        let best = nodes.iter().filter(|node| ancestors(&nodes, node.hash).contains(&target.hash))
            .max_by(|a, b| a.number.cmp(&b.number).then(b.slot.cmp(&a.slot)).then(b.hash.cmp(&a.hash)));
        prop_assert_eq!(Some(tree.best().hash), best.map(|node| node.hash));
        prop_assert_eq!(done.route.is_some(), tree.best().hash != old_best);
        if let Some(route) = done.route {
            prop_assert_eq!(route.retracted.first().map(|head| head.hash), Some(old_best));
            let new: Vec<H256> = ancestors(&nodes, tree.best().hash);
            prop_assert!(route.enacted.iter().all(|head| new.contains(&head.hash)));
            prop_assert!(route.retracted.iter().all(|head| !new.contains(&head.hash)));
        }
    }

    #[test]
    fn routes_lead_from_one_block_to_the_other(blocks in blocks(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let nodes = nodes(&blocks);
        let mut tree = Tree::new(nodes[0].clone());
        for node in &nodes[1..] {
            tree.insert(node.clone()).expect("parents first");
        }
        let (from, to) = (nodes[a.index(nodes.len())].hash, nodes[b.index(nodes.len())].hash);
        let route = tree.route(from, to).expect("both there");
        let (down, up) = (ancestors(&nodes, from), ancestors(&nodes, to));
        let common = down.iter().find(|hash| up.contains(hash)).expect("the root at least");
        prop_assert_eq!(route.common.hash, *common);
        let retracted: Vec<H256> = down.iter().take_while(|hash| *hash != common).copied().collect();
        let mut enacted: Vec<H256> = up.iter().take_while(|hash| *hash != common).copied().collect();
        enacted.reverse();
        prop_assert_eq!(route.retracted.iter().map(|head| head.hash).collect::<Vec<_>>(), retracted);
        prop_assert_eq!(route.enacted.iter().map(|head| head.hash).collect::<Vec<_>>(), enacted);
    }
}
