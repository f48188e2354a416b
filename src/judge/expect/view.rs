//! One step and what an expectation can see of it.

use crate::judge::text::{SHOWN, count, shown, shown_bytes};
use crate::trace::{BrowserEvent, BrowserEventKind, Cause, Chain, Hop, Resource, Response, StepRecord};
use crate::web::oauth::ErrorParams;
use url::Url;

/// How much of an answer a note shows, in characters.
const SAID: usize = 200;

/// A step's record, its hops, and the hop whose response is meant by "the response".
pub(super) struct View<'a> {
    pub(super) chain: &'a Chain,
    pub(super) record: &'a StepRecord,
    pub(super) index: usize,
    /// Hops of the step and of the steps nested in it, in order.
    pub(super) hops: Vec<&'a Hop>,
    last: Option<&'a Hop>,
}

/// Whether a hop counts: not what a browser asks beside it, which another engine or another browser leaves out.
fn is_seen(hop: &Hop) -> bool {
    !matches!(hop.resource, Resource::Preflight | Resource::Asset)
}

impl<'a> View<'a> {
    pub(super) fn new(chain: &'a Chain, index: usize) -> Option<Self> {
        let record = chain.steps.get(index)?;
        Some(Self {
            chain,
            record,
            index,
            hops: chain.hops_within(index).into_iter().filter(|hop| is_seen(hop)).collect(),
            last: chain.response_hop(index),
        })
    }

    /// The hop whose response is judged.
    pub(super) fn hop(&self) -> Option<&'a Hop> {
        self.last
    }

    pub(super) fn response(&self) -> Option<&'a Response> {
        self.last?.response()
    }

    /// Why nothing of the step can be judged: it failed before it made any request.
    pub(super) fn could_not_be_done(&self) -> Option<String> {
        if self.hops.is_empty() { self.record.error.as_deref().map(|error| shown(error, SHOWN)) } else { None }
    }

    /// Why there is no response, when there is none.
    pub(super) fn no_response(&self) -> Option<String> {
        match self.last {
            None => Some("no response: no request was made yet".to_owned()),
            Some(hop) => hop.outcome.as_ref().err().map(|failure| format!("no response: {}", shown(&failure.message, SHOWN))),
        }
    }

    /// Errors of the page's scripts, in order.
    pub(super) fn script_errors(&self) -> impl Iterator<Item = &'a BrowserEvent> {
        self.chain.events_within(self.index).filter(|event| event.kind.is_error())
    }

    /// What the page asked last.
    pub(super) fn last_dialog(&self) -> Option<&'a str> {
        let dialogs = self.chain.events_within(self.index).filter(|event| event.kind == BrowserEventKind::Dialog);
        dialogs.last().map(|event| event.text.as_str())
    }

    /// A response header; several values are joined as RFC 9110 §5.3 allows, Set-Cookie by line breaks (it cannot be joined by commas).
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.response()?.headers.get_all(name).map(String::from_utf8_lossy).collect();
        let separator = if name.eq_ignore_ascii_case("set-cookie") { "\n" } else { ", " };
        if values.is_empty() { None } else { Some(values.join(separator)) }
    }

    /// Where the step ended: the deep link or page of a navigation, the last request of an HTTP step.
    pub(super) fn ended_at(&self) -> Option<String> {
        if let Some(hop) = self.last
            && root(self.chain, hop).cause.is_by_hand()
        {
            return Some(hop.request.url.to_string());
        }
        let page = || self.record.page.as_ref().map(Url::to_string);
        let request = || self.last.map(|hop| hop.request.url.to_string());
        self.record.deep_link.clone().or_else(page).or_else(request)
    }

    /// The origin the step ended at; a custom scheme has none.
    pub(super) fn origin(&self) -> Option<String> {
        let origin = Url::parse(&self.ended_at()?).ok()?.origin();
        origin.is_tuple().then(|| origin.ascii_serialization())
    }

    /// The OAuth `error` of the redirect target or, without one, of the URL the step ended at.
    pub(super) fn oauth_error(&self) -> Option<String> {
        let target = self.last.and_then(Hop::redirect_target);
        let ended = || self.ended_at();
        let params = |text: String| ErrorParams::from_url(&Url::parse(&text).ok()?);
        target.and_then(params).or_else(|| ended().and_then(params)).map(|params| params.error)
    }

    /// An error that an earlier hop of the step carried: people look for it there when it is not at the end.
    pub(super) fn oauth_error_note(&self) -> Option<String> {
        let carried = |hop: &&Hop| {
            let target = hop.redirect_target()?;
            Some((hop.id, ErrorParams::from_url(&Url::parse(&target).ok()?)?.error))
        };
        match self.hops.iter().find_map(carried) {
            Some((id, error)) => Some(format!("hop {id} redirected with error `{}`", shown(&error, 80))),
            None => self.ended_at().map(|url| format!("the step ended at {}", shown(&url, 200))),
        }
    }

    /// What the last response was: helps where a page is not as expected.
    pub(super) fn status_note(&self) -> Option<String> {
        if let Some(error) = &self.record.error {
            return Some(shown(error, SHOWN));
        }
        let hop = self.last?;
        match &hop.outcome {
            Ok(response) => {
                Some(format!("hop {} {} {} answered {}", hop.id, hop.request.method, shown(hop.request.url.as_str(), 200), response.status))
            }
            Err(failure) => Some(format!("hop {} got no response: {}", hop.id, shown(&failure.message, 200))),
        }
    }

    /// What the answer says: the reason for a status that was not expected most often stands in it.
    pub(super) fn answer_note(&self) -> Option<String> {
        let response = self.response()?;
        let body = &response.body.bytes;
        let of_this_step = self.hops.iter().any(|hop| Some(hop.id) == self.last.map(|last| last.id));
        let page = self.record.text.as_deref().filter(|text| of_this_step && !text.is_empty());
        match page.filter(|_| response.headers.content_type().is_some_and(|kind| kind.is_html())) {
            Some(text) => Some(format!("the page reads “{}”", shown(text, SAID))),
            None if body.is_empty() || std::str::from_utf8(body).is_err() => None,
            None => Some(format!("the answer reads `{}`", shown_bytes(body, SAID))),
        }
    }

    pub(super) fn slowest_note(&self) -> Option<String> {
        let hop = self.hops.iter().max_by_key(|hop| hop.timings.total)?;
        Some(format!(
            "the slowest of {} was hop {} ({}) with {} ms",
            count(self.hops.len(), "hop"),
            hop.id,
            shown(hop.request.url.path(), 120),
            hop.timings.total.as_millis()
        ))
    }

    pub(super) fn hops_note(&self) -> Option<String> {
        let list: Vec<_> = self.hops.iter().take(12).map(|hop| format!("{} {}", hop.request.method, hop.request.url.path())).collect();
        if list.is_empty() { None } else { Some(shown(&list.join(" → "), SHOWN)) }
    }

    /// What the body is, for a failure of something that needs another kind of body.
    pub(super) fn body_note(&self) -> Option<String> {
        let response = self.response()?;
        let kind = response.headers.get("content-type").map_or_else(|| "no content type".to_owned(), |value| shown_bytes(value, 80));
        let body = &response.body.bytes;
        if body.is_empty() {
            return Some(format!("the body is empty ({kind})"));
        }
        let cut = if response.body.truncated { ", cut" } else { "" };
        Some(format!("the body is no JSON ({kind}, {} bytes{cut}); it begins `{}`", body.len(), shown_bytes(body, 60)))
    }
}

/// The hop that began the row of redirects that `hop` belongs to.
fn root<'a>(chain: &'a Chain, hop: &'a Hop) -> &'a Hop {
    let mut hop = hop;
    // Causes point backwards; a chain that says otherwise (an odd HAR) must not turn this into a loop.
    while let Cause::Redirect(from) = hop.cause
        && from < hop.id
        && let Some(earlier) = chain.hop(from)
    {
        hop = earlier;
    }
    hop
}
