//! What went wrong on the way to a response, said so that a person can act on it.

use super::connector::{MAX_HEAD, MAX_HEADERS};
use crate::trace::{Failure, FailureKind};
use std::error::Error;
use std::io;
use std::time::Duration;
use url::Url;

/// A failure with a message.
pub(super) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into() }
}

/// Why hyper gave up; `what` says on what, such as ``the answer of `https://app.test` ``.
pub(super) fn of_hyper(error: &hyper::Error, what: &str) -> Failure {
    if error.is_parse_too_large() {
        let kib = MAX_HEAD / 1024;
        return failure(
            FailureKind::Malformed,
            format!("the head of {what} is over the limit of {MAX_HEADERS} header fields or {kib} KiB"),
        );
    }
    if error.is_parse_version_h2() {
        return failure(FailureKind::Malformed, format!("{what} is HTTP/2, though HTTP/1.1 was agreed"));
    }
    if error.is_parse_status() || error.is_parse() {
        return failure(
            FailureKind::Malformed,
            format!("{what} is no valid HTTP: {error} (a header with control characters, or bytes that are no head at all)"),
        );
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return failure(FailureKind::Broken, format!("the connection was closed before {what} was complete"));
    }
    if let Some(io) = source::<io::Error>(error) {
        return of_io(io, what);
    }
    // What remains is HTTP/2, whose error type is not public here. Its words for what this side found wrong are "error
    // detected", for what the other side said "error received".
    let cause = error.source().map(ToString::to_string).unwrap_or_else(|| error.to_string());
    let kind = if cause.contains("error detected") { FailureKind::Malformed } else { FailureKind::Broken };
    failure(kind, format!("the connection broke before {what} was complete: {}", bounded(&cause)))
}

/// The first 200 characters: HTTP/2 lets a server put any text into its good-bye (RFC 9113 §6.8).
fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn of_io(error: &io::Error, what: &str) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            failure(FailureKind::Broken, format!("the connection was reset before {what} was complete"))
        }
        // rustls: the peer closed TCP without the closing alert of TLS (RFC 8446 §6.1).
        io::ErrorKind::UnexpectedEof => {
            failure(FailureKind::Broken, format!("the connection was cut off without a TLS closing alert before {what} was complete"))
        }
        _ => failure(FailureKind::Broken, format!("the connection broke before {what} was complete: {error}")),
    }
}

/// No answer in time.
pub(super) fn timed_out(url: &Url, waited: Duration, head_came: bool) -> Failure {
    let part = if head_came { "the body of the answer did not end" } else { "no answer came" };
    failure(
        FailureKind::Timeout,
        format!(
            "{part} from `{}` within {:.1} s; raise `timeout` if it needs longer",
            url.origin().ascii_serialization(),
            waited.as_secs_f64()
        ),
    )
}

/// The first error of type `E` among `error` and its sources.
fn source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A URL for messages: query values and fragments may be codes and tokens, so only the names of parameters are shown.
pub(crate) fn shown(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_fragment(None);
    bare.set_query(None);
    // Neither fails: a URL that can have no user name has none.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    let mut text = bare.to_string();
    for (at, (name, _)) in url.query_pairs().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(&name);
        text.push_str("=…");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_keeps_its_shape_and_loses_its_values() {
        let url = Url::parse("https://me:pw@app.test/callback?code=secret&state=s#token=t").unwrap();
        assert_eq!(shown(&url), "https://app.test/callback?code=…&state=…");
    }
}
