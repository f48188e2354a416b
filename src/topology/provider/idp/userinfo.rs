//! The userinfo endpoint (OpenID Connect Core 1.0 §5.3) and its bearer tokens (RFC 6750).

use super::scope::Scope;
use super::{Call, Inner, reply};
use crate::topology::provider::note::{Decision, Outcome};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::AUTHORIZATION;

const NAME: &str = "userinfo";

/// An error answer (RFC 6750 §3.1).
struct Refused {
    status: StatusCode,
    /// Nothing when no token was sent: then the challenge stands alone.
    error: Option<&'static str>,
    why: &'static str,
}

impl Inner {
    pub(super) fn answer_userinfo(&self, call: &Call) -> Outcome {
        if let Some(status) = self.faults.userinfo_error() {
            let error = match status {
                StatusCode::UNAUTHORIZED => "invalid_token",
                StatusCode::FORBIDDEN => "insufficient_scope",
                status if status.is_client_error() => "invalid_request",
                _ => "server_error",
            };
            let response = reply::error(status, error, "the provider was told to fail");
            return Outcome::new(with_challenge(response, Some(error)), Decision::new(NAME, format!("fault: refused with {status}")));
        }
        match self.bearer(call) {
            Ok((client, response)) => Outcome::new(response, Decision::new(NAME, "claims sent").client(self.client_id(client))),
            Err(refused) => {
                let response = match refused.error {
                    Some(error) => reply::error(refused.status, error, refused.why),
                    None => refused.status.into_response(),
                };
                Outcome::new(with_challenge(response, refused.error), Decision::new(NAME, "refused").because(refused.why))
            }
        }
    }

    fn bearer(&self, call: &Call) -> Result<(usize, Response), Refused> {
        let token = token(call)?;
        let invalid = Refused {
            status: StatusCode::UNAUTHORIZED,
            error: Some("invalid_token"),
            why: "the access token is unknown, expired or revoked",
        };
        let token = self.stores().tokens.get(token, self.now()).cloned().ok_or(invalid)?;
        if !token.scopes.contains(Scope::Openid) {
            return Err(Refused {
                status: StatusCode::FORBIDDEN,
                error: Some("insufficient_scope"),
                why: "the access token lacks the scope openid",
            });
        }
        let claims = self.userinfo(&self.plan.users[token.user], &token.scopes);
        Ok((token.client, reply::json(StatusCode::OK, &claims)))
    }
}

/// The token of a request: in the header (RFC 6750 §2.1) or in the body (§2.2). The query (§2.3) is not read, for it is logged.
fn token(call: &Call) -> Result<&str, Refused> {
    let malformed = |why| Refused { status: StatusCode::BAD_REQUEST, error: Some("invalid_request"), why };
    let mut headers = call.headers.get_all(AUTHORIZATION).into_iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(malformed("more than one Authorization header was sent"));
    }
    // A body that is no form holds no token, and is nobody's mistake as long as the header does.
    let form = call.form.as_ref().ok();
    let body = match form.map(|form| form.get("access_token")) {
        Some(Err(_)) => return Err(malformed("access_token is repeated")),
        Some(Ok(token)) => token,
        None => None,
    };
    let absent = Refused { status: StatusCode::UNAUTHORIZED, error: None, why: "no access token was sent" };
    match (header, body) {
        (Some(_), Some(_)) => Err(malformed("the access token was sent twice")),
        (None, None) => Err(absent),
        (None, Some(token)) => Ok(token),
        (Some(header), None) => {
            let (scheme, token) =
                header.as_bytes().split_at_checked(7).ok_or(malformed("the Authorization header is not a bearer token"))?;
            if !scheme.eq_ignore_ascii_case(b"bearer ") {
                return Err(absent);
            }
            std::str::from_utf8(token.trim_ascii()).map_err(|_| malformed("the Authorization header is not a bearer token"))
        }
    }
}

/// RFC 6750 §3: every refusal carries the challenge, with the error when there is one.
fn with_challenge(response: Response, error: Option<&str>) -> Response {
    match error {
        None => reply::challenge(response, "Bearer realm=\"userinfo\""),
        Some("invalid_request") => reply::challenge(response, "Bearer realm=\"userinfo\", error=\"invalid_request\""),
        Some("invalid_token") => reply::challenge(response, "Bearer realm=\"userinfo\", error=\"invalid_token\""),
        Some("insufficient_scope") => {
            reply::challenge(response, "Bearer realm=\"userinfo\", error=\"insufficient_scope\", scope=\"openid\"")
        }
        Some(_) => response,
    }
}
