//! A recorded answer as it goes out again.
//!
//! Bytes stay as they were recorded but for what belongs to that one transfer (its coding and its length), live values that
//! stand for recorded ones, and dates of cookies, which are moved so that each lives as long as it did then.

use super::live::Live;
use super::recording::Answer;
use crate::topology::transport::Transport;
use crate::web::cookie::parse_cookie_date;
use crate::web::headers::ContentType;
use axum::body::Body;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use time::OffsetDateTime;
use time::macros::format_description;

/// Fields that are about one transfer, or that would have the browser tell somebody else about it. `Date` is set anew: with the
/// old one browsers would take a cookie's expiry for long ago.
const LEFT_OUT: [&str; 16] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-encoding",
    "content-range",
    "date",
    "age",
    "alt-svc",
    "report-to",
    "nel",
];

/// The answer at `now`. `cached` says whether the request asked only for what changed (RFC 9110 §13.1).
pub(super) fn render(answer: &Answer, live: &Live, now: OffsetDateTime, cached: bool) -> Response<Body> {
    // A browser that has nothing in its cache gets what the recorded one had in its own.
    let status = if answer.status == 304 && !cached { 200 } else { answer.status };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for header in answer.headers.iter() {
        let Ok(name) = header.name.parse::<HeaderName>() else { continue };
        if LEFT_OUT.contains(&name.as_str()) || name.as_str().starts_with("x-authchain-") {
            continue;
        }
        let mut value = live.fill(&header.value).into_owned();
        if name == SET_COOKIE
            && let Some(moved) = moved(&value, answer.at, now)
        {
            value = moved;
        }
        if name == CONTENT_TYPE && answer.as_text {
            value = in_utf8(value);
        }
        // A value with control characters cannot have come over the wire as it stands in the file.
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            response.headers_mut().append(name, value);
        }
    }
    if !matches!(status, 204 | 205 | 304) {
        *response.body_mut() = Body::from(live.fill(&answer.body).into_owned());
    }
    response
}

/// The connection that ended without an answer.
pub(super) fn broken() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Transport::Reset);
    response
}

/// A Set-Cookie line whose `Expires` lies as far from now as it lay from then (RFC 6265bis §5.6.1). `None` where it has none.
fn moved(line: &[u8], then: Option<OffsetDateTime>, now: OffsetDateTime) -> Option<Vec<u8>> {
    let then = then?;
    let mut parts: Vec<Vec<u8>> = line.split(|&byte| byte == b';').map(<[u8]>::to_vec).collect();
    let mut has_moved = false;
    for part in parts.iter_mut().skip(1) {
        let Some(at) = part.iter().position(|&byte| byte == b'=') else { continue };
        if !part[..at].trim_ascii().eq_ignore_ascii_case(b"expires") {
            continue;
        }
        let Some(moved) = parse_cookie_date(&part[at + 1..]).and_then(|expires| now.checked_add(expires - then)) else { continue };
        let format = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        // Years of five digits are no dates of cookies; what lies so far ahead stays where it is.
        let Some(text) = moved.to_offset(time::UtcOffset::UTC).format(&format).ok().filter(|_| (1601..=9999).contains(&moved.year()))
        else {
            continue;
        };
        part.truncate(at + 1);
        part.extend_from_slice(text.as_bytes());
        has_moved = true;
    }
    has_moved.then(|| parts.join(&b';'))
}

/// Exporters write text in UTF-8, whatever the server's coding was.
fn in_utf8(value: Vec<u8>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&value) else { return value };
    match ContentType::parse(text) {
        Some(kind) if text.to_ascii_lowercase().contains("charset=") => format!("{}; charset=utf-8", kind.essence).into_bytes(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::headers::Headers;
    use bytes::Bytes;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-09-01 10:00:00 UTC);

    fn answer(status: u16, fields: &[(&str, &str)]) -> Answer {
        let mut headers = Headers::new();
        fields.iter().for_each(|(name, value)| headers.append(*name, value));
        Answer {
            status,
            headers,
            body: Bytes::from_static(b"state=recorded1"),
            as_text: true,
            at: Some(datetime!(2026-03-01 12:00:00 UTC)),
        }
    }

    #[tokio::test]
    async fn only_what_belongs_to_the_transfer_and_dates_and_live_values_change() {
        let live = Live::default();
        let pair = |value: &str| vec![("state".to_owned(), value.to_owned())];
        live.learn(&pair("recorded1"), &pair("live2"));
        let fields = [
            ("Location", "/cb?state=recorded1"),
            ("Set-Cookie", "sid=a%2Fb==; Expires=Sun, 01 Mar 2026 13:00:00 GMT; Path=/"),
            ("Set-Cookie", "old=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
            ("Set-Cookie", "plain=\"x\"; Max-Age=60"),
            ("Content-Type", "text/html; charset=iso-8859-1"),
            ("Content-Encoding", "br"),
            ("Content-Length", "99"),
            ("Date", "Sun, 01 Mar 2026 12:00:00 GMT"),
            ("X-Odd", "a\u{1}b"),
        ];
        let response = render(&answer(302, &fields), &live, NOW, false);
        let names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["location", "set-cookie", "content-type"]);
        assert_eq!(response.headers()["location"], "/cb?state=live2");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(cookies[0], "sid=a%2Fb==; Expires=Tue, 01 Sep 2026 11:00:00 GMT; Path=/");
        assert!(cookies[1].starts_with("old=; Expires=") && cookies[1].contains("1970"), "{}", cookies[1]);
        assert_eq!(cookies[2], "plain=\"x\"; Max-Age=60");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(&*body, b"state=live2");
    }

    #[test]
    fn a_browser_without_a_cache_gets_what_the_recorded_one_had() {
        let live = Live::default();
        assert_eq!(render(&answer(304, &[]), &live, NOW, false).status(), 200);
        assert_eq!(render(&answer(304, &[]), &live, NOW, true).status(), 304);
    }
}
