//! Values that differ between two runs of the same thing, told by what they are.
//!
//! A snapshot shows a placeholder in their stead, so that equal runs give equal text. The rule is the same for all runs
//! and looks at one value at a time: a value is masked by its form, or by the name it goes under where the standards
//! define one. It errs towards showing: words, paths, e-mail addresses, small numbers and names stay readable.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;

use self::shape::{is_hex_id, is_number_id, is_opaque, is_time, is_ulid, is_uuid};

mod shape;

pub(crate) use self::shape::is_word;

/// Longest value that is looked at whole; what is longer and one word is taken for a token.
const MAX_LEN: usize = 64 * 1024;

/// What a volatile value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// JSON Web Token, signed or encrypted (RFC 7519).
    Jwt,
    /// UUID (RFC 9562).
    Uuid,
    /// A generated identifier: ULID, nanoid, long hexadecimal or decimal number, digest.
    Id,
    /// A point in time.
    Time,
    /// Opaque and random: an access token, a session, a signed cookie value.
    Token,
    /// Authorization code, or a one-time code that a person enters.
    Code,
    /// OAuth `state`.
    State,
    /// OIDC `nonce`.
    Nonce,
    /// PKCE `code_challenge` or `code_verifier` (RFC 7636).
    Pkce,
    /// Anti-forgery token of a form or header.
    Csrf,
}

impl Kind {
    /// One word for it, as in the placeholder `‹jwt›`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Uuid => "uuid",
            Self::Id => "id",
            Self::Time => "time",
            Self::Token => "token",
            Self::Code => "code",
            Self::State => "state",
            Self::Nonce => "nonce",
            Self::Pkce => "pkce",
            Self::Csrf => "csrf",
        }
    }
}

/// The placeholder that stands in a snapshot instead of the value.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{}›", self.word())
    }
}

/// What a value is, if it is volatile. `key` is the name it goes under: a query parameter, a cookie, a JSON member.
#[must_use]
pub fn kind(key: Option<&str>, value: &str) -> Option<Kind> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    key.and_then(|key| by_name(&normalise(key), value)).or_else(|| by_shape(value))
}

/// The value as a snapshot shows it.
#[must_use]
pub fn mask<'a>(key: Option<&str>, value: &'a str) -> Cow<'a, str> {
    kind(key, value).map_or(Cow::Borrowed(value), |kind| Cow::Owned(kind.to_string()))
}

/// A name without case and separators, so that `csrf-token`, `csrfToken` and `CSRF_TOKEN` are one.
fn normalise(key: &str) -> String {
    key.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// Names that the standards (or the frameworks' own, for CSRF) bind to a volatile value.
fn by_name(key: &str, value: &str) -> Option<Kind> {
    match key {
        // These names also head plain words: `code: challenge_expired`, `state: active`.
        "code" | "otp" | "otpcode" | "verificationcode" => (!is_word(value) && !is_small_status(key, value)).then_some(Kind::Code),
        "state" | "relaystate" => (!is_word(value)).then(|| if is_jwt(value) { Kind::Jwt } else { Kind::State }),
        "usercode" | "devicecode" => Some(Kind::Code),
        "nonce" => Some(Kind::Nonce),
        "codechallenge" | "codeverifier" => Some(Kind::Pkce),
        "accesstoken" | "refreshtoken" | "idtoken" | "idtokenhint" | "logouttoken" | "sessiontoken" | "devicetoken" => {
            Some(if is_jwt(value) { Kind::Jwt } else { Kind::Token })
        }
        "ott" | "onetimetoken" | "sessionstate" | "samlrequest" | "samlresponse" | "sid" | "jti" | "athash" | "chash" | "shash" => {
            by_shape(value).or((!is_word(value)).then_some(Kind::Token))
        }
        _ if is_csrf_name(key) => (!is_word(value)).then_some(Kind::Csrf),
        _ if is_time_name(key) => shape::is_epoch(value, true).then_some(Kind::Time).or_else(|| by_shape(value)),
        _ => None,
    }
}

fn is_csrf_name(key: &str) -> bool {
    matches!(key, "authenticitytoken" | "requestverificationtoken" | "antiforgery")
        || ((key.contains("csrf") || key.contains("xsrf")) && !key.contains("error"))
}

fn is_time_name(key: &str) -> bool {
    matches!(
        key,
        "iat"
            | "exp"
            | "nbf"
            | "authtime"
            | "expires"
            | "expiresat"
            | "expiry"
            | "createdat"
            | "updatedat"
            | "issuedat"
            | "notbefore"
            | "lastseen"
            | "lastlogin"
            | "timestamp"
            | "ts"
            | "time"
            | "date"
            | "lastmodified"
    )
}

/// `code: 401` and `code: 12` are statuses, not codes that a person enters.
fn is_small_status(key: &str, value: &str) -> bool {
    key == "code" && value.len() <= 3 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn by_shape(value: &str) -> Option<Kind> {
    if value.len() > MAX_LEN {
        return (!value.contains(char::is_whitespace)).then_some(Kind::Token);
    }
    if value.contains('%')
        && let Ok(decoded) = percent_decode_str(value).decode_utf8()
        && decoded != value
    {
        return by_shape_decoded(&decoded);
    }
    by_shape_decoded(value)
}

fn by_shape_decoded(value: &str) -> Option<Kind> {
    if is_time(value) || shape::is_epoch(value, false) {
        return Some(Kind::Time);
    }
    // Everything else is one word.
    if value.contains(char::is_whitespace) {
        return match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => by_shape_decoded(token),
            _ => None,
        };
    }
    if is_uuid(value) {
        Some(Kind::Uuid)
    } else if is_jwt(value) {
        Some(Kind::Jwt)
    } else if is_ulid(value) || is_hex_id(value) || is_number_id(value) || shape::is_nanoid(value) {
        Some(Kind::Id)
    } else if is_opaque(value) || is_signed(value) {
        Some(Kind::Token)
    } else {
        None
    }
}

/// Three parts (RFC 7515 §3.1), or five when encrypted (RFC 7516 §3.1), the first of them a JSON object with `alg`.
/// An unsigned token has an empty third part (RFC 7519 §6).
fn is_jwt(value: &str) -> bool {
    let mut parts = value.split('.');
    let count = value.bytes().filter(|&byte| byte == b'.').count() + 1;
    let Some(header) = parts.next().filter(|header| matches!(count, 3 | 5) && header.len() <= 8192) else {
        return false;
    };
    let is_base64 = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    parts.all(is_base64)
        && URL_SAFE_NO_PAD
            .decode(header)
            .ok()
            .and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok())
            .is_some_and(|header| header.get("alg").is_some_and(serde_json::Value::is_string))
}

/// `value.signature` of cookie signers (with `s:` before it by Express): random parts joined by dots.
fn is_signed(value: &str) -> bool {
    let value = value.strip_prefix("s:").unwrap_or(value);
    let parts: Vec<_> = value.split('.').collect();
    let is_random = |part: &&str| is_opaque(part) || is_hex_id(part) || is_uuid(part);
    matches!(parts.len(), 2..=5) && parts.last().is_some_and(is_random) && parts.iter().any(|part| part.len() >= 16 && is_random(part))
}

/// Whether a parameter's value is itself a row of parameters: `next=%2Fhome`, `a=1&b=2`. Padding of base64 is none.
#[must_use]
pub fn holds_parameters(value: &str) -> bool {
    let Some((name, rest)) = value.split_once('=') else { return false };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= 40 && name.chars().all(is_name) && !rest.is_empty() && !rest.starts_with('=')
}

#[cfg(test)]
mod tests;
