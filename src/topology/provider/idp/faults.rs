//! What the provider does wrong on purpose, and only when it is told to.

use super::scope::{Scope, Scopes};
use crate::plan::{Claims, Fault, FaultKind};
use crate::topology::Switchboard;
use crate::topology::switchboard::Who;
use http::StatusCode;

/// The faults that are on right now, as questions of the provider.
#[derive(Debug)]
pub(super) struct Faults(pub(super) Switchboard);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(Switchboard::new(faults))
    }

    /// Status and `error` of every answer of the token endpoint.
    pub(super) fn token_error(&self) -> Option<(StatusCode, String)> {
        let fault = self.0.strikes(FaultKind::TokenError, &Who { endpoint: "token", ..Who::default() })?;
        Some((status(&fault, StatusCode::BAD_REQUEST), fault.arguments.error?))
    }

    /// Status of every answer of the userinfo endpoint.
    pub(super) fn userinfo_error(&self) -> Option<StatusCode> {
        let fault = self.0.strikes(FaultKind::UserinfoError, &Who { endpoint: "userinfo", ..Who::default() })?;
        Some(status(&fault, StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// `error` and `error_description` that an authorization request of this client gets.
    pub(super) fn authorize_error(&self, client: &str) -> Option<(String, Option<String>)> {
        let fault = self.0.strikes(FaultKind::AuthorizeError, &Who { endpoint: "authorize", client: Some(client), user: None })?;
        Some((fault.arguments.error?, fault.arguments.description))
    }

    pub(super) fn strikes(&self, kind: FaultKind, who: &Who<'_>) -> bool {
        self.0.strikes(kind, who).is_some()
    }

    /// Changes the claims of a userinfo answer, within what `scopes` open.
    pub(super) fn spoil_userinfo(&self, claims: &mut Claims, scopes: &Scopes, who: &Who<'_>) {
        self.spoil(claims, who, |name| !is_protocol_claim(name) && scopes.contains(Scope::of_claim(name)));
    }

    /// Changes the claims of an ID token, those of the protocol among them (`iss`, `aud`, `nonce` …).
    pub(super) fn spoil_id_token(&self, claims: &mut Claims, scopes: &Scopes, who: &Who<'_>) {
        self.spoil(claims, who, |name| is_protocol_claim(name) || scopes.contains(Scope::of_claim(name)));
    }

    fn spoil(&self, claims: &mut Claims, who: &Who<'_>, concerns: impl Fn(&str) -> bool) {
        for fault in self.0.all(FaultKind::ClaimMissing, who) {
            fault.arguments.claim.map(|name| claims.shift_remove(&name));
        }
        for fault in self.0.all(FaultKind::ClaimValue, who) {
            if let (Some(name), Some(value)) = (fault.arguments.claim, fault.arguments.value)
                && concerns(&name)
            {
                claims.insert(name, value);
            }
        }
    }
}

/// Claims of the ID token itself (OpenID Connect Core 1.0 §2), which say nothing about the user.
pub(super) fn is_protocol_claim(name: &str) -> bool {
    matches!(
        name,
        "iss" | "aud" | "exp" | "iat" | "nbf" | "jti" | "auth_time" | "nonce" | "acr" | "amr" | "azp" | "at_hash" | "c_hash" | "sid"
    )
}

/// The status that a fault was told, within what HTTP knows.
fn status(fault: &Fault, otherwise: StatusCode) -> StatusCode {
    fault.arguments.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(otherwise)
}
