//! The file in which a state that is being downloaded survives an interruption.
//!
//! Terms: a *record* is `length u32 ++ crc32 u32 ++ bytes`; the first one says what is downloaded, each later one holds
//! the pairs of one piece.
//!
//! Rules
//! - R1 A record counts whole or not at all; reading ends at the first one that is cut short or damaged, and writing goes
//!   on there.
//! - R2 A new target begins the file anew.
//! - R3 `append` returns when the record is durable.

use super::WarpSyncError;
use parity_scale_codec::{Decode, Encode};
use quire_chain::warp::{Pair, Saved};
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Longest record: a piece of a state has at most two proofs' worth of pairs.
const RECORD_MAX_BYTES: u32 = 64 * 1024 * 1024;
/// Length and checksum.
const HEAD_BYTES: usize = 8;

/// What a file holds: the target and the pairs that have come.
type Found = Option<(Saved, Vec<Pair>)>;

/// The open file.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    file: File,
}

impl PartFile {
    /// Opens the file, or makes one, and reads what it holds.
    pub(super) fn open(path: &Path) -> Result<(Self, Found), WarpSyncError> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let fail = |source| WarpSyncError::Part { path: path.to_path_buf(), source };
        let mut file = file.map_err(fail)?;
        let (whole, found) = read(&file).map_err(fail)?;
        file.set_len(whole).map_err(fail)?;
        file.seek(SeekFrom::Start(whole)).map_err(fail)?;
        Ok((Self { path: path.to_path_buf(), file }, found))
    }

    /// R2.
    pub(super) fn begin(&mut self, saved: &Saved) -> Result<(), WarpSyncError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)).map(|_| ()));
        emptied.map_err(|source| self.fail(source))?;
        self.write(&saved.encode())
    }

    /// R3.
    pub(super) fn append(&mut self, pairs: &[Pair]) -> Result<(), WarpSyncError> {
        self.write(&pairs.encode())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WarpSyncError> {
        // A piece is far below; a longer record would not be read again.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut record = Vec::with_capacity(HEAD_BYTES + bytes.len());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
        record.extend_from_slice(bytes);
        let written = self.file.write_all(&record).and_then(|()| self.file.sync_data());
        written.map_err(|source| self.fail(source))
    }

    fn fail(&self, source: std::io::Error) -> WarpSyncError {
        WarpSyncError::Part { path: self.path.clone(), source }
    }

    /// The download is over.
    pub(super) fn forget(&self) {
        Self::remove(&self.path);
    }

    /// Removes a file that may be there.
    pub(super) fn remove(path: &Path) {
        if let Err(why) = std::fs::remove_file(path)
            && why.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(target: "sync", "cannot remove {}: {why}", path.display());
        }
    }
}

/// R1: the length of what is whole, and what it says.
fn read(file: &File) -> std::io::Result<(u64, Found)> {
    let mut input = BufReader::new(file);
    let (mut whole, mut saved, mut pairs) = (0_u64, None, Vec::new());
    while let Some(bytes) = record(&mut input)? {
        let input = &mut bytes.as_slice();
        if saved.is_none() {
            let Ok(first) = Saved::decode(input) else { break };
            saved = Some(first);
        } else {
            let Ok(piece) = Vec::<Pair>::decode(input) else { break };
            pairs.extend(piece);
        }
        whole += (HEAD_BYTES + bytes.len()) as u64;
    }
    Ok((whole, saved.map(|saved| (saved, pairs))))
}

fn record(input: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    input.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let Some((length, crc)) = head.split_first_chunk::<4>() else { return Ok(None) };
    let Ok(crc) = <[u8; 4]>::try_from(crc) else { return Ok(None) };
    let length = u32::from_le_bytes(*length);
    if length > RECORD_MAX_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    input.take(u64::from(length)).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() == length as usize && crc32fast::hash(&bytes) == u32::from_le_bytes(crc);
    Ok(is_whole.then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        Saved { fragments: Vec::new() }
    }

    fn pair(n: u8) -> Pair {
        (vec![n], vec![n; 100])
    }

    #[test]
    fn r1_r3_what_was_appended_comes_back_and_a_damaged_end_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part");
        let (mut file, found) = PartFile::open(&path).expect("opens");
        assert_eq!(found, None);
        file.begin(&saved()).expect("writes");
        file.append(&[pair(1), pair(2)]).expect("writes");
        file.append(&[pair(3)]).expect("writes");
        drop(file);
        let whole = std::fs::read(&path).expect("is there");
        let both = Some((saved(), vec![pair(1), pair(2), pair(3)]));
        assert_eq!(PartFile::open(&path).expect("opens").1, both);
        let damaged = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        for bytes in [whole[..whole.len() - 1].to_vec(), damaged(whole.len() - 5)] {
            std::fs::write(&path, bytes).expect("writes");
            let (mut file, found) = PartFile::open(&path).expect("opens");
            assert_eq!(found, Some((saved(), vec![pair(1), pair(2)])));
            file.append(&[pair(9)]).expect("writes");
            drop(file);
            let again = PartFile::open(&path).expect("opens").1;
            assert_eq!(again, Some((saved(), vec![pair(1), pair(2), pair(9)])));
        }
    }

    #[test]
    fn r2_a_new_target_forgets_the_old_one_and_junk_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part");
        std::fs::write(&path, [0xff; 500]).expect("writes");
        let (mut file, found) = PartFile::open(&path).expect("opens");
        assert_eq!(found, None);
        file.begin(&saved()).expect("writes");
        file.append(&[pair(1)]).expect("writes");
        file.begin(&saved()).expect("writes");
        drop(file);
        assert_eq!(PartFile::open(&path).expect("opens").1, Some((saved(), vec![])));
        PartFile::remove(&path);
        PartFile::remove(&path);
        assert!(!path.exists());
    }
}
