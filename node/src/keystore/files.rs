//! Key files on the disk, as Substrate's tools write them (R1 of [`super`]).
use super::{KeystoreError, MAX_KEYS, Pair, scheme_of};
use quire_core::KeyTypeId;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest key file that is read, bytes.
const MAX_KEY_FILE_BYTES: u64 = 8 * 1024;

fn failed(path: &Path, reason: impl std::fmt::Display) -> KeystoreError {
    KeystoreError::File { path: path.into(), reason: reason.to_string() }
}

pub(super) fn create_directory(directory: &Path) -> Result<(), KeystoreError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|why| failed(directory, why))
}

/// The key files of a directory: path, key type and public key of each. Other files are left alone.
pub(super) fn list(directory: &Path) -> Result<Vec<(PathBuf, KeyTypeId, [u8; 32])>, KeystoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|why| failed(directory, why))? {
        let path = entry.map_err(|why| failed(directory, why))?.path();
        let Some((key_type, public)) = parse_name(&path) else { continue };
        if found.len() == MAX_KEYS {
            return Err(failed(directory, format_args!("it holds more than {MAX_KEYS} keys")));
        }
        found.push((path, key_type, public));
    }
    Ok(found)
}

/// The type and the public key from a file's name.
fn parse_name(path: &Path) -> Option<(KeyTypeId, [u8; 32])> {
    let mut bytes = [0; 36];
    hex::decode_to_slice(path.file_name()?.to_str()?, &mut bytes).ok()?;
    let (key_type, public) = bytes.split_at(4);
    Some((KeyTypeId(key_type.try_into().ok()?), public.try_into().ok()?))
}

pub(super) fn read(
    path: &Path,
    key_type: KeyTypeId,
    public: [u8; 32],
    password: Option<&str>,
) -> Result<Pair, KeystoreError> {
    let length = std::fs::metadata(path).map_err(|why| failed(path, why))?.len();
    if length > MAX_KEY_FILE_BYTES {
        return Err(failed(path, format_args!("it has {length} bytes, more than {MAX_KEY_FILE_BYTES}")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|why| failed(path, why))?);
    let suri: Zeroizing<String> = serde_json::from_str(&text)
        .map(Zeroizing::new)
        .map_err(|_| failed(path, "the content must be one JSON string, the secret URI"))?;
    let pair = Pair::derive(scheme_of(key_type), &suri, password).map_err(|why| failed(path, why))?;
    if pair.public() == public {
        Ok(pair)
    } else {
        let hint = match password {
            None => "if it was made with a password, give --password-filename or --password-interactive",
            Some(_) => "is the --password right?",
        };
        Err(failed(path, format_args!("its secret belongs to another public key than its name; {hint}")))
    }
}

/// Through a temporary file, so that a crash leaves the old key or the new one.
pub(super) fn write(
    directory: &Path,
    key_type: KeyTypeId,
    public: &[u8; 32],
    suri: &str,
) -> Result<(), KeystoreError> {
    let path = directory.join(format!("{}{}", hex::encode(key_type.0), hex::encode(public)));
    let save = || -> std::io::Result<()> {
        let text = Zeroizing::new(serde_json::to_string(suri)?);
        let temporary = path.with_extension("new");
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        std::fs::File::open(directory)?.sync_all()
    };
    save().map_err(|why| failed(&path, why))
}
