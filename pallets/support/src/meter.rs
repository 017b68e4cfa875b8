//! What a call does to the state, counted while it runs, so that it is paid by use and not by the worst case.
//!
//! Terms: an *access* = one host function that reads or writes the state.
//!
//! Rules:
//! * R1. Every access counts, also one of a key that was touched before: the count then depends on the code alone and is
//!   the same on every executor.
//! * R2. A metered call weighs what it is told to besides (signatures, hashing, decoding), and for each access its share
//!   of execution, of the database and of the state root, by number and by bytes.
//! * R3. What is announced stays the limit: the caller takes the lesser of both (`pallet_system::correct_weight`).
//!
//! Out of scope: time. The prices below were measured by `quire bench weights` on two cores of the reference machine and
//! are rounded up.

use quire_core::Weight;

use crate::{DispatchErrorWithInfo, DispatchResultWithInfo, PostInfo};

/// A read: the call of the host, the database's share, decoding.
pub const READ: Weight = Weight::from_parts(2_500_000, 64);
/// A write: encoding, the overlay, the database's share, a path of the state's trie.
pub const WRITE: Weight = Weight::from_parts(4_000_000, 64);
/// One byte read: copied and decoded. The record of a channel with sixteen participants, 1.7 KiB, takes 15 µs.
pub const READ_BYTE: Weight = Weight::from_parts(10_000, 1);
/// One byte written: encoded, copied, compared, hashed.
pub const WRITE_BYTE: Weight = Weight::from_parts(12_000, 0);

/// Accesses so far, or since a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Bytes of the values read.
    pub bytes_read: u64,
    /// Bytes of the values written.
    pub bytes_written: u64,
}

impl Usage {
    /// What has been used since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            reads: self.reads.wrapping_sub(earlier.reads),
            writes: self.writes.wrapping_sub(earlier.writes),
            bytes_read: self.bytes_read.wrapping_sub(earlier.bytes_read),
            bytes_written: self.bytes_written.wrapping_sub(earlier.bytes_written),
        }
    }

    /// R2.
    #[must_use]
    pub const fn weight(self) -> Weight {
        READ.saturating_mul(self.reads)
            .saturating_add(WRITE.saturating_mul(self.writes))
            .saturating_add(READ_BYTE.saturating_mul(self.bytes_read))
            .saturating_add(WRITE_BYTE.saturating_mul(self.bytes_written))
    }
}

/// Runs a verb and says what it weighed: `besides` and its accesses, also when it fails.
///
/// # Errors
/// Those of `run`.
pub fn metered<E: Into<crate::DispatchError>>(
    besides: Weight,
    run: impl FnOnce() -> Result<(), E>,
) -> DispatchResultWithInfo {
    let before = used();
    let result = run();
    let post_info = PostInfo::from(Some(besides.saturating_add(used().since(before).weight())));
    match result {
        Ok(()) => Ok(post_info),
        Err(error) => Err(DispatchErrorWithInfo { post_info, error: error.into() }),
    }
}

pub use counters::used;
pub(crate) use counters::{note_read, note_write};

/// One instance of the runtime is one thread; relaxed atomics are plain numbers there.
#[cfg(target_arch = "wasm32")]
mod counters {
    use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::Usage;

    static READS: AtomicU64 = AtomicU64::new(0);
    static WRITES: AtomicU64 = AtomicU64::new(0);
    static BYTES_READ: AtomicU64 = AtomicU64::new(0);
    static BYTES_WRITTEN: AtomicU64 = AtomicU64::new(0);

    /// All accesses since the instance began.
    pub fn used() -> Usage {
        Usage {
            reads: READS.load(Relaxed),
            writes: WRITES.load(Relaxed),
            bytes_read: BYTES_READ.load(Relaxed),
            bytes_written: BYTES_WRITTEN.load(Relaxed),
        }
    }

    pub(crate) fn note_read(bytes: usize) {
        READS.fetch_add(1, Relaxed);
        BYTES_READ.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn note_write(bytes: usize) {
        WRITES.fetch_add(1, Relaxed);
        BYTES_WRITTEN.fetch_add(bytes as u64, Relaxed);
    }
}

/// Natively each thread has a state of its own, and so its own count.
#[cfg(not(target_arch = "wasm32"))]
mod counters {
    extern crate std;

    use core::cell::Cell;

    use super::Usage;

    std::thread_local! {
        static USED: Cell<Usage> = const { Cell::new(Usage { reads: 0, writes: 0, bytes_read: 0, bytes_written: 0 }) };
    }

    /// All accesses since the thread began.
    pub fn used() -> Usage {
        USED.get()
    }

    pub(crate) fn note_read(bytes: usize) {
        let used = USED.get();
        USED.set(Usage { reads: used.reads + 1, bytes_read: used.bytes_read + bytes as u64, ..used });
    }

    pub(crate) fn note_write(bytes: usize) {
        let used = USED.get();
        USED.set(Usage { writes: used.writes + 1, bytes_written: used.bytes_written + bytes as u64, ..used });
    }
}
