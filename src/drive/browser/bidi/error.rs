//! Why a browser did not do what it was told.

use std::time::Duration;

/// A command that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BidiError {
    /// The browser says no (WebDriver BiDi §3.5).
    #[error("the browser refused `{command}`: {message} ({code})")]
    Refused {
        /// The command.
        command: String,
        /// The error code, such as `no such frame`.
        code: String,
        /// What the browser says about it, bounded.
        message: String,
    },
    /// The answer is not what the standard says.
    #[error("the browser answered `{command}` with something else than its result: {why}")]
    Strange {
        /// The command.
        command: String,
        /// What is wrong with it.
        why: String,
    },
    /// No answer came in time.
    #[error("the browser did not answer `{command}` within {waited:.1?}")]
    Late {
        /// The command.
        command: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The connection is gone.
    #[error("the connection to the browser is gone: {0}")]
    Gone(String),
    /// The connection could not be made.
    #[error("failed to reach the browser at {url}: {why}")]
    Unreachable {
        /// The socket.
        url: String,
        /// Why not.
        why: String,
    },
}

impl BidiError {
    /// Whether the browser refused with this error code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether what was spoken to is not there any more: a page that was left, a tab or frame that was closed.
    pub(crate) fn is_of_a_page_that_is_gone(&self) -> bool {
        match self {
            Self::Refused { code, message, .. } => {
                matches!(code.as_str(), "no such frame" | "no such node" | "no such handle" | "no such script")
                    || code == "unknown error" && GONE.iter().any(|sign| message.contains(sign))
            }
            _ => false,
        }
    }
}

/// How Chromium and Firefox tell that a page went away beneath a script; they have no error code for it.
const GONE: [&str; 7] = [
    "Cannot find context",
    "context was destroyed",
    "Inspected target navigated or closed",
    "Cannot find execution context",
    "actor was destroyed",
    "AbortError",
    // chromedriver's words for a document that is replaced while it looks for its script world.
    "Internal assertion failed",
];
