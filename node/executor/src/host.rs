//! What a runtime may ask of its host: the documented Polkadot functions that Quire's runtime imports.
//!
//! Terms: a *span* is one 64-bit value, `length << 32 | address`, of bytes in the runtime's memory; buffers that the host
//! returns come from the host's allocator and belong to the runtime.
//!
//! Rules:
//! * R1: nothing outside the memory is read or written, whatever the runtime passes; a bad span ends the call.
//! * R2: a function does what its name says in the Polkadot specification, byte for byte, since a light client runs the
//!   same runtime with its own host.
//! * R3: a runtime closes only the storage transactions that it opened.
//! * R4: a state that cannot be read ends the call with that error, never with "no value".
//! * R5: log messages are cut at a length; the last error message explains a trap.
//! * R6: keys are made only in a call that was given a [`KeyMaker`]; in every other call, whoever makes it, asking for one
//!   ends the call, so blocks and light clients agree.
//! * R7: a call with a limit on what it writes ends when it writes more; every write counts, however often to one key.
//!
//! Out of scope: off-chain workers, child tries, signing with keys of the node: a runtime that imports more runs until it calls it.

mod compute;
mod keys;
mod storage;

pub use keys::KeyMaker;

use crate::{heap::Heap, signatures::SignatureCache};
use quire_chain::{Overlay, StateError, StateView};
use std::sync::Arc;
use wasmtime::{AsContextMut, Caller, Linker, Memory, Result, bail, format_err};

/// Module of all imports.
const ENV: &str = "env";
/// Longest message kept or passed on, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;
/// Bytes of a page of Wasm memory.
pub(crate) const PAGE_BYTES: u64 = 64 * 1024;

/// A borrowed state inside a wasmtime store, whose data must not have a lifetime.
#[derive(Clone, Copy)]
pub(crate) struct State(*const (dyn StateView + 'static));

impl State {
    /// Hides the lifetime of a borrow.
    ///
    /// # Safety
    /// The result and its copies must not be used after the borrow has ended.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn new(state: &dyn StateView) -> Self {
        // SAFETY: only the lifetime changes; the caller vouches for it.
        State(unsafe {
            std::mem::transmute::<*const (dyn StateView + '_), *const (dyn StateView + 'static)>(state)
        })
    }

    #[allow(unsafe_code)]
    pub(crate) fn view(&self) -> &dyn StateView {
        // SAFETY: `new` demands that the borrow outlives this value.
        unsafe { &*self.0 }
    }
}

/// Everything one call has, beside the instance.
pub(crate) struct Host {
    /// What the call reads.
    pub(crate) state: State,
    /// What the call writes.
    pub(crate) overlay: Overlay,
    /// Storage transactions that were open before the call.
    pub(crate) depth: usize,
    /// The allocator.
    pub(crate) heap: Heap,
    /// The runtime's memory, once it is instantiated.
    pub(crate) memory: Option<Memory>,
    /// What verified before.
    pub(crate) signatures: Arc<SignatureCache>,
    /// Makes keys, in a call that may (R6).
    pub(crate) keys: Option<Arc<dyn KeyMaker>>,
    /// A state that could not be read (R4).
    pub(crate) failure: Option<StateError>,
    /// The last error message that the runtime logged (R5).
    pub(crate) message: Option<String>,
    /// Most detailed level that is logged: 0 none, 1 error … 5 trace.
    pub(crate) log_level: u32,
    /// Bytes that the call may still write (R7).
    pub(crate) written_left: u64,
    /// Whether every signature passes, as in trials.
    pub(crate) passes_signatures: bool,
}

impl Host {
    /// Keeps a state error and ends the call.
    fn fail(&mut self, error: StateError) -> wasmtime::Error {
        let reason = wasmtime::Error::msg(error.to_string());
        self.failure = Some(error);
        reason
    }
}

impl Host {
    /// Counts bytes that are about to be written (R7).
    fn count_written(&mut self, bytes: usize) -> Result<()> {
        match self.written_left.checked_sub(bytes as u64) {
            Some(left) => self.written_left = left,
            None => bail!("it wrote more into the state than one call may"),
        }
        Ok(())
    }
}

/// All functions under their names.
pub(crate) fn linker(engine: &wasmtime::Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    storage::define(&mut linker)?;
    compute::define(&mut linker)?;
    keys::define(&mut linker)?;
    linker.func_wrap(ENV, "ext_allocator_malloc_version_1", |mut caller: Caller<'_, Host>, size: u32| {
        allocate(&mut caller, size)
    })?;
    linker.func_wrap(ENV, "ext_allocator_free_version_1", |mut caller: Caller<'_, Host>, address: u32| {
        let (memory, host) = parts(&mut caller)?;
        Ok(host.heap.free(memory, address)?)
    })?;
    Ok(linker)
}

/// The runtime's memory and the host's data, both mutable.
fn parts<'a>(caller: &'a mut Caller<'_, Host>) -> Result<(&'a mut [u8], &'a mut Host)> {
    let memory = caller
        .data()
        .memory
        .ok_or_else(|| format_err!("the runtime calls its host before it has a memory"))?;
    Ok(memory.data_and_store_mut(caller.as_context_mut()))
}

/// The bytes of a span.
pub(crate) fn bytes(memory: &[u8], span: u64) -> Result<&[u8]> {
    let (address, length) = (span as u32 as usize, (span >> 32) as usize);
    let end = address.checked_add(length);
    match end.and_then(|end| memory.get(address..end)) {
        Some(bytes) => Ok(bytes),
        None => bail!(
            "{length} bytes at address {address} lie outside the runtime's memory of {} bytes",
            memory.len()
        ),
    }
}

/// A fixed number of bytes at an address.
fn array<const N: usize>(memory: &[u8], address: u32) -> Result<&[u8; N]> {
    let found = memory.get(address as usize..).and_then(|bytes| bytes.first_chunk());
    found.ok_or_else(|| format_err!("{N} bytes at address {address} lie outside the runtime's memory"))
}

/// Gives the runtime a buffer of at least `size` bytes; the memory grows if it must.
pub(crate) fn allocate(mut store: impl AsContextMut<Data = Host>, size: u32) -> Result<u32> {
    let mut store = store.as_context_mut();
    let memory = store.data().memory.ok_or_else(|| format_err!("the runtime has no memory yet"))?;
    let required = store.data().heap.required_bytes(size)?;
    let present = memory.data_size(&store) as u64;
    if required > present {
        // Doubling makes growth rare; the heap's own limit decides when memory is exhausted.
        let wanted = required.max(present.saturating_mul(2).min(store.data().heap.limit_bytes()));
        let more = (wanted - present).div_ceil(PAGE_BYTES);
        let least = (required - present).div_ceil(PAGE_BYTES);
        if memory.grow(&mut store, more).is_err() {
            memory.grow(&mut store, least)?;
        }
    }
    let (memory, host) = memory.data_and_store_mut(&mut store);
    Ok(host.heap.allocate(memory, size)?)
}

/// Copies bytes into a new buffer of the runtime.
pub(crate) fn give(mut store: impl AsContextMut<Data = Host>, value: &[u8]) -> Result<u64> {
    let size = u32::try_from(value.len()).map_err(|_| format_err!("a value of {} bytes", value.len()))?;
    let address = allocate(&mut store, size)?;
    let mut store = store.as_context_mut();
    let Some(memory) = store.data().memory else { bail!("the runtime has no memory yet") };
    let start = address as usize;
    let target = memory.data_mut(&mut store).get_mut(start..start + value.len());
    target.ok_or_else(|| format_err!("the allocator gave memory that is not there"))?.copy_from_slice(value);
    Ok(u64::from(size) << 32 | u64::from(address))
}

/// Text for people: cut (R5), and with nothing that is not UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_MESSAGE_BYTES)]).into_owned()
}
