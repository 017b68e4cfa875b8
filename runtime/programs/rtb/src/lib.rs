//! Settlement of real-time bidding: who owes whom for the impressions of one channel block.
//!
//! Terms: *imp* is the 16-byte message key of one impression; the *DSP* buys it, the *SSP* sells it, the *auditor* judges
//! it. Each is the first participant with role 0, 1 or 2; the DSP pays.
//!
//! Messages: kind 1 WIN, body `price u64` in plancks, by DSP and SSP; kind 2 CHECK, body `flags u8` (FRAUD 1, VIEW 2,
//! CLICK 4), by the auditor. Parameters: `fee_rate u128, auditor_rate u128`, little-endian; 10^18 is the whole.
//!
//! R1 A WIN by another than DSP and SSP, a CHECK by another than the auditor, and any other kind is ignored and counted.
//! R2 A message whose key has not 16 bytes, or whose body has not the length of its kind, is ignored and counted.
//! R3 Of several messages of one kind by one sender for one imp the first by (time_ms, id) counts; the others are
//!    ignored.
//! R4 An imp is matched when the DSP's and the SSP's price both exist and are equal: totalImpressions, totalSum. All other
//!    imps with any counted message are unmatched.
//! R5 Of matched imps: VIEW gives viewedImpressions, viewedSum; VIEW and FRAUD rejectedImpressions, rejectedSum; CLICK
//!    without FRAUD clickImpressions, clickSum; any check processedImpressions.
//! R6 partner = viewedSum − rejectedSum; fee = partner · fee_rate / 10^18 rounded down, at most the whole; the DSP pays
//!    partner − fee to the SSP, the fee to the validators, auditor_rate · processedImpressions to the auditor.
//! R7 Ignored messages are told in one Notice per (sender, kind of message, reason): node is the sender, kind 1 wrong role
//!    or 2 malformed, data `message kind u16 (0 for unknown kinds), count u64`.
//!
//! Stage 0 reduces each call's imps to ten sums under one key; stage 1 adds these up and emits the outputs.
//! Without DSP or SSP, or with parameters of another length, `quire_init` traps and no message is processed.
//!
//! The bytes in and out are those of `primitives/channel/src/program/abi.rs`; this crate repeats them without depending
//! on it, so that the blob depends on nothing but its own sources.
#![no_std]

extern crate alloc;

mod memory;
mod reader;
mod settle;

use alloc::vec::Vec;
use core::cell::UnsafeCell;
use settle::Terms;

/// The terms, set once by `quire_init`. A program runs in one thread.
struct Global(UnsafeCell<Option<Terms>>);

// SAFETY: wasm32v1-none has no threads; nothing else runs while a call does.
unsafe impl Sync for Global {}

static TERMS: Global = Global(UnsafeCell::new(None));

/// Two stages: sums per call, then the whole block.
const STAGES: i32 = 2;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A place for `len` bytes of input; everything allocated or returned before is gone.
#[unsafe(no_mangle)]
pub extern "C" fn quire_alloc(len: i32) -> i32 {
    memory::reset();
    let mut place = Vec::<u8>::with_capacity(len.max(0) as usize);
    let ptr = place.as_mut_ptr();
    core::mem::forget(place);
    ptr as i32
}

/// Reads the context.
#[unsafe(no_mangle)]
pub extern "C" fn quire_init(ptr: i32, len: i32) {
    let terms = Terms::read(input(ptr, len))
        .expect("the context has roles of a DSP and an SSP and 32 bytes of rates");
    // SAFETY: see Global.
    unsafe { *TERMS.0.get() = Some(terms) };
}

/// Number of stages.
#[unsafe(no_mangle)]
pub extern "C" fn quire_stages() -> i32 {
    STAGES
}

/// Messages to values per imp; in stage 1 pairs as they are.
#[unsafe(no_mangle)]
pub extern "C" fn quire_map(stage: i32, ptr: i32, len: i32) -> i64 {
    let input = input(ptr, len);
    let output = if stage == 0 { settle::map_messages(terms(), input) } else { Some(input.to_vec()) };
    give(output.expect("the host sends whole lists"))
}

/// Imps to sums; in stage 1 sums to outputs.
#[unsafe(no_mangle)]
pub extern "C" fn quire_reduce(stage: i32, ptr: i32, len: i32) -> i64 {
    let input = input(ptr, len);
    let output = if stage == 0 { settle::reduce_imps(input) } else { settle::reduce_sums(terms(), input) };
    give(output.expect("the host sends whole lists, sums fit 128 bits"))
}

fn terms() -> &'static Terms {
    // SAFETY: see Global; written only by quire_init, before any other call.
    unsafe { (*TERMS.0.get()).as_ref() }.expect("quire_init ran")
}

fn input(ptr: i32, len: i32) -> &'static [u8] {
    // SAFETY: the host wrote `len` bytes to the place that quire_alloc gave it, inside memory; it stays untouched until the
    // next quire_alloc, which is after this call.
    unsafe { core::slice::from_raw_parts(ptr as *const u8, len as usize) }
}

fn give(output: Vec<u8>) -> i64 {
    let packed = ((output.len() as i64) << 32) | (output.as_ptr() as u32 as i64);
    core::mem::forget(output);
    packed
}
