//! The userinfo endpoint (OpenID Connect Core 1.0 §5.3) and its bearer tokens (RFC 6750).

use super::scope::{Scope, Scopes};
use super::{Call, Inner, faults, reply};
use crate::plan::FaultKind;
use crate::topology::provider::note::{Decision, Outcome};
use crate::topology::switchboard::Who;
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
        match self.bearer(call) {
            Ok((client, user, scopes)) => self.tell(client, user, &scopes),
            Err(refused) => {
                let response = match refused.error {
                    Some(error) => reply::error(refused.status, error, refused.why),
                    None => refused.status.into_response(),
                };
                Outcome::new(with_challenge(response, refused.error), Decision::new(NAME, "refused").because(refused.why))
            }
        }
    }

    /// The claims, or the error that a fault puts in their place.
    fn tell(&self, client: usize, user: usize, scopes: &Scopes) -> Outcome {
        let (client, user) = (self.client_id(client), &self.plan.users[user]);
        let mut asked = self.faults.ask(Who { endpoint: NAME, client: Some(client), user: Some(&user.name) });
        if let Some(fault) = asked.strikes(FaultKind::UserinfoError) {
            let status = faults::status(&fault, StatusCode::INTERNAL_SERVER_ERROR);
            let error = match status {
                StatusCode::UNAUTHORIZED => "invalid_token",
                StatusCode::FORBIDDEN => "insufficient_scope",
                status if status.is_client_error() => "invalid_request",
                _ => "server_error",
            };
            let response = reply::error(status, error, "the provider was told to fail");
            let decision = Decision::new(NAME, format!("refused with {status}")).client(client);
            return Outcome::new(with_challenge(response, Some(error)), asked.told(decision));
        }
        let claims = self.userinfo(user, scopes, &mut asked);
        Outcome::new(reply::json(StatusCode::OK, &claims), asked.told(Decision::new(NAME, "claims sent").client(client)))
    }

    /// Who asks, about whom, and for what.
    fn bearer(&self, call: &Call) -> Result<(usize, usize, Scopes), Refused> {
        let token = token(call)?;
        let invalid = || Refused {
            status: StatusCode::UNAUTHORIZED,
            error: Some("invalid_token"),
            why: "the access token is unknown, expired or revoked",
        };
        let token = self.stores().tokens.get(token, self.now()).cloned().ok_or_else(invalid)?;
        if token.family.is_revoked() {
            return Err(invalid());
        }
        match token.family.user.filter(|_| token.scopes.contains(Scope::Openid)) {
            Some(user) => Ok((token.family.client, user, token.scopes)),
            None => Err(Refused {
                status: StatusCode::FORBIDDEN,
                error: Some("insufficient_scope"),
                why: "the access token lacks the scope openid",
            }),
        }
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
