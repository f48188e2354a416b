//! What providers say of themselves, where a chain shows it: discovery documents and key sets.

use super::facts::Facts;
use crate::trace::Hop;
use serde_json::Value;
use url::Url;

/// Documents larger than this are not looked into, in bytes.
const LARGEST: usize = 256 * 1024;

/// A discovery document (OpenID Connect Discovery §3, RFC 8414 §2).
pub(super) struct Discovery<'a> {
    /// The hop that shows it.
    pub(super) hop: &'a Hop,
    /// Its issuer, byte for byte.
    pub(super) issuer: String,
    document: Value,
}

impl Discovery<'_> {
    /// Whether this provider's endpoint stands under the name, as `token_endpoint`, in the document.
    pub(super) fn has(&self, name: &str, url: &Url) -> bool {
        let endpoint = self.document.get(name).and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
        endpoint.is_some_and(|endpoint| endpoint.origin() == url.origin() && endpoint.path() == url.path())
    }

    /// Whether it promises `iss` in its answers (RFC 9207 §3).
    pub(super) fn promises_iss(&self) -> bool {
        self.document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true))
    }
}

/// The discovery documents that a chain shows.
pub(super) fn discoveries<'a>(facts: &Facts<'a>) -> Vec<Discovery<'a>> {
    let of = |hop: &'a Hop| {
        let path = hop.request.url.path();
        if !path.contains("/.well-known/openid-configuration") && !path.contains("/.well-known/oauth-authorization-server") {
            return None;
        }
        let document = json(hop)?;
        let issuer = document.get("issuer")?.as_str()?.to_owned();
        Some(Discovery { hop, issuer, document })
    };
    facts.chain.hops.iter().filter_map(of).collect()
}

/// A key set (RFC 7517 §5) that a chain shows.
pub(super) struct KeySet<'a> {
    /// The hop that shows it.
    pub(super) hop: &'a Hop,
    /// The `kid` of each key that has one.
    pub(super) ids: Vec<String>,
    /// How many keys there are.
    pub(super) keys: usize,
}

/// The key sets that a chain shows.
pub(super) fn key_sets<'a>(facts: &Facts<'a>) -> Vec<KeySet<'a>> {
    let of = |hop: &'a Hop| {
        let document = json(hop)?;
        let keys = document.get("keys")?.as_array()?;
        let are_keys = keys.iter().all(|key| key.get("kty").is_some());
        let ids = keys.iter().filter_map(|key| key.get("kid")?.as_str().map(str::to_owned)).collect();
        are_keys.then_some(KeySet { hop, ids, keys: keys.len() })
    };
    facts.chain.hops.iter().filter_map(of).collect()
}

fn json(hop: &Hop) -> Option<Value> {
    let response = hop.response().filter(|response| response.status == 200 && response.body.bytes.len() <= LARGEST)?;
    response.body.json()
}
