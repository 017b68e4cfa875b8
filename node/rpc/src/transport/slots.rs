//! Who may hold a connection: a pure decision.
//!
//! A connection is *idle* until it has sent its first complete request, and again while it keeps an HTTP connection
//! open between requests or is being closed; otherwise it is *busy*.
//!
//! * C1 Never more than the maximum are open.
//! * C2 When all are open, a new one takes the place of the one that has been idle longest. So half-open connections,
//!   however many there are, keep nobody out: a client needs its place undisturbed only until its request is read.
//! * C3 When all are busy, a new one is refused at once; it never waits.
use std::collections::BTreeMap;

/// What happens to a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is open under this id.
    Open(u64),
    /// It is open under the first id; the connection of the second one must go.
    Instead(u64, u64),
    /// C3.
    Full,
}

/// The open connections.
#[derive(Debug)]
pub(super) struct Slots {
    max: usize,
    next: u64,
    /// Each open connection with the moment since when it is idle.
    open: BTreeMap<u64, Option<u64>>,
    /// The idle ones by that moment.
    idle: BTreeMap<u64, u64>,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        Self { max, next: 0, open: BTreeMap::new(), idle: BTreeMap::new() }
    }

    pub(super) fn admit(&mut self) -> Admission {
        let victim = match self.open.len() < self.max {
            true => None,
            false => match self.idle.first_key_value() {
                Some((_, id)) => Some(*id),
                None => return Admission::Full,
            },
        };
        if let Some(victim) = victim {
            self.remove(victim);
        }
        let id = self.moment();
        self.open.insert(id, None);
        self.idle(id);
        victim.map_or(Admission::Open(id), |victim| Admission::Instead(id, victim))
    }

    /// The connection works on something.
    pub(super) fn busy(&mut self, id: u64) {
        if let Some(since) = self.open.get_mut(&id).and_then(Option::take) {
            self.idle.remove(&since);
        }
    }

    /// The connection has nothing to do.
    pub(super) fn idle(&mut self, id: u64) {
        self.busy(id);
        let now = self.moment();
        if let Some(since) = self.open.get_mut(&id) {
            *since = Some(now);
            self.idle.insert(now, id);
        }
    }

    /// The connection is gone.
    pub(super) fn remove(&mut self, id: u64) {
        self.busy(id);
        self.open.remove(&id);
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    fn moment(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(slots: &mut Slots) -> u64 {
        match slots.admit() {
            Admission::Open(id) => id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn c2_the_longest_idle_gives_way() {
        let mut slots = Slots::new(3);
        let [a, b, c] = [(); 3].map(|()| opened(&mut slots));
        slots.busy(a);
        let Admission::Instead(d, victim) = slots.admit() else { panic!("full") };
        assert_eq!(victim, b);
        slots.idle(a);
        // c is idle since it came, d too, a only now.
        for expected in [c, d, a] {
            let Admission::Instead(new, victim) = slots.admit() else { panic!("full") };
            assert_eq!(victim, expected);
            slots.busy(new);
        }
        assert_eq!((slots.admit(), slots.count()), (Admission::Full, 3));
    }

    #[test]
    fn c1_c3_all_busy_refuses_until_one_leaves() {
        let mut slots = Slots::new(2);
        let ids = [(); 2].map(|()| opened(&mut slots));
        for id in ids {
            slots.busy(id);
        }
        assert_eq!(slots.admit(), Admission::Full);
        slots.remove(ids[0]);
        // Saying something of a connection that left changes nothing.
        slots.idle(ids[0]);
        slots.busy(ids[0]);
        assert_eq!(slots.count(), 1);
        opened(&mut slots);
        assert_eq!(slots.count(), 2);
    }
}
