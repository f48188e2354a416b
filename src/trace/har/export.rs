//! One hop as an entry.

use super::own::{OwnEntry, OwnLog, OwnStep};
use crate::trace::{AnsweredBy, Chain, Hop, Resource};
use crate::web::har::redact::Pseudonyms;
use crate::web::har::{Content, Cookie, Entry, Pair, PostData, Request, Response, Timings};
use crate::web::headers::{Headers, escape};
use base64::Engine as _;
use serde_json::Value;
use std::time::Duration;
use time::format_description::well_known::Rfc3339;

/// A hop as an entry, what is secret in it replaced: first by pseudonyms, then by `text`, which every text goes through.
#[must_use]
pub fn entry(hop: &Hop, pseudonyms: &mut Pseudonyms, text: &dyn Fn(&str) -> String) -> Entry {
    let response = hop.outcome.as_ref();
    let request = &hop.request;
    let posted = (!request.body.is_empty()).then(|| {
        let (body, encoding) = written(&request.body);
        PostData { mime_type: field(&request.headers, "content-type"), params: Vec::new(), text: body, encoding }
    });
    let mut entry = Entry {
        pageref: Some(page(hop.step)),
        started_date_time: hop.started.format(&Rfc3339).unwrap_or_default(),
        time: milliseconds(hop.timings.total),
        request: Request {
            method: request.method.clone(),
            url: request.url.to_string(),
            http_version: response.map_or("HTTP/1.1", |response| response.version).to_owned(),
            cookies: hop
                .sent
                .iter()
                .map(|cookie| Cookie { name: lossy(&cookie.name), value: lossy(&cookie.value), ..Cookie::default() })
                .collect(),
            headers: pairs(&request.headers),
            query_string: request.url.query_pairs().map(|(name, value)| Pair::new(name, value)).collect(),
            post_data: posted,
            headers_size: -1.0,
            body_size: request.body.len() as f64,
        },
        resource_type: Some(resource_type(hop.resource).to_owned()),
        timings: timings(hop),
        ..Entry::default()
    };
    match response {
        Ok(response) => {
            let (body, encoding) = written(&response.body.bytes);
            entry.response = Response {
                status: f64::from(response.status),
                http_version: response.version.to_owned(),
                cookies: hop
                    .set
                    .iter()
                    .map(|set| Cookie { name: lossy(&set.name), value: lossy(&set.value), ..Cookie::default() })
                    .collect(),
                headers: pairs(&response.headers),
                redirect_url: field(&response.headers, "location"),
                content: Content {
                    size: response.body.bytes.len() as f64,
                    mime_type: field(&response.headers, "content-type"),
                    text: (!body.is_empty()).then_some(body),
                    encoding,
                },
                headers_size: -1.0,
                body_size: -1.0,
                from_service_worker: response.by == AnsweredBy::ServiceWorker,
                ..Response::default()
            };
            entry.from_cache = match response.by {
                AnsweredBy::Cache => Some("disk".to_owned()),
                AnsweredBy::Prefetch => Some("prefetch".to_owned()),
                AnsweredBy::Server | AnsweredBy::ServiceWorker => None,
            };
        }
        Err(failure) => entry.response.error = Some(failure.message.clone()),
    }
    pseudonyms.entry(&mut entry);
    texts(&mut entry, text);
    entry.authchain = serde_json::to_value(OwnEntry::of(hop, &|told| text(&pseudonyms.text(told)))).ok();
    entry
}

/// What stands under `_authchain` of the log: the steps, and what else the caller has to tell.
#[must_use]
pub fn log(chain: &Chain, text: &dyn Fn(&str) -> String, url: &dyn Fn(&str) -> String, more: serde_json::Map<String, Value>) -> Value {
    let own = OwnLog { steps: chain.steps.iter().map(|step| OwnStep::of(step, text, url)).collect() };
    let mut value = serde_json::to_value(own).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        map.extend(more);
    }
    value
}

/// The page that a step stands for.
fn page(step: usize) -> String {
    format!("step_{}", step + 1)
}

fn resource_type(resource: Resource) -> &'static str {
    match resource {
        Resource::Document | Resource::Frame => "document",
        Resource::Fetch => "fetch",
        Resource::Preflight => "preflight",
        Resource::Asset => "other",
    }
}

fn texts(entry: &mut Entry, text: &dyn Fn(&str) -> String) {
    let apply = |place: &mut String| *place = text(place);
    apply(&mut entry.request.url);
    let pairs = entry.request.headers.iter_mut().chain(&mut entry.request.query_string).chain(&mut entry.response.headers);
    pairs.for_each(|pair| apply(&mut pair.value));
    entry.request.cookies.iter_mut().chain(&mut entry.response.cookies).for_each(|cookie| apply(&mut cookie.value));
    entry.request.post_data.iter_mut().for_each(|data| apply(&mut data.text));
    entry.response.content.text.iter_mut().for_each(apply);
    entry.response.error.iter_mut().for_each(apply);
    apply(&mut entry.response.redirect_url);
}

fn pairs(headers: &Headers) -> Vec<Pair> {
    headers.iter().map(|header| Pair::new(header.name.as_str(), lossy(&header.value))).collect()
}

fn field(headers: &Headers, name: &str) -> String {
    headers.get(name).map(lossy).unwrap_or_default()
}

/// Bytes as the format can hold them: what is no UTF-8 is escaped.
fn lossy(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => escape(bytes).into_owned(),
    }
}

/// A body as text, or in base64 when it is none.
fn written(bytes: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (base64::engine::general_purpose::STANDARD.encode(bytes), Some("base64".to_owned())),
    }
}

fn timings(hop: &Hop) -> Timings {
    let times = &hop.timings;
    let known = times.dns + times.tcp + times.tls + times.first_byte;
    Timings {
        blocked: -1.0,
        dns: milliseconds(times.dns),
        connect: milliseconds(times.tcp + times.tls),
        ssl: milliseconds(times.tls),
        send: 0.0,
        wait: milliseconds(times.first_byte),
        receive: milliseconds(times.total.saturating_sub(known)),
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
