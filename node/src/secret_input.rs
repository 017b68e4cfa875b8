//! Secrets as people give them to a command: on the line, in a file, on standard input, or typed without being shown.
//!
//! Rules:
//! * R1 What is given is, in this order: nothing or `-`, then standard input; the path of an existing file, then its
//!   text; else the text itself. Only the last shows in the list of processes.
//! * R2 On a terminal the question goes to standard error and what is typed is not shown.
//! * R3 Nothing is read beyond a limit, and line ends at the end are no part of a secret.
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Most bytes of a secret that are read.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretInputError {
    /// The source cannot be read.
    #[error("cannot read {what} from {from}: {source}")]
    Read {
        /// What was asked for.
        what: &'static str,
        /// A file, or standard input.
        from: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// R3.
    #[error("{what} from {from} has more than {MAX_SECRET_BYTES} bytes")]
    TooLong {
        /// What was asked for.
        what: &'static str,
        /// A file, or standard input.
        from: String,
    },
    /// Nothing came.
    #[error(
        "{what}: nothing was given; write it on standard input, name a file, or put it on the command line"
    )]
    Empty {
        /// What was asked for.
        what: &'static str,
    },
}

/// Reads a secret (R1).
pub fn read_secret(what: &'static str, given: Option<&str>) -> Result<Zeroizing<String>, SecretInputError> {
    let secret = match given {
        None | Some("-") => ask(what)?,
        Some(path) if Path::new(path).is_file() => read_file(what, Path::new(path))?,
        Some(text) => Zeroizing::new(text.to_owned()),
    };
    if secret.is_empty() { Err(SecretInputError::Empty { what }) } else { Ok(secret) }
}

/// Where a keystore's password comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PasswordSource {
    /// There is none.
    #[default]
    None,
    /// On the command line.
    Given(Zeroizing<String>),
    /// Typed.
    Interactive,
    /// In a file.
    File(PathBuf),
}

impl PasswordSource {
    /// The password, if there is one.
    pub fn read(&self) -> Result<Option<Zeroizing<String>>, SecretInputError> {
        const WHAT: &str = "the keystore password";
        match self {
            Self::None => Ok(None),
            Self::Given(password) => Ok(Some(password.clone())),
            Self::Interactive => ask(WHAT).map(Some),
            Self::File(path) => read_file(WHAT, path).map(Some),
        }
    }
}

/// From a file.
pub fn read_file(what: &'static str, path: &Path) -> Result<Zeroizing<String>, SecretInputError> {
    let from = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|source| SecretInputError::Read {
        what,
        from: from.clone(),
        source,
    })?;
    read_all(what, &from, file)
}

/// From standard input: one hidden line of a terminal, or everything that comes.
fn ask(what: &'static str) -> Result<Zeroizing<String>, SecretInputError> {
    let stdin = std::io::stdin();
    let from = "standard input";
    if !stdin.is_terminal() {
        return read_all(what, from, stdin.lock());
    }
    let fail = |source| SecretInputError::Read { what, from: from.into(), source };
    let _hidden = Hidden::start().map_err(fail)?;
    let mut error = std::io::stderr();
    write!(error, "{what}: ").and_then(|()| error.flush()).map_err(fail)?;
    let mut line = Zeroizing::new(String::new());
    let read = stdin.lock().take(MAX_SECRET_BYTES).read_line(&mut line);
    // The line end that was typed is not shown either.
    let _ = writeln!(error);
    read.map_err(fail)?;
    Ok(trimmed(&line))
}

fn read_all(
    what: &'static str,
    from: &str,
    source: impl Read,
) -> Result<Zeroizing<String>, SecretInputError> {
    let mut text = Zeroizing::new(String::new());
    let read = source.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text);
    read.map_err(|source| SecretInputError::Read { what, from: from.into(), source })?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(SecretInputError::TooLong { what, from: from.into() });
    }
    Ok(trimmed(&text))
}

fn trimmed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal shows nothing that is typed while this lives (R2).
struct Hidden(Termios);

impl Hidden {
    fn start() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal is gone: nobody is left to be shown anything.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_a_file_is_read_and_other_text_is_meant_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("suri");
        std::fs::write(&path, "//Alice\n").unwrap();
        assert_eq!(*read_secret("x", path.to_str()).unwrap(), "//Alice");
        assert_eq!(*read_secret("x", Some("//Bob")).unwrap(), "//Bob");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(read_secret("x", path.to_str()), Err(SecretInputError::Empty { .. })));
        let missing = PasswordSource::File(folder.path().join("none")).read().err().unwrap().to_string();
        assert!(missing.contains("none") && missing.contains("password"), "{missing}");
    }

    #[test]
    fn r3_what_is_too_long_is_refused_and_line_ends_are_cut() {
        let long = vec![b'a'; MAX_SECRET_BYTES as usize + 1];
        assert!(matches!(read_all("x", "y", &long[..]), Err(SecretInputError::TooLong { .. })));
        assert_eq!(read_all("x", "y", &long[1..]).unwrap().len() as u64, MAX_SECRET_BYTES);
        assert_eq!(*read_all("x", "y", &b" two words \r\n"[..]).unwrap(), " two words ");
        assert!(matches!(read_all("x", "y", &[0xff][..]), Err(SecretInputError::Read { .. })));
    }
}
