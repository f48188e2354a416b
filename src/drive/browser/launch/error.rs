//! Why there is no browser.

use crate::drive::browser::bidi::BidiError;
use std::path::PathBuf;

/// A browser that could not be started, or is gone.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BrowserError {
    /// A program is not on this machine.
    #[error("`{program}` is not on this machine; `authchain doctor` says how to get it")]
    Missing {
        /// The program, by the name it usually has.
        program: &'static str,
    },
    /// A program does not start.
    #[error("failed to start {}: {why}", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        why: String,
    },
    /// The driver refuses a session.
    #[error("the driver started no browser: {0}")]
    Session(String),
    /// The driver speaks no WebDriver BiDi.
    #[error("the driver offers no WebDriver BiDi; a newer browser and driver do")]
    NoBidi,
    /// The driver is for another version of the browser.
    #[error("{driver} is not for {browser}: install versions that agree, or name them with `--driver` and `--browser-binary`")]
    Mismatch {
        /// What the browser says of itself.
        browser: String,
        /// What the driver says of itself.
        driver: String,
    },
    /// The run is over, and no browser is started any more.
    #[error("the run is over")]
    Over,
    /// It was there, and is gone.
    #[error("the browser is gone: {0}")]
    Gone(String),
    /// It does not do what it is told.
    #[error(transparent)]
    Bidi(BidiError),
}

impl BrowserError {
    /// Whether there is no browser to work with, whatever the scenario asks of it.
    pub(crate) fn is_of_the_environment(&self) -> bool {
        !matches!(self, Self::Bidi(BidiError::Refused { .. } | BidiError::Strange { .. }))
    }
}

impl From<BidiError> for BrowserError {
    fn from(error: BidiError) -> Self {
        match error {
            BidiError::Gone(why) => Self::Gone(why),
            other => Self::Bidi(other),
        }
    }
}
