//! The key file: made on first start where no keys are given, so that a single machine needs no setup.
//!
//! It lives in the configuration directory, never beside the data: a copy of the data alone opens
//! nothing. Mode 0600 in a directory that is made 0700; a file that others can read is refused. It is complete
//! from the moment it has its name, and on disk before it is used: a key that is lost takes the data with it.

use crate::keyring::{KeyError, Keyring};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file's name in the configuration directory.
pub const KEY_FILE: &str = "encryption.keys";

/// Bytes above which a file is not a key file: thousands of keys.
const SIZE_MAX: u64 = 1 << 16;

/// What the key file held.
#[derive(Debug)]
pub struct KeyFile {
    /// The keys.
    pub keyring: Keyring,
    /// Where the file is.
    pub path: PathBuf,
    /// Whether it was made just now; the operator is told to keep a copy.
    pub created: bool,
}

/// Why the key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
    #[error(
        "the key file {} cannot be used: {source}; make it accessible, or give the keys in DREAMOPS_ENCRYPTION_KEYS",
        path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner can read or change it.
    #[error(
        "the key file {} is open to other users (mode {mode:03o}); run `chmod 600` on it, and change the key if somebody may have read it",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What is in it is no keyring.
    #[error("the key file {} holds no usable keys: {source}; restore it from a copy", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
}

impl KeyFile {
    /// Reads the key file in `directory`; makes directory and file where there is none.
    pub fn load_or_create(directory: &Path) -> Result<Self, KeyFileError> {
        let path = directory.join(KEY_FILE);
        let failed = |source| KeyFileError::Io {
            path: path.clone(),
            source,
        };
        let created = match path.try_exists() {
            Ok(true) => false,
            Ok(false) => create(directory, &path).map_err(failed)?,
            Err(source) => return Err(failed(source)),
        };
        check_mode(&path)?;
        let text = read(&path).map_err(failed)?;
        let keyring = Keyring::parse(&text).map_err(|source| KeyFileError::Keys {
            path: path.clone(),
            source,
        })?;
        Ok(Self { keyring, path, created })
    }

    /// Puts a new key first in the key file of `directory`, before those that are there; makes directory and file where there
    /// is none. The file is the old one or the new one as a whole, also after a crash, and of several that do this at the same time each
    /// keeps the other's key.
    pub fn add_newest(directory: &Path) -> Result<Self, KeyFileError> {
        let before = Self::load_or_create(directory)?;
        if before.created {
            return Ok(before);
        }
        let path = before.path;
        let failed = |source| KeyFileError::Io {
            path: path.clone(),
            source,
        };
        let lock = directory.join(format!(".{KEY_FILE}.lock"));
        let mut options = OpenOptions::new();
        let lock = private_file(options.write(true).create(true).truncate(false)).open(&lock);
        let _turn = lock.and_then(|lock| lock.lock().map(|()| lock)).map_err(failed)?;
        // what others have added meanwhile
        let older = read(&path).map_err(failed)?;
        let mut text = Zeroizing::new(Keyring::generate().expose().to_owned());
        text.push('\n');
        text.push_str(&older);
        let keyring = Keyring::parse(&text).map_err(|source| KeyFileError::Keys {
            path: path.clone(),
            source,
        })?;
        replace(directory, &path, &text).map_err(failed)?;
        Ok(Self {
            keyring,
            path,
            created: false,
        })
    }
}

/// Puts a file with this text in the place of the one at `path`.
fn replace(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    let (draft, mut file) = draft(directory)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // the error that counts is the first one
        let _left = fs::remove_file(&draft);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    if fs::metadata(path)?.len() > SIZE_MAX {
        return Err(io::Error::other("it is too large for a key file"));
    }
    fs::read_to_string(path).map(Zeroizing::new)
}

/// Makes the file unless another process has made it meanwhile; tells which.
fn create(directory: &Path, path: &Path) -> io::Result<bool> {
    let mut builder = DirBuilder::new();
    private_directory(builder.recursive(true)).create(directory)?;
    let (draft, mut file) = draft(directory)?;
    let key = Keyring::generate();
    let written = file
        .write_all(key.expose().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        // a link, not a rename: it fails where another process was faster, whose key then counts
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match written {
        Ok(()) => {
            File::open(directory)?.sync_all()?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// A private file that no other process writes to.
fn draft(directory: &Path) -> io::Result<(PathBuf, File)> {
    let draft = directory.join(format!(".{KEY_FILE}.{}", std::process::id()));
    // a draft is left only by a process of the same id that died
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    let file = private_file(options.write(true).create_new(true)).open(&draft)?;
    Ok((draft, file))
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn private_directory(builder: &mut DirBuilder) -> &mut DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700)
}

#[cfg(not(unix))]
fn private_directory(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder
}

#[cfg(unix)]
#[allow(clippy::verbose_bit_mask, reason = "rights are read as octal digits")]
fn check_mode(path: &Path) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)
        .map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        })?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(KeyFileError::Open {
        path: path.to_owned(),
        mode,
    })
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), KeyFileError> {
    Ok(())
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_start_makes_a_private_file_and_the_next_reads_it() {
        let base = tempfile::tempdir().unwrap();
        let directory = base.path().join("configuration/dreamops");
        let first = KeyFile::load_or_create(&directory).unwrap();
        assert!(first.created);
        let mode = fs::metadata(&first.path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let second = KeyFile::load_or_create(&directory).unwrap();
        assert!(!second.created);
        assert_eq!(first.keyring.ids(), second.keyring.ids());
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn starts_at_the_same_time_agree_on_one_key() {
        let directory = tempfile::tempdir().unwrap();
        // the loser of the race is a create that finds the name taken
        let path = directory.path().join(KEY_FILE);
        let winner = KeyFile::load_or_create(directory.path()).unwrap();
        assert!(!create(directory.path(), &path).unwrap());
        let after = KeyFile::load_or_create(directory.path()).unwrap();
        assert_eq!(winner.keyring.ids(), after.keyring.ids());
    }

    #[test]
    fn a_new_key_comes_first_and_the_older_ones_stay() {
        let directory = tempfile::tempdir().unwrap();
        let first = KeyFile::load_or_create(directory.path()).unwrap();
        let second = KeyFile::add_newest(directory.path()).unwrap();
        assert_eq!(second.keyring.ids()[1..], first.keyring.ids());
        let read = KeyFile::load_or_create(directory.path()).unwrap();
        assert_eq!(read.keyring.ids(), second.keyring.ids());
        let mode = fs::metadata(&read.path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn of_keys_that_are_added_at_the_same_time_none_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        KeyFile::load_or_create(directory.path()).unwrap();
        let add = || KeyFile::add_newest(directory.path()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(add);
            }
        });
        let read = KeyFile::load_or_create(directory.path()).unwrap();
        assert_eq!(read.keyring.ids().len(), 5);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let made = KeyFile::load_or_create(directory.path()).unwrap();
        fs::set_permissions(&made.path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = KeyFile::load_or_create(directory.path()).unwrap_err();
        assert!(matches!(error, KeyFileError::Open { mode: 0o644, .. }), "{error}");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let made = KeyFile::load_or_create(directory.path()).unwrap();
        fs::write(&made.path, "no key at all").unwrap();
        let error = KeyFile::load_or_create(directory.path()).unwrap_err();
        assert!(matches!(error, KeyFileError::Keys { .. }), "{error}");
        assert!(!error.to_string().contains("no key at all"));
        assert_eq!(fs::read_to_string(&made.path).unwrap(), "no key at all");
    }
}
