//! Storage: values, keys in order, transactions, the root.

use super::{ENV, Host, array, bytes, give, parts};
use parity_scale_codec::{Compact, Encode};
use quire_core::limits::MAX_STORAGE_KEY_BYTES;
use quire_trie::StateVersion;
use wasmtime::{Caller, Linker, Result, bail, ensure, format_err};

type Call<'a> = Caller<'a, Host>;

pub(super) fn define(linker: &mut Linker<Host>) -> Result<()> {
    linker.func_wrap(ENV, "ext_storage_get_version_1", get)?;
    linker.func_wrap(ENV, "ext_storage_read_version_1", read)?;
    linker.func_wrap(ENV, "ext_storage_set_version_1", set)?;
    linker.func_wrap(ENV, "ext_storage_clear_version_1", clear)?;
    linker.func_wrap(ENV, "ext_storage_exists_version_1", exists)?;
    linker.func_wrap(ENV, "ext_storage_append_version_1", append)?;
    linker.func_wrap(ENV, "ext_storage_next_key_version_1", next_key)?;
    linker.func_wrap(ENV, "ext_storage_clear_prefix_version_2", clear_prefix)?;
    linker.func_wrap(ENV, "ext_storage_root_version_2", root)?;
    linker.func_wrap(ENV, "ext_storage_start_transaction_version_1", start)?;
    linker.func_wrap(ENV, "ext_storage_rollback_transaction_version_1", rollback)?;
    linker.func_wrap(ENV, "ext_storage_commit_transaction_version_1", commit)?;
    Ok(())
}

/// A key that is going to be written: the store has no room for longer ones.
fn checked_key(key: &[u8]) -> Result<&[u8]> {
    ensure!(
        key.len() <= MAX_STORAGE_KEY_BYTES as usize,
        "a storage key of {} bytes, the limit is {MAX_STORAGE_KEY_BYTES}",
        key.len()
    );
    Ok(key)
}

/// SCALE of an optional byte string.
fn option(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        None => vec![0],
        Some(value) => {
            let mut out = Vec::with_capacity(value.len() + 6);
            out.push(1);
            value.encode_to(&mut out);
            out
        }
    }
}

fn get(mut caller: Call<'_>, key: u64) -> Result<u64> {
    let (memory, host) = parts(&mut caller)?;
    let key = bytes(memory, key)?;
    let state = host.state;
    let found = host.overlay.read(state.view(), key, option);
    let encoded = found.map_err(|error| host.fail(error))?;
    give(caller, &encoded)
}

/// Copies the value from `offset` on into `out`; the result is `Option<u32>`: bytes of the value from `offset` on.
fn read(mut caller: Call<'_>, key: u64, out: u64, offset: u32) -> Result<u64> {
    let (memory, host) = parts(&mut caller)?;
    let state = host.state;
    let value = host.overlay.get(state.view(), bytes(memory, key)?).map_err(|error| host.fail(error))?;
    let left = match &value {
        None => None,
        Some(value) => {
            let rest = value.get(offset as usize..).unwrap_or_default();
            let length = bytes(memory, out)?.len().min(rest.len());
            let start = out as u32 as usize;
            memory[start..start + length].copy_from_slice(&rest[..length]);
            Some(u32::try_from(rest.len()).map_err(|_| format_err!("a value over 4 GiB"))?)
        }
    };
    give(caller, &left.encode())
}

fn set(mut caller: Call<'_>, key: u64, value: u64) -> Result<()> {
    let (memory, host) = parts(&mut caller)?;
    let (key, value) = (checked_key(bytes(memory, key)?)?, bytes(memory, value)?);
    host.count_written(key.len() + value.len())?;
    host.overlay.set(key, value.to_vec());
    Ok(())
}

fn clear(mut caller: Call<'_>, key: u64) -> Result<()> {
    let (memory, host) = parts(&mut caller)?;
    let key = checked_key(bytes(memory, key)?)?;
    host.count_written(key.len())?;
    host.overlay.clear(key);
    Ok(())
}

fn exists(mut caller: Call<'_>, key: u64) -> Result<u32> {
    let (memory, host) = parts(&mut caller)?;
    let state = host.state;
    let found = host.overlay.exists(state.view(), bytes(memory, key)?);
    found.map(u32::from).map_err(|error| host.fail(error))
}

fn append(mut caller: Call<'_>, key: u64, item: u64) -> Result<()> {
    let (memory, host) = parts(&mut caller)?;
    let state = host.state;
    let (key, item) = (checked_key(bytes(memory, key)?)?, bytes(memory, item)?);
    host.count_written(key.len() + item.len())?;
    let appended = host.overlay.append(state.view(), key, item);
    appended.map_err(|error| host.fail(error))
}

fn next_key(mut caller: Call<'_>, key: u64) -> Result<u64> {
    let (memory, host) = parts(&mut caller)?;
    let state = host.state;
    let next = host.overlay.next_key(state.view(), bytes(memory, key)?).map_err(|error| host.fail(error))?;
    give(caller, &option(next.as_deref()))
}

/// Answers `AllRemoved(count)` or `SomeRemaining(count)`.
fn clear_prefix(mut caller: Call<'_>, prefix: u64, limit: u64) -> Result<u64> {
    let (memory, host) = parts(&mut caller)?;
    let limit = match bytes(memory, limit)? {
        [0] => None,
        [1, limit @ ..] => {
            let limit =
                limit.try_into().map_err(|_| format_err!("the limit of clear_prefix does not decode"))?;
            Some(u32::from_le_bytes(limit))
        }
        _ => bail!("the limit of clear_prefix does not decode"),
    };
    let state = host.state;
    let cleared = host.overlay.clear_prefix(state.view(), bytes(memory, prefix)?, limit);
    let (count, is_more) = cleared.map_err(|error| host.fail(error))?;
    give(caller, &(u8::from(is_more), count).encode())
}

pub(super) fn state_version(version: u32) -> Result<StateVersion> {
    match version {
        0 => Ok(StateVersion::V0),
        1 => Ok(StateVersion::V1),
        _ => bail!("state version {version} does not exist"),
    }
}

fn root(mut caller: Call<'_>, version: u32) -> Result<u64> {
    let version = state_version(version)?;
    let (_, host) = parts(&mut caller)?;
    let state = host.state;
    let root = host.overlay.root(state.view(), version).map_err(|error| host.fail(error.into()))?;
    let mut encoded = Compact(root.0.len() as u32).encode();
    encoded.extend_from_slice(&root.0);
    give(caller, &encoded)
}

fn start(mut caller: Call<'_>) -> Result<()> {
    let (_, host) = parts(&mut caller)?;
    Ok(host.overlay.start_transaction()?)
}

/// R3: the transactions below `depth` are the caller's.
fn own_transaction(host: &Host) -> Result<()> {
    ensure!(
        host.overlay.depth() > host.depth,
        "the runtime closes a storage transaction that it did not open"
    );
    Ok(())
}

fn rollback(mut caller: Call<'_>) -> Result<()> {
    let (_, host) = parts(&mut caller)?;
    own_transaction(host)?;
    Ok(host.overlay.rollback_transaction()?)
}

fn commit(mut caller: Call<'_>) -> Result<()> {
    let (_, host) = parts(&mut caller)?;
    own_transaction(host)?;
    Ok(host.overlay.commit_transaction()?)
}

/// Reads an address that a function of this host takes for fixed bytes.
pub(super) fn fixed<const N: usize>(memory: &[u8], address: u32) -> Result<[u8; N]> {
    array(memory, address).copied()
}
