//! Expectations and captures of a step.

use super::matcher::Matcher;
use crate::base::Span;
use regex::Regex;
use serde_json_path::JsonPath;

/// One thing a step must show.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// What is asked.
    pub kind: ExpectationKind,
    /// Where the scenario asks it.
    pub span: Span,
}

/// What can be asked of a step. Where a step made several hops, "the response" is that of its last hop.
#[derive(Debug, Clone)]
pub enum ExpectationKind {
    /// Status of the response.
    Status(Matcher),
    /// `Location` of the response, resolved against its URL; absent when there is none.
    Redirect(Matcher),
    /// The URL the step ended at (the page's URL after redirects).
    Url(Matcher),
    /// The origin the step ended at.
    Origin(Matcher),
    /// The OAuth `error` parameter in the redirect target or, without one, in the final URL.
    Error(Matcher),
    /// A response header; several values are joined by `, ` except Set-Cookie.
    Header(String, Matcher),
    /// A cookie by name.
    Cookie(String, Box<CookieExpectation>),
    /// A value in the JSON body.
    Json(JsonPath, Matcher),
    /// The whole body as text.
    Body(Matcher),
    /// The visible text of the page, white space folded.
    Text(Matcher),
    /// The title of the page.
    Title(Matcher),
    /// A key of the page's `localStorage`.
    Local(String, Matcher),
    /// A key of the page's `sessionStorage`.
    Session(String, Matcher),
    /// Number of errors of the page's scripts.
    Console(Matcher),
    /// The question that the page asked last.
    Dialog(Matcher),
    /// Milliseconds the step took.
    Time(Matcher),
    /// Milliseconds between the `Date` of the response and the run's clock, either way.
    ClockSkew(Matcher),
    /// Number of hops the step made.
    HopCount(Matcher),
    /// Why the step could not be done, as it is shown. A step that asks for this is there to fail so: the run goes on.
    Failure(Matcher),
    /// Hops that must occur in this order among the step's hops.
    Hops(Vec<HopExpectation>),
    /// The answer of an earlier step.
    SameAs(Box<SameAs>),
}

/// What of an earlier answer must be there again: what is named or, when nothing is, status and body.
#[derive(Debug, Clone)]
pub struct SameAs {
    /// The id of the earlier step.
    pub step: String,
    /// Values of the JSON body.
    pub json: Vec<JsonPath>,
    /// Headers.
    pub headers: Vec<String>,
    /// Values of the JSON body that may differ.
    pub ignore: Vec<JsonPath>,
}

/// One hop among those of a step: the first hop that `url` matches must show the rest.
#[derive(Debug, Clone)]
pub struct HopExpectation {
    /// Chooses the hop.
    pub url: Matcher,
    /// Method of the request.
    pub method: Option<Matcher>,
    /// Status of the response.
    pub status: Option<Matcher>,
    /// Its resolved `Location`.
    pub redirect: Option<Matcher>,
    /// OAuth `error` in its redirect target.
    pub error: Option<Matcher>,
    /// Where the scenario asks it.
    pub span: Span,
}

/// What a cookie must be like; what is `None` is not asked.
#[derive(Debug, Clone, Default)]
pub struct CookieExpectation {
    /// A Set-Cookie for it came in this step.
    pub set: Option<bool>,
    /// It is in the jar after the step.
    pub stored: Option<bool>,
    /// The step's last request carried it.
    pub sent: Option<bool>,
    /// A Set-Cookie of this step removed it from the jar.
    pub deleted: Option<bool>,
    /// The value, as bytes that happen to be text.
    pub value: Option<Matcher>,
    /// `Max-Age` of the Set-Cookie in seconds.
    pub max_age: Option<Matcher>,
    /// `Path` as stored.
    pub path: Option<Matcher>,
    /// `Domain` as sent; absent for a host-only cookie.
    pub domain: Option<Matcher>,
    /// `Secure`.
    pub secure: Option<bool>,
    /// `HttpOnly`.
    pub http_only: Option<bool>,
    /// `SameSite` as declared; absent when the Set-Cookie has none.
    pub same_site: Option<Matcher>,
    /// Chromium's word for why it was not stored or not sent.
    pub blocked: Option<Matcher>,
}

/// A value kept under a name for later steps.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The name that templates use.
    pub name: String,
    /// Where the value comes from.
    pub from: CaptureFrom,
    /// How it stands to values that earlier steps captured under this name.
    pub beside: Vec<Beside>,
    /// Where the scenario asks for it.
    pub span: Span,
}

/// How a captured value stands to one that an earlier step captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The id of the earlier step.
    pub step: String,
    /// Whether the two are the same, and not different.
    pub same: bool,
}

/// Where a capture's value comes from.
#[derive(Debug, Clone)]
pub enum CaptureFrom {
    /// The first match in the JSON body.
    Json(JsonPath),
    /// A response header.
    Header(String),
    /// The value of a cookie in the jar for the step's last URL, or else of the step's last Set-Cookie with that name.
    Cookie(String),
    /// A URL or a part of one.
    Url(UrlPart),
    /// The redirect target or a part of it.
    Redirect(UrlPart),
    /// The first group (or the whole match) of an expression in the body.
    Body(Regex),
    /// The first group (or the whole match) of an expression in the visible text.
    Text(Regex),
    /// A key of the page's `localStorage`.
    Local(String),
    /// A key of the page's `sessionStorage`.
    Session(String),
    /// The status.
    Status,
}

/// A URL or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlPart {
    /// All of it.
    Whole,
    /// A parameter of the query or, without one there, of the fragment.
    Query(String),
}
