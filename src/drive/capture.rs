//! Values kept for later steps, read from what a step left behind.

use super::error::StepError;
use crate::plan::{Capture, CaptureFrom, UrlPart};
use crate::trace::{Cause, Chain, Hop, StepRecord, WebStorage};
use crate::web::cookie::Jar;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Most names that a message lists.
const LISTED: usize = 20;

/// What a capture can look at: a step's record, and its last hop or, for a step without one, the actor's last before it.
struct Facts<'a> {
    record: &'a StepRecord,
    last: Option<&'a Hop>,
    hops: Vec<&'a Hop>,
    chain: &'a Chain,
    jar: &'a Jar,
}

/// The values of all captures of the step whose record is `chain.steps[index]`.
///
/// # Errors
/// The first capture that finds nothing, with what there was instead.
pub(crate) fn read(captures: &[Capture], chain: &Chain, index: usize, jar: &Jar) -> Result<Vec<(String, Value)>, StepError> {
    let Some(facts) = Facts::of(chain, index, jar) else { return Ok(Vec::new()) };
    captures
        .iter()
        .map(|capture| match facts.find(&capture.from) {
            Ok(value) => Ok((capture.name.clone(), value)),
            Err(why) => Err(StepError::Capture { name: capture.name.clone(), why }),
        })
        .collect()
}

impl<'a> Facts<'a> {
    fn of(chain: &'a Chain, index: usize, jar: &'a Jar) -> Option<Self> {
        let record = chain.steps.get(index)?;
        Some(Self { record, last: chain.response_hop(index), hops: chain.hops_within(index), chain, jar })
    }

    fn find(&self, from: &CaptureFrom) -> Result<Value, String> {
        match from {
            CaptureFrom::Json(path) if self.record.value.is_some() => {
                let value = self.record.value.as_ref().unwrap_or(&Value::Null);
                path.query(value).first().cloned().ok_or_else(|| format!("`{path}` is not in what the step came to, {}", outline(value)))
            }
            CaptureFrom::Json(path) => {
                let response = self.response()?;
                let kind =
                    response.headers.content_type().map_or_else(|| "no content type".to_owned(), |kind| format!("`{}`", kind.essence));
                let body =
                    response.body.json().ok_or_else(|| format!("the body is no JSON ({kind}, {} bytes)", response.body.bytes.len()))?;
                path.query(&body).first().cloned().ok_or_else(|| format!("`{path}` is not in the body, {}", outline(&body)))
            }
            CaptureFrom::Header(name) => {
                let headers = &self.response()?.headers;
                let values: Vec<_> = headers.get_all(name).map(String::from_utf8_lossy).collect();
                if values.is_empty() {
                    let names = headers.iter().map(|header| header.name.clone()).collect();
                    return Err(format!("the response has no header `{name}`; it has {}", list(&names)));
                }
                // RFC 9110 §5.3; Set-Cookie cannot be joined by commas.
                Ok(values.join(if name.eq_ignore_ascii_case("set-cookie") { "\n" } else { ", " }).into())
            }
            CaptureFrom::Cookie(name) => self.cookie(name),
            CaptureFrom::Url(part) => {
                let url = self.ended_at().ok_or("the actor has been nowhere yet")?;
                part_of(&url, part, "the URL")
            }
            CaptureFrom::Redirect(part) => {
                let hop = self.last.ok_or("no request was made yet")?;
                let Some(target) = hop.redirect_target() else {
                    let status = hop.status().map_or_else(|| "no response".to_owned(), |status| format!("status {status}"));
                    return Err(format!("hop {} is no redirect ({status}); a redirect that was followed has a hop after it", hop.id));
                };
                part_of(&target, part, "the redirect target")
            }
            CaptureFrom::Body(pattern) => {
                let response = self.response()?;
                group(pattern, &response.body.text())
                    .ok_or_else(|| format!("`{pattern}` matches nowhere in the body of {} bytes", response.body.bytes.len()))
            }
            CaptureFrom::Text(pattern) => {
                let text = self.record.text.as_deref().ok_or("the actor has no page")?;
                group(pattern, text)
                    .ok_or_else(|| format!("`{pattern}` matches nowhere in the page's text of {} characters", text.chars().count()))
            }
            CaptureFrom::Local(key) => self.kept(key, "localStorage", |storage| &storage.local),
            CaptureFrom::Session(key) => self.kept(key, "sessionStorage", |storage| &storage.session),
            CaptureFrom::Status => Ok(self.response()?.status.into()),
        }
    }

    /// What the page keeps under a key of its web storage.
    fn kept(&self, key: &str, what: &str, part: impl Fn(&WebStorage) -> &BTreeMap<String, String>) -> Result<Value, String> {
        let storage = part(self.record.storage.as_ref().ok_or("the actor has no page in a real browser")?);
        let found = storage.get(key).map(|value| value.as_str().into());
        found.ok_or_else(|| format!("there is no `{key}` in {what}; it has {}", list(&storage.keys().cloned().collect())))
    }

    fn response(&self) -> Result<&'a crate::trace::Response, String> {
        let hop = self.last.ok_or("no request was made yet")?;
        hop.outcome.as_ref().map_err(|failure| format!("there is no response: {}", failure.message))
    }

    /// The jar's value for the step's last URL, or else that of the step's last Set-Cookie.
    fn cookie(&self, name: &str) -> Result<Value, String> {
        let url = self.last.map(|hop| &hop.request.url).or(self.record.page.as_ref()).ok_or("no request was made yet")?;
        if let Some(cookie) = self.jar.get(url, name) {
            return Ok(text(cookie.value.as_bytes()));
        }
        let set = self.hops.iter().rev().flat_map(|hop| hop.set.iter().rev()).find(|set| *set.name == *name.as_bytes());
        set.map(|set| text(&set.value)).ok_or_else(|| {
            let host = url.host_str().unwrap_or_default();
            let names = self.jar.for_host(host).map(|cookie| String::from_utf8_lossy(cookie.key.name.as_bytes()).into_owned()).collect();
            format!("there is no cookie `{name}` for `{host}`; the jar has {}", list(&names))
        })
    }

    /// Where the step ended: the last request of an HTTP step; the deep link or the page of any other.
    fn ended_at(&self) -> Option<String> {
        let request = self.last.map(|hop| hop.request.url.to_string());
        if self.last.is_some_and(|hop| self.root(hop).cause.is_by_hand()) {
            return request;
        }
        self.record.deep_link.clone().or_else(|| self.record.page.as_ref().map(Url::to_string)).or(request)
    }

    /// The hop that began the row of redirects that `hop` belongs to.
    fn root(&self, mut hop: &'a Hop) -> &'a Hop {
        while let Cause::Redirect(from) = hop.cause
            && from < hop.id
            && let Some(earlier) = self.chain.hop(from)
        {
            hop = earlier;
        }
        hop
    }
}

fn part_of(url: &str, part: &UrlPart, what: &str) -> Result<Value, String> {
    let UrlPart::Query(name) = part else { return Ok(url.into()) };
    let parsed = Url::parse(url).map_err(|error| format!("{what} is no URL: {error}"))?;
    let fragment = parsed.fragment().unwrap_or_default();
    let pairs = || parsed.query_pairs().chain(url::form_urlencoded::parse(fragment.as_bytes()));
    match pairs().find(|(known, _)| known == name) {
        Some((_, value)) => Ok(value.into_owned().into()),
        None => {
            let names = parsed.query_pairs().map(|(name, _)| name.into_owned()).collect();
            Err(format!("{what} `{}` has no parameter `{name}`; it has {}", super::http::shown(&parsed), list(&names)))
        }
    }
}

/// The first group of a match, or all of it when there is no group.
fn group(pattern: &Regex, text: &str) -> Option<Value> {
    let found = pattern.captures(text)?;
    found.get(1).or_else(|| found.get(0)).map(|part| part.as_str().into())
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// The shape of a JSON value in a few words: names, never values.
fn outline(value: &Value) -> String {
    match value {
        Value::Object(map) => format!("an object with {}", list(&map.keys().cloned().collect())),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Null => "which is `null`".to_owned(),
        Value::Bool(_) => "which is a boolean".to_owned(),
        Value::Number(_) => "which is a number".to_owned(),
        Value::String(_) => "which is a string".to_owned(),
    }
}

fn list(names: &BTreeSet<String>) -> String {
    let mut shown: Vec<_> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    if names.len() > LISTED {
        shown.push(format!("{} more", names.len() - LISTED));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
