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

    /// What the browser says about a page that it could not load, as far as that is the page's affair and not the browser's.
    pub(crate) fn why_no_page(&self) -> Option<&str> {
        match self {
            Self::Refused { code, message, .. } if code == "unknown error" && NO_PAGE.iter().any(|sign| message.contains(sign)) => {
                Some(message)
            }
            _ => None,
        }
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

/// How a page that did not come is told: Chromium's and Firefox's names for network errors.
const NO_PAGE: [&str; 3] = ["net::ERR_", "NS_ERROR_", "NS_BINDING_"];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_cannot_be_loaded_is_told_from_a_browser_that_refuses() {
        let refused = |code: &str, message: &str| BidiError::Refused {
            command: "browsingContext.navigate".into(),
            code: code.into(),
            message: message.into(),
        };
        assert_eq!(refused("unknown error", "net::ERR_TOO_MANY_REDIRECTS").why_no_page(), Some("net::ERR_TOO_MANY_REDIRECTS"));
        assert!(refused("unknown error", "Error: NS_ERROR_REDIRECT_LOOP").why_no_page().is_some());
        assert!(refused("no such frame", "net::ERR_FAILED").why_no_page().is_none());
        assert!(refused("unknown error", "something else").why_no_page().is_none());
    }
}
