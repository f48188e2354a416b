//! What the state machine finds out, in the order in which it does.

use crate::trace::{AnsweredBy, BrowserEventKind, Cause, CookieSent, CookieWithheld, Failure, Resource, Timings};
use crate::web::cookie::{Initiator, Target};
use crate::web::headers::Headers;
use bytes::Bytes;
use url::Url;

/// A hop before it has its place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Draft(pub(super) u64);

/// Something that is known now.
#[derive(Debug)]
pub(super) enum Fact {
    /// A request is about to go out.
    Began(Box<Began>),
    /// What went and what came is known, but for the body. Comes before the hop's end, once.
    Answered(Draft, Box<Head>),
    /// Nothing more comes.
    Ended(Draft, End),
    /// A navigation led out of the browser, to a custom scheme.
    Left(String),
    /// Something that is no request.
    Told { kind: BrowserEventKind, text: String, source: Option<String> },
}

/// A request.
#[derive(Debug)]
pub(super) struct Began {
    pub(super) draft: Draft,
    pub(super) why: Why,
    pub(super) resource: Resource,
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) body: Option<Bytes>,
    pub(super) place: Place,
    /// The browser's name for the request, for asking for its bodies.
    pub(super) request: String,
    /// When it began by the machine's clock, in seconds since 1970: word of it may come later than that of what it caused.
    pub(super) wall: Option<f64>,
}

/// Why it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The browser was told to go somewhere: what told it knows more.
    Driver,
    /// Another hop redirects here.
    Redirect(Draft),
    /// The page, or who uses it.
    Page(Cause),
}

/// Where in the browser it is made, as far as cookies depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) initiator: Initiator,
    pub(super) target: Target,
    /// Whether cookies go with it and are kept of it; a preflight has none (Fetch §4.8).
    pub(super) credentials: bool,
}

/// Headers and cookies of a hop.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) headers: Headers,
    pub(super) sent: Vec<CookieSent>,
    pub(super) withheld: Vec<CookieWithheld>,
    pub(super) response: Option<Answer>,
    pub(super) timings: Timings,
}

/// A response without its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) version: &'static str,
    pub(super) headers: Headers,
    pub(super) by: AnsweredBy,
    /// The Set-Cookie lines that the browser refused, with its words; `None` when it does not say.
    pub(super) refused: Option<Vec<Refused>>,
}

/// A Set-Cookie line that the browser refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) line: String,
    pub(super) reasons: Vec<String>,
}

/// How a hop ended.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// Why there is no response, if there is none.
    pub(super) failure: Option<Failure>,
    /// From beginning to end, in seconds.
    pub(super) took: f64,
    /// Whether a body can be asked for.
    pub(super) body: bool,
}
