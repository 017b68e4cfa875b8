//! A bump allocator that starts over with every call of the host.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

const PAGE_BYTES: usize = 65_536;

struct Bump {
    /// First free address; 0 before the first use.
    next: UnsafeCell<usize>,
}

// SAFETY: wasm32v1-none has no threads.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump { next: UnsafeCell::new(0) };

unsafe extern "C" {
    /// Set by the linker: the first address after stack and data.
    static __heap_base: u8;
}

fn heap_base() -> usize {
    // Only the address is taken.
    (&raw const __heap_base) as usize
}

/// Forgets every allocation. Nothing that lives across calls may be allocated.
pub fn reset() {
    // SAFETY: see Bump.
    unsafe { *HEAP.next.get() = heap_base() };
}

/// Makes memory reach `end`; false when the maximum forbids it.
fn reach(end: usize) -> bool {
    let have = core::arch::wasm32::memory_size(0) * PAGE_BYTES;
    if end <= have {
        return true;
    }
    let pages = (end - have).div_ceil(PAGE_BYTES);
    core::arch::wasm32::memory_grow(0, pages) != usize::MAX
}

// SAFETY: blocks are handed out once between two resets, aligned and inside memory; `realloc` moves only the last block's end.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: see Bump.
        let next = unsafe { &mut *self.next.get() };
        let start = (*next).max(heap_base()).next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(end) if reach(end) => {
                *next = end;
                start as *mut u8
            }
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: see Bump.
        let next = unsafe { &mut *self.next.get() };
        if block as usize + layout.size() == *next {
            return match (block as usize).checked_add(size) {
                Some(end) if reach(end) => {
                    *next = end;
                    block
                }
                _ => core::ptr::null_mut(),
            };
        }
        // SAFETY: the new layout has the old alignment; both blocks are whole and disjoint.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
            }
            moved
        }
    }
}
