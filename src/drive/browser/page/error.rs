//! Why something could not be done on a page.

use crate::drive::browser::bidi::BidiError;
use crate::web::html::PageError;

/// A question that got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// The document went away; there may be another in its place.
    #[error("the page went away")]
    Gone,
    /// The script that was run threw.
    #[error("{0}")]
    Threw(String),
    /// The browser could not be asked.
    #[error(transparent)]
    Browser(BidiError),
}

impl From<BidiError> for Unanswered {
    fn from(error: BidiError) -> Self {
        if error.is_of_a_page_that_is_gone() { Self::Gone } else { Self::Browser(error) }
    }
}

/// Why something could not be done on a page, as a person reads it. What was to be entered stays out of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActError {
    /// The page does not allow it.
    #[error("{source}{notes} (on {place})")]
    Page {
        /// What stands in the way.
        source: Box<PageError>,
        /// What else was seen, each behind a `; `.
        notes: String,
        /// The page.
        place: String,
    },
    /// The element is there, but nobody could get at it.
    #[error("{what} (on {place})")]
    Blocked {
        /// What stands in the way.
        what: String,
        /// The page.
        place: String,
    },
    /// The pointer never reached it.
    #[error("`{control}` was pressed {tries} times, and each time something else had come into its place")]
    Missed {
        /// As written.
        control: String,
        /// How often.
        tries: usize,
    },
    /// No key of that name.
    #[error("`{0}` is no key; write a character, or one of {known}, with `Control+`, `Shift+`, `Alt+` or `Meta+` before it", known = super::keys::known())]
    Key(String),
    /// The tab is not there any more.
    #[error("the tab was closed")]
    Closed,
    /// No tab as it was asked for.
    #[error("{0}")]
    Tab(String),
    /// A script of the scenario threw, or gave something that is no JSON.
    #[error("{0}")]
    Script(String),
    /// A request that the browser kept from the page, or whose answer it did.
    #[error("the page's request to `{url}` failed: {why}")]
    Fetch {
        /// Where to, without values.
        url: String,
        /// What the page can know.
        why: String,
    },
    /// A file that cannot be given to a page.
    #[error("`{control}` takes files, and {why}")]
    File {
        /// The field.
        control: String,
        /// What is wrong with the file.
        why: String,
    },
    /// This browser cannot do it.
    #[error("{0}")]
    Unable(String),
    /// The browser could not be asked.
    #[error(transparent)]
    Browser(#[from] BidiError),
}

impl From<Unanswered> for ActError {
    fn from(error: Unanswered) -> Self {
        match error {
            Unanswered::Gone => Self::Closed,
            Unanswered::Threw(text) => Self::Script(text),
            Unanswered::Browser(error) => Self::Browser(error),
        }
    }
}
