//! How many settled blocks all follows of the node keep pinned together.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The count of all follows; cloning shares it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pins(Arc<AtomicUsize>);

/// What one follow adds to the count; it takes that back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    all: Pins,
    own: usize,
}

impl Pins {
    /// A follow without pins.
    pub(crate) fn share(&self) -> Share {
        Share { all: self.clone(), own: 0 }
    }

    /// Pins of all follows.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Share {
    /// The follow has this many pins now.
    pub(crate) fn set(&mut self, own: usize) {
        // Only a count: nothing is read because of it, so no order is needed.
        self.all.0.fetch_add(own, Ordering::Relaxed);
        self.all.0.fetch_sub(self.own, Ordering::Relaxed);
        self.own = own;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_leave_nothing() {
        let pins = Pins::default();
        let (mut one, mut two) = (pins.share(), pins.share());
        one.set(3);
        two.set(4);
        one.set(1);
        assert_eq!(pins.count(), 5);
        drop(one);
        assert_eq!(pins.count(), 4);
        drop(two);
        assert_eq!(pins.count(), 0);
    }
}
