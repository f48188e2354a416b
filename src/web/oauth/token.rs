//! Requests to a token endpoint, as a browser or an HTTP step sends them.

use super::Params;
use serde_json::Value;
use url::Url;

/// Largest body that is looked into, in bytes.
const LARGEST: usize = 64 * 1024;

/// A token request (RFC 6749 §4.1.3, §4.3.2, §6; RFC 7636 §4.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// `authorization_code`, `refresh_token`, `password`, …
    pub grant_type: String,
    /// Whether the parameters came as a form, as RFC 6749 wants it; GoTrue-style servers take JSON.
    pub is_form: bool,
    /// The authorization code.
    pub code: Option<String>,
    /// The PKCE verifier.
    pub code_verifier: Option<String>,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// Which client asks; absent when it authenticates by a header.
    pub client_id: Option<String>,
}

impl TokenRequest {
    /// The token request of a POST: a form with a `grant_type`, or a JSON object with one in it or in the query.
    #[must_use]
    pub fn of(url: &Url, body: &[u8]) -> Option<Self> {
        if body.is_empty() || body.len() > LARGEST {
            return None;
        }
        if let Ok(Value::Object(json)) = serde_json::from_slice(body) {
            let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
            return Some(Self {
                grant_type: text("grant_type").or_else(|| Params::query(url).get("grant_type"))?,
                is_form: false,
                code: text("code").or_else(|| text("auth_code")),
                code_verifier: text("code_verifier"),
                refresh_token: text("refresh_token"),
                client_id: text("client_id"),
            });
        }
        let form = Params::parse(body);
        Some(Self {
            grant_type: form.get("grant_type")?,
            is_form: true,
            code: form.get("code"),
            code_verifier: form.get("code_verifier"),
            refresh_token: form.get("refresh_token"),
            client_id: form.get("client_id"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_json_are_read_and_other_bodies_are_none() {
        let url = |text: &str| Url::parse(text).unwrap();
        let at = url("https://idp.test/token");
        let form = TokenRequest::of(&at, b"grant_type=authorization_code&code=c&code_verifier=v&client_id=m").unwrap();
        assert_eq!((form.grant_type.as_str(), form.is_form, form.code.as_deref()), ("authorization_code", true, Some("c")));
        let json = TokenRequest::of(&url("https://x.test/token?grant_type=refresh_token"), br#"{"refresh_token":"r"}"#).unwrap();
        assert_eq!((json.grant_type.as_str(), json.is_form, json.refresh_token.as_deref()), ("refresh_token", false, Some("r")));
        for body in ["", "code=c", "{}", "[1]", "\u{0}"] {
            assert_eq!(TokenRequest::of(&at, body.as_bytes()), None, "{body}");
        }
    }
}
