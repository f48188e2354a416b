//! Why a step could not be done.

use super::browser::bidi::BidiError;
use super::browser::jar::JarError;
use super::browser::launch::BrowserError;
use super::browser::page::ActError;
use super::browser::picture::PictureError;
use crate::plan::TemplateError;
use crate::trace::Failure;
use crate::web::html::PageError;
use crate::web::redirect::Refusal;
use std::time::Duration;

/// Why a step could not be done, as a person reads it. Values of cookies, queries and fields stay out of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// A template has no value.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The page does not allow it.
    #[error("{source} (on `{url}`)")]
    Page {
        /// What stands in the way.
        source: Box<PageError>,
        /// The page.
        url: String,
    },
    /// Only a real browser can do it.
    #[error("only a real browser can do this: run it with `--engine browser`")]
    NeedsBrowser,
    /// There is no browser, or it is gone.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// The page in a real browser does not allow it.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The browser's cookies could not be read or written.
    #[error(transparent)]
    Jar(#[from] JarError),
    /// No picture of the page.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A request brought no response.
    #[error("{}", .0.message)]
    Request(Failure),
    /// A redirect that no browser follows.
    #[error("hop {hop} redirects, but {refusal}")]
    Redirect {
        /// The hop, counted from one.
        hop: u32,
        /// Why not.
        refusal: Refusal,
    },
    /// More redirects than the run allows.
    #[error("more than {limit} redirects; hop {hop} asked for one more, to `{target}`")]
    TooManyRedirects {
        /// How many were followed.
        limit: usize,
        /// The hop, counted from one.
        hop: u32,
        /// Where it would have led, without values.
        target: String,
    },
    /// A page that sends itself on and on.
    #[error("more than {0} pages in a row sent the browser on by themselves (auto-submitted forms and refreshes)")]
    TooManyPages(usize),
    /// No page to act on.
    #[error("there is no page yet{}; `open` a URL first", left(.0.as_deref()))]
    NoPage(Option<String>),
    /// The page is no HTML.
    #[error("`{url}` is no HTML page (its content type is {content_type}), so there is nothing to click or fill")]
    NoHtml {
        /// The page.
        url: String,
        /// What it is instead.
        content_type: String,
    },
    /// The history has no entry before this one.
    #[error("there is no page to go back to")]
    NoHistory,
    /// No field was filled on this page.
    #[error("Enter is pressed in the field that was filled last, and none was filled on this page; `fill` one first, or `click` a button")]
    NothingFilled,
    /// A key without a meaning for a page without script.
    #[error("the http engine knows the key `Enter` alone, not `{0}`; use the browser engine for others")]
    Key(String),
    /// A wait that would never end.
    #[error("{0}")]
    Wait(String),
    /// Text that is no URL.
    #[error("`{text}` is no URL: {cause}")]
    Url {
        /// As rendered, without query values.
        text: String,
        /// What the parser says.
        cause: url::ParseError,
    },
    /// A relative URL without a page.
    #[error("`{0}` is relative, and the actor has no page that it could be relative to; write the whole URL or `open` a page first")]
    Relative(String),
    /// Nothing to replay.
    #[error("{0}")]
    Replay(String),
    /// A jar that cannot be changed so.
    #[error("{0}")]
    Cookies(String),
    /// A capture that finds nothing.
    #[error("capture `{name}` found nothing: {why}")]
    Capture {
        /// Its name.
        name: String,
        /// What there was instead.
        why: String,
    },
    /// A captured value that stands to an earlier one in another way than asked. Neither is in the text: both may be secret.
    #[error("captured `{name}` is not as asked: {why}")]
    Compared {
        /// Its name.
        name: String,
        /// How it stands instead.
        why: String,
    },
    /// No message as it was asked for.
    #[error("{0}")]
    Inbox(String),
    /// A limit of which one side could not be reached.
    #[error("{0}")]
    Boundary(String),
    /// Nothing to probe, or nobody who could be asked.
    #[error("{0}")]
    Probe(String),
    /// Nothing listens there.
    #[error("{0}")]
    Knock(String),
    /// The clock could not be moved for all.
    #[error("the clock could not be moved for everything: {0}")]
    Clock(String),
    /// What is in Redis cannot be found out.
    #[error("{0}")]
    Redis(String),
    /// A process that does not do what it is asked for.
    #[error("{0}")]
    Process(String),
    /// The run's time is up.
    #[error("the run has taken longer than its {0:?} (`run_timeout`)")]
    RunTimeout(Duration),
}

impl From<BidiError> for StepError {
    fn from(error: BidiError) -> Self {
        Self::Browser(error.into())
    }
}

impl StepError {
    /// Whether not the scenario is at fault, but that there is no browser.
    pub(crate) fn is_of_the_environment(&self) -> bool {
        let gone = |error: &BidiError| matches!(error, BidiError::Gone(_) | BidiError::Unreachable { .. });
        match self {
            Self::Browser(error) => error.is_of_the_environment(),
            Self::Act(ActError::Browser(error)) | Self::Picture(PictureError::Browser(error)) => gone(error),
            Self::Jar(JarError::Browser(error)) => gone(error),
            _ => false,
        }
    }

    /// Whether the browser says that a page could not be loaded.
    pub(crate) fn is_of_a_page_that_did_not_come(&self) -> bool {
        matches!(self, Self::Browser(BrowserError::Bidi(error)) if error.why_no_page().is_some())
    }

    /// A page's refusal, with the page it came from.
    pub(crate) fn on(url: &url::Url, source: PageError) -> Self {
        Self::Page { source: Box::new(source), url: super::http::shown(url) }
    }
}

fn left(scheme: Option<&str>) -> String {
    scheme.map(|scheme| format!(" (the last navigation left the browser for a `{scheme}:` URL)")).unwrap_or_default()
}
