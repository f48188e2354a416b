//! The token endpoint (RFC 6749 §3.2, §4.1.3; OpenID Connect Core 1.0 §3.1.3).

use super::client_auth::{NotAuthenticated, authenticate};
use super::keys;
use super::params::Params;
use super::scope::Scope;
use super::store::{AccessToken, Code};
use super::{Call, Inner, Unreadable, after, reply};
use crate::plan::FaultKind;
use crate::topology::provider::note::{Decision, Outcome, quoted};
use crate::topology::switchboard::Who;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use std::borrow::Cow;
use time::OffsetDateTime;

const NAME: &str = "token";

/// An error answer (RFC 6749 §5.2).
struct Refused {
    status: StatusCode,
    error: &'static str,
    /// For the client: quotes nothing.
    description: &'static str,
    client: Option<usize>,
    /// For the log.
    why: Cow<'static, str>,
}

impl Refused {
    fn request(client: Option<usize>, error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description, client, why: description.into() }
    }

    fn code(client: usize, description: &'static str) -> Self {
        Self::request(Some(client), "invalid_grant", description)
    }
}

impl From<NotAuthenticated> for Refused {
    fn from(refused: NotAuthenticated) -> Self {
        let status = if refused.error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let why = refused.why.map_or(refused.description.into(), Cow::Owned);
        Self { status, error: refused.error, description: refused.description, client: None, why }
    }
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        let mut refused = Self::request(None, "invalid_request", unreadable.reason());
        if unreadable == Unreadable::TooLarge {
            refused.status = unreadable.status();
        }
        refused
    }
}

/// A code that was redeemed and the access token it gave.
struct Redeemed {
    code: Code,
    access_token: String,
    /// It had been redeemed before, which only a fault allows.
    again: bool,
}

impl Inner {
    pub(super) fn token(&self, call: &Call) -> Outcome {
        if let Some((status, error)) = self.faults.token_error() {
            let response = reply::error(status, &error, "the provider was told to fail");
            return Outcome::new(
                response_with_challenge(response),
                Decision::new(NAME, format!("fault: refused with {status}")).because(error),
            );
        }
        let now = self.now();
        match self.redeem(call, now) {
            Ok(redeemed) => {
                let outcome = if redeemed.again { "fault: tokens issued for a code that was used before" } else { "tokens issued" };
                let decision = Decision::new(NAME, outcome).client(self.client_id(redeemed.code.client));
                Outcome::new(self.tokens(&redeemed, now), decision)
            }
            Err(refused) => {
                let mut decision = Decision::new(NAME, "refused").because(refused.why);
                decision.client = refused.client.map(|client| self.client_id(client).to_owned());
                let response = reply::error(refused.status, refused.error, refused.description);
                Outcome::new(response_with_challenge(response), decision)
            }
        }
    }

    /// Checks a request and spends its code.
    fn redeem(&self, call: &Call, now: OffsetDateTime) -> Result<Redeemed, Refused> {
        let form = call.form.as_ref().map_err(|unreadable| Refused::from(*unreadable))?;
        form.whole().map_err(|_| Refused::request(None, "invalid_request", "the parameters cannot be read"))?;
        let client = authenticate(&self.plan, &call.headers, form)?;
        let get =
            |name: &'static str| form.get(name).map_err(|_| Refused::request(Some(client), "invalid_request", "a parameter is repeated"));
        match get("grant_type")? {
            Some("authorization_code") => {}
            Some(other) => {
                let why = format!("grant_type {} is not supported", quoted(other)).into();
                let refused = Refused::request(Some(client), "unsupported_grant_type", "only authorization_code is supported");
                return Err(Refused { why, ..refused });
            }
            None => return Err(Refused::request(Some(client), "invalid_request", "grant_type is missing")),
        }
        let id = get("code")?.ok_or_else(|| Refused::request(Some(client), "invalid_request", "code is missing"))?;
        get("redirect_uri")?;
        get("code_verifier")?;

        let mut stores = self.stores();
        let code = stores.codes.get(id, now).cloned().ok_or_else(|| Refused::code(client, "the code is not known"))?;
        if code.client != client {
            return Err(Refused::code(client, "the code was issued to another client"));
        }
        let used = !code.tokens.is_empty();
        let who = Who { endpoint: NAME, client: Some(self.client_id(client)), user: Some(&self.plan.users[code.user].name) };
        if used && !self.faults.strikes(FaultKind::CodeReplayable, &who) {
            // RFC 6749 §4.1.2: whoever comes second, one of the two stole it, so nothing that it gave may be used.
            for token in &code.tokens {
                stores.tokens.remove(token);
            }
            return Err(Refused {
                why: "the code was used before; its tokens are revoked".into(),
                ..Refused::code(client, "the code was used before")
            });
        }
        if code.expires <= now {
            return Err(Refused::code(client, "the code is expired"));
        }
        check_binding(&code, form, client)?;

        let access_token = keys::random();
        let token = AccessToken { client, user: code.user, scopes: code.scopes.clone() };
        stores.tokens.insert(access_token.clone(), token, now, after(now, self.plan.token_ttl));
        if let Some(stored) = stores.codes.get_mut(id, now) {
            stored.tokens.push(access_token.clone());
        }
        Ok(Redeemed { code, access_token, again: used })
    }

    fn tokens(&self, redeemed: &Redeemed, now: OffsetDateTime) -> Response {
        let code = &redeemed.code;
        let mut body = json!({
            "access_token": redeemed.access_token,
            "token_type": "Bearer",
            "expires_in": self.plan.token_ttl.as_secs(),
            "scope": code.scopes.to_string(),
        });
        if code.scopes.contains(Scope::Openid) {
            body["id_token"] = self.id_token(code, &redeemed.access_token, now).into();
        }
        reply::json(StatusCode::OK, &body)
    }
}

/// What the code is bound to besides the client: the redirect URI (RFC 6749 §4.1.3) and the challenge (RFC 7636 §4.6).
fn check_binding(code: &Code, form: &Params, client: usize) -> Result<(), Refused> {
    match form.only("redirect_uri") {
        Some(uri) if uri == code.redirect_uri => {}
        Some(_) => return Err(Refused::code(client, "redirect_uri differs from the authorization request")),
        None => return Err(Refused::request(Some(client), "invalid_request", "redirect_uri is missing")),
    }
    match (&code.challenge, form.only("code_verifier")) {
        (None, None) => Ok(()),
        // RFC 9700 §2.1.1: otherwise leaving out the challenge would switch the protection off.
        (None, Some(_)) => Err(Refused::code(client, "code_verifier was sent, but the authorization request had no code_challenge")),
        (Some(_), None) => Err(Refused::code(client, "code_verifier is missing")),
        (Some(_), Some(verifier)) if !is_verifier(verifier) => {
            Err(Refused::request(Some(client), "invalid_request", "code_verifier must be 43 to 128 unreserved characters"))
        }
        (Some(challenge), Some(verifier)) if keys::same_secret(challenge, &keys::s256(verifier)) => Ok(()),
        (Some(_), Some(_)) => Err(Refused::code(client, "code_verifier does not match the code_challenge")),
    }
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn response_with_challenge(response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        reply::challenge(response, "Basic realm=\"token\", charset=\"UTF-8\"")
    } else {
        response
    }
}
