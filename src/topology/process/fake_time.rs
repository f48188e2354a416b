//! The run's clock for processes, by libfaketime: a library that is loaded before all others and answers every question for
//! the wall-clock time with what a file says. Monotonic clocks stay as they are, so that time-outs and timers run as ever.
//!
//! A program that does not ask its C library for the time (one that is linked statically, as Go's are) keeps the real time.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Where Debian and its kin keep libraries, and where `make install` does.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/local/lib", "/lib"];
/// The library for programs with threads.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
/// How it is installed.
pub(crate) const INSTALL: &str = "sudo apt-get install -y libfaketime";

/// A clock that processes read, moved by a file.
#[derive(Debug)]
pub(crate) struct FakeTime {
    library: PathBuf,
    folder: TempDir,
}

impl FakeTime {
    /// Where the library is, if it is installed.
    pub(crate) fn library() -> Option<PathBuf> {
        LIBRARIES.iter().map(Path::new).find_map(|folder| {
            let below = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path().join(LIBRARY));
            std::iter::once(folder.join(LIBRARY)).chain(below).find(|library| library.is_file())
        })
    }

    /// A clock that is as far ahead as the run's.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub(crate) fn new(library: PathBuf, ahead: Duration) -> io::Result<Self> {
        let clock = Self { library, folder: tempfile::Builder::new().prefix("authchain-clock-").tempdir()? };
        clock.set(ahead)?;
        Ok(clock)
    }

    /// Moves the clock, for every process at once.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub(crate) fn set(&self, ahead: Duration) -> io::Result<()> {
        // Written beside and renamed: a process may read it at any moment.
        let fresh = self.folder.path().join("next");
        std::fs::write(&fresh, format!("+{}.{:03}\n", ahead.as_secs(), ahead.subsec_millis()))?;
        std::fs::rename(fresh, self.file())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("now")
    }

    /// What makes a process live by it; `preload` is what the process wants to be loaded itself.
    pub(crate) fn environment(&self, preload: Option<&OsStr>) -> Vec<(OsString, OsString)> {
        let mut libraries = self.library.clone().into_os_string();
        if let Some(own) = preload {
            libraries.push(":");
            libraries.push(own);
        }
        let variables: [(&str, OsString); 6] = [
            ("LD_PRELOAD", libraries),
            ("FAKETIME_TIMESTAMP_FILE", self.file().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            // The same wish by its name before version 0.9.8 and since.
            ("DONT_FAKE_MONOTONIC", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            // What a killed process would leave behind.
            ("FAKETIME_DISABLE_SHM", "1".into()),
        ];
        variables.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn seconds(clock: &FakeTime) -> i64 {
        let output = Command::new("date").arg("+%s").env_clear().envs(clock.environment(None)).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn a_process_lives_by_the_clock_and_sees_it_move() {
        let library = FakeTime::library().unwrap_or_else(|| panic!("libfaketime is missing; install it with: {INSTALL}"));
        let clock = FakeTime::new(library, Duration::from_secs(7200)).unwrap();
        let now = || crate::base::clock::wall().unix_timestamp();
        assert!((seconds(&clock) - now() - 7200).abs() <= 2);
        clock.set(Duration::from_millis(10_800_500)).unwrap();
        assert!((seconds(&clock) - now() - 10_800).abs() <= 2);
    }

    #[test]
    fn what_a_process_preloads_itself_stays() {
        let clock = FakeTime::new("/lib/faketime.so".into(), Duration::ZERO).unwrap();
        let preload = clock.environment(Some(OsStr::new("/lib/own.so")));
        assert!(preload.contains(&("LD_PRELOAD".into(), "/lib/faketime.so:/lib/own.so".into())));
    }
}
