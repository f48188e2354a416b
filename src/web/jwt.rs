//! JSON Web Tokens as somebody without a key reads them: decoded, not verified (RFC 7515 §3.1, RFC 7519).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Longest token that is decoded, in bytes.
const LONGEST: usize = 64 * 1024;

/// Header and claims of a signed token. Nothing in it is proven.
#[derive(Clone, PartialEq)]
pub struct Jwt {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl std::fmt::Debug for Jwt {
    /// Names alone: claims are about people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.header.keys().chain(self.claims.keys())).finish()
    }
}

impl Jwt {
    /// Decodes a token in the compact form; `None` for anything else, encrypted tokens included.
    #[must_use]
    pub fn decode(token: &str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let mut parts = token.split('.');
        let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let object = |part: &str| match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?) {
            Ok(Value::Object(map)) => Some(map),
            _ => None,
        };
        let token = Self { header: object(header)?, claims: object(claims)? };
        token.header.contains_key("alg").then_some(token)
    }

    /// A parameter of the header (RFC 7515 §4.1): `alg`, `kid`, `typ`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A claim that is text: `iss`, `sub`, `nonce`, `azp`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that is a NumericDate (RFC 7519 §2), in whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.claims.get(name)?;
        // A cast of a float saturates, and parts of seconds do not matter.
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// Who it is for: `aud` is one text or a list (RFC 7519 §4.1.3).
    #[must_use]
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn token(header: &Value, claims: &Value) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn header_and_claims_are_read() {
        let text = token(&json!({"alg": "RS256", "kid": "k1"}), &json!({"iss": "https://idp.test", "aud": "m", "exp": 12.9, "iat": 10}));
        let read = Jwt::decode(&text).unwrap();
        assert_eq!((read.header("kid"), read.text("iss")), (Some("k1"), Some("https://idp.test")));
        assert_eq!((read.seconds("exp"), read.seconds("iat"), read.seconds("nbf")), (Some(12), Some(10), None));
        assert_eq!(read.audiences(), ["m"]);
        assert_eq!(Jwt::decode(&token(&json!({"alg": "none"}), &json!({"aud": ["a", 1, "b"]}))).unwrap().audiences(), ["a", "b"]);
        assert!(!format!("{read:?}").contains("idp.test"));
    }

    #[test]
    fn other_texts_are_none() {
        let no_alg = token(&json!({}), &json!({}));
        for text in ["", "a.b", "a.b.c", "1.2.3.4.5", no_alg.as_str()] {
            assert!(Jwt::decode(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9._=-]{0,80}") {
            let _ = Jwt::decode(&text);
        }
    }
}
