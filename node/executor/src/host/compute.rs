//! Functions of their arguments alone: hashes, signatures, the root of a list; and logging.

use super::{ENV, Host, allocate, bytes, give, parts, storage::fixed, storage::state_version, text};
use crate::{signatures::Signed, version};
use parity_scale_codec::{Compact, Decode, Encode};
use quire_core::{hash, limits::MAX_BLOCK_EXTRINSICS};
use wasmtime::{Caller, Linker, Result, ensure, format_err};

type Call<'a> = Caller<'a, Host>;

pub(super) fn define(linker: &mut Linker<Host>) -> Result<()> {
    define_hash(linker, "ext_hashing_blake2_128_version_1", hash::blake2_128)?;
    define_hash(linker, "ext_hashing_blake2_256_version_1", hash::blake2_256)?;
    define_hash(linker, "ext_hashing_twox_64_version_1", hash::twox_64)?;
    define_hash(linker, "ext_hashing_twox_128_version_1", hash::twox_128)?;
    define_hash(linker, "ext_hashing_sha2_256_version_1", hash::sha2_256)?;
    linker.func_wrap(ENV, "ext_crypto_sr25519_verify_version_2", sr25519_verify)?;
    linker.func_wrap(ENV, "ext_crypto_ed25519_verify_version_1", ed25519_verify)?;
    linker.func_wrap(ENV, "ext_trie_blake2_256_ordered_root_version_2", ordered_root)?;
    linker.func_wrap(ENV, "ext_logging_log_version_1", log)?;
    linker.func_wrap(ENV, "ext_logging_max_level_version_1", max_level)?;
    linker.func_wrap(ENV, "ext_misc_runtime_version_version_1", runtime_version)?;
    linker.func_wrap(ENV, "ext_misc_print_utf8_version_1", print_utf8)?;
    linker.func_wrap(ENV, "ext_misc_print_hex_version_1", print_hex)?;
    linker.func_wrap(ENV, "ext_panic_handler_abort_on_panic_version_1", abort_on_panic)?;
    Ok(())
}

/// Copies fixed bytes into a new buffer; the runtime knows their length.
pub(super) fn give_array(caller: &mut Call<'_>, value: &[u8]) -> Result<u32> {
    let address = allocate(&mut *caller, value.len() as u32)?;
    let (memory, _) = parts(caller)?;
    let start = address as usize;
    let target = memory.get_mut(start..start + value.len());
    target.ok_or_else(|| format_err!("the allocator gave memory that is not there"))?.copy_from_slice(value);
    Ok(address)
}

fn define_hash<const N: usize>(
    linker: &mut Linker<Host>,
    name: &str,
    hash: fn(&[u8]) -> [u8; N],
) -> Result<()> {
    linker.func_wrap(ENV, name, move |mut caller: Call<'_>, data: u64| {
        let (memory, _) = parts(&mut caller)?;
        let hash = hash(bytes(memory, data)?);
        give_array(&mut caller, &hash)
    })?;
    Ok(())
}

fn sr25519_verify(mut caller: Call<'_>, signature: u32, message: u64, public: u32) -> Result<u32> {
    let (memory, host) = parts(&mut caller)?;
    let (signature, public) = (fixed(memory, signature)?, fixed(memory, public)?);
    let signed = Signed { signature: &signature, message: bytes(memory, message)?, public: &public };
    Ok(u32::from(host.passes_signatures || host.signatures.verify_sr25519(&signed)))
}

fn ed25519_verify(mut caller: Call<'_>, signature: u32, message: u64, public: u32) -> Result<u32> {
    let (memory, host) = parts(&mut caller)?;
    let (signature, public) = (fixed(memory, signature)?, fixed(memory, public)?);
    let message = bytes(memory, message)?;
    Ok(u32::from(host.passes_signatures || host.signatures.verify_ed25519(&signature, message, &public)))
}

/// The root of a SCALE list of byte strings.
fn ordered_root(mut caller: Call<'_>, items: u64, version: u32) -> Result<u32> {
    let version = state_version(version)?;
    let (memory, _) = parts(&mut caller)?;
    let root = quire_trie::ordered_root(version, &list(bytes(memory, items)?)?);
    give_array(&mut caller, &root.0)
}

/// The byte strings of a SCALE list, borrowed.
fn list(mut input: &[u8]) -> Result<Vec<&[u8]>> {
    let length = |input: &mut &[u8]| {
        Compact::<u32>::decode(input)
            .map(|length| length.0 as usize)
            .map_err(|_| format_err!("the list of ordered_root does not decode"))
    };
    let count = length(&mut input)?;
    ensure!(
        count <= MAX_BLOCK_EXTRINSICS as usize,
        "a list of {count} items, the limit is {MAX_BLOCK_EXTRINSICS}"
    );
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        let size = length(&mut input)?;
        let split = input.split_at_checked(size);
        let (item, rest) =
            split.ok_or_else(|| format_err!("an item of the list of ordered_root is cut short"))?;
        items.push(item);
        input = rest;
    }
    ensure!(input.is_empty(), "bytes are left over after the list of ordered_root");
    Ok(items)
}

fn log(mut caller: Call<'_>, level: u32, target: u64, message: u64) -> Result<()> {
    let (memory, host) = parts(&mut caller)?;
    let (target, message) = (bytes(memory, target)?, bytes(memory, message)?);
    if level <= 1 {
        host.message = Some(text(message));
    }
    if level <= host.log_level {
        let (target, message) = (text(target), text(message));
        match level {
            0 | 1 => tracing::error!(target: "runtime", from = target, "{message}"),
            2 => tracing::warn!(target: "runtime", from = target, "{message}"),
            3 => tracing::info!(target: "runtime", from = target, "{message}"),
            4 => tracing::debug!(target: "runtime", from = target, "{message}"),
            _ => tracing::trace!(target: "runtime", from = target, "{message}"),
        }
    }
    Ok(())
}

fn max_level(caller: Call<'_>) -> u32 {
    caller.data().log_level
}

/// `Option<Vec<u8>>`: the encoded version that a blob declares in its sections.
fn runtime_version(mut caller: Call<'_>, code: u64) -> Result<u64> {
    let (memory, _) = parts(&mut caller)?;
    let version = version::declared(bytes(memory, code)?).ok().flatten().map(|version| version.encode());
    give(caller, &version.encode())
}

fn print_utf8(mut caller: Call<'_>, data: u64) -> Result<()> {
    let (memory, _) = parts(&mut caller)?;
    tracing::debug!(target: "runtime", "{}", text(bytes(memory, data)?));
    Ok(())
}

fn print_hex(mut caller: Call<'_>, data: u64) -> Result<()> {
    let (memory, _) = parts(&mut caller)?;
    let data = bytes(memory, data)?;
    let hex: String =
        data.iter().take(super::MAX_MESSAGE_BYTES / 2).map(|byte| format!("{byte:02x}")).collect();
    tracing::debug!(target: "runtime", "0x{hex}");
    Ok(())
}

fn abort_on_panic(mut caller: Call<'_>, message: u64) -> Result<()> {
    let (memory, host) = parts(&mut caller)?;
    let message = text(bytes(memory, message)?);
    host.message = Some(message.clone());
    Err(format_err!("{message}"))
}
