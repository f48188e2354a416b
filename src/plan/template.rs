//! `${…}` in scenario text, compiled once.
//!
//! Variables, environment values and arguments of flows are folded in when the plan is built. Captures and secrets stay
//! as parts, the first because only the run knows them, the second so that a plan never holds them in the clear.

use super::totp::{BadSeed, TotpSeed};
use crate::base::{Clock, Secret};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// A piece of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Text(String),
    /// A captured value, by name, with filters applied from left to right.
    Capture(String, Vec<Filter>),
    /// A secret, by name, with filters.
    Secret(String, Vec<Filter>),
}

/// What may follow a name after `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Percent-encodes everything but unreserved characters (RFC 3986 §2.3), as `encodeURIComponent` nearly does.
    UrlEncode,
    /// Decodes percent escapes once.
    UrlDecode,
    /// Base64 with padding.
    Base64,
    /// Base64url without padding (RFC 4648 §5).
    Base64Url,
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
    /// Without white space at both ends.
    Trim,
    /// What stands before the first full stop: the token of a signed cookie.
    BeforeDot,
    /// Lower-case hexadecimal SHA-256.
    Sha256,
    /// The S256 challenge of a PKCE verifier (RFC 7636 §4.2).
    S256,
    /// The code of an authenticator app with this seed (RFC 6238), by the run's clock.
    Totp,
}

impl Filter {
    /// Every filter with the name that scenarios use.
    pub const ALL: [(&'static str, Self); 11] = [
        ("urlencode", Self::UrlEncode),
        ("urldecode", Self::UrlDecode),
        ("base64", Self::Base64),
        ("base64url", Self::Base64Url),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
        ("trim", Self::Trim),
        ("before_dot", Self::BeforeDot),
        ("sha256", Self::Sha256),
        ("s256", Self::S256),
        ("totp", Self::Totp),
    ];

    /// The filter called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, filter)| *filter)
    }

    /// `value` after this filter, at the moment `now`.
    ///
    /// # Errors
    /// When it should be the seed of an authenticator app, and is none.
    pub fn apply(self, value: &str, now: OffsetDateTime) -> Result<String, BadSeed> {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        const RESERVED: &percent_encoding::AsciiSet =
            &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        Ok(match self {
            Self::UrlEncode => percent_encoding::utf8_percent_encode(value, RESERVED).to_string(),
            Self::UrlDecode => percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned(),
            Self::Base64 => STANDARD.encode(value),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(value),
            Self::Lower => value.to_lowercase(),
            Self::Upper => value.to_uppercase(),
            Self::Trim => value.trim().to_owned(),
            Self::BeforeDot => value.split('.').next().unwrap_or_default().to_owned(),
            Self::Sha256 => {
                use sha2::Digest as _;
                sha2::Sha256::digest(value.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Self::S256 => {
                use sha2::Digest as _;
                URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(value.as_bytes()))
            }
            Self::Totp => {
                let seed = TotpSeed::read(&Secret::new("seed", value))?;
                // Before 1970 there were no authenticator apps.
                seed.code(u64::try_from(now.unix_timestamp()).unwrap_or(0))
            }
        })
    }
}

/// Text with places for values that the run provides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// The pieces in order.
    pub parts: Vec<Part>,
}

/// Why a template has no value yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A capture that no step made so far.
    #[error("`{name}` has not been captured yet (captured so far: {})", listed(.captured))]
    NotCaptured {
        /// The name asked for.
        name: String,
        /// The names there are.
        captured: Vec<String>,
    },
    /// A secret that the plan does not hold.
    #[error("secret `{0}` is not known")]
    NoSecret(String),
    /// What `totp` was asked to make a code of.
    #[error("`totp` cannot make a code of `{name}`: {cause}")]
    NoSeed {
        /// The capture or secret.
        name: String,
        /// Why not.
        cause: BadSeed,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The values that templates are rendered with.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// What steps captured.
    pub captures: BTreeMap<String, Value>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
    /// The run's clock.
    pub clock: Clock,
}

impl Template {
    /// A template without any place for a value.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// The text, if no part depends on the run.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self.parts.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [Part::Text(text)] => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// The text with every place filled.
    ///
    /// # Errors
    /// When a capture was not made yet or a secret is not in `scope`.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Capture(name, filters) => {
                    let value = scope.captures.get(name).ok_or_else(|| TemplateError::NotCaptured {
                        name: name.clone(),
                        captured: scope.captures.keys().cloned().collect(),
                    })?;
                    let text = match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    out.push_str(&filtered(name, text, filters, scope)?);
                }
                Part::Secret(name, filters) => {
                    let secret = scope.secrets.get(name).ok_or_else(|| TemplateError::NoSecret(name.clone()))?;
                    out.push_str(&filtered(name, secret.expose().to_owned(), filters, scope)?);
                }
            }
        }
        Ok(out)
    }

    /// The text for people: captures and secrets by name only.
    #[must_use]
    pub fn display(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Capture(name, _) => format!("${{{name}}}"),
                Part::Secret(name, _) => format!("‹secret:{name}›"),
            })
            .collect()
    }
}

fn filtered(name: &str, value: String, filters: &[Filter], scope: &Scope) -> Result<String, TemplateError> {
    let now = scope.clock.now();
    let filtered = filters.iter().try_fold(value, |value, filter| filter.apply(&value, now));
    filtered.map_err(|cause| TemplateError::NoSeed { name: name.to_owned(), cause })
}

/// JSON whose strings are templates.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonTemplate {
    /// Null, a boolean or a number.
    Plain(Value),
    /// A string.
    Text(Template),
    /// An array.
    List(Vec<JsonTemplate>),
    /// An object, in the order of the file.
    Map(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// The JSON with every place filled. A string that is one capture and nothing else keeps the capture's JSON type.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render(&self, scope: &Scope) -> Result<Value, TemplateError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => match template.parts.as_slice() {
                [Part::Capture(name, filters)] if filters.is_empty() && scope.captures.contains_key(name) => scope.captures[name].clone(),
                _ => Value::String(template.render(scope)?),
            },
            Self::List(items) => Value::Array(items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>()?),
            Self::Map(entries) => {
                Value::Object(entries.iter().map(|(key, item)| Ok((key.clone(), item.render(scope)?))).collect::<Result<_, _>>()?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let captures = BTreeMap::from([("n".to_owned(), json!(7)), ("t".to_owned(), json!("a.b/c"))]);
        let secrets = BTreeMap::from([("p".to_owned(), Secret::new("p", "hunter2"))]);
        Scope { captures, secrets, clock: Clock::default() }
    }

    #[test]
    fn captures_keep_their_type_when_they_stand_alone() {
        let alone = JsonTemplate::Text(Template { parts: vec![Part::Capture("n".into(), vec![])] });
        assert_eq!(alone.render(&scope()).unwrap(), json!(7));
    }

    #[test]
    fn filters_apply_from_left_to_right() {
        let parts = vec![Part::Capture("t".into(), vec![Filter::UrlEncode, Filter::Lower])];
        assert_eq!(Template { parts }.render(&scope()).unwrap(), "a.b%2fc");
    }

    #[test]
    fn a_challenge_is_made_of_its_verifier() {
        // RFC 7636, appendix B.
        let challenge = Filter::S256.apply("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", OffsetDateTime::UNIX_EPOCH);
        assert_eq!(challenge.as_deref(), Ok("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
    }

    #[test]
    fn a_seed_gives_the_code_of_its_moment() {
        // RFC 6238, appendix B, the last six digits.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            assert_eq!(Filter::Totp.apply("gezd gnbv gy3t qojq gezd gnbv gy3t qojq", now).as_deref(), Ok(code));
        }
        let parts = vec![Part::Secret("p".into(), vec![Filter::Totp])];
        let error = Template { parts }.render(&scope()).unwrap_err().to_string();
        assert_eq!(error, "`totp` cannot make a code of `p`: the seed is shorter than 10 bytes (16 characters)");
    }

    #[test]
    fn a_missing_capture_says_what_there_is() {
        let error = Template { parts: vec![Part::Capture("user".into(), vec![])] }.render(&scope()).unwrap_err();
        assert_eq!(error.to_string(), "`user` has not been captured yet (captured so far: n, t)");
    }

    #[test]
    fn display_never_shows_a_secret() {
        let template = Template { parts: vec![Part::Text("pw=".into()), Part::Secret("p".into(), vec![])] };
        assert_eq!(template.display(), "pw=‹secret:p›");
        assert_eq!(template.render(&scope()).unwrap(), "pw=hunter2");
    }
}
