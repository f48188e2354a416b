//! The token endpoint (RFC 6749 §3.2, OpenID Connect Core 1.0 §3.1.3): a file a grant, and what they all end in.

mod client_credentials;
mod code;
mod refresh;

use super::faults::Asked;
use super::issue::Issued;
use super::params::Params;
use super::refused::Refused;
use super::scope::Scope;
use super::{Call, Inner, reply};
use crate::plan::{Fault, FaultKind, Grant};
use crate::topology::provider::note::{Decision, Outcome, quoted};
use crate::topology::switchboard::Who;
use http::StatusCode;
use serde_json::json;
use time::OffsetDateTime;

const NAME: &str = "token";

/// A request of a client that proved who it is.
struct TokenRequest<'a> {
    form: &'a Params,
    client: usize,
    now: OffsetDateTime,
}

impl<'a> TokenRequest<'a> {
    fn get(&self, name: &'static str) -> Result<Option<&'a str>, Refused> {
        self.form.get(name).map_err(|_| self.bad("a parameter is repeated"))
    }

    fn need(&self, name: &'static str, missing: &'static str) -> Result<&'a str, Refused> {
        self.get(name)?.ok_or_else(|| self.bad(missing))
    }

    fn bad(&self, description: &'static str) -> Refused {
        Refused::request(Some(self.client), "invalid_request", description)
    }

    fn refuse(&self, description: &'static str) -> Refused {
        Refused::grant(self.client, description)
    }
}

impl Inner {
    pub(super) async fn token(&self, call: &Call) -> Outcome {
        let now = self.now();
        match self.grant(call, now) {
            Ok((issued, asked)) => self.tokens(issued, asked, now).await,
            Err(refused) => self.refused(NAME, refused),
        }
    }

    /// What the client asks for, granted and stored; everything but the ID token is done then.
    fn grant(&self, call: &Call, now: OffsetDateTime) -> Result<(Issued, Asked<'_>), Refused> {
        let form = call.form.as_ref().map_err(|unreadable| Refused::from(*unreadable))?;
        let client = self.authenticate(call, form, &self.addresses.token, now)?;
        let request = TokenRequest { form, client, now };
        let who = Who { endpoint: NAME, client: Some(self.client_id(client)), user: None };
        if let Some(fault) = self.faults.ask(who).strikes(FaultKind::TokenError) {
            return Err(fault_answer(client, fault));
        }
        form.whole().map_err(|_| request.bad("the body has parameters that cannot be read"))?;
        let name = request.need("grant_type", "grant_type is missing")?;
        let Some(grant) = Grant::ALL.into_iter().find(|grant| grant.name() == name) else {
            let refused = Refused::request(Some(client), "unsupported_grant_type", "this grant_type is not supported");
            return Err(refused.because(format!("grant_type {} is not supported", quoted(name))));
        };
        if !self.plan.clients[client].grants.contains(&grant) {
            let refused = Refused::request(Some(client), "unauthorized_client", "this client may not use this grant_type");
            return Err(refused.because(format!("the client may not use {}", grant.name())));
        }
        match grant {
            Grant::AuthorizationCode => self.redeem(&request),
            Grant::RefreshToken => self.refresh(&request),
            Grant::ClientCredentials => self.client_credentials(&request),
        }
    }

    /// The answer (RFC 6749 §5.1).
    async fn tokens(&self, issued: Issued, mut asked: Asked<'_>, now: OffsetDateTime) -> Outcome {
        let mut body = json!({
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": self.plan.token_ttl.as_secs(),
            "scope": issued.scopes.to_string(),
        });
        if let Some(refresh_token) = &issued.refresh_token {
            body["refresh_token"] = refresh_token.as_str().into();
        }
        if let Some(user) = issued.family.user
            && issued.scopes.contains(Scope::Openid)
        {
            body["id_token"] = self.id_token(&issued, user, &mut asked, now).await.into();
        }
        let decision = Decision::new(NAME, issued.outcome).client(self.client_id(issued.family.client));
        Outcome::new(reply::json(StatusCode::OK, &body), asked.told(decision))
    }
}

/// The error that a fault asks for, with a description only when it has one.
fn fault_answer(client: usize, fault: Fault) -> Refused {
    let status = super::faults::status(&fault, StatusCode::BAD_REQUEST);
    Refused {
        status,
        error: fault.arguments.error.unwrap_or_else(|| "server_error".to_owned()).into(),
        description: fault.arguments.description.unwrap_or_default().into(),
        client: Some(client),
        why: "fault: token_error".into(),
    }
}
