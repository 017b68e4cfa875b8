//! The allocator of the runtime's memory, run by the host: a bump pointer and free lists by size.
//!
//! Terms: a *block* is a header of 8 bytes and its payload; its *order* is the power of two of the payload, 8 bytes << order,
//! from order 0 (8 bytes) to 22 (32 MiB); the *bump* is the end of the part of the memory that was ever given out.
//!
//! Rules:
//! * R1: payloads are aligned to 8 bytes, do not overlap, and lie between the heap's base and its limit.
//! * R2: a freed block serves the next request of its order, last freed first; else the bump moves up.
//! * R3: the header of a block that is in use is `order | 1 << 32`, of a free one the address of the next free header, or
//!   `ffff_ffff`. Headers lie in the runtime's own memory, so nothing is believed: an address outside the heap, out of
//!   alignment or with a foreign header is an error, and never a read or write outside the memory.
//! * R4: the same requests in the same order give the same addresses on every node.
//!
//! Out of scope: growing the memory; the caller asks `required_bytes` first and grows.

/// Payload of the lowest order, in bytes.
const MIN_BYTES: u32 = 8;
/// Payload of the highest order, in bytes: 32 MiB.
pub(crate) const MAX_BYTES: u32 = MIN_BYTES << (ORDERS - 1);
const ORDERS: u32 = 23;
const HEADER_BYTES: u32 = 8;
const NIL: u32 = u32::MAX;
const IN_USE: u64 = 1 << 32;

/// Why a request failed; the call ends with a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeapError {
    /// Over the highest order.
    #[error("the runtime asked for {size_bytes} bytes in one piece, the limit is {MAX_BYTES}")]
    TooLarge {
        /// Bytes asked for.
        size_bytes: u32,
    },
    /// Over the limit of the heap.
    #[error("the runtime is out of memory: its heap is limited to {limit_bytes} bytes")]
    Exhausted {
        /// End of the heap.
        limit_bytes: u64,
    },
    /// The runtime wrote over a header or freed what it does not hold.
    #[error("the runtime damaged its heap at address {address}: {what}")]
    Damaged {
        /// Where.
        address: u32,
        /// What was found.
        what: &'static str,
    },
}

/// The state of the allocator; see the rules of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heap {
    base: u32,
    bump: u32,
    limit_bytes: u64,
    /// First free header of each order.
    free: [u32; ORDERS as usize],
}

impl Heap {
    /// A heap from `base` (the module's `__heap_base`) up to `limit_bytes` of memory.
    pub(crate) fn new(base: u32, limit_bytes: u64) -> Self {
        let base = base.checked_next_multiple_of(8).unwrap_or(NIL & !7);
        Heap { base, bump: base, limit_bytes: limit_bytes.min(1 << 32), free: [NIL; ORDERS as usize] }
    }

    /// End of the heap.
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// How large the memory must be to serve a request.
    pub(crate) fn required_bytes(&self, size_bytes: u32) -> Result<u64, HeapError> {
        let order = order(size_bytes)?;
        if self.free[order as usize] != NIL {
            return Ok(0);
        }
        let end = u64::from(self.bump) + u64::from(HEADER_BYTES) + u64::from(MIN_BYTES << order);
        if end > self.limit_bytes {
            Err(HeapError::Exhausted { limit_bytes: self.limit_bytes })
        } else {
            Ok(end)
        }
    }

    /// Gives out at least `size_bytes`; returns the address of the payload.
    pub(crate) fn allocate(&mut self, memory: &mut [u8], size_bytes: u32) -> Result<u32, HeapError> {
        let order = order(size_bytes)?;
        let header = match self.free[order as usize] {
            NIL => {
                let end = self.required_bytes(size_bytes)?;
                if end > memory.len() as u64 {
                    return Err(HeapError::Exhausted { limit_bytes: memory.len() as u64 });
                }
                let header = self.bump;
                // At most 4 GiB, and 4 GiB itself is reached only by the last block there can be.
                self.bump = u32::try_from(end).unwrap_or(NIL & !7);
                header
            }
            header => {
                self.check(header, "a free block points outside the heap")?;
                let next = read(memory, header)?;
                let next = u32::try_from(next).map_err(|_| HeapError::Damaged {
                    address: header,
                    what: "a free block is marked as in use",
                })?;
                self.free[order as usize] = next;
                header
            }
        };
        let end = u64::from(header) + u64::from(HEADER_BYTES) + u64::from(MIN_BYTES << order);
        if end > u64::from(self.bump) {
            return Err(HeapError::Damaged { address: header, what: "a free block reaches beyond the heap" });
        }
        write(memory, header, IN_USE | u64::from(order))?;
        Ok(header + HEADER_BYTES)
    }

    /// Takes a payload back.
    pub(crate) fn free(&mut self, memory: &mut [u8], address: u32) -> Result<(), HeapError> {
        let outside = HeapError::Damaged { address, what: "it frees an address outside the heap" };
        let header = address.checked_sub(HEADER_BYTES).ok_or(outside)?;
        self.check(header, "it frees an address outside the heap")?;
        let order = read(memory, header)? ^ IN_USE;
        if order >= u64::from(ORDERS) {
            return Err(HeapError::Damaged { address, what: "it frees what is not in use" });
        }
        write(memory, header, u64::from(self.free[order as usize]))?;
        self.free[order as usize] = header;
        Ok(())
    }

    /// Fails unless a header may lie at this address.
    fn check(&self, header: u32, what: &'static str) -> Result<(), HeapError> {
        let is_inside = header >= self.base && header < self.bump && header.is_multiple_of(8);
        if is_inside { Ok(()) } else { Err(HeapError::Damaged { address: header, what }) }
    }
}

fn order(size_bytes: u32) -> Result<u32, HeapError> {
    if size_bytes > MAX_BYTES {
        return Err(HeapError::TooLarge { size_bytes });
    }
    Ok(size_bytes.max(MIN_BYTES).next_power_of_two().trailing_zeros() - MIN_BYTES.trailing_zeros())
}

fn read(memory: &[u8], at: u32) -> Result<u64, HeapError> {
    let bytes = memory.get(at as usize..).and_then(|bytes| bytes.first_chunk());
    bytes
        .map(|bytes| u64::from_le_bytes(*bytes))
        .ok_or(HeapError::Damaged { address: at, what: "no memory there" })
}

fn write(memory: &mut [u8], at: u32, value: u64) -> Result<(), HeapError> {
    let bytes = memory.get_mut(at as usize..).and_then(|bytes| bytes.first_chunk_mut());
    *bytes.ok_or(HeapError::Damaged { address: at, what: "no memory there" })? = value.to_le_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMORY_BYTES: usize = 1 << 20;

    #[test]
    fn r2_blocks_are_reused_by_order_and_last_in_first_out() {
        let (mut heap, mut memory) = (Heap::new(13, MEMORY_BYTES as u64), vec![0; MEMORY_BYTES]);
        let first = heap.allocate(&mut memory, 1).unwrap();
        let second = heap.allocate(&mut memory, 8).unwrap();
        let third = heap.allocate(&mut memory, 9).unwrap();
        assert_eq!([first, second, third], [24, 40, 56]);
        heap.free(&mut memory, first).unwrap();
        heap.free(&mut memory, second).unwrap();
        assert_eq!(heap.required_bytes(5), Ok(0));
        assert_eq!(heap.allocate(&mut memory, 0), Ok(second));
        assert_eq!(heap.allocate(&mut memory, 3), Ok(first));
        assert_eq!(heap.allocate(&mut memory, 3), Ok(80));
    }

    #[test]
    fn requests_over_the_limits_fail() {
        let (mut heap, mut memory) = (Heap::new(0, MEMORY_BYTES as u64), vec![0; MEMORY_BYTES]);
        assert_eq!(
            heap.allocate(&mut memory, MAX_BYTES + 1),
            Err(HeapError::TooLarge { size_bytes: MAX_BYTES + 1 })
        );
        assert!(matches!(heap.allocate(&mut memory, 1 << 20), Err(HeapError::Exhausted { .. })));
        heap.allocate(&mut memory, 1 << 19).unwrap();
        assert!(matches!(heap.allocate(&mut memory, 1 << 19), Err(HeapError::Exhausted { .. })));
        let mut high = Heap::new(u32::MAX, u64::MAX);
        assert!(matches!(high.allocate(&mut memory, 8), Err(HeapError::Exhausted { .. })));
    }

    #[test]
    fn r3_freeing_nonsense_is_an_error() {
        let (mut heap, mut memory) = (Heap::new(64, MEMORY_BYTES as u64), vec![0; MEMORY_BYTES]);
        let block = heap.allocate(&mut memory, 100).unwrap();
        for address in [0, 7, 64, block + 1, block + 8, block + 4096, u32::MAX] {
            assert!(matches!(heap.free(&mut memory, address), Err(HeapError::Damaged { .. })), "{address}");
        }
        heap.free(&mut memory, block).unwrap();
        assert!(matches!(heap.free(&mut memory, block), Err(HeapError::Damaged { .. })), "freed twice");
        write(&mut memory, block - 8, 0x4000_0000).unwrap();
        heap.allocate(&mut memory, 100).unwrap();
        assert!(
            matches!(heap.allocate(&mut memory, 100), Err(HeapError::Damaged { .. })),
            "a forged free list"
        );
    }

    #[test]
    fn r3_a_block_of_a_small_order_cannot_be_passed_off_as_a_large_one() {
        let (mut heap, mut memory) = (Heap::new(64, MEMORY_BYTES as u64), vec![0; MEMORY_BYTES]);
        let block = heap.allocate(&mut memory, 8).unwrap();
        write(&mut memory, block - 8, IN_USE | 20).unwrap();
        heap.free(&mut memory, block).unwrap();
        assert!(matches!(heap.allocate(&mut memory, 8 << 20), Err(HeapError::Damaged { .. })));
    }

    proptest! {
        #[test]
        fn r1_live_blocks_never_overlap(ops in prop::collection::vec((any::<bool>(), 0u32..5_000), 1..300)) {
            let (mut heap, mut memory) = (Heap::new(1_000, MEMORY_BYTES as u64), vec![0; MEMORY_BYTES]);
            let mut live: Vec<(u32, u32)> = Vec::new();
            for (is_free, number) in ops {
                if is_free && !live.is_empty() {
                    let (address, _) = live.swap_remove(number as usize % live.len());
                    heap.free(&mut memory, address).unwrap();
                } else if let Ok(address) = heap.allocate(&mut memory, number) {
                    prop_assert!(address.is_multiple_of(8) && address >= 1_000);
                    prop_assert!((address + number) as usize <= MEMORY_BYTES);
                    memory[address as usize..(address + number) as usize].fill(0xaa);
                    let is_apart = |(at, size): &(u32, u32)| at + size <= address - 8 || address + number <= at - 8;
                    prop_assert!(live.iter().all(is_apart));
                    live.push((address, number));
                }
            }
        }

        #[test]
        fn r3_a_heap_full_of_noise_never_panics(noise in prop::collection::vec(any::<u8>(), 4096), at: u32, size in 0u32..9_000) {
            let mut memory = noise;
            let mut heap = Heap::new(0, 4096);
            heap.bump = 4096;
            heap.free = [at % 5_000; ORDERS as usize];
            let _ = heap.allocate(&mut memory, size);
            let _ = heap.free(&mut memory, at % 5_000);
            let _ = heap.allocate(&mut memory, size);
        }
    }
}
