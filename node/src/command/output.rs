//! Writing results: to standard output or to a file.
use crate::Error;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// A line on standard output. A reader, such as `head`, that has seen enough is no failure.
pub(super) fn line(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A line on standard output, or as the content of a file.
pub(super) fn text(what: &str, text: &str, file: Option<&Path>) -> Result<(), Error> {
    let (target, written) = match file {
        None => ("standard output".into(), line(text)),
        Some(path) => (path.display().to_string(), std::fs::write(path, format!("{text}\n"))),
    };
    written.map_err(|source| Error::Output { what: format!("{what} to {target}"), source })
}
