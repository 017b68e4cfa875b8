//! Blocks with a larger alignment than the host's allocator gives.
//!
//! The host aligns to [`HOST_ALIGNMENT_BYTES`]. A `u128` needs 16 bytes on wasm32 (since LLVM 20), so everything that
//! holds a balance does: vectors of money and of outputs, boxed calls. For those a larger block is asked for and the
//! result is moved up inside it; the 8 bytes in front of the result say by how much.

use core::alloc::Layout;

/// Every block of the host's allocator starts at a multiple of this many bytes.
pub(super) const HOST_ALIGNMENT_BYTES: usize = 8;

/// How far a block at `address` is moved up: at least the 8 bytes that the distance is kept in, at most `align`.
const fn distance(address: usize, align: usize) -> usize {
    align - address % align
}

/// A block for `layout` out of `malloc`, which aligns to [`HOST_ALIGNMENT_BYTES`]; null when there is none.
///
/// # Safety
/// `malloc(n)` returns null or a block of `n` bytes that belongs to the caller, aligned to [`HOST_ALIGNMENT_BYTES`].
#[allow(unsafe_code)]
pub(super) unsafe fn alloc(layout: Layout, malloc: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
    let align = layout.align();
    if align <= HOST_ALIGNMENT_BYTES {
        return malloc(layout.size());
    }
    let Some(bytes) = layout.size().checked_add(align) else { return core::ptr::null_mut() };
    let base = malloc(bytes);
    if base.is_null() {
        return base;
    }
    let distance = distance(base as usize, align);
    // SAFETY: the block has `align` bytes more than asked for, and 8 <= distance <= align: base and align are multiples
    // of 8. So the result fits, and the 8 bytes before it, aligned to 8, are inside the block too.
    unsafe {
        let result = base.add(distance);
        result.sub(HOST_ALIGNMENT_BYTES).cast::<u32>().write(distance as u32);
        result
    }
}

/// Gives a block back to `free`.
///
/// # Safety
/// `address` came from [`alloc`] with the same `layout`, or, when its alignment is at most [`HOST_ALIGNMENT_BYTES`],
/// straight from the host.
#[allow(unsafe_code)]
pub(super) unsafe fn dealloc(address: *mut u8, layout: Layout, free: impl FnOnce(*mut u8)) {
    if layout.align() <= HOST_ALIGNMENT_BYTES {
        return free(address);
    }
    // SAFETY: `alloc` wrote the distance there, and `address` minus the distance is the block that it was given.
    free(unsafe {
        let distance = address.sub(HOST_ALIGNMENT_BYTES).cast::<u32>().read();
        address.sub(distance as usize)
    });
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    #[allow(unsafe_code)]
    fn blocks_are_aligned_stay_inside_and_are_given_back_as_they_came() {
        let mut heap = vec![0u64; 64];
        let heap_start = heap.as_mut_ptr().cast::<u8>();
        for (align, size, offset) in [1usize, 8, 16, 32, 64].into_iter().flat_map(|align| {
            [0usize, 1, 16, 208].into_iter().flat_map(move |size| (0..8).map(move |n| (align, size, n * 8)))
        }) {
            let layout = Layout::from_size_align(size, align).expect("small, and powers of two");
            let given = heap_start.wrapping_add(offset);
            let mut asked = 0;
            // SAFETY: all blocks of the test lie inside `heap`: 56 + 208 + 64 bytes are less than 512.
            unsafe {
                let block = alloc(layout, |bytes| {
                    asked = bytes;
                    given
                });
                assert!(
                    !block.is_null() && (block as usize).is_multiple_of(align),
                    "{align} {size} {offset}"
                );
                assert!(block >= given && block as usize + size <= given as usize + asked);
                block.write_bytes(0xff, size);
                dealloc(block, layout, |freed| assert_eq!(freed, given));
            }
        }
    }

    #[test]
    #[allow(unsafe_code)]
    fn what_does_not_fit_is_null() {
        let layout = Layout::from_size_align(isize::MAX as usize - 15, 16).expect("the largest there is");
        // SAFETY: nothing is written where malloc gives null.
        assert!(unsafe { alloc(layout, |_| core::ptr::null_mut()) }.is_null());
    }
}
