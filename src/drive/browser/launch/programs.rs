//! Browsers and drivers on this machine.

use super::options::{BrowserKind, BrowserOptions};
use std::path::{Path, PathBuf};

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

    /// The first of these names that is a program on the path.
    #[must_use]
    pub fn on_path(names: &[&str]) -> Option<PathBuf> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let in_folders = |name: &&str| std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
        names.iter().find_map(in_folders)
    }
}

fn application(names: &[&str]) -> Option<PathBuf> {
    let known = APPLICATIONS.iter().filter(|(name, _)| names.contains(name));
    known.map(|(_, path)| Path::new(path)).find(|path| path.is_file()).map(Path::to_owned)
}
