//! A set of sequence numbers as ranges.

use super::message::Range;
use std::collections::BTreeMap;

/// Ranges `from..to`, never touching each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    ends: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds the numbers `from..to`.
    pub(super) fn insert(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (mut from, mut to) = (from, to);
        while let Some((start, end)) = self.touching(from, to) {
            self.ends.remove(&start);
            from = from.min(start);
            to = to.max(end);
        }
        self.ends.insert(from, to);
    }

    fn touching(&self, from: u64, to: u64) -> Option<Range> {
        let (start, end) = self.ends.range(..=to).next_back().map(|(start, end)| (*start, *end))?;
        (end >= from).then_some((start, end))
    }

    /// Whether all of `from..to` is in it.
    pub(super) fn covers(&self, from: u64, to: u64) -> bool {
        from >= to || self.ends.range(..=from).next_back().is_some_and(|(_, end)| *end >= to)
    }

    /// The highest `max` ranges, ascending.
    pub(super) fn highest(&self, max: usize) -> Vec<Range> {
        let mut ranges: Vec<Range> =
            self.ends.iter().rev().take(max).map(|(start, end)| (*start, *end)).collect();
        ranges.reverse();
        ranges
    }

    /// Numbers in it.
    pub(super) fn count(&self) -> u64 {
        self.ends.iter().fold(0, |sum: u64, (start, end)| sum.saturating_add(end.saturating_sub(*start)))
    }
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(ranges: I) -> Ranges {
        let mut set = Ranges::default();
        for (from, to) in ranges {
            set.insert(from, to);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranges_are_the_set_of_their_numbers(
            inserts in proptest::collection::vec((0u64..60, 0u64..12), 0..12),
            (from, length) in (0u64..60, 0u64..12),
        ) {
            let mut numbers = BTreeSet::new();
            let mut ranges = Ranges::default();
            for (from, length) in inserts {
                ranges.insert(from, from + length);
                numbers.extend(from..from + length);
            }
            prop_assert_eq!(ranges.count(), numbers.len() as u64);
            prop_assert_eq!(ranges.covers(from, from + length), (from..from + length).all(|n| numbers.contains(&n)));
            let told = ranges.highest(usize::MAX);
            prop_assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].0), "apart and ascending");
            prop_assert_eq!(ranges.highest(2), told[told.len().saturating_sub(2)..].to_vec());
        }
    }
}
