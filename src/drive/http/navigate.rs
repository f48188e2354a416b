//! Navigations: from a URL, link or form to the page that stays, over redirects, forms that submit themselves and
//! refreshes.

use super::follow::{Arrival, End, Errand};
use super::headers::Source;
use super::referrer::Policy;
use crate::drive::actor::Actor;
use crate::drive::error::StepError;
use crate::drive::steps::Session;
use crate::trace::Cause;
use crate::web::headers::ContentType;
use crate::web::html::{ElementId, Page, Submission};
use crate::web::origin::Origin;
use crate::web::redirect::Refresh;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Longest visible text that is kept of a page, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// A refresh after more than this is for a person who reads the page first.
const PROMPT_REFRESH: Duration = Duration::from_secs(5);
/// Pages in a row that may send the browser on by themselves.
const MAX_SELF_SENT: usize = 10;

/// What an actor's browser shows, and what it showed before.
#[derive(Default)]
pub(crate) struct Tab {
    /// The page, if one was ever loaded.
    pub(super) current: Option<Document>,
    /// The requests of the pages before it, the oldest first.
    pub(super) history: Vec<Errand>,
    /// The custom-scheme URL that the last navigation ended at.
    pub(super) deep_link: Option<String>,
}

/// A loaded page.
pub(super) struct Document {
    /// Its URL.
    pub(super) url: Url,
    /// The request that brought it, for a reload.
    pub(super) errand: Errand,
    /// Its content, when it is HTML.
    pub(super) page: Option<Page>,
    /// Its content type, for messages.
    pub(super) content_type: String,
    pub(super) title: Option<String>,
    /// Visible text, white space folded, at most [`MAX_TEXT`].
    pub(super) text: String,
    pub(super) policy: Policy,
    /// The field that was filled last, where Enter is pressed.
    pub(super) focus: Option<ElementId>,
}

/// What a real browser shows.
pub(crate) struct Seen {
    pub(crate) url: Url,
    pub(crate) title: Option<String>,
    /// Visible text, white space folded.
    pub(crate) text: String,
}

impl Tab {
    /// Shows what a real browser shows: HTTP steps come from that page.
    pub(crate) fn see(&mut self, seen: Seen) {
        let Seen { url, title, text } = seen;
        let errand = Errand::navigation(Cause::Open, http::Method::GET, url.clone(), None, true);
        let (content_type, policy) = ("not known".to_owned(), Policy::default());
        self.current = Some(Document { url, errand, page: None, content_type, title, text, policy, focus: None });
    }

    /// The last navigation ended at this custom-scheme URL, or at none.
    pub(crate) fn left(&mut self, deep_link: Option<String>) {
        self.deep_link = deep_link;
    }

    /// The page's URL, title, text, and the deep link, for the record.
    pub(crate) fn shown(&self) -> (Option<Url>, Option<String>, Option<String>, Option<String>) {
        let page = self.current.as_ref();
        (
            page.map(|page| page.url.clone()),
            page.and_then(|page| page.title.clone()),
            page.map(|page| page.text.clone()),
            self.deep_link.clone(),
        )
    }

    /// What requests from the page say about where they come from.
    pub(super) fn source(&self) -> Option<Source> {
        let page = self.current.as_ref()?;
        let origin = Origin::of(&page.url).ok()?;
        Some(Source { origin, referrer: Some(page.url.clone()), policy: page.policy })
    }
}

/// What becomes of the page before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// It goes into the history.
    Kept,
    /// The new page takes its place.
    Replaced,
}

impl Session<'_> {
    /// Sends a navigation, follows where pages send it by themselves, and shows what it ends at.
    pub(super) async fn navigate(
        &self,
        actor: &Actor,
        step: usize,
        errand: Errand,
        before: Before,
        deadline: Instant,
    ) -> Result<(), StepError> {
        let (mut errand, mut before) = (errand, before);
        for _ in 0..=MAX_SELF_SENT {
            actor.tab().deep_link = None;
            let arrival = match self.send(actor, step, errand, deadline).await? {
                End::Arrived(arrival) => arrival,
                End::DeepLink(link) => {
                    actor.tab().deep_link = Some(link);
                    return Ok(());
                }
            };
            if !makes_a_page(&arrival) {
                return Ok(());
            }
            let header = arrival.headers.get_str("refresh").map(str::to_owned);
            let document = Document::of(*arrival);
            let next = onward(&document, header.as_deref());
            let source = {
                let mut tab = actor.tab();
                tab.show(document, before);
                tab.source()
            };
            before = Before::Replaced;
            errand = match (next, source) {
                (Some(Next::Form(submission)), Some(source)) => submitted(submission, Cause::AutoForm, source, false),
                (Some(Next::Refresh(refresh)), source) => {
                    let at = Instant::now() + Duration::from_secs(refresh.delay);
                    tokio::time::sleep_until(at.min(deadline)).await;
                    Errand::navigation(Cause::Refresh, http::Method::GET, refresh.url, source, false)
                }
                _ => return Ok(()),
            };
        }
        Err(StepError::TooManyPages(MAX_SELF_SENT))
    }
}

/// The request of a submitted form.
pub(super) fn submitted(submission: Submission, cause: Cause, source: Source, activated: bool) -> Errand {
    let method = if submission.method.as_str() == "POST" { http::Method::POST } else { http::Method::GET };
    let mut errand = Errand::navigation(cause, method, submission.url, Some(source), activated);
    errand.body = submission.body.into();
    errand.set_content_type(submission.content_type);
    errand
}

/// Whether a browser replaces its page by this response (HTML §7.4.2.2: not for 204, 205 and downloads).
fn makes_a_page(arrival: &Arrival) -> bool {
    let disposition = arrival.headers.get("content-disposition").unwrap_or_default();
    let kind = disposition.split(|&byte| byte == b';').next().unwrap_or_default();
    !matches!(arrival.status, 204 | 205) && !kind.trim_ascii().eq_ignore_ascii_case(b"attachment")
}

/// Where a page goes by itself.
enum Next {
    Form(Submission),
    Refresh(Refresh),
}

impl Tab {
    fn show(&mut self, document: Document, before: Before) {
        let old = self.current.replace(document);
        if let Some(old) = old
            && before == Before::Kept
            && self.current.as_ref().is_none_or(|new| new.url != old.url)
        {
            self.history.push(old.errand);
        }
    }
}

impl Document {
    fn of(arrival: Arrival) -> Self {
        let policy = arrival.referrer_policy();
        let Arrival { errand, headers, body, .. } = arrival;
        let url = errand.url.clone();
        let kind = headers.content_type();
        let html = kind.as_ref().map_or_else(|| looks_like_html(&body.bytes), ContentType::is_html);
        let content_type = kind.map_or_else(|| "not given".to_owned(), |kind| format!("`{}`", kind.essence));
        let page = html.then(|| Page::parse(&body.text(), &url));
        let text = match &page {
            Some(page) => folded(&page.text()),
            // A browser shows text and JSON as they are.
            None => std::str::from_utf8(&body.bytes).map(folded).unwrap_or_default(),
        };
        let title = page.as_ref().and_then(Page::title);
        Self { url, errand, page, content_type, title, text, policy, focus: None }
    }
}

/// Where a page goes by itself, and soon. One that only asks for itself again is left alone: that is a page that waits.
fn onward(document: &Document, header: Option<&str>) -> Option<Next> {
    let page = document.page.as_ref();
    if let Some(submission) = page.and_then(Page::auto_submit) {
        return Some(Next::Form(submission));
    }
    let base = page.map_or(&document.url, Page::base);
    let refresh = header.and_then(|value| Refresh::parse(value, &document.url, base)).or_else(|| page.and_then(Page::refresh))?;
    let prompt = refresh.delay <= PROMPT_REFRESH.as_secs();
    (prompt && refresh.url != document.url && matches!(refresh.url.scheme(), "http" | "https")).then_some(Next::Refresh(refresh))
}

/// MIME Sniffing §7.1, as far as a login page needs it.
fn looks_like_html(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<!--"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

/// White space folded into single spaces, cut at a character below [`MAX_TEXT`].
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if out.len() + word.len() >= MAX_TEXT {
            let room = MAX_TEXT.saturating_sub(out.len() + 1);
            out.push(' ');
            out.push_str(&word[..word.floor_char_boundary(room)]);
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
