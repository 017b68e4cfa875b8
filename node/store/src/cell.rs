//! Values of any length in rows of bounded length.
//!
//! Terms: a *cell* is what a row holds for one value; a *blob* is a value that does not fit beside others in a row and
//! lies in pieces under its own id.
//!
//! Rules:
//! * R1: a cell is `00` (no value), `01 ++ value`, or `02 ++ blob id ++ length`. An id is the sequence number of the commit
//!   that wrote the blob and its ordinal there, so an id is never used twice and a blob never changes.
//! * R2: a blob belongs to exactly one cell. When a state value is overwritten its cell moves into the history as it is,
//!   and the blob with it; whoever deletes the last cell deletes the pieces.
//! * R3: a reader that finds a piece missing was overtaken by a commit and reads the cell again; only if the cell is
//!   still the same the database is damaged.

use crate::{
    backend::{Backend, BackendError, Batch, MAX_ROW_BYTES},
    column::Column,
};

/// Longest value that stays in its row, in bytes: three of them with long keys fit into a page of the history.
pub(crate) const MAX_INLINE_BYTES: usize = 4 * 1024;

const NONE: u8 = 0;
const INLINE: u8 = 1;
const BLOB: u8 = 2;
/// Tag, sequence, ordinal, length.
const BLOB_CELL_BYTES: usize = 1 + 8 + 4 + 4;

/// Name of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobId {
    sequence: u64,
    ordinal: u32,
}

/// A cell, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// No value.
    None,
    /// The value itself.
    Inline(&'a [u8]),
    /// Where the value lies, and its length in bytes.
    Blob(BlobId, u32),
}

impl<'a> Cell<'a> {
    /// Reads a cell; `None` if the bytes are none.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            [NONE] => Some(Cell::None),
            [INLINE, value @ ..] => Some(Cell::Inline(value)),
            [BLOB, rest @ ..] if bytes.len() == BLOB_CELL_BYTES => {
                let (sequence, rest) = rest.split_first_chunk()?;
                let (ordinal, length) = rest.split_first_chunk()?;
                let id =
                    BlobId { sequence: u64::from_be_bytes(*sequence), ordinal: u32::from_be_bytes(*ordinal) };
                Some(Cell::Blob(id, u32::from_be_bytes(length.try_into().ok()?)))
            }
            _ => None,
        }
    }
}

impl BlobId {
    /// The key under which the whole blob is cached, and the prefix of the keys of its pieces.
    pub(crate) fn key(self) -> Vec<u8> {
        Column::Blob.key(&[&self.sequence.to_be_bytes(), &self.ordinal.to_be_bytes()])
    }

    fn piece(self, index: usize) -> Vec<u8> {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Column::Blob.key(&[&self.sequence.to_be_bytes(), &self.ordinal.to_be_bytes(), &index.to_be_bytes()])
    }

    /// Reads the blob; `None` when a piece is missing or of the wrong length (R3).
    pub(crate) fn read(self, length: u32, backend: &impl Backend) -> Result<Option<Vec<u8>>, BackendError> {
        let length = length as usize;
        let pieces = length.div_ceil(MAX_ROW_BYTES);
        let rows = backend.range(&self.piece(0), &self.piece(pieces), pieces)?;
        if rows.len() != pieces {
            return Ok(None);
        }
        let value: Vec<u8> = rows.into_iter().flat_map(|(_, piece)| piece).collect();
        Ok((value.len() == length).then_some(value))
    }
}

/// The rows of one commit.
#[derive(Debug)]
pub(crate) struct Writer {
    /// What will be written.
    pub(crate) batch: Batch,
    sequence: u64,
    blobs: u32,
}

impl Writer {
    /// A writer for the commit with this sequence number.
    pub(crate) fn new(sequence: u64) -> Self {
        Writer { batch: Batch::default(), sequence, blobs: 0 }
    }

    /// Makes a cell of a value and writes its blob if it has one.
    pub(crate) fn cell(&mut self, value: &[u8]) -> Vec<u8> {
        if value.len() <= MAX_INLINE_BYTES {
            return [&[INLINE], value].concat();
        }
        let id = BlobId { sequence: self.sequence, ordinal: self.blobs };
        self.blobs += 1;
        for (index, piece) in value.chunks(MAX_ROW_BYTES).enumerate() {
            self.batch.put(id.piece(index), piece.to_vec());
        }
        // No value reaches 4 GiB: the largest are layers, which the chain caps far below.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let mut cell = vec![BLOB];
        cell.extend_from_slice(&id.sequence.to_be_bytes());
        cell.extend_from_slice(&id.ordinal.to_be_bytes());
        cell.extend_from_slice(&length.to_be_bytes());
        cell
    }

    /// Writes a value under a key.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: &[u8]) {
        let cell = self.cell(value);
        self.batch.put(key, cell);
    }

    /// Deletes what a cell owns (R2).
    pub(crate) fn free(&mut self, cell: &[u8]) {
        if let Some(Cell::Blob(id, length)) = Cell::parse(cell) {
            (0..(length as usize).div_ceil(MAX_ROW_BYTES))
                .for_each(|index| self.batch.delete(id.piece(index)));
        }
    }
}

/// The cell of "no value".
pub(crate) fn none() -> Vec<u8> {
    vec![NONE]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::memory::MemoryBackend;

    #[test]
    fn r1_values_of_every_size_come_back() {
        let backend = MemoryBackend::default();
        let mut writer = Writer::new(7);
        let sizes = [
            0,
            1,
            MAX_INLINE_BYTES,
            MAX_INLINE_BYTES + 1,
            MAX_ROW_BYTES,
            3 * MAX_ROW_BYTES,
            3 * MAX_ROW_BYTES + 1,
        ];
        let values: Vec<Vec<u8>> =
            sizes.iter().map(|size| (0..*size).map(|n| (n % 251) as u8).collect()).collect();
        let cells: Vec<Vec<u8>> = values.iter().map(|value| writer.cell(value)).collect();
        backend.write(writer.batch).unwrap();
        for (cell, value) in cells.iter().zip(&values) {
            match Cell::parse(cell).unwrap() {
                Cell::Inline(found) => assert_eq!(found, &value[..]),
                Cell::Blob(id, length) => {
                    assert_eq!(id.read(length, &backend).unwrap().as_ref(), Some(value))
                }
                Cell::None => panic!("a value became none"),
            }
        }
    }

    #[test]
    fn r2_freeing_a_cell_leaves_nothing_and_touches_no_other() {
        let backend = MemoryBackend::default();
        let mut writer = Writer::new(1);
        let (first, second) = (writer.cell(&vec![1; 50_000]), writer.cell(&vec![2; 50_000]));
        backend.write(writer.batch).unwrap();
        let mut writer = Writer::new(2);
        writer.free(&first);
        writer.free(&none());
        backend.write(writer.batch).unwrap();
        let Some(Cell::Blob(id, length)) = Cell::parse(&first) else { panic!("not a blob") };
        assert_eq!(id.read(length, &backend).unwrap(), None);
        let Some(Cell::Blob(id, length)) = Cell::parse(&second) else { panic!("not a blob") };
        assert_eq!(id.read(length, &backend).unwrap(), Some(vec![2; 50_000]));
    }

    #[test]
    fn bytes_that_are_no_cell_are_refused() {
        for bytes in [&[][..], &[0, 1], &[2], &[2; 16], &[2; 18], &[3]] {
            assert_eq!(Cell::parse(bytes), None, "{bytes:?}");
        }
    }
}
