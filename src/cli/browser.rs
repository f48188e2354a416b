//! Options of commands that may use a real browser.

use crate::run::{BrowserKind, BrowserOptions};
use clap::{Args, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;
use url::Url;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Real browsers")]
pub(super) struct Browser {
    /// Which browser.
    #[arg(long, value_enum, default_value_t, env = "AUTHCHAIN_BROWSER")]
    browser: Kind,
    /// Its program, when it is not found by itself.
    #[arg(long, value_name = "PATH", env = "AUTHCHAIN_BROWSER_BINARY")]
    browser_binary: Option<PathBuf>,
    /// The program of its driver, when it is not found by itself.
    #[arg(long, value_name = "PATH", env = "AUTHCHAIN_DRIVER")]
    driver: Option<PathBuf>,
    /// A WebDriver server that has the browser, such as a Selenium Grid.
    #[arg(long, value_name = "URL", env = "AUTHCHAIN_WEBDRIVER", conflicts_with_all = ["browser_binary", "driver"])]
    webdriver: Option<Url>,
    /// The address of this machine that the browser of `--webdriver` reaches it at, when it runs on another one. The run's edge then
    /// listens there, for everybody who can reach that address.
    #[arg(long, value_name = "ADDRESS", env = "AUTHCHAIN_EDGE", requires = "webdriver")]
    edge: Option<IpAddr>,
    /// Show the browser's windows.
    #[arg(long)]
    headed: bool,
}

/// Kinds of browsers, as one names them on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Kind {
    /// Chromium, Chrome, and what is made of them.
    #[default]
    Chromium,
    /// Firefox.
    Firefox,
}

impl Browser {
    pub(super) fn options(self) -> BrowserOptions {
        let kind = match self.browser {
            Kind::Chromium => BrowserKind::Chromium,
            Kind::Firefox => BrowserKind::Firefox,
        };
        BrowserOptions { kind, binary: self.browser_binary, driver: self.driver, webdriver: self.webdriver, edge: self.edge, headed: self.headed }
    }
}
