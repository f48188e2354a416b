//! Files that are written whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes beside the target and moves into place, so that readers see the old file or the whole new one. A link stays and what
/// it leads to is replaced; devices and pipes are written to, since there is nothing to replace.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let mut file = Replacement::of(path)?;
    file.write_all(bytes)?;
    file.take_place()
}

/// A file in the making that takes the place of another when it is whole; dropped before, it leaves nothing behind.
pub(crate) struct Replacement {
    file: tempfile::NamedTempFile,
    target: PathBuf,
}

impl Replacement {
    /// A new file beside `path`; folders on the way are made.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new().prefix(".authchain-").tempfile_in(folder)?;
        Ok(Self { file, target })
    }

    /// Takes the place of the target.
    pub(crate) fn take_place(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            self.file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        self.file.persist(self.target)?;
        Ok(())
    }
}

impl io::Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
