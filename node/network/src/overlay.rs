//! How well the overlay hangs together: its vertex connectivity, the N-cut.
//!
//! Terms: the *overlay* is the graph of the nodes that are peers of each other. Its *vertex connectivity* is the number
//! of nodes that must fail to split it; between two nodes as many paths share no node in between (Menger). A node knows
//! its own neighbours, and from each of them the list of theirs (`quire/overlay/1`); so it knows every edge that touches
//! one of its neighbours. Nodes without a list (light clients, other implementations) are not part of the graph.
//!
//! Rules:
//! * R1 An edge counts only if every end of it that told a list names the other: a liar can hide its own edges, and
//!   cannot invent edges of others who tell theirs.
//! * R2 The graph that is measured has the nodes that told a list, and this one. What is beyond is unknown.
//! * R3 A complete graph of n nodes has connectivity n − 1; a graph of one node, or in two pieces, has 0.
//! * R4 At most [`MAX_NODES`] nodes and [`MAX_NEIGHBOURS`] neighbours of each are looked at, the lowest ids first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Nodes of the graph.
pub const MAX_NODES: usize = 128;
/// Neighbours that one node may tell.
pub const MAX_NEIGHBOURS: usize = 256;

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connectivity {
    /// Vertex-disjoint paths between the two worst connected nodes known.
    pub paths: u32,
    /// Nodes that the graph has.
    pub nodes: u32,
    /// Nodes that are named as neighbours but told no list (R2).
    pub unknown: u32,
}

/// The lists of neighbours that nodes told, our own among them.
#[derive(Clone, Debug)]
pub struct Overlay<Id> {
    lists: BTreeMap<Id, BTreeSet<Id>>,
}

impl<Id> Default for Overlay<Id> {
    fn default() -> Self {
        Self { lists: BTreeMap::new() }
    }
}

impl<Id: Ord + Copy> Overlay<Id> {
    /// Sets what a node told (R4).
    pub fn set(&mut self, node: Id, neighbours: impl IntoIterator<Item = Id>) {
        self.lists
            .insert(node, neighbours.into_iter().filter(|id| *id != node).take(MAX_NEIGHBOURS).collect());
    }

    /// Forgets a node.
    pub fn remove(&mut self, node: &Id) {
        self.lists.remove(node);
    }

    /// The vertex connectivity of what is known.
    pub fn measure(&self) -> Connectivity {
        let nodes: Vec<Id> = self.lists.keys().copied().take(MAX_NODES).collect();
        let named: BTreeSet<Id> = self.lists.values().flatten().copied().collect();
        let unknown = named.iter().filter(|id| !self.lists.contains_key(id)).count();
        // R1: both ends told a list, so both must name the other.
        let edges: Vec<Vec<usize>> = nodes
            .iter()
            .map(|a| {
                let names = |from: &Id, to: &Id| self.lists.get(from).is_some_and(|list| list.contains(to));
                (0..nodes.len()).filter(|&b| names(a, &nodes[b]) && names(&nodes[b], a)).collect()
            })
            .collect();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Connectivity {
            paths: count(connectivity(&edges)),
            nodes: count(nodes.len()),
            unknown: count(unknown),
        }
    }
}

/// Vertex connectivity of an undirected graph without loops, given as neighbour lists.
///
/// Even's observation: among the first k + 1 nodes one is outside any cut of k nodes. So it is enough to look from
/// these at every node that is no neighbour, where k is the least found so far.
fn connectivity(edges: &[Vec<usize>]) -> usize {
    let mut least = edges.len().saturating_sub(1);
    let mut from = 0;
    while from <= least && from < edges.len() {
        for to in (0..edges.len()).filter(|&to| to != from && !edges[from].contains(&to)) {
            least = least.min(disjoint_paths(edges, from, to, least));
        }
        from += 1;
    }
    least
}

/// Vertex-disjoint paths between two nodes that are no neighbours, at most `enough`.
///
/// Maximum flow where every node in between is split into an entry (`2n`) and an exit (`2n + 1`) joined by one unit.
fn disjoint_paths(edges: &[Vec<usize>], from: usize, to: usize, enough: usize) -> usize {
    let (source, sink) = (2 * from + 1, 2 * to);
    // Units that flow, by edge of the split graph.
    let mut flow: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut paths = 0;
    while paths < enough {
        let Some(before) = augmenting_path(edges, &flow, source, sink) else { break };
        let mut at = sink;
        while at != source {
            let previous = before[at];
            // A unit back cancels the unit that flows.
            if !flow.remove(&(at, previous)) {
                flow.insert((previous, at));
            }
            at = previous;
        }
        paths += 1;
    }
    paths
}

/// A path along which one more unit can flow: for every node of it the one before.
fn augmenting_path(
    edges: &[Vec<usize>],
    flow: &BTreeSet<(usize, usize)>,
    source: usize,
    sink: usize,
) -> Option<Vec<usize>> {
    let mut before = vec![usize::MAX; 2 * edges.len()];
    before[source] = source;
    let mut queue = VecDeque::from([source]);
    while let Some(at) = queue.pop_front() {
        if at == sink {
            return Some(before);
        }
        let node = at / 2;
        let is_entry = at % 2 == 0;
        // Forward edges lead from an entry to its own exit and from an exit to the neighbours' entries; an edge back
        // exists where a unit flows.
        let mut visit = |next: usize, forward: bool| {
            let free = if forward { !flow.contains(&(at, next)) } else { flow.contains(&(next, at)) };
            if free && before[next] == usize::MAX {
                before[next] = at;
                queue.push_back(next);
            }
        };
        visit(if is_entry { at + 1 } else { at - 1 }, is_entry);
        for &neighbour in &edges[node] {
            visit(if is_entry { 2 * neighbour + 1 } else { 2 * neighbour }, !is_entry);
        }
    }
    None
}

#[cfg(test)]
mod tests;
