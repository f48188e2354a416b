//! `GET /auth/session`: the framework's guard, outside Better Auth and with a reading of its own.
//!
//! | `GUARD` | reads | on a valid cookie |
//! |---|---|---|
//! | `cookie` | `__Secure-`, plain and `__Host-` session cookie, then `Authorization: Bearer` (with the bearer plugin) | 200 |
//! | `bearer` | only `Authorization: Bearer` | 401 |
//! | `encoded` | as `cookie`, but percent-encodes the value once more before it is looked up | 401 |
//! | `throws` | as `cookie`; the look-up fails like a database whose certificate has expired, and is rethrown | 500 |
//! | `swallows` | the same failure, taken for an invalid session | 401 |
//!
//! Each candidate that is there costs one look-up, four at most; the first that is a live session wins. How many there
//! were, and which won, is in the request's log line (`guard=cookie lookups=1 via=…`) and nowhere on the wire.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::app::{Api, bearer};
use super::config::GuardMode;
use super::cookies::SESSION_COOKIE_CANDIDATES;
use super::reply;
use super::signing::random_uuid;
use super::store::SignedIn;
use crate::serve::LogNote;
use crate::wire;

/// What the guard found out.
struct Verdict {
    lookups: usize,
    found: Result<Option<(SignedIn, &'static str)>, Infrastructure>,
}

/// The session store is out of reach: not the caller's fault, so no 401.
struct Infrastructure;

/// The name of the last candidate.
const BEARER: &str = "Bearer";

pub(super) async fn session(State(api): State<Arc<Api>>, uri: Uri, headers: HeaderMap) -> Response {
    let mode = api.config.guard;
    let verdict = examine(&api, &headers);
    let mut note = format!("guard={} lookups={}", name(mode), verdict.lookups);
    let mut answer = match verdict.found {
        Ok(Some((signed_in, via))) => {
            note.push_str(&format!(" via={via}"));
            reply::ok(&payload(&signed_in))
        }
        Ok(None) => unauthorized(),
        Err(Infrastructure) if mode == GuardMode::Swallows => unauthorized(),
        Err(Infrastructure) => {
            let error_id = random_uuid();
            note.push_str(&format!(" errorId={error_id} cause=\"session store: certificate has expired\""));
            reply::unexpected(&error_id, uri.path(), &api.clock.now().iso())
        }
    };
    answer.extensions_mut().insert(LogNote(note));
    answer
}

fn examine(api: &Api, headers: &HeaderMap) -> Verdict {
    let mode = api.config.guard;
    let mut verdict = Verdict { lookups: 0, found: Ok(None) };
    let cookies: &[&'static str] = if mode == GuardMode::Bearer { &[] } else { &SESSION_COOKIE_CANDIDATES };
    let candidates = cookies
        .iter()
        .filter_map(|name| wire::cookie(headers, name).map(|value| (*name, value)))
        .chain(bearer(headers).map(|value| (BEARER, value.as_bytes())));
    for (via, value) in candidates {
        verdict.lookups += 1;
        let found = match mode {
            GuardMode::Throws | GuardMode::Swallows => {
                verdict.found = Err(Infrastructure);
                return verdict;
            }
            _ if via == BEARER => api.bearer_session(headers),
            GuardMode::Encoded => api.live_session(&wire::encode_component_bytes(value)),
            GuardMode::Cookie | GuardMode::Bearer => api.live_session(value),
        };
        if let Some(signed_in) = found {
            verdict.found = Ok(Some((signed_in, via)));
            return verdict;
        }
    }
    verdict
}

fn unauthorized() -> Response {
    reply::http_exception(StatusCode::UNAUTHORIZED, "Invalid or expired session")
}

fn name(mode: GuardMode) -> &'static str {
    match mode {
        GuardMode::Cookie => "cookie",
        GuardMode::Bearer => "bearer",
        GuardMode::Encoded => "encoded",
        GuardMode::Throws => "throws",
        GuardMode::Swallows => "swallows",
    }
}

/// The guard's own view of a session: no token in it.
fn payload(signed_in: &SignedIn) -> Value {
    let SignedIn { session, user, .. } = signed_in;
    json!({
        "user": { "id": user.id, "email": user.email, "name": user.name, "image": user.image },
        "session": { "id": session.id, "userId": session.user_id, "expiresAt": session.expires_at.iso() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::testing::{Lab, SESSION, vars};

    const PATH: &str = "/auth/session";

    #[tokio::test]
    async fn each_guard_meets_a_valid_cookie_in_its_own_way() {
        for (guard, status, tells) in [
            ("cookie", 200, "guard=cookie lookups=1 via=__Secure-better-auth.session_token"),
            ("bearer", 401, "guard=bearer lookups=0"),
            ("encoded", 401, "guard=encoded lookups=1"),
            ("throws", 500, "guard=throws lookups=1 errorId="),
            ("swallows", 401, "guard=swallows lookups=1"),
        ] {
            let lab = Lab::new(vars().put("GUARD", Some(guard))).await;
            let session = lab.sign_in().await;
            assert!(!lab.get("/auth/get-session", Some(&session)).await.json().is_null());
            let answer = lab.get(PATH, Some(&session)).await;
            assert_eq!(answer.status.as_u16(), status, "{guard}");
            assert!(answer.note.starts_with(tells), "{}", answer.note);
        }
    }

    #[tokio::test]
    async fn the_401_and_the_500_have_their_shapes() {
        let lab = Lab::new(vars()).await;
        let unauthorized = json!({"message": "Invalid or expired session", "error": "Unauthorized", "statusCode": 401});
        assert_eq!(lab.get(PATH, None).await.json(), unauthorized);
        let lab = Lab::new(vars().put("GUARD", Some("throws"))).await;
        let session = lab.sign_in().await;
        let body = lab.get(PATH, Some(&session)).await.json();
        assert_eq!((&body["success"], &body["statusCode"], &body["path"]), (&json!(false), &json!(500), &json!(PATH)));
        assert_eq!(body["errorId"].as_str().map(str::len), Some(36));
        assert_eq!(lab.get(PATH, None).await.status, StatusCode::UNAUTHORIZED, "nothing to look up, nothing to fail");
    }

    #[tokio::test]
    async fn candidates_are_tried_in_order_until_one_lives() {
        let lab = Lab::new(vars().put("BEARER_PLUGIN", Some("on"))).await;
        let value = lab.sign_in().await.replacen(&format!("{SESSION}="), "", 1);
        let [secure, plain, host] = SESSION_COOKIE_CANDIDATES;
        let good = |name: &str| format!("{name}={value}");
        let bad = |name: &str| format!("{name}=dead");
        let all_bad = format!("{}; {}; {}", bad(secure), bad(plain), bad(host));
        for (cookie, token, status, lookups, via) in [
            (good(secure), None, 200, 1, Some(secure)),
            (good(plain), None, 200, 1, Some(plain)),
            (good(host), None, 200, 1, Some(host)),
            (format!("{}; {}", good(plain), good(secure)), None, 200, 1, Some(secure)),
            (format!("{}; {}", bad(secure), good(plain)), None, 200, 2, Some(plain)),
            (good(plain), Some(value.as_str()), 200, 1, Some(plain)),
            (all_bad.clone(), Some(value.as_str()), 200, 4, Some(BEARER)),
            (all_bad.clone(), Some("dead"), 401, 4, None),
            ("other=1".to_owned(), None, 401, 0, None),
        ] {
            let authorization = token.map(|token| format!("Bearer {token}"));
            let mut fields = vec![("cookie", cookie.as_str())];
            fields.extend(authorization.as_deref().map(|value| ("authorization", value)));
            let answer = lab.send("GET", PATH, &fields, "").await;
            assert_eq!(answer.status.as_u16(), status, "{cookie}");
            let via = via.map(|via| format!(" via={via}")).unwrap_or_default();
            assert_eq!(answer.note, format!("guard=cookie lookups={lookups}{via}"));
        }
    }

    #[tokio::test]
    async fn a_bearer_token_counts_only_with_the_plugin_signed_or_not() {
        for (plugin, guard, status) in [("off", "cookie", 401), ("on", "cookie", 200), ("on", "bearer", 200)] {
            let lab = Lab::new(vars().put("BEARER_PLUGIN", Some(plugin)).put("GUARD", Some(guard))).await;
            let signed = lab.sign_in().await.replacen(&format!("{SESSION}="), "", 1);
            let raw = signed.split('.').next().expect("a token").to_owned();
            for token in [&signed, &raw] {
                let authorization = format!("bearer {token}");
                let answer = lab.send("GET", PATH, &[("authorization", &authorization)], "").await;
                assert_eq!(answer.status.as_u16(), status, "{plugin} {guard}");
                let native = lab.send("GET", "/auth/get-session", &[("authorization", &authorization)], "").await;
                assert_eq!(native.json().is_null(), plugin == "off");
            }
        }
    }
}
