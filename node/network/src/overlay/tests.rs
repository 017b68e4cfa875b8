use super::*;
use proptest::prelude::*;

fn overlay(edges: &[(u32, u32)]) -> Overlay<u32> {
    let mut lists: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(a, b) in edges {
        lists.entry(a).or_default().push(b);
        lists.entry(b).or_default().push(a);
    }
    let mut overlay = Overlay::default();
    lists.into_iter().for_each(|(node, list)| overlay.set(node, list));
    overlay
}

fn paths(edges: &[(u32, u32)]) -> u32 {
    overlay(edges).measure().paths
}

fn complete(n: u32) -> Vec<(u32, u32)> {
    (0..n).flat_map(|a| (0..a).map(move |b| (a, b))).collect()
}

#[test]
fn r3_known_graphs() {
    assert_eq!(Overlay::<u32>::default().measure().paths, 0);
    assert_eq!(paths(&[(0, 1)]), 1);
    assert_eq!(paths(&[(0, 1), (2, 3)]), 0, "two pieces");
    assert_eq!(paths(&[(0, 1), (1, 2), (2, 3)]), 1, "a line");
    assert_eq!(paths(&[(0, 1), (1, 2), (2, 3), (3, 0)]), 2, "a ring");
    assert_eq!(paths(&[(0, 1), (0, 2), (0, 3), (0, 4)]), 1, "a star");
    for n in 2..8 {
        assert_eq!(paths(&complete(n)), n - 1, "complete graph of {n}");
    }
    // Two complete graphs of four that share two nodes fall apart without those.
    let right = complete(4).into_iter().map(|(a, b)| (a + 2, b + 2));
    assert_eq!(paths(&complete(4).into_iter().chain(right).collect::<Vec<_>>()), 2);
    // The cube and the complete bipartite graph of three and three.
    let cube: Vec<_> =
        (0..8u32).flat_map(|a| [1, 2, 4].map(|bit| (a, a ^ bit))).filter(|(a, b)| a < b).collect();
    assert_eq!(paths(&cube), 3);
    let bipartite: Vec<_> = (0..3).flat_map(|a| (3..6).map(move |b| (a, b))).collect();
    assert_eq!(paths(&bipartite), 3);
}

#[test]
fn r1_an_edge_needs_both_ends() {
    let mut ring = overlay(&[(0, 1), (1, 2), (2, 3), (3, 0)]);
    // 0 claims to know 2, which says nothing of it.
    ring.set(0, [1, 2, 3]);
    assert_eq!(ring.measure().paths, 2);
    ring.set(1, []);
    assert_eq!(ring.measure().paths, 0, "1 hid its edges");
}

#[test]
fn r2_nodes_without_a_list_are_counted_only() {
    let mut overlay = overlay(&[(0, 1), (1, 2), (2, 0)]);
    overlay.set(0, [1, 2, 9]);
    assert_eq!(overlay.measure(), Connectivity { paths: 2, nodes: 3, unknown: 1 });
    overlay.remove(&2);
    assert_eq!(overlay.measure(), Connectivity { paths: 1, nodes: 2, unknown: 2 });
}

#[test]
fn r4_lists_are_cut() {
    let mut overlay = Overlay::default();
    overlay.set(0, 0..10_000);
    assert_eq!(overlay.measure().unknown as usize, MAX_NEIGHBOURS);
}

/// The least number of nodes whose removal leaves two nodes without a path, by trying all sets.
fn by_hand(n: usize, edge: impl Fn(usize, usize) -> bool) -> u32 {
    let split = |removed: usize| {
        let left: Vec<usize> = (0..n).filter(|node| removed >> node & 1 == 0).collect();
        let Some(&first) = left.first() else { return false };
        let (mut seen, mut queue) = (BTreeSet::from([first]), vec![first]);
        while let Some(at) = queue.pop() {
            queue.extend(left.iter().copied().filter(|&to| edge(at, to) && seen.insert(to)));
        }
        seen.len() < left.len()
    };
    (0..1usize << n).filter(|&set| split(set)).map(usize::count_ones).min().unwrap_or(n as u32 - 1)
}

proptest! {
    #[test]
    fn r3_small_graphs_agree_with_trying_every_cut(n in 2usize..7, bits: u32) {
        let place = |a: usize, b: usize| { let (a, b) = (a.max(b), a.min(b)); a * (a - 1) / 2 + b };
        let edge = |a: usize, b: usize| a != b && bits >> place(a, b) & 1 == 1;
        let mut overlay = Overlay::default();
        for node in 0..n {
            overlay.set(node, (0..n).filter(|&to| edge(node, to)));
        }
        prop_assert_eq!(overlay.measure().paths, by_hand(n, edge));
    }
}
