//! Dates as exporters write them.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Reads a date: ISO 8601 with `Z`, an offset with or without colon, or none at all (taken as UTC), a space in place of the
/// `T`; milliseconds or seconds since 1970; an HTTP date (RFC 9110 §5.6.7). `None` for anything else.
#[must_use]
pub fn parse_date(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 || !text.is_ascii() {
        return None;
    }
    if let Ok(number) = text.parse::<f64>() {
        return of_epoch(number);
    }
    if let Some(date) = iso(text) {
        return Some(date);
    }
    crate::web::cookie::parse_cookie_date(text.as_bytes())
}

/// Numbers of thirteen digits are milliseconds, of ten seconds.
fn of_epoch(number: f64) -> Option<OffsetDateTime> {
    let seconds = if number.abs() >= 1e11 { number / 1000.0 } else { number };
    let nanoseconds = seconds * 1e9;
    (nanoseconds.is_finite() && seconds > 0.0).then(|| OffsetDateTime::from_unix_timestamp_nanos(nanoseconds as i128).ok()).flatten()
}

fn iso(text: &str) -> Option<OffsetDateTime> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let clock = clock.trim();
    let at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(at);
    let mut time = clock.trim().to_owned();
    // The format wants seconds, and a digit behind the point.
    if time.matches(':').count() == 1 {
        time.push_str(":00");
    }
    let time = time.replace(',', ".").trim_end_matches('.').to_owned();
    let utc = OffsetDateTime::parse(&format!("{date}T{time}Z"), &Rfc3339).ok()?;
    let plain = PrimitiveDateTime::new(utc.date(), utc.time());
    Some(plain.assume_offset(offset(zone)?).to_offset(UtcOffset::UTC))
}

fn offset(zone: &str) -> Option<UtcOffset> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(UtcOffset::UTC);
    }
    let digits: String = zone[1..].chars().filter(char::is_ascii_digit).collect();
    let hours: i8 = digits.get(..2)?.parse().ok()?;
    let minutes: i8 = digits.get(2..4).map_or(Some(0), |minutes| minutes.parse().ok())?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    #[test]
    fn dates_of_every_exporter_are_read() {
        let noon = datetime!(2026-03-01 12:00:00.5 UTC);
        for text in [
            "2026-03-01T12:00:00.500Z",
            "2026-03-01T13:00:00.500+01:00",
            "2026-03-01T13:00:00.5+0100",
            "2026-03-01 12:00:00,500",
            "2026-03-01T06:30:00.500000-05:30",
            "1772366400500",
            "1772366400.5",
        ] {
            assert_eq!(parse_date(text), Some(noon), "{text}");
        }
        assert_eq!(parse_date("Sun, 01 Mar 2026 12:00:00 GMT"), Some(datetime!(2026-03-01 12:00 UTC)));
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-03-01", "-1", "NaN", "2026-03-01T12:00:00+9"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9TZ:+. -]{0,40}|\\PC{0,40}") {
            let _ = parse_date(&text);
        }
    }
}
