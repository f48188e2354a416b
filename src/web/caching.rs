//! What response fields say about caches (RFC 9111, RFC 9211).

use crate::web::headers::Headers;

/// The `Cache-Control` directives of a response (RFC 9111 §5.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheControl(Vec<(String, Option<String>)>);

impl CacheControl {
    /// The directives of every `Cache-Control` field, in order. A comma within a quoted value splits it: no directive that is
    /// asked for here has one.
    #[must_use]
    pub fn of(headers: &Headers) -> Self {
        let fields = headers.get_all("cache-control").map(String::from_utf8_lossy);
        let all: Vec<_> = fields.flat_map(|field| field.split(',').map(directive).collect::<Vec<_>>()).collect();
        Self(all.into_iter().filter(|(name, _)| !name.is_empty()).collect())
    }

    /// Whether the directive is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The directive's number of seconds.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_deref()?.parse().ok())
    }

    /// Whether it is to be kept from every shared cache (RFC 9111 §5.2.2.5, §5.2.2.7).
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.has("no-store") || self.has("private")
    }

    /// Whether shared caches are invited to keep it and give it to anybody: `s-maxage`, or `public` with a lifetime.
    #[must_use]
    pub fn invites_shared(&self) -> bool {
        let asks_first = self.has("no-cache") || self.is_personal();
        let lifetime = self.seconds("s-maxage").or_else(|| self.has("public").then(|| self.seconds("max-age")).flatten());
        !asks_first && lifetime.is_some_and(|seconds| seconds > 0)
    }

    /// Whether any cache is told to keep it for a while without asking.
    #[must_use]
    pub fn has_lifetime(&self) -> bool {
        let lifetime = self.seconds("max-age").or(self.seconds("s-maxage"));
        !self.has("no-store") && !self.has("no-cache") && lifetime.is_some_and(|seconds| seconds > 0)
    }
}

fn directive(text: &str) -> (String, Option<String>) {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    (name.trim().to_ascii_lowercase(), value.map(|value| value.trim().trim_matches('"').to_owned()))
}

/// The field by which a shared cache says that it answered from what it had kept: `Age` above zero (RFC 9111 §5.1),
/// `Cache-Status: …; hit` (RFC 9211 §2.1), or one of the names that content networks gave it before.
#[must_use]
pub fn from_shared_cache(headers: &Headers) -> Option<String> {
    const NAMES: [&str; 5] = ["x-cache", "cf-cache-status", "x-vercel-cache", "x-proxy-cache", "x-cache-status"];
    let age = headers.get_str("age").and_then(|age| age.trim().parse::<u64>().ok()).filter(|age| *age > 0);
    let named = NAMES.iter().find_map(|name| {
        let value = headers.get_str(name)?;
        let first = value.trim().split([' ', ',', ';']).next().unwrap_or_default();
        first.eq_ignore_ascii_case("hit").then(|| format!("{name}: {first}"))
    });
    let status = || {
        let value = headers.get_str("cache-status")?;
        value.split([';', ',']).any(|part| part.trim() == "hit").then(|| "cache-status: hit".to_owned())
    };
    named.or_else(status).or_else(|| age.map(|age| format!("age: {age}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(name, value)| (*name, *value)).collect()
    }

    #[test]
    fn directives_say_who_may_keep_an_answer() {
        let control = |value: &str| CacheControl::of(&headers(&[("Cache-Control", value)]));
        assert!(control("Public, max-age=60").invites_shared() && control("s-maxage=\"5\"").invites_shared());
        for value in ["public, max-age=0", "private, max-age=60", "public", "no-store", "max-age=60", "s-maxage=9, no-cache", "max-age=x"] {
            assert!(!control(value).invites_shared(), "{value}");
        }
        assert!(control("private, max-age=60").has_lifetime() && !control("no-cache, max-age=60").has_lifetime());
        assert!(control("no-store").is_personal() && !CacheControl::of(&headers(&[])).is_personal());
    }

    #[test]
    fn a_shared_cache_is_known_by_its_fields() {
        for (name, value) in
            [("Age", "7"), ("X-Cache", "Hit from cloudfront"), ("CF-Cache-Status", "HIT"), ("Cache-Status", "edge; hit; ttl=3")]
        {
            assert!(from_shared_cache(&headers(&[(name, value)])).is_some(), "{name}");
        }
        for (name, value) in
            [("Age", "0"), ("X-Cache", "Miss from cloudfront"), ("CF-Cache-Status", "DYNAMIC"), ("Cache-Status", "edge; fwd=miss")]
        {
            assert!(from_shared_cache(&headers(&[(name, value)])).is_none(), "{name}");
        }
    }
}
