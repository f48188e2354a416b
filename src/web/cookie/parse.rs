//! Set-Cookie lines, RFC 6265bis §5.6: from octets to a name, a value and attributes, without judging them.

use std::fmt;
use std::ops::Range;

use time::OffsetDateTime;

use super::date::parse_cookie_date;
use super::reason::{SetBlock, SetWarning};
use super::record::SameSite;
use super::text::{CookieName, CookieValue, has_control};

/// Name and value together may have this many octets (§5.6 step 5).
pub const MAX_NAME_VALUE_OCTETS: usize = 4096;
/// An attribute whose value is longer is passed over (§5.6, attributes, step 6).
pub const MAX_ATTRIBUTE_OCTETS: usize = 1024;

/// One attribute of a Set-Cookie line, trimmed, otherwise as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// What stands before the first `=`.
    pub name: &'a [u8],
    /// What stands after it; `None` without `=`. Browsers make no difference between `None` and an empty value.
    pub value: Option<&'a [u8]>,
}

impl Attribute<'_> {
    /// Whether browsers pass it over for its length.
    pub fn is_too_long(&self) -> bool {
        self.value.is_some_and(|value| value.len() > MAX_ATTRIBUTE_OCTETS)
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// A Set-Cookie line taken apart. Every line can be: what makes it unfit to store is told by [`content_fault`].
///
/// `Debug` hides the line and the value.
///
/// [`content_fault`]: Self::content_fault
#[derive(Clone, PartialEq, Eq)]
pub struct ParsedCookie {
    line: Box<[u8]>,
    name: Range<usize>,
    value: Range<usize>,
    domain: Option<Vec<u8>>,
    last_nonempty_domain: Option<Vec<u8>>,
    path: Option<Range<usize>>,
    max_age: Option<i64>,
    expires: Option<OffsetDateTime>,
    secure: bool,
    http_only: bool,
    partitioned: bool,
    same_site: SameSite,
    warnings: Vec<SetWarning>,
}

impl ParsedCookie {
    /// Takes a header field's value apart. Of an attribute given more than once the last one counts.
    pub fn parse(line: &[u8]) -> Self {
        let pair = line.iter().position(|&byte| byte == b';').unwrap_or(line.len());
        let (name, value) = match line[..pair].iter().position(|&byte| byte == b'=') {
            Some(equals) => (trim(line, 0..equals), trim(line, equals + 1..pair)),
            None => (0..0, trim(line, 0..pair)),
        };
        let mut cookie = Self {
            line: line.into(),
            name,
            value,
            domain: None,
            last_nonempty_domain: None,
            path: None,
            max_age: None,
            expires: None,
            secure: false,
            http_only: false,
            partitioned: false,
            same_site: SameSite::Unspecified,
            warnings: Vec::new(),
        };
        for (name, value) in attribute_ranges(line) {
            cookie.take(Attribute { name: &line[name], value: value.clone().map(|place| &line[place]) }, value);
        }
        cookie
    }

    /// Works one attribute in (§5.6.1 to §5.6.7). Names that nobody knows, and Priority, have no effect.
    fn take(&mut self, attribute: Attribute<'_>, place: Option<Range<usize>>) {
        let value = attribute.value.unwrap_or_default();
        if attribute.is_too_long() {
            self.warnings.push(SetWarning::AttributeTooLong { attribute: shown(attribute.name) });
        } else if attribute.is("Expires") {
            match parse_cookie_date(value) {
                Some(date) => self.expires = Some(date),
                None => self.warnings.push(SetWarning::ExpiresNotADate),
            }
        } else if attribute.is("Max-Age") {
            match delta_seconds(value) {
                Some(seconds) => self.max_age = Some(seconds),
                None => self.warnings.push(SetWarning::MaxAgeNotANumber),
            }
        } else if attribute.is("Domain") {
            let domain = value.to_ascii_lowercase();
            if !domain.is_empty() {
                self.last_nonempty_domain = Some(domain.clone());
            }
            self.domain = Some(domain);
        } else if attribute.is("Path") {
            self.path = place.filter(|_| value.starts_with(b"/"));
        } else if attribute.is("Secure") {
            self.secure = true;
        } else if attribute.is("HttpOnly") {
            self.http_only = true;
        } else if attribute.is("Partitioned") {
            self.partitioned = true;
        } else if attribute.is("SameSite") {
            self.same_site = SameSite::declared(value);
            if self.same_site == SameSite::Unspecified {
                self.warnings.push(SetWarning::SameSiteUnknown { value: shown(value) });
            }
        }
    }

    /// Why no browser stores this line, whatever host sends it: control characters, nothing in it, too much in it.
    pub fn content_fault(&self) -> Option<SetBlock> {
        if has_control(&self.line) {
            Some(SetBlock::DisallowedCharacter)
        } else if self.name.is_empty() && self.value.is_empty() {
            Some(SetBlock::NoCookieContent)
        } else if self.name.len() + self.value.len() > MAX_NAME_VALUE_OCTETS {
            Some(SetBlock::NameValuePairExceedsMaxSize)
        } else {
            None
        }
    }

    /// Whether a tab stands within a name, a value or an attribute, where trimming does not take it away.
    pub(super) fn has_inner_tab(&self) -> bool {
        let parts = self.line.split(|&byte| byte == b';').flat_map(|part| part.splitn(2, |&byte| byte == b'='));
        parts.map(<[u8]>::trim_ascii).any(|part| part.contains(&b'\t'))
    }

    /// The whole line as it came.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// The name; empty for a line without `=` (§5.6 step 3).
    pub fn name(&self) -> CookieName {
        CookieName::from(&self.line[self.name.clone()])
    }

    /// The value, octet for octet, quotes included.
    pub fn value(&self) -> CookieValue {
        CookieValue::from(&self.line[self.value.clone()])
    }

    /// The name's and the value's octets.
    pub fn pair(&self) -> (&[u8], &[u8]) {
        (&self.line[self.name.clone()], &self.line[self.value.clone()])
    }

    /// All attributes in the order of the line, also those without effect. Names are not unique.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        attribute_ranges(&self.line)
            .map(|(name, value)| Attribute { name: &self.line[name], value: value.map(|place| &self.line[place]) })
            .filter(|attribute| !attribute.name.is_empty() || attribute.value.is_some_and(|value| !value.is_empty()))
    }

    /// The last Domain attribute in lower case, a leading dot included; empty if it had no value.
    pub fn domain(&self) -> Option<&[u8]> {
        self.domain.as_deref()
    }

    /// The last Domain attribute that had a value: the reading of RFC 6265 §5.2.3, which some clients keep to.
    pub(super) fn last_nonempty_domain(&self) -> Option<&[u8]> {
        self.last_nonempty_domain.as_deref()
    }

    /// The last Path attribute; `None` if it was absent or did not start with `/`, so that the default path applies.
    pub fn path(&self) -> Option<&[u8]> {
        self.path.clone().map(|place| &self.line[place])
    }

    /// The last valid Max-Age, in seconds; beyond what 64 bits hold, the nearest that they do.
    pub const fn max_age(&self) -> Option<i64> {
        self.max_age
    }

    /// The last valid Expires date.
    pub const fn expires(&self) -> Option<OffsetDateTime> {
        self.expires
    }

    /// Whether Secure is among the attributes, with or without a value.
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// Whether HttpOnly is among the attributes.
    pub const fn http_only(&self) -> bool {
        self.http_only
    }

    /// Whether Partitioned is among the attributes.
    pub const fn partitioned(&self) -> bool {
        self.partitioned
    }

    /// SameSite as declared; a value that nobody knows counts as none (§5.6.7).
    pub const fn same_site(&self) -> SameSite {
        self.same_site
    }

    /// What was passed over, in the order of the line.
    pub fn warnings(&self) -> &[SetWarning] {
        &self.warnings
    }
}

impl fmt::Debug for ParsedCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedCookie")
            .field("name", &self.name())
            .field("value", &self.value())
            .field("domain", &self.domain.as_deref().map(shown))
            .field("path", &self.path().map(shown))
            .field("max_age", &self.max_age)
            .field("expires", &self.expires)
            .field("secure", &self.secure)
            .field("http_only", &self.http_only)
            .field("partitioned", &self.partitioned)
            .field("same_site", &self.same_site)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// Where each attribute's name and value stand, white space trimmed.
fn attribute_ranges(line: &[u8]) -> impl Iterator<Item = (Range<usize>, Option<Range<usize>>)> {
    let mut rest = line.iter().position(|&byte| byte == b';').map(|semicolon| semicolon + 1);
    std::iter::from_fn(move || {
        let start = rest?;
        let end = line[start..].iter().position(|&byte| byte == b';').map_or(line.len(), |length| start + length);
        rest = (end < line.len()).then_some(end + 1);
        Some(match line[start..end].iter().position(|&byte| byte == b'=') {
            Some(equals) => (trim(line, start..start + equals), Some(trim(line, start + equals + 1..end))),
            None => (trim(line, start..end), None),
        })
    })
}

/// Spaces and tabs off both ends.
fn trim(line: &[u8], place: Range<usize>) -> Range<usize> {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let text = &line[place.clone()];
    let head = text.iter().take_while(blank).count();
    let tail = text[head..].iter().rev().take_while(blank).count();
    place.start + head..place.end - tail
}

/// §5.6.2: digits, or a minus sign and digits. Chains of digits too long for 64 bits are taken as the nearest bound.
fn delta_seconds(value: &[u8]) -> Option<i64> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -seconds } else { seconds })
}

/// A short, printable form for messages.
fn shown(bytes: &[u8]) -> String {
    const ENOUGH: usize = 40;
    let text = bytes[..bytes.len().min(ENOUGH)].escape_ascii().to_string();
    if bytes.len() > ENOUGH { text + "…" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn parse(line: &str) -> ParsedCookie {
        ParsedCookie::parse(line.as_bytes())
    }

    #[test]
    fn name_and_value_are_trimmed_and_otherwise_untouched() {
        let cookie = ParsedCookie::parse(b" \tsid \t= \"a=b%20\xff\" ; Path=/");
        assert_eq!(cookie.pair(), (&b"sid"[..], &b"\"a=b%20\xff\""[..]));
        assert_eq!(parse("lonely").pair(), (&b""[..], &b"lonely"[..]));
        assert_eq!(parse("=x").pair(), (&b""[..], &b"x"[..]));
        assert_eq!(parse("x=").pair(), (&b"x"[..], &b""[..]));
    }

    #[test]
    fn the_last_of_an_attribute_counts() {
        let cookie = parse("a=b; path=/x; PATH=/y; domain=a.test; Domain=.B.test; samesite=lax; SameSite=Strict");
        assert_eq!(cookie.path(), Some(&b"/y"[..]));
        assert_eq!(cookie.domain(), Some(&b".b.test"[..]));
        assert_eq!(cookie.same_site(), SameSite::Strict);
        assert_eq!(parse("a=b; path=/x; path=y").path(), None);
        assert_eq!(parse("a=b; SameSite=Lax; SameSite=loose").same_site(), SameSite::Unspecified);
    }

    #[test]
    fn attributes_that_do_not_parse_leave_earlier_ones_standing() {
        let cookie = parse("a=b; max-age=60; max-age=1h; expires=Wed, 01 Jan 2031 00:00:00 GMT; expires=soon");
        assert_eq!(cookie.max_age(), Some(60));
        assert_eq!(cookie.expires(), Some(datetime!(2031-01-01 00:00 UTC)));
        assert_eq!(cookie.warnings(), [SetWarning::MaxAgeNotANumber, SetWarning::ExpiresNotADate]);
    }

    #[test]
    fn max_age_holds_any_number_of_digits() {
        assert_eq!(parse("a=b; max-age=99999999999999999999").max_age(), Some(i64::MAX));
        assert_eq!(parse("a=b; max-age=-1").max_age(), Some(-1));
        for bad in ["", "-", "+1", "1.5", " "] {
            assert_eq!(parse(&format!("a=b; max-age={bad}")).max_age(), None, "{bad:?}");
        }
    }

    #[test]
    fn an_attribute_of_more_than_1024_octets_is_passed_over() {
        let long = format!("/{}", "x".repeat(1024));
        assert_eq!(parse(&format!("a=b; Path=/y; Path={long}")).path(), Some(&b"/y"[..]));
        assert_eq!(parse(&format!("a=b; Path={}", &long[..1024])).path().map(<[u8]>::len), Some(1024));
        assert!(!parse(&format!("a=b; Secure={long}")).secure());
    }

    #[test]
    fn content_faults_are_found_anywhere_in_the_line() {
        assert_eq!(parse("a=b\rc").content_fault(), Some(SetBlock::DisallowedCharacter));
        assert_eq!(parse("a=b; Path=/\0").content_fault(), Some(SetBlock::DisallowedCharacter));
        assert_eq!(parse("a=b\tc").content_fault(), None);
        assert_eq!(parse(" = ; Secure").content_fault(), Some(SetBlock::NoCookieContent));
        let value = "v".repeat(4095);
        assert_eq!(parse(&format!("n={value}")).content_fault(), None);
        assert_eq!(parse(&format!("nn={value}")).content_fault(), Some(SetBlock::NameValuePairExceedsMaxSize));
    }

    #[test]
    fn attributes_can_be_listed_for_display() {
        let cookie = parse("a=b;; Secure ; Path = /x;=;Foo=1=2");
        let listed: Vec<_> = cookie.attributes().map(|attribute| (attribute.name, attribute.value)).collect();
        assert_eq!(listed, [(&b"Secure"[..], None), (b"Path", Some(&b"/x"[..])), (b"Foo", Some(b"1=2"))]);
    }

    #[test]
    fn debug_text_holds_no_value() {
        let text = format!("{:?}", parse("sid=hunter2; Path=/"));
        assert!(text.contains("sid") && !text.contains("hunter2"), "{text}");
    }

    proptest! {
        #[test]
        fn any_octets_can_be_taken_apart(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let cookie = ParsedCookie::parse(&line);
            let _ = (cookie.content_fault(), cookie.attributes().count(), format!("{cookie:?}"));
        }

        #[test]
        fn a_clean_pair_comes_out_as_it_went_in(name in "[!-:<>-~]{1,20}", value in "[!-:<-~][ -:<-~]{0,40}[!-:<-~]") {
            let line = format!("{name}={value}; Secure; Path=/");
            let cookie = ParsedCookie::parse(line.as_bytes());
            prop_assert_eq!(cookie.pair(), (name.as_bytes(), value.as_bytes()));
            prop_assert!(cookie.secure());
        }
    }
}
