//! What a request asks, values that are chance apart.

use crate::web::headers::Headers;
use crate::web::volatile;
use serde_json::Value;
use std::borrow::Cow;

/// Longest value that is looked into; a longer one stands as it is.
const LONGEST_VALUE: usize = 16 * 1024;
/// Most parameters of a query or a body that are looked at.
const MOST_PARAMETERS: usize = 500;
/// How deep URLs lie in parameters of one another, as in `next=/authorize?redirect_uri=…`.
const DEEPEST: usize = 4;

/// A request, taken apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Method, path and query, with the kind of every value that is chance in its place. The query is in order of names.
    pub(super) key: String,
    /// Values that are chance, each under its name: those of the path and the query, then those of the body.
    pub(super) chance: Vec<(String, String)>,
    /// Fields of a form or of JSON that are no chance.
    pub(super) fields: Vec<(String, String)>,
    /// Cookies in the order they were sent, bytes untouched.
    pub(super) cookies: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Asked {
    /// What is asked by `method` at `path` with `query`.
    pub(super) fn new(method: &str, path: &str, query: Option<&str>, headers: &Headers, body: &[u8]) -> Self {
        let mut asked = Self::default();
        let path: Vec<_> = path.split('/').map(|segment| asked.stable("", segment, 0)).collect();
        asked.key = format!("{} {}", method.to_ascii_uppercase(), path.join("/"));
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            let pairs = asked.pairs(query.as_bytes(), 0);
            asked.key.push('?');
            asked.key.push_str(&pairs);
        }
        asked.body(headers, body);
        asked.cookies = headers.get_all("cookie").flat_map(pairs_of).collect();
        asked
    }

    /// `name=value` pairs in order of names, values that are chance by their kind.
    fn pairs(&mut self, encoded: &[u8], depth: usize) -> String {
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = url::form_urlencoded::parse(encoded).take(MOST_PARAMETERS).collect();
        // Stable: a name that is there twice keeps its order.
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", self.stable(name, value, depth)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// A value, or its kind when it is chance; one that is a URL with parameters of its own is taken apart.
    fn stable(&mut self, name: &str, value: &str, depth: usize) -> String {
        if value.len() > LONGEST_VALUE {
            return value.to_owned();
        }
        if let Some((place, query)) = value.split_once('?')
            && depth < DEEPEST
            && (place.starts_with('/') || place.contains("://"))
        {
            return format!("{place}?{}", self.pairs(query.as_bytes(), depth + 1));
        }
        let known = (!name.is_empty()).then_some(name);
        match volatile::kind(known, value) {
            Some(kind) => {
                self.chance.push((name.to_owned(), value.to_owned()));
                kind.to_string()
            }
            None => value.to_owned(),
        }
    }

    /// The fields of a form, or the members of a JSON object that are no objects themselves.
    fn body(&mut self, headers: &Headers, body: &[u8]) {
        if body.is_empty() {
            return;
        }
        let kind = headers.content_type();
        let fields: Vec<(String, String)> = if kind.as_ref().is_some_and(|kind| kind.essence == "application/x-www-form-urlencoded") {
            url::form_urlencoded::parse(body).take(MOST_PARAMETERS).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        } else if kind.is_some_and(|kind| kind.is_json()) {
            match serde_json::from_slice(body) {
                Ok(Value::Object(map)) => {
                    map.into_iter().take(MOST_PARAMETERS).filter_map(|(name, value)| Some((name, scalar(value)?))).collect()
                }
                _ => Vec::new(),
            }
        } else {
            Vec::new()
        };
        for (name, value) in fields {
            let stable = self.stable(&name, &value, 0);
            self.fields.push((name, stable));
        }
    }
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) | Value::Null => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The pairs of a Cookie field (RFC 6265bis §4.2.1).
fn pairs_of(field: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    field.split(|&byte| byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()).map(|pair| {
        match pair.iter().position(|&byte| byte == b'=') {
            Some(at) => (pair[..at].to_vec(), pair[at + 1..].to_vec()),
            None => (Vec::new(), pair.to_vec()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str) -> Asked {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Asked::new("get", path, query, &Headers::new(), b"")
    }

    #[test]
    fn what_is_chance_does_not_tell_requests_apart() {
        let one = asked("/cb?state=af0ifjsldkj8271&code=SplxlOBeZQQYbYS6WxSbIA&lang=de");
        let other = asked("/cb?lang=de&code=Kq8Wm3Zx7Yp2Qx9dL2mN7p&state=zz8ifqslqkj8222");
        assert_eq!(one.key, other.key);
        assert_eq!(one.key, "GET /cb?code=‹code›&lang=de&state=‹state›");
        assert_ne!(one.key, asked("/cb?lang=en&code=Kq8Wm3Zx7Yp2Qx9dL2mN7p&state=zz8ifqslqkj8222").key);
        assert_eq!(asked("/user/0193e2f1-7a51-7cc2-9d3e-7f1b2c3d4e5f").key, "GET /user/‹uuid›");
        let nested = asked("/login?next=%2Fauthorize%3Fstate%3Daf0ifjsldkj8271%26client_id%3Dapp");
        assert_eq!(nested.key, "GET /login?next=/authorize?client_id=app&state=‹state›");
        assert_eq!(nested.chance, [("state".to_owned(), "af0ifjsldkj8271".to_owned())]);
    }

    #[test]
    fn a_body_is_its_fields() {
        let mut headers = Headers::new();
        headers.append("Content-Type", "application/json; charset=utf-8");
        let json = Asked::new("POST", "/graphql", None, &headers, br#"{"operationName":"me","variables":{},"nonce":"Zn0nce8842xQ"}"#);
        assert_eq!(json.fields, [("operationName".to_owned(), "me".to_owned()), ("nonce".to_owned(), "‹nonce›".to_owned())]);
        assert_eq!(json.chance, [("nonce".to_owned(), "Zn0nce8842xQ".to_owned())]);
    }
}
