//! What a seed stands for: how many nodes, which of them do wrong, how bad network and disks are, and what breaks when.

use super::node::DiskSpeed;
use super::rng::Rng;

/// When faults begin, milliseconds of the run.
pub const FAULTS_FROM_MS: u64 = 4_000;
/// When everything is healed for good.
pub const HEALED_MS: u64 = 22_000;
/// When the run ends: the bound within which J8 must hold is between the two.
pub const END_MS: u64 = 40_000;
/// The height that all honest nodes have then must be final at the end.
pub const DUE_MS: u64 = 30_000;
/// Transactions handed in until then must be final at the end.
pub const HANDED_MS: u64 = 25_000;

/// Something that happens to the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The network falls into two parts; the bits say who is in the second.
    Partition(u32),
    /// It is whole again.
    Heal,
    /// A node loses its power.
    Crash(usize),
    /// It starts again.
    Restart(usize),
}

/// The network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Shortest way, milliseconds.
    pub delay_min_ms: u64,
    /// Longest way; packets overtake each other within this.
    pub delay_max_ms: u64,
    /// Packets lost, of a thousand.
    pub lost: u64,
    /// Packets that come twice, of a thousand.
    pub doubled: u64,
}

/// A run; see the module doc.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Number of nodes.
    pub nodes: usize,
    /// Which behaviour a node has, for those that do wrong.
    pub byzantine: Vec<Option<usize>>,
    /// Accounts that send transfers.
    pub accounts: u8,
    /// Height at which the voter set changes its number.
    pub change_at: Option<u32>,
    /// Most unfinalised blocks that a node keeps.
    pub unfinalised_max: usize,
    /// The network while things break.
    pub storm: Weather,
    /// The network after.
    pub calm: Weather,
    /// The disks.
    pub speed: DiskSpeed,
    /// What breaks, by time.
    pub faults: Vec<(u64, Fault)>,
    /// How far a node's clock is off, milliseconds ahead of the slowest.
    pub clock_ahead_ms: Vec<u64>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let nodes = match rng.below(10) {
            0..7 => 4,
            7 | 8 => 5,
            _ => 7,
        };
        let mut byzantine = vec![None; nodes];
        let tolerated = (nodes - 1) / 3;
        if rng.chance(600) {
            for _ in 0..rng.between(1, u64::try_from(tolerated).unwrap_or(1)) {
                let kind = rng.index(super::byzantine::KINDS);
                let place = rng.index(nodes);
                byzantine[place] = Some(kind);
            }
        }
        let delay_min_ms = rng.between(2, 40);
        let delay_max_ms = delay_min_ms + rng.between(5, 120);
        let calm = Weather { delay_min_ms, delay_max_ms, lost: rng.below(10), doubled: rng.below(10) };
        let storm = Weather { lost: calm.lost + rng.below(150), doubled: rng.below(80), ..calm };
        let speed = DiskSpeed { min_ms: 1, max_ms: rng.between(2, 20) };
        let faults = faults(&mut rng, nodes);
        Self {
            seed,
            nodes,
            byzantine,
            accounts: 8,
            change_at: rng.chance(400).then(|| u32::try_from(rng.between(3, 18)).unwrap_or(3)),
            unfinalised_max: if rng.chance(150) { 64 } else { 4_096 },
            storm,
            calm,
            speed,
            faults,
            clock_ahead_ms: (0..nodes).map(|_| rng.below(120)).collect(),
        }
    }
}

fn faults(rng: &mut Rng, nodes: usize) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..rng.below(3) {
        let at = rng.between(FAULTS_FROM_MS, HEALED_MS - 3_000);
        let sides = rng.below(1 << nodes);
        faults.push((at, Fault::Partition(u32::try_from(sides).unwrap_or(1))));
        faults.push((rng.between(at + 500, HEALED_MS - 1_000), Fault::Heal));
    }
    for _ in 0..rng.below(5) {
        let at = rng.between(FAULTS_FROM_MS, HEALED_MS - 4_000);
        faults.push((at, Fault::Crash(rng.index(nodes))));
    }
    if rng.chance(250) {
        // A power cut of the whole building.
        let at = rng.between(FAULTS_FROM_MS, HEALED_MS - 4_000);
        faults.extend((0..nodes).map(|node| (at, Fault::Crash(node))));
    }
    let crashes: Vec<(u64, usize)> = faults
        .iter()
        .filter_map(|(at, fault)| match fault {
            Fault::Crash(node) => Some((*at, *node)),
            _ => None,
        })
        .collect();
    for (at, node) in crashes {
        faults.push((rng.between(at + 100, (at + 7_000).min(HEALED_MS - 100)), Fault::Restart(node)));
    }
    faults.push((HEALED_MS, Fault::Heal));
    faults.extend((0..nodes).map(|node| (HEALED_MS, Fault::Restart(node))));
    faults.sort_by_key(|(at, _)| *at);
    faults
}
