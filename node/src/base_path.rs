//! Where a chain lives on disk: `<base>/chains/<id>/{db,keystore,network,guard}`.
//!
//! Rules:
//! * R1 One process per chain directory: a lock on `<chain>/lock` that ends with the process.
//! * R2 A temporary base path is removed when its last user drops it, never another one.
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a base path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BasePathError {
    /// It cannot be created or written.
    #[error("cannot use {path} for the chain: {source}; choose a folder that you may write with --base-path")]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// R1.
    #[error("another quire process uses {path}: stop it, or give this node its own --base-path")]
    InUse {
        /// The chain's folder.
        path: PathBuf,
    },
    /// The node key file holds no key.
    #[error(
        "the node key file {path} must hold 32 bytes, raw or as 64 hex digits; remove it to get a new key"
    )]
    NodeKey {
        /// The file.
        path: PathBuf,
    },
}

/// A base path; temporary ones go away with it.
#[derive(Debug)]
pub struct BasePath {
    path: PathBuf,
    is_temporary: bool,
}

impl BasePath {
    /// A folder of the operator's.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), is_temporary: false }
    }

    /// A new folder under the system's folder for temporary files (R2).
    pub fn temporary() -> Result<Self, BasePathError> {
        let mut tag = [0; 8];
        let path = std::env::temp_dir();
        let fail = |source| BasePathError::Unusable { path: path.clone(), source };
        getrandom::fill(&mut tag).map_err(|error| fail(std::io::Error::other(error.to_string())))?;
        let path = path.join(format!("quire-{}", hex::encode(tag)));
        std::fs::create_dir(&path)
            .map_err(|source| BasePathError::Unusable { path: path.clone(), source })?;
        Ok(Self { path, is_temporary: true })
    }

    /// Where nodes keep their chains unless told otherwise.
    pub fn default_path() -> PathBuf {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
        data.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("quire")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for BasePath {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!("cannot remove the temporary folder {}: {error}", self.path.display());
        }
    }
}

/// The folder of chain `id` under a base path.
pub fn chain_path(base: &Path, id: &str) -> PathBuf {
    base.join("chains").join(id)
}

/// The node key's file in a chain's folder.
pub fn node_key_path(chain: &Path) -> PathBuf {
    chain.join("network").join("secret_ed25519")
}

/// The folder of one chain, locked for this process.
#[derive(Debug)]
pub struct ChainDir {
    path: PathBuf,
    /// Held for its lock.
    _lock: File,
    /// Removed, when temporary, after everything else was dropped.
    _base: BasePath,
}

impl ChainDir {
    /// Creates the folder of chain `id` and takes its lock (R1).
    pub fn open(base: BasePath, id: &str) -> Result<Self, BasePathError> {
        let path = chain_path(base.path(), id);
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| BasePathError::Unusable { path, source }
        };
        std::fs::create_dir_all(&path).map_err(fail(&path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(fail(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock, _base: base }),
            Err(TryLockError::WouldBlock) => Err(BasePathError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(fail(&lock_path)(source)),
        }
    }

    /// The chain's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    pub fn db(&self) -> PathBuf {
        self.path.join("db")
    }

    /// A state that a warp sync is downloading.
    pub fn warp_part(&self) -> PathBuf {
        self.path.join("warp.part")
    }

    /// The key files.
    pub fn keystore(&self) -> PathBuf {
        self.path.join("keystore")
    }

    /// What was signed.
    pub fn guard(&self) -> PathBuf {
        self.path.join("guard")
    }

    /// The node key: read from `network/secret_ed25519`, made at the first start.
    pub fn node_key(&self) -> Result<Zeroizing<[u8; 32]>, BasePathError> {
        let path = node_key_path(&self.path);
        match std::fs::read(&path) {
            Ok(bytes) => read_node_key(&path, bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = new_node_key()?;
                write_node_key(&path, &key, false)?;
                Ok(key)
            }
            Err(source) => Err(BasePathError::Unusable { path, source }),
        }
    }
}

/// A node key from a file's bytes: 32 raw ones or 64 hex digits.
pub fn read_node_key(path: &Path, bytes: Vec<u8>) -> Result<Zeroizing<[u8; 32]>, BasePathError> {
    let bytes = Zeroizing::new(bytes);
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() == key.len() {
        key.copy_from_slice(&bytes);
        return Ok(key);
    }
    match hex::decode_to_slice(bytes.trim_ascii(), &mut *key) {
        Ok(()) => Ok(key),
        Err(_) => Err(BasePathError::NodeKey { path: path.to_owned() }),
    }
}

/// A new node key from the operating system's randomness.
pub fn new_node_key() -> Result<Zeroizing<[u8; 32]>, BasePathError> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|error| BasePathError::Unusable {
        path: "the operating system's randomness".into(),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(key)
}

/// Writes a node key to a file that must not exist: 64 hex digits, or 32 bytes if `is_raw`.
pub fn write_node_key(path: &Path, key: &[u8; 32], is_raw: bool) -> Result<(), BasePathError> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        if is_raw {
            file.write_all(key)?;
        } else {
            file.write_all(Zeroizing::new(hex::encode(key)).as_bytes())?;
        }
        file.sync_all()
    };
    write().map_err(|source| BasePathError::Unusable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_a_second_user_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = ChainDir::open(BasePath::at(folder.path()), "quire_dev").unwrap();
        let second = ChainDir::open(BasePath::at(folder.path()), "quire_dev");
        assert!(matches!(&second, Err(BasePathError::InUse { path }) if path.ends_with("chains/quire_dev")));
        ChainDir::open(BasePath::at(folder.path()), "quire_local").unwrap();
        drop(first);
        ChainDir::open(BasePath::at(folder.path()), "quire_dev").unwrap();
    }

    #[test]
    fn r2_temporary_folders_go_away() {
        let base = BasePath::temporary().unwrap();
        let path = base.path().to_owned();
        let chain = ChainDir::open(base, "quire_dev").unwrap();
        assert!(path.join("chains/quire_dev/lock").exists());
        drop(chain);
        assert!(!path.exists());
    }

    #[test]
    fn the_node_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let chain = ChainDir::open(BasePath::at(folder.path()), "quire_dev").unwrap();
        let key = chain.node_key().unwrap();
        assert_eq!(chain.node_key().unwrap(), key);
        let file = folder.path().join("chains/quire_dev/network/secret_ed25519");
        std::fs::write(&file, [7; 32]).unwrap();
        assert_eq!(*chain.node_key().unwrap(), [7; 32]);
        std::fs::write(&file, "short").unwrap();
        assert!(matches!(chain.node_key(), Err(BasePathError::NodeKey { .. })));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let error = ChainDir::open(BasePath::at("/proc/quire"), "quire_dev").err().unwrap().to_string();
        assert!(error.contains("/proc/quire") && error.contains("--base-path"), "{error}");
    }
}
