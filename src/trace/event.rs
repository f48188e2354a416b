//! What a browser tells beside its requests.

use std::sync::Arc;
use time::OffsetDateTime;

/// Something that happened in an actor's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserEvent {
    /// Index into [`Chain::steps`](super::Chain::steps): the step that was under way.
    pub step: usize,
    /// Whose browser.
    pub actor: Arc<str>,
    /// What it was.
    pub kind: BrowserEventKind,
    /// The message, bounded.
    pub text: String,
    /// The page or script it comes from, when that is known.
    pub source: Option<String>,
    /// When, by the run's clock.
    pub at: OffsetDateTime,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BrowserEventKind {
    /// A script wrote an error to the console.
    ConsoleError,
    /// A script threw, and nothing caught it.
    Exception,
    /// A page asked by `alert`, `confirm` or `prompt`, or before it was left.
    Dialog,
    /// A file was offered for saving.
    Download,
    /// A picture of the page was taken; the text is where it lies.
    Screenshot,
}

impl BrowserEventKind {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConsoleError => "console error",
            Self::Exception => "exception",
            Self::Dialog => "dialog",
            Self::Download => "download",
            Self::Screenshot => "screenshot",
        }
    }

    /// Whether a script went wrong.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(self, Self::ConsoleError | Self::Exception)
    }
}

/// A page's web storage (HTML §12.2) for the origin it belongs to, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebStorage {
    /// `localStorage`, in the order of the keys.
    pub local: std::collections::BTreeMap<String, String>,
    /// `sessionStorage`.
    pub session: std::collections::BTreeMap<String, String>,
}
