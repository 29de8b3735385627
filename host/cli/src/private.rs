//! Files for one pair of eyes: kubeconfigs, tokens, keys, exports.

use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that only its owner reads.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A file that only this user reads and that is gone when it is dropped.
pub(crate) fn private_file(text: &str) -> anyhow::Result<NamedTempFile> {
    let mut file = NamedTempFile::new().context("cannot make a temporary file")?;
    file.write_all(text.as_bytes())
        .context("cannot write a temporary file")?;
    Ok(file)
}

/// A file that only its owner reads and that has its name only when it is whole and on disk.
pub(crate) struct Draft {
    draft: Option<io::BufWriter<NamedTempFile>>,
    path: PathBuf,
}

impl Draft {
    /// Begins it, beside where it is to be.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let folder = path
            .parent()
            .filter(|f| !f.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let draft = NamedTempFile::new_in(folder).with_context(|| format!("cannot write in {}", folder.display()))?;
        Ok(Self {
            draft: Some(io::BufWriter::new(draft)),
            path: path.to_owned(),
        })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.draft.as_mut().map_or(Ok(0), |draft| draft.write(bytes))
    }

    /// Gives it its name; nothing can be written to it afterwards.
    fn flush(&mut self) -> io::Result<()> {
        let Some(draft) = self.draft.take() else {
            return Ok(());
        };
        let file = draft.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        match self.path.parent().filter(|f| !f.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}
