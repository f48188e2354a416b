//! The admin API: JSON over HTTP, to switch faults, move the clock and read what happened while the provider runs.
//!
//! It knows no password, so it believes nobody who is not on this machine's own terms: a request whose Host is a name that
//! somebody else could point here (DNS rebinding) or whose Origin is another page is refused, and no answer may be read by pages.

use super::Alone;
use super::log::timestamp;
use crate::plan::fault::{CATALOGUE, FaultSpec};
use crate::plan::{Fault, Service, duration};
use crate::topology::inbox::{Channel, Message};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// Largest body that is read.
const LARGEST_BODY: usize = 256 * 1024;

/// Calls that are told when nobody says how many.
const CALLS: usize = 100;

/// Furthest that the clock moves in one step.
const FURTHEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Beyond it the clock moves no more.
const LAST_YEAR: i32 = 9000;

/// What there is, for whoever asks for nothing in particular.
const CONTENTS: [(&str, &str, &str); 6] = [
    ("/faults", "GET, PUT, POST, DELETE", "the faults that are on: all of them, all anew, one more, off (?name=…)"),
    ("/faults/catalogue", "GET", "every fault with its arguments"),
    ("/calls", "GET", "the last decisions (?limit=100)"),
    ("/inbox", "GET", "the mail that would have been sent"),
    ("/clock", "GET, POST", "the provider's clock; {\"advance\": \"61s\"} moves it"),
    ("/keys/rotate", "POST", "signs with new keys from now on; the old ones stay published"),
];

pub(super) fn router(alone: Alone) -> Router {
    Router::new().fallback(answer).with_state(alone)
}

/// An answer that is no success.
struct Refusal(StatusCode, String);

type Answer = Result<(StatusCode, Value), Refusal>;

async fn answer(State(alone): State<Alone>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let result = match trusted(parts.uri.authority(), &parts.headers) {
        Err(refusal) => Err(refusal),
        Ok(()) => match to_bytes(body, LARGEST_BODY).await {
            Ok(body) => alone.handle(&parts.method, &path, &query, &body).await,
            Err(_) => Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 256 KiB, or ended early".to_owned())),
        },
    };
    let (status, value) = result.unwrap_or_else(|Refusal(status, error)| (status, json!({ "error": error })));
    let mut response = (status, value.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::METHOD_NOT_ALLOWED
        && let Some((_, methods, _)) = CONTENTS.iter().find(|(known, ..)| *known == path)
    {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    response
}

/// Whether the request can come from nobody but a program or a page of this very address.
fn trusted(authority: Option<&Authority>, headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal(StatusCode::FORBIDDEN, why.to_owned()));
    let host = match (authority, headers.get(HOST)) {
        // HTTP/2 has it in the address alone (RFC 9113 §8.3.1).
        (Some(authority), None) => authority.as_str(),
        (_, Some(host)) => host.to_str().unwrap_or_default(),
        (None, None) => "",
    };
    let name = host.parse::<Authority>().map(|authority| authority.host().trim_matches(['[', ']']).to_owned()).unwrap_or_default();
    if name.parse::<IpAddr>().is_err() && !name.eq_ignore_ascii_case("localhost") {
        return refuse("the Host must be an IP address or localhost");
    }
    let own = format!("http://{host}");
    if headers.get_all(ORIGIN).iter().any(|origin| !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes())) {
        return refuse("pages of other origins may not ask this");
    }
    Ok(())
}

impl Alone {
    async fn handle(&self, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer {
        let faults = self.idp.switchboard();
        match (path, method.as_str()) {
            ("", "GET") => {
                ok(CONTENTS.iter().map(|(path, methods, about)| json!({ "path": path, "methods": methods, "about": about })).collect())
            }
            ("/faults", "GET") => ok(self.faults()),
            ("/faults", "PUT") => {
                let Value::Array(items) = read(body)? else { return bad("a list of faults is wanted") };
                faults.set(items.iter().map(fault).collect::<Result<_, _>>()?);
                ok(self.faults())
            }
            ("/faults", "POST") => {
                faults.add(fault(&read(body)?)?);
                Ok((StatusCode::CREATED, self.faults()))
            }
            ("/faults", "DELETE") => {
                let kind = match parameter(query, "name") {
                    None => None,
                    Some(name) => match FaultSpec::named(&name) {
                        Some(spec) => Some(spec.kind),
                        None => return bad(&format!("unknown fault `{name}`")),
                    },
                };
                faults.clear(kind);
                ok(self.faults())
            }
            ("/faults/catalogue", "GET") => ok(catalogue()),
            ("/calls", "GET") => {
                let limit = parameter(query, "limit").map(|limit| limit.parse()).transpose();
                match limit {
                    Ok(limit) => ok(self.calls.last(limit.unwrap_or(CALLS))),
                    Err(_) => bad("`limit` is a number of calls"),
                }
            }
            ("/inbox", "GET") => ok(self.surroundings.inbox.messages().iter().map(message).collect()),
            ("/clock", "GET") => ok(self.now()),
            ("/clock", "POST") => {
                let told = read(body)?;
                let by = told.get("advance").and_then(Value::as_str).and_then(duration).filter(|by| *by <= FURTHEST);
                let Some(by) = by else { return bad("`advance` is a length of time such as \"61s\", at most ten years") };
                // The calendar ends with the year 9999, and lifetimes have to fit before that.
                let clock = &self.surroundings.clock;
                if clock.now().year() > LAST_YEAR {
                    return bad("the clock is far enough ahead");
                }
                clock.advance(by);
                ok(self.now())
            }
            ("/keys/rotate", "POST") => {
                self.idp.rotate_keys().await;
                ok(json!({ "rotated": true }))
            }
            _ if path.is_empty() || CONTENTS.iter().any(|(known, ..)| *known == path) => {
                Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, format!("{path}/ does not take this method")))
            }
            _ => Err(Refusal(StatusCode::NOT_FOUND, "there is nothing here; `GET /` lists what there is".to_owned())),
        }
    }

    /// The faults that are on, in the form in which they are sent, each with how often it struck.
    fn faults(&self) -> Value {
        let faults = self.idp.switchboard().faults();
        faults.iter().map(|(fault, struck)| json!({ "fault": fault.to_json(), "struck": struck })).collect()
    }

    fn now(&self) -> Value {
        json!({ "now": timestamp(self.surroundings.clock.now()) })
    }
}

fn ok(value: Value) -> Answer {
    Ok((StatusCode::OK, value))
}

fn bad(why: &str) -> Answer {
    Err(Refusal(StatusCode::BAD_REQUEST, why.to_owned()))
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")))
}

fn fault(value: &Value) -> Result<Fault, Refusal> {
    // What `GET /faults` told may be sent back.
    let value = value.get("fault").unwrap_or(value);
    Fault::from_json(value, Service::Idp).map_err(|why| Refusal(StatusCode::BAD_REQUEST, why))
}

fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn message(message: &Message) -> Value {
    let draft = &message.draft;
    json!({
        "at": timestamp(message.at),
        "channel": match draft.channel { Channel::Mail => "mail", Channel::Sms => "sms" },
        "from": draft.from,
        "to": draft.to,
        "subject": draft.subject,
        "text": draft.text,
        "html": draft.html,
    })
}

/// Every fault that the provider knows.
fn catalogue() -> Value {
    let ours = CATALOGUE.iter().filter(|spec| spec.services.contains(&Service::Idp));
    let arguments = |arguments: &[crate::plan::fault::Argument]| -> Value {
        arguments.iter().map(|argument| json!({ "name": argument.name(), "about": argument.about() })).collect()
    };
    ours.map(|spec| json!({ "name": spec.name, "about": spec.about, "needs": arguments(spec.needs), "may": arguments(spec.may) })).collect()
}
