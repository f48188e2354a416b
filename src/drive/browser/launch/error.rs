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
    /// It was there, and is gone.
    #[error("the browser is gone: {0}")]
    Gone(String),
    /// It does not do what it is told.
    #[error(transparent)]
    Bidi(BidiError),
}

impl From<BidiError> for BrowserError {
    fn from(error: BidiError) -> Self {
        match error {
            BidiError::Gone(why) => Self::Gone(why),
            other => Self::Bidi(other),
        }
    }
}
