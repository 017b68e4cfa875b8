//! Mutations, all decided by a seed.

/// A stream of numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next_u64() % end.max(1) as u64) as usize
    }
}

/// Longest input a mutation makes.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;

/// An input made from one or two others by one to eight changes.
pub fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let pick = |random: &mut Random| seeds.get(random.below(seeds.len())).cloned().unwrap_or_default();
    let mut input = pick(random);
    for _ in 0..=random.below(8) {
        change(random, &mut input, &pick);
    }
    input.truncate(MAX_INPUT_BYTES);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, pick: &dyn Fn(&mut Random) -> Vec<u8>) {
    const EDGES: [u8; 8] = [0x00, 0x01, 0x03, 0x7f, 0x80, 0xfc, 0xfe, 0xff];
    let at = random.below(input.len().saturating_add(1));
    match random.below(8) {
        0 => input.insert(at, random.next_u64() as u8),
        1 => input.truncate(at),
        2 => drop(input.drain(at..input.len().min(at + 1 + random.below(8)))),
        3 => {
            let other = pick(random);
            let from = random.below(other.len().saturating_add(1));
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        4 => {
            let run = random.below(64);
            let byte = EDGES[random.below(EDGES.len())];
            input.splice(at..at, std::iter::repeat_n(byte, run));
        }
        5 => {
            let copy: Vec<u8> = input[at..].iter().copied().take(random.below(64)).collect();
            input.splice(at..at, copy);
        }
        6 => set(input, at, |_| EDGES[at % EDGES.len()]),
        _ => {
            let bit = 1 << random.below(8);
            set(input, at, |byte| byte ^ bit);
        }
    }
}

fn set(input: &mut [u8], at: usize, change: impl Fn(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = change(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything_and_seeds_differ() {
        let seeds = [vec![1, 2, 3], vec![9; 100], Vec::new()];
        let inputs = |seed| {
            let mut random = Random::new(seed);
            (0..200).map(|_| mutate(&mut random, &seeds)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(3).iter().any(|input| !seeds.contains(input)));
    }
}
