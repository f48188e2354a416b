//! `private_key_jwt`: a client proves who it is with a JWT that it signed (RFC 7523 §2.2 and §3, OpenID Connect Core 1.0 §9).

use super::Inner;
use super::client_auth::NotAuthenticated;
use crate::plan::{ClientKey, IdpClient};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Header, Validation};
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

/// Longest assertion that is looked at.
const LONGEST: usize = 8 * 1024;

/// How far an assertion may live into the future: RFC 7523 §3 lets a server refuse what is unreasonably far.
const LONGEST_LIFE: Duration = Duration::hours(1);

/// How much the client's clock may differ.
const LEEWAY: Duration = Duration::minutes(1);

/// More keys of one client than this are not tried.
const MOST_KEYS: usize = 16;

impl Inner {
    /// The client that signed `assertion` for this provider or for `url`, the endpoint that it came to. `id` is the `client_id` beside it.
    pub(super) fn check_assertion(
        &self,
        id: Option<&str>,
        assertion: &str,
        url: &str,
        now: OffsetDateTime,
    ) -> Result<usize, NotAuthenticated> {
        let unreadable = || NotAuthenticated::request("client_assertion is no signed JWT");
        if assertion.len() > LONGEST {
            return Err(unreadable());
        }
        // Who claims to have signed it decides with whose keys that is verified; until then nothing else is believed.
        let claimed = unverified(assertion).ok_or_else(unreadable)?;
        let subject = claimed.get("sub").and_then(Value::as_str).ok_or_else(unreadable)?;
        let client = self.clients.find(subject).ok_or_else(|| NotAuthenticated::unknown(subject))?;
        let refuse = |description| NotAuthenticated::client(client, description);
        if id.is_some_and(|id| id != subject) {
            return Err(NotAuthenticated::request("client_id differs from the subject of the client assertion"));
        }
        if self.plan.clients[client].keys.is_empty() {
            return Err(refuse("this client has no keys to sign with"));
        }
        let claims =
            verified(&self.plan.clients[client], assertion).ok_or_else(|| refuse("the client assertion is not signed by this client"))?;
        let jti = self.check_claims(&claims, subject, url, now).map_err(refuse)?;

        let mut digest = Context::new(&SHA256);
        digest.update(subject.as_bytes());
        digest.update(&[0]);
        digest.update(jti.as_bytes());
        let key = URL_SAFE_NO_PAD.encode(digest.finish());
        let mut stores = self.stores();
        if stores.assertions.get(&key, now).is_some() {
            return Err(refuse("the client assertion was used before"));
        }
        // As long as its `exp` may be accepted.
        stores.assertions.insert(key, (), now, now.saturating_add(LONGEST_LIFE + LEEWAY * 2));
        Ok(client)
    }

    /// Whether the claims are for here and now (RFC 7523 §3); gives the id of the assertion.
    fn check_claims<'a>(
        &self,
        claims: &'a Map<String, Value>,
        subject: &str,
        url: &str,
        now: OffsetDateTime,
    ) -> Result<&'a str, &'static str> {
        let text = |name| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(subject) || text("sub") != Some(subject) {
            return Err("issuer and subject of the client assertion must both be the client_id");
        }
        let is_ours = |audience: &str| [self.issuer.as_str(), &self.addresses.token, url].contains(&audience);
        let for_us = match claims.get("aud") {
            Some(Value::String(audience)) => is_ours(audience),
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).any(is_ours),
            _ => false,
        };
        if !for_us {
            return Err("the audience of the client assertion must be the issuer or the token endpoint");
        }
        let expires = moment(claims, "exp")?.ok_or("the client assertion does not say when it expires (exp)")?;
        if expires.saturating_add(LEEWAY) <= now {
            return Err("the client assertion is expired");
        }
        if expires > now.saturating_add(LONGEST_LIFE + LEEWAY) {
            return Err("the client assertion lives longer than an hour");
        }
        let soon = now.saturating_add(LEEWAY);
        if moment(claims, "nbf")?.is_some_and(|early| early > soon) {
            return Err("the client assertion is not valid yet");
        }
        if moment(claims, "iat")?.is_some_and(|issued| issued > soon) {
            return Err("the client assertion was issued in the future");
        }
        text("jti").filter(|jti| !jti.is_empty()).ok_or("the client assertion has no id (jti)")
    }
}

/// A NumericDate (RFC 7519 §2).
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<OffsetDateTime>, &'static str> {
    const WRONG: &str = "a time in the client assertion is no number of seconds";
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[allow(clippy::cast_possible_truncation, reason = "fractions of a second do not matter, and the cast saturates")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64)).ok_or(WRONG)?;
    OffsetDateTime::from_unix_timestamp(seconds).map(Some).map_err(|_| WRONG)
}

/// What the assertion says about itself.
fn unverified(assertion: &str) -> Option<Map<String, Value>> {
    let mut parts = assertion.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// The claims, when one of the client's keys signed them: the one that the header names, or any of its kind.
fn verified(client: &IdpClient, assertion: &str) -> Option<Map<String, Value>> {
    let Header { alg, kid, crit, .. } = jsonwebtoken::decode_header(assertion).ok()?;
    // RFC 7515 §4.1.11: whatever is critical to the client must be understood, and no extension is.
    if crit.is_some() {
        return None;
    }
    let mut validation = Validation::new(alg);
    // The library asks the wall clock; times are checked by the run's clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let fits = |key: &&ClientKey| key.algorithms().contains(&alg) && (kid.is_none() || key.kid().is_none() || key.kid() == kid.as_deref());
    let mut keys = client.keys.iter().filter(fits).take(MOST_KEYS);
    keys.find_map(|key| jsonwebtoken::decode(assertion, key.decoding_key(), &validation).ok()).map(|token| token.claims)
}
