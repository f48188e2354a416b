//! Requests by the credential they carried and what the server made of it.

use super::facts::{Facts, cookie_header, ends_session, is_deletion, is_safe};
use crate::judge::text::shown;
use crate::trace::{Hop, SetVerdict};
use serde_json::{Map, Value};
use std::time::Duration;

/// Two requests further apart by the run's clock may differ because the session's time was over.
const FRESH: Duration = Duration::from_secs(60);

/// What an answer says about who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A success with a user in it.
    Known,
    /// A success that says that nobody is signed in.
    Anonymous,
    /// Refused for want of a valid session.
    Refused,
    /// The server failed.
    Broken,
    /// Nothing about it can be told.
    Silent,
}

/// What the hop's answer says about who asked.
pub(super) fn standing(hop: &Hop) -> Standing {
    let Some(response) = hop.response() else { return Standing::Silent };
    let body = response.body.json();
    match response.status {
        200..300 => match &body {
            Some(body) if is_anonymous(body) => Standing::Anonymous,
            Some(Value::Object(map)) if user_fields(map).is_some() => Standing::Known,
            _ => Standing::Silent,
        },
        401 if wants_other_credential(hop, body.as_ref()) => Standing::Silent,
        401 => Standing::Refused,
        403 if is_safe(hop) && speaks_of_session(body.as_ref()) => Standing::Refused,
        500..600 => Standing::Broken,
        _ => Standing::Silent,
    }
}

/// A challenge for something that is no session: a scheme of its own (RFC 9110 §11), or a client's secret (RFC 6749 §5.2).
fn wants_other_credential(hop: &Hop, body: Option<&Value>) -> bool {
    let challenges = hop.response().into_iter().flat_map(|response| response.headers.get_all("www-authenticate"));
    let other = |value: &[u8]| {
        let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default().to_ascii_lowercase();
        matches!(scheme.as_slice(), b"basic" | b"digest" | b"negotiate" | b"ntlm")
    };
    let client = body.and_then(|body| body.get("error")).and_then(Value::as_str) == Some("invalid_client");
    client || challenges.into_iter().any(other)
}

/// A 403 is about rights, origins or tokens against forgery unless it says that it is about the session.
fn speaks_of_session(body: Option<&Value>) -> bool {
    let Some(Value::Object(map)) = body else { return false };
    let text = map.iter().filter(|(key, _)| matches!(key.as_str(), "code" | "error" | "message")).filter_map(|(_, value)| value.as_str());
    let text = text.collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let about = |words: &[&str]| words.iter().any(|word| text.contains(word));
    about(&["session", "unauthenticated", "not authenticated", "not logged in", "not signed in", "no_authorization", "bad_jwt"])
        && !about(&["csrf", "origin", "role", "permission"])
}

/// `null`, `{}`, or a session endpoint's object with nobody in it.
fn is_anonymous(body: &Value) -> bool {
    match body {
        Value::Null => true,
        Value::Object(map) => {
            let says_no =
                ["authenticated", "isAuthenticated", "loggedIn", "isLoggedIn"].iter().any(|key| map.get(*key) == Some(&Value::Bool(false)));
            let nobody = ["user", "session"].iter().any(|key| map.get(*key) == Some(&Value::Null));
            map.is_empty() || says_no || nobody
        }
        _ => false,
    }
}

/// The fields that show a user, by path; none when the object shows nobody.
fn user_fields(map: &Map<String, Value>) -> Option<Vec<String>> {
    for key in ["user", "session", "account", "profile", "data"] {
        let Some(Value::Object(inner)) = map.get(key) else { continue };
        if key == "data" {
            if let Some(fields) = user_fields(inner) {
                return Some(fields.into_iter().map(|field| format!("data.{field}")).collect());
            }
        } else if !inner.is_empty() {
            return Some(inner.keys().take(4).map(|field| format!("{key}.{}", shown(field, 40))).collect());
        }
    }
    let has = |key: &&str| map.get(*key).is_some_and(|value| !value.is_null());
    let own: Vec<_> =
        ["sub", "email", "userId", "user_id", "username"].iter().filter(|key| has(key)).map(|key| (*key).to_owned()).collect();
    if own.is_empty() { None } else { Some(own) }
}

/// What a success says about its user, by field names; values stay out.
pub(super) fn user_told(hop: &Hop) -> String {
    let body = hop.response().and_then(|response| response.body.json());
    match body.as_ref().and_then(Value::as_object).and_then(user_fields) {
        Some(fields) => fields.join(", "),
        None => "a user".to_owned(),
    }
}

/// Whether two requests carried the same Authorization, or none.
pub(super) fn same_authorization(one: &Hop, other: &Hop) -> bool {
    let all = |hop: &Hop| hop.request.headers.get_all("authorization").map(<[u8]>::to_vec).collect::<Vec<_>>();
    all(one) == all(other)
}

/// Whether two requests went to the same endpoint: method, origin and path.
pub(super) fn same_endpoint(one: &Hop, other: &Hop) -> bool {
    one.request.method == other.request.method && same_resource(one, other)
}

/// Whether two requests went to the same origin and path.
pub(super) fn same_resource(one: &Hop, other: &Hop) -> bool {
    one.request.url.origin() == other.request.url.origin() && one.request.url.path() == other.request.url.path()
}

/// Whether nothing happened between two requests that could have changed what the server knows of the first one's
/// cookies: no request that may change something, no callback, no sign-out, no new value for one of these cookies, and
/// no time for the session to end.
pub(super) fn undisturbed(facts: &Facts<'_>, one: &Hop, other: &Hop) -> bool {
    let (first, second) = if one.id <= other.id { (one, other) } else { (other, one) };
    let wait = second.started - first.started;
    if wait.unsigned_abs() > FRESH || facts.slept_between(first, second) {
        return false;
    }
    let between = facts.chain.hops.get(first.id.0 as usize..second.id.0 as usize).unwrap_or_default();
    !between.iter().any(|hop| {
        let acts = hop.id != first.id && (!is_safe(hop) || ends_session(hop) || facts.is_callback(hop));
        // Another person's doings do not touch this one's session; signing out everywhere might.
        if hop.actor == first.actor { acts || renews(hop, first) } else { ends_session(hop) }
    })
}

/// Whether a response gave one of the cookies that `credential` carried another value, or took it away.
fn renews(hop: &Hop, credential: &Hop) -> bool {
    hop.set.iter().filter(|set| !matches!(set.verdict, SetVerdict::Blocked(_))).any(|set| {
        let carried = credential.sent.iter().find(|sent| sent.name == set.name);
        carried.is_some_and(|sent| is_deletion(set) || sent.value != set.value)
    })
}

/// Requests of one actor that carried exactly these cookies.
pub(super) fn carrying<'a>(facts: &Facts<'a>, credential: &Hop) -> Vec<&'a Hop> {
    let Some(bytes) = cookie_header(credential) else { return Vec::new() };
    facts.carriers(&bytes).iter().copied().filter(|hop| hop.actor == credential.actor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::Story;
    use serde_json::json;

    fn answered(status: u16, body: Value) -> Standing {
        let mut story = Story::new();
        standing(story.get("https://api.test/x").status(status).json(body).last())
    }

    #[test]
    fn the_status_alone_is_no_proof() {
        assert_eq!(answered(200, json!({"user": {"id": 1}, "session": {}})), Standing::Known);
        assert_eq!(answered(200, json!({"data": {"user": {"id": 1}}})), Standing::Known);
        assert_eq!(answered(200, json!({"email": "a@b"})), Standing::Known);
        assert_eq!(answered(200, Value::Null), Standing::Anonymous);
        assert_eq!(answered(200, json!({"user": null})), Standing::Anonymous);
        assert_eq!(answered(200, json!({"isLoggedIn": false, "user": {"id": 0}})), Standing::Anonymous);
        assert_eq!(answered(200, json!({"version": "1"})), Standing::Silent);
        assert_eq!(answered(401, json!({"message": "no"})), Standing::Refused);
        assert_eq!(answered(401, json!({"error": "invalid_client"})), Standing::Silent);
        assert_eq!(answered(403, json!({"message": "Invalid origin"})), Standing::Silent);
        assert_eq!(answered(403, json!({"code": "session_not_found"})), Standing::Refused);
        assert_eq!(answered(503, json!({})), Standing::Broken);
    }
}
