//! Cookie dates, RFC 6265bis §5.1.1: what browsers make of whatever servers write into `Expires`.

use time::{Date, Month, OffsetDateTime, Time};

/// Parses a cookie date. Whatever zone it names is passed over: cookie dates are read as UTC.
///
/// `None` if a part is missing or out of range, if the year is before 1601, or if the calendar has no such day.
pub fn parse_cookie_date(text: &[u8]) -> Option<OffsetDateTime> {
    let mut found = Found::default();
    for token in text.split(|&byte| is_delimiter(byte)).filter(|token| !token.is_empty()) {
        found.take(token);
    }
    found.finish()
}

/// The parts found so far; each token goes to the first part that is still open and that it fits (step 2).
#[derive(Default)]
struct Found {
    time: Option<[u8; 3]>,
    day: Option<u8>,
    month: Option<Month>,
    year: Option<u16>,
}

impl Found {
    fn take(&mut self, token: &[u8]) {
        if self.time.is_none() {
            self.time = time(token);
            if self.time.is_some() {
                return;
            }
        }
        if self.day.is_none() {
            self.day = number(token, 1..=2).and_then(|day| u8::try_from(day).ok());
            if self.day.is_some() {
                return;
            }
        }
        if self.month.is_none() {
            self.month = month(token);
            if self.month.is_some() {
                return;
            }
        }
        if self.year.is_none() {
            self.year = number(token, 2..=4);
        }
    }

    /// Steps 3 to 6: two-digit years get their century, then everything must be there and in range.
    fn finish(self) -> Option<OffsetDateTime> {
        let year = match self.year? {
            year @ 70..=99 => year + 1900,
            year @ 0..=69 => year + 2000,
            year => year,
        };
        if year < 1601 {
            return None;
        }
        let [hour, minute, second] = self.time?;
        let date = Date::from_calendar_date(year.into(), self.month?, self.day?).ok()?;
        Some(date.with_time(Time::from_hms(hour, minute, second).ok()?).assume_utc())
    }
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// `hms-time [ non-digit *OCTET ]`, with one or two digits to a field.
fn time(token: &[u8]) -> Option<[u8; 3]> {
    let mut fields = token.splitn(3, |&byte| byte == b':');
    let (hour, minute, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let whole = |field: &[u8]| if field.iter().all(u8::is_ascii_digit) { number(field, 1..=2) } else { None };
    let parts = [whole(hour)?, whole(minute)?, number(rest, 1..=2)?];
    // Two digits fit into an octet; the ranges are checked when the date is put together.
    Some(parts.map(|part| u8::try_from(part).unwrap_or(u8::MAX)))
}

/// The first three letters of an English month, whatever follows them.
fn month(token: &[u8]) -> Option<Month> {
    const NAMES: [&[u8; 3]; 12] = [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let head = token.get(..3)?;
    let index = NAMES.iter().position(|name| head.eq_ignore_ascii_case(*name))?;
    Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

/// A run of digits of the allowed length at the token's start, followed by a non-digit or the end.
fn number(token: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<u16> {
    let run = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !digits.contains(&run) {
        return None;
    }
    Some(token[..run].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_three_formats_of_http_are_read() {
        let expected = Some(datetime!(1994-11-06 08:49:37 UTC));
        assert_eq!(parse_cookie_date(b"Sun, 06 Nov 1994 08:49:37 GMT"), expected);
        assert_eq!(parse_cookie_date(b"Sunday, 06-Nov-94 08:49:37 GMT"), expected);
        assert_eq!(parse_cookie_date(b"Sun Nov  6 08:49:37 1994"), expected);
    }

    #[test]
    fn two_digit_years_turn_over_at_seventy() {
        assert_eq!(parse_cookie_date(b"1 Jan 69 0:0:0"), Some(datetime!(2069-01-01 00:00 UTC)));
        assert_eq!(parse_cookie_date(b"1 Jan 70 0:0:0"), Some(datetime!(1970-01-01 00:00 UTC)));
    }

    #[test]
    fn what_no_calendar_or_clock_has_is_no_date() {
        for text in [
            "31 Feb 2030 00:00:00",
            "0 Jan 2030 00:00:00",
            "1 Jan 1600 00:00:00",
            "1 Jan 2030 24:00:00",
            "1 Jan 2030 00:60:00",
            "1 Jan 2030 00:00:60",
            "1 Jan 2030 000:00:00",
            "1 Jan 2030",
            "",
        ] {
            assert_eq!(parse_cookie_date(text.as_bytes()), None, "{text}");
        }
    }
}
