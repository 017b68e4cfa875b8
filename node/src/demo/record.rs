//! What a run with `--base-path` remembers beside chain and logs: what it runs, and when it began and ended.

use super::DemoError;
use super::input::{Census, Source};
use crate::service::Node;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Largest record that is read.
const BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    /// In words, for messages.
    what: String,
    /// Of the input, as [`Census::fingerprint`].
    fingerprint: u32,
    valid: u64,
    blocks: u32,
    first_message_ms: Option<u64>,
    last_settlement_ms: Option<u64>,
}

/// The record in its file.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    content: Content,
}

impl Record {
    /// Reads the record of an earlier run, which must be of the same input and split, or writes a new one.
    pub(super) fn open(
        node: &Node,
        source: &Source,
        census: &Census,
        blocks: u32,
    ) -> Result<Record, DemoError> {
        Record::open_at(&node.chain_dir().join("demo.json"), source, census, blocks)
    }

    fn open_at(path: &Path, source: &Source, census: &Census, blocks: u32) -> Result<Record, DemoError> {
        let what = match source {
            Source::AccessLog(path) => format!("{} in {blocks} blocks", path.display()),
            Source::Generated { impressions, seed } => {
                format!("{impressions} generated impressions (seed {seed}) in {blocks} blocks")
            }
        };
        let (fingerprint, valid) = (census.fingerprint, census.valid);
        let new =
            Content { what, fingerprint, valid, blocks, first_message_ms: None, last_settlement_ms: None };
        let Some(old) = read(path)? else {
            let record = Record { path: path.to_owned(), content: new };
            record.write()?;
            return Ok(record);
        };
        if (old.fingerprint, old.valid, old.blocks) != (fingerprint, valid, blocks) {
            return Err(DemoError::OtherRun { path: path.to_owned(), what: old.what });
        }
        Ok(Record { path: path.to_owned(), content: old })
    }

    /// Notes when the first message was sent, once for all runs.
    pub(super) fn first_message(&mut self, now_ms: u64) -> Result<(), DemoError> {
        if self.content.first_message_ms.is_none() {
            self.content.first_message_ms = Some(now_ms);
            self.write()?;
        }
        Ok(())
    }

    /// Notes when the last block was settled, once for all runs.
    pub(super) fn last_settlement(&mut self, now_ms: u64) -> Result<(), DemoError> {
        if self.content.last_settlement_ms.is_none() {
            self.content.last_settlement_ms = Some(now_ms);
            self.write()?;
        }
        Ok(())
    }

    /// Number of channel blocks.
    pub(super) fn blocks(&self) -> u32 {
        self.content.blocks
    }

    /// From first message to last settlement, seconds.
    pub(super) fn seconds(&self) -> f64 {
        let (first, last) = (self.content.first_message_ms, self.content.last_settlement_ms);
        let ms = last.unwrap_or(0).saturating_sub(first.unwrap_or(0));
        ms as f64 / 1_000.0
    }

    /// Through a temporary file, so that a crash leaves the old record or the new one.
    fn write(&self) -> Result<(), DemoError> {
        let failed = |why: String| DemoError::Record { path: self.path.clone(), why };
        let io = |error: std::io::Error| failed(format!("{error}; free space or check the permissions"));
        let text = serde_json::to_vec_pretty(&self.content).map_err(|error| failed(error.to_string()))?;
        let temporary = self.path.with_extension("new");
        let mut file = File::create(&temporary).map_err(io)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&temporary, &self.path).map_err(io)?;
        match self.path.parent() {
            Some(folder) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(io),
            None => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<Option<Content>, DemoError> {
    let failed = |why: String| DemoError::Record { path: path.to_owned(), why };
    match fs::metadata(path) {
        Ok(data) if data.len() > BYTES_MAX => {
            return Err(failed("it is too long to be the record of a run".into()));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let text = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let content = serde_json::from_slice(&text);
    content.map(Some).map_err(|error| failed(format!("it is damaged ({error}); use another --base-path")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn census(fingerprint: u32) -> Census {
        Census { lines: 10, valid: 10, skipped: BTreeMap::new(), fingerprint }
    }

    #[test]
    fn a_run_is_resumed_with_the_same_input_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("demo.json");
        let source = Source::Generated { impressions: 10, seed: 1 };
        let open = |fingerprint, blocks| Record::open_at(&path, &source, &census(fingerprint), blocks);
        let mut record = open(7, 2).expect("new");
        record.first_message(1_000).expect("written");
        record.first_message(9_000).expect("kept");
        drop(record);
        for (fingerprint, blocks) in [(8, 2), (7, 3)] {
            let error = open(fingerprint, blocks).expect_err("another run").to_string();
            assert!(error.contains("10 generated impressions (seed 1) in 2 blocks"), "{error}");
        }
        let mut record = open(7, 2).expect("the same");
        record.last_settlement(3_500).expect("written");
        record.last_settlement(9_000).expect("kept");
        assert!((open(7, 2).expect("the same").seconds() - 2.5).abs() < 1e-9);
        fs::write(&path, "{").expect("written");
        assert!(matches!(open(7, 2), Err(DemoError::Record { .. })));
    }
}
