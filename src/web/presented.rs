//! The ways in which a session's cookie may be presented to a server: as it was stored, changed in one thing, as a Bearer
//! token (RFC 6750 §2.1), or not at all. What a server makes of each tells where its reader and the cookie's writer part.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// What `encodeURIComponent` leaves alone (ECMA-262 §19.2.6.4).
const COMPONENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'!').remove(b'~').remove(b'*').remove(b'\'').remove(b'(').remove(b')');

/// The prefixes that a cookie's name may have (RFC 6265bis §4.1.3).
const PREFIXES: [&[u8]; 2] = [b"__Host-", b"__Secure-"];

/// How a cookie is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Presented {
    /// Byte for byte as it was stored.
    Stored,
    /// Percent-decoded once.
    Decoded,
    /// Percent-encoded once more.
    Encoded,
    /// In quotes.
    Quoted,
    /// Without the quotes that it has.
    Unquoted,
    /// Under its name without a prefix.
    Bare,
    /// Under its name with `__Secure-`.
    Secure,
    /// Under its name with `__Host-`.
    Host,
    /// Left out, while the other cookies go: what the endpoint then makes of the rest says whether this one mattered.
    LeftOut,
    /// As a Bearer token, without any cookie.
    Bearer,
    /// As it was stored, and as a Bearer token beside it.
    Both,
    /// Not at all: without cookies, without a token.
    Nothing,
}

/// What a request carries of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The Cookie field, if there is one.
    pub cookie: Option<Vec<u8>>,
    /// The Authorization field, if there is one.
    pub authorization: Option<String>,
}

impl Presented {
    /// Every way, in the order in which they are tried.
    pub const ALL: [Self; 12] = [
        Self::Stored,
        Self::Decoded,
        Self::Encoded,
        Self::Quoted,
        Self::Unquoted,
        Self::Bare,
        Self::Secure,
        Self::Host,
        Self::LeftOut,
        Self::Bearer,
        Self::Both,
        Self::Nothing,
    ];

    /// Its name in scenarios and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Decoded => "decoded",
            Self::Encoded => "encoded",
            Self::Quoted => "quoted",
            Self::Unquoted => "unquoted",
            Self::Bare => "no_prefix",
            Self::Secure => "secure_prefix",
            Self::Host => "host_prefix",
            Self::LeftOut => "left_out",
            Self::Bearer => "bearer",
            Self::Both => "both",
            Self::Nothing => "none",
        }
    }

    /// For people: how the request carried the session.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Stored => "as it was stored",
            Self::Decoded => "percent-decoded",
            Self::Encoded => "percent-encoded once more",
            Self::Quoted => "in quotes",
            Self::Unquoted => "without its quotes",
            Self::Bare => "named without a prefix",
            Self::Secure => "named with __Secure-",
            Self::Host => "named with __Host-",
            Self::LeftOut => "left out, the others sent",
            Self::Bearer => "as a Bearer token alone",
            Self::Both => "as cookie and Bearer token",
            Self::Nothing => "without any session",
        }
    }

    /// What a request carries when the `nth` of these cookies, which would go along together, is presented in this way and the
    /// others as they are. Nothing where it would be the same as [`Stored`](Self::Stored), or where no request can carry it.
    #[must_use]
    pub fn of(self, cookies: &[(&[u8], &[u8])], nth: usize) -> Option<Carried> {
        let (name, value) = *cookies.get(nth)?;
        let with = |name: &[u8], value: &[u8]| Some(Carried { cookie: Some(header(cookies, nth, name, value)), authorization: None });
        let changed = |changed: Vec<u8>| (changed != value && fits(&changed)).then(|| with(name, &changed)).flatten();
        // Where another cookie has the old name, it would take this one's place; where one has the new name, it would be first.
        let taken = |other: &[u8]| cookies.iter().enumerate().any(|(at, (own, _))| at != nth && (*own == other || *own == name));
        let renamed = |other: Vec<u8>| (other != name && !other.is_empty() && !taken(&other)).then(|| with(&other, value)).flatten();
        match self {
            Self::Stored => with(name, value),
            Self::Decoded => changed(percent_decode(value).collect()),
            Self::Encoded => changed(percent_encode(value, COMPONENT).to_string().into_bytes()),
            Self::Quoted => unquoted(value).is_none().then(|| changed([b"\"", value, b"\""].concat())).flatten(),
            Self::Unquoted => changed(unquoted(value)?.to_vec()),
            Self::Bare => renamed(bare(name).to_vec()),
            Self::Host => renamed([PREFIXES[0], bare(name)].concat()),
            Self::Secure => renamed([PREFIXES[1], bare(name)].concat()),
            Self::LeftOut => {
                let others: Vec<(&[u8], &[u8])> = cookies.iter().enumerate().filter(|(at, _)| *at != nth).map(|(_, own)| *own).collect();
                let (first, value) = *others.first()?;
                Some(Carried { cookie: Some(header(&others, 0, first, value)), authorization: None })
            }
            Self::Bearer => Some(Carried { cookie: None, authorization: Some(bearer(value)?) }),
            Self::Both => Some(Carried { authorization: Some(bearer(value)?), ..with(name, value)? }),
            Self::Nothing => Some(Carried { cookie: None, authorization: None }),
        }
    }
}

/// The name of a cookie without its prefix.
#[must_use]
pub fn bare(name: &[u8]) -> &[u8] {
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(*prefix)).unwrap_or(name)
}

/// The Cookie field (RFC 6265bis §5.8.3), the `nth` cookie under `name` and with `value`.
fn header(cookies: &[(&[u8], &[u8])], nth: usize, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for (at, own) in cookies.iter().enumerate() {
        let (name, value) = if at == nth { (name, value) } else { *own };
        if at > 0 {
            header.extend_from_slice(b"; ");
        }
        if !name.is_empty() {
            header.extend_from_slice(name);
            header.push(b'=');
        }
        header.extend_from_slice(value);
    }
    header
}

/// Whether a value stays one value in a Cookie field: nothing in it ends the pair, or the field.
fn fits(value: &[u8]) -> bool {
    !value.is_empty() && !value.iter().any(|byte| *byte == b';' || byte.is_ascii_control())
}

fn unquoted(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// A field for text that can be a token: without spaces, as no credential of a scheme has them.
fn bearer(value: &[u8]) -> Option<String> {
    let plain = !value.is_empty() && value.iter().all(u8::is_ascii_graphic);
    plain.then(|| format!("Bearer {}", String::from_utf8_lossy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(presented: Presented, name: &str, value: &str) -> Option<String> {
        let carried = presented.of(&[(b"a", b"1"), (name.as_bytes(), value.as_bytes()), (b"z", b"\xff")], 1)?;
        carried.cookie.map(|header| header.escape_ascii().to_string())
    }

    #[test]
    fn one_cookie_changes_in_one_thing_and_the_others_stay_byte_for_byte() {
        use Presented::{Bare, Decoded, Encoded, Host, Quoted, Secure, Stored, Unquoted};
        assert_eq!(cookie(Stored, "sid", "t.a%2Bb%3D").unwrap(), "a=1; sid=t.a%2Bb%3D; z=\\xff");
        assert_eq!(cookie(Decoded, "sid", "t.a%2Bb%3D").unwrap(), "a=1; sid=t.a+b=; z=\\xff");
        assert_eq!(cookie(Encoded, "sid", "t.a%2Bb").unwrap(), "a=1; sid=t.a%252Bb; z=\\xff");
        assert_eq!(cookie(Quoted, "sid", "v").unwrap(), "a=1; sid=\\\"v\\\"; z=\\xff");
        assert_eq!(cookie(Unquoted, "sid", "\"v\"").unwrap(), "a=1; sid=v; z=\\xff");
        assert_eq!(cookie(Bare, "__Secure-sid", "v").unwrap(), "a=1; sid=v; z=\\xff");
        assert_eq!(cookie(Host, "__Secure-sid", "v").unwrap(), "a=1; __Host-sid=v; z=\\xff");
        assert_eq!(cookie(Secure, "sid", "v").unwrap(), "a=1; __Secure-sid=v; z=\\xff");
    }

    #[test]
    fn what_would_be_the_same_or_cannot_be_sent_is_left_out() {
        use Presented::{Bare, Bearer, Decoded, Encoded, Nothing, Quoted, Secure, Unquoted};
        assert_eq!(cookie(Decoded, "sid", "plain"), None);
        assert_eq!(cookie(Encoded, "sid", "plain-text_1.~"), None);
        assert_eq!(cookie(Unquoted, "sid", "plain"), None);
        assert_eq!(cookie(Quoted, "sid", "\"v\""), None);
        assert_eq!(cookie(Bare, "sid", "v"), None);
        assert_eq!(cookie(Secure, "__Secure-sid", "v"), None);
        for hostile in ["a%0d%0aX: y", "a%3b b=c", "a%00"] {
            assert_eq!(cookie(Decoded, "sid", hostile), None, "{hostile}");
        }
        assert!(Bearer.of(&[(b"sid", b"two words")], 0).is_none());
        assert_eq!(Nothing.of(&[(b"sid", b"v")], 0), Some(Carried { cookie: None, authorization: None }));
        assert!(Nothing.of(&[], 0).is_none());
    }

    #[test]
    fn another_cookie_of_either_name_would_take_its_place() {
        let twice: [(&[u8], &[u8]); 2] = [(b"sid", b"old"), (b"sid", b"new")];
        assert!(Presented::Secure.of(&twice, 0).is_none());
        let both: [(&[u8], &[u8]); 2] = [(b"sid", b"old"), (b"__Secure-sid", b"new")];
        assert!(Presented::Secure.of(&both, 0).is_none() && Presented::Host.of(&both, 0).is_some());
        assert_eq!(Presented::LeftOut.of(&both, 0).unwrap().cookie.as_deref(), Some(&b"__Secure-sid=new"[..]));
        assert!(Presented::LeftOut.of(&[(b"sid", b"v")], 0).is_none(), "nothing would be left");
    }

    #[test]
    fn a_token_goes_alone_or_beside_the_cookie() {
        let of = |presented: Presented| presented.of(&[(b"sid", b"v")], 0).unwrap();
        assert_eq!(of(Presented::Bearer), Carried { cookie: None, authorization: Some("Bearer v".to_owned()) });
        assert_eq!(of(Presented::Both), Carried { cookie: Some(b"sid=v".to_vec()), authorization: Some("Bearer v".to_owned()) });
    }
}
