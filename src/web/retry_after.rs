//! When a client that is throttled may come again, in every spelling that is in use.
//!
//! `Retry-After` is standard (RFC 9110 §10.2.3): seconds or a date. Beside it there are `X-Retry-After`, the fields of
//! draft-ietf-httpapi-ratelimit-headers and their forerunners, and members of JSON bodies.

use super::headers::Headers;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// IMF-fixdate (RFC 9110 §5.6.7).
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
/// A number of seconds above this is a moment since 1970.
const MOMENT: f64 = 1_000_000_000.0;
/// Headers with seconds, a date, or a moment, best first.
const HEADERS: [&str; 6] =
    ["retry-after", "x-retry-after", "ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-reset-after"];
/// Members of a body with seconds.
const SECONDS: [&str; 6] = ["retry_after", "retryAfter", "retry_after_seconds", "retryAfterSeconds", "wait", "available_in"];
/// Members of a body with milliseconds.
const MILLISECONDS: [&str; 4] = ["msBeforeNext", "retry_after_ms", "retryAfterMs", "retryAfterMilliseconds"];
/// Where in a body those members are looked for.
const PLACES: [&str; 4] = ["", "/error", "/error/details", "/details"];

/// When to come again, and where that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// A header by name, or a place in the JSON body as a JSON Pointer (RFC 6901).
    pub place: String,
    /// Whole seconds from now, rounded up.
    pub seconds: u64,
}

/// Everything that an answer says about it, the standard header first.
#[must_use]
pub fn said(headers: &Headers, body: Option<&Value>, now: OffsetDateTime) -> Vec<Said> {
    let mut all = Vec::new();
    for name in HEADERS {
        let text = headers.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        all.extend(text.and_then(|text| of_text(text.trim(), now)).map(|seconds| Said { place: name.to_owned(), seconds }));
    }
    // `RateLimit: "default";r=0;t=30` has the time in a parameter.
    let policy = headers.get("ratelimit").map(|value| String::from_utf8_lossy(value).into_owned());
    let reset = policy.as_deref().and_then(|text| text.split(';').find_map(|part| part.trim().strip_prefix("t=")));
    all.extend(reset.and_then(|text| of_text(text, now)).map(|seconds| Said { place: "ratelimit".to_owned(), seconds }));
    let Some(body) = body else { return all };
    for place in PLACES {
        let Some(object) = body.pointer(place) else { continue };
        for (names, scale) in [(&SECONDS[..], 1.0), (&MILLISECONDS[..], 1000.0)] {
            for name in names {
                let number = object.get(name).and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
                let seconds = number.and_then(|number| whole(number / scale));
                all.extend(seconds.map(|seconds| Said { place: format!("{place}/{name}"), seconds }));
            }
        }
    }
    all
}

fn of_text(text: &str, now: OffsetDateTime) -> Option<u64> {
    if let Ok(number) = text.parse::<f64>() {
        let moment = number >= MOMENT;
        return whole(if moment { number - now.unix_timestamp() as f64 } else { number });
    }
    whole((http_date(text)? - now).as_seconds_f64())
}

/// The moment that a date in a header names, in the form that senders must use.
#[must_use]
pub fn http_date(text: &str) -> Option<OffsetDateTime> {
    Some(time::PrimitiveDateTime::parse(text, HTTP_DATE).ok()?.assume_utc())
}

/// Whole seconds, rounded up; what lies in the past is now.
fn whole(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && seconds < MOMENT).then(|| seconds.max(0.0).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn heard(pairs: &[(&str, &str)], body: Value) -> Vec<(String, u64)> {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.append(*name, value);
        }
        let now = OffsetDateTime::from_unix_timestamp(1_445_412_420).unwrap();
        said(&headers, Some(&body), now).into_iter().map(|said| (said.place, said.seconds)).collect()
    }

    #[test]
    fn every_spelling_is_understood() {
        for (name, value, seconds) in [
            ("Retry-After", "120", 120),
            ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", 60),
            ("X-Retry-After", "1.2", 2),
            ("X-RateLimit-Reset", "1445412450", 30),
            ("RateLimit", "\"default\";r=0;t=45", 45),
            ("Retry-After", "Wed, 21 Oct 2015 07:00:00 GMT", 0),
        ] {
            assert_eq!(heard(&[(name, value)], json!(null)), [(name.to_ascii_lowercase(), seconds)], "{name}: {value}");
        }
        assert_eq!(
            heard(&[], json!({ "error": { "details": { "msBeforeNext": 2500 } } })),
            [("/error/details/msBeforeNext".to_owned(), 3)]
        );
        assert_eq!(heard(&[], json!({ "retry_after": "7" })), [("/retry_after".to_owned(), 7)]);
    }

    #[test]
    fn nonsense_says_nothing() {
        for value in ["soon", "", "NaN", "inf", "1e99", "Wed, 99 Oct 2015 07:28:00 GMT"] {
            assert_eq!(heard(&[("Retry-After", value)], json!([{ "retry_after": 1 }])), [], "{value}");
        }
    }
}
