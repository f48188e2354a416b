//! Browsers and drivers on this machine.

use super::error::BrowserError;
use super::options::{BrowserKind, BrowserOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How long a program may take to say its version.
const VERSION_WITHIN: Duration = Duration::from_secs(10);
/// Longest version that is shown, in characters.
const LONGEST_VERSION: usize = 80;

/// Names of Chromium and its relatives, the freest first.
const CHROMIUM: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
/// Names of Firefox.
const FIREFOX: [&str; 2] = ["firefox", "firefox-esr"];
/// Where macOS keeps programs with windows.
const APPLICATIONS: [(&str, &str); 3] = [
    ("chromium", "/Applications/Chromium.app/Contents/MacOS/Chromium"),
    ("google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ("firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"),
];

/// A browser and its driver, as far as they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// The browser.
    pub browser: Option<PathBuf>,
    /// The driver.
    pub driver: Option<PathBuf>,
}

impl Programs {
    /// Those that are named, else those that are found.
    #[must_use]
    pub fn find(options: &BrowserOptions) -> Self {
        let (browsers, driver): (&[&str], _) = match options.kind {
            BrowserKind::Chromium => (&CHROMIUM, "chromedriver"),
            BrowserKind::Firefox => (&FIREFOX, "geckodriver"),
        };
        Self {
            browser: options.binary.clone().or_else(|| Self::on_path(browsers)).or_else(|| application(browsers)),
            driver: options.driver.clone().or_else(|| Self::on_path(&[driver])),
        }
    }

    /// The driver and the browser.
    pub(super) fn both(&self, kind: BrowserKind) -> Result<(&Path, &Path), BrowserError> {
        let (driver, browser) = match kind {
            BrowserKind::Chromium => ("chromedriver", "chromium"),
            BrowserKind::Firefox => ("geckodriver", "firefox"),
        };
        let driver = self.driver.as_deref().ok_or(BrowserError::Missing { program: driver })?;
        Ok((driver, self.browser.as_deref().ok_or(BrowserError::Missing { program: browser })?))
    }

    /// The error of a driver for another version of the browser, if that is what it is. Chromium's drivers have the
    /// browser's major version and start no other; Firefox's have versions of their own and start all.
    pub(super) async fn mismatch(&self) -> Option<BrowserError> {
        let (browser, driver) = (version(self.browser.as_deref()?).await?, version(self.driver.as_deref()?).await?);
        let chromium = driver.starts_with("ChromeDriver");
        (chromium && major(&browser)? != major(&driver)?).then_some(BrowserError::Mismatch { browser, driver })
    }

    /// The first of these names that is a program on the path.
    #[must_use]
    pub fn on_path(names: &[&str]) -> Option<PathBuf> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let in_folders = |name: &&str| std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
        names.iter().find_map(in_folders)
    }
}

/// What a program says when it is asked for its version, without what follows in brackets.
async fn version(program: &Path) -> Option<String> {
    let mut command = tokio::process::Command::new(program);
    let asked = command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    let said = tokio::time::timeout(VERSION_WITHIN, asked).await.ok()?.ok()?;
    let said = String::from_utf8_lossy(&said.stdout).lines().next()?.chars().take(LONGEST_VERSION).collect::<String>();
    Some(said.split('(').next().unwrap_or_default().trim().to_owned())
}

/// The first number of a version: 156 of `Chromium 156.0.8078.79`.
fn major(version: &str) -> Option<u32> {
    version.split_whitespace().find_map(|word| word.split_once('.')?.0.parse().ok())
}

fn application(names: &[&str]) -> Option<PathBuf> {
    let known = APPLICATIONS.iter().filter(|(name, _)| names.contains(name));
    known.map(|(_, path)| Path::new(path)).find(|path| path.is_file()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn program(folder: &Path, name: &str, says: &str) -> Option<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Some(path)
    }

    #[tokio::test]
    async fn a_driver_of_another_version_is_named_with_its_browser() {
        let folder = tempfile::tempdir().unwrap();
        let driver = program(folder.path(), "chromedriver", "ChromeDriver 155.0.1.2 (abc-refs/heads/1)");
        let mut programs = Programs { browser: program(folder.path(), "chromium", "Chromium 156.0.8078.79 built on Debian"), driver };
        let error = programs.mismatch().await.expect("155 is not 156").to_string();
        assert!(error.starts_with("ChromeDriver 155.0.1.2 is not for Chromium 156.0.8078.79 built on Debian: install"), "{error}");
        programs.driver = program(folder.path(), "chromedriver", "ChromeDriver 156.0.1.2 (abc)");
        assert!(programs.mismatch().await.is_none());
        programs.driver = program(folder.path(), "geckodriver", "geckodriver 0.37.0");
        assert!(programs.mismatch().await.is_none());
    }
}
