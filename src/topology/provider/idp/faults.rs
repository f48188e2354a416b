//! What the provider does wrong on purpose, and only when it is told to.

use super::scope::{Scope, Scopes};
use crate::plan::{Claims, IdpFault};
use http::StatusCode;
use std::sync::{PoisonError, RwLock};

/// The faults that are on right now.
#[derive(Debug)]
pub(super) struct Faults(RwLock<Vec<IdpFault>>);

impl Faults {
    pub(super) fn new(faults: Vec<IdpFault>) -> Self {
        Self(RwLock::new(faults))
    }

    pub(super) fn replace(&self, faults: Vec<IdpFault>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn find<T>(&self, pick: impl Fn(&IdpFault) -> Option<T>) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().find_map(pick)
    }

    fn is_on(&self, fault: &IdpFault) -> bool {
        self.find(|other| (other == fault).then_some(())).is_some()
    }

    /// Status and `error` of every answer of the token endpoint.
    pub(super) fn token_error(&self) -> Option<(StatusCode, String)> {
        self.find(|fault| match fault {
            IdpFault::TokenError { status, error } => Some((error_status(*status), error.clone())),
            _ => None,
        })
    }

    /// Status of every answer of the userinfo endpoint.
    pub(super) fn userinfo_error(&self) -> Option<StatusCode> {
        self.find(|fault| match fault {
            IdpFault::UserinfoError { status } => Some(error_status(*status)),
            _ => None,
        })
    }

    /// `error` and `error_description` that every authorization request gets.
    pub(super) fn authorize_error(&self) -> Option<(String, Option<String>)> {
        self.find(|fault| match fault {
            IdpFault::AuthorizeError { error, description } => Some((error.clone(), description.clone())),
            _ => None,
        })
    }

    pub(super) fn code_missing(&self) -> bool {
        self.is_on(&IdpFault::CodeMissing)
    }

    pub(super) fn state_altered(&self) -> bool {
        self.is_on(&IdpFault::StateAltered)
    }

    pub(super) fn code_replayable(&self) -> bool {
        self.is_on(&IdpFault::CodeReplayable)
    }

    /// Changes the claims of a userinfo answer, within what `scopes` open.
    pub(super) fn spoil_userinfo(&self, claims: &mut Claims, scopes: &Scopes) {
        self.spoil(claims, |name| !is_protocol_claim(name) && scopes.contains(Scope::of_claim(name)));
    }

    /// Changes the claims of an ID token, those of the protocol among them (`iss`, `aud`, `nonce` …).
    pub(super) fn spoil_id_token(&self, claims: &mut Claims, scopes: &Scopes) {
        self.spoil(claims, |name| is_protocol_claim(name) || scopes.contains(Scope::of_claim(name)));
    }

    fn spoil(&self, claims: &mut Claims, concerns: impl Fn(&str) -> bool) {
        for fault in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            match fault {
                IdpFault::ClaimMissing(name) => drop(claims.shift_remove(name)),
                IdpFault::ClaimValue(name, value) if concerns(name) => drop(claims.insert(name.clone(), value.clone())),
                _ => {}
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

/// A status as declared; one that HTTP does not know (below 100, above 999) becomes 500.
fn error_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
