//! What the provider does wrong on purpose, and only when it is told to.

use super::keys::random;
use super::scope::{Scope, Scopes};
use super::signing::{Alg, Flaws, Kid, at_hash};
use crate::plan::{Claims, Fault, FaultKind, SigningAlgorithm};
use crate::topology::Switchboard;
use crate::topology::provider::note::Decision;
use crate::topology::switchboard::Who;
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// An issuer and an audience that are nobody's (RFC 6761 §6.4).
pub(super) const ELSEWHERE: &str = "https://elsewhere.invalid/";

/// How early or late a token is unless the fault says.
const HOUR: Duration = Duration::from_secs(3600);

/// The faults that are on right now, as questions of the provider.
#[derive(Debug)]
pub(super) struct Faults(pub(super) Switchboard);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(Switchboard::new(faults))
    }

    /// Begins the questions about one call.
    pub(super) fn ask<'a>(&'a self, who: Who<'a>) -> Asked<'a> {
        Asked { board: &self.0, who, struck: Vec::new() }
    }
}

/// The questions about one call, each asked once, and which of them struck.
pub(super) struct Asked<'a> {
    board: &'a Switchboard,
    who: Who<'a>,
    struck: Vec<&'static str>,
}

impl Asked<'_> {
    /// The fault of this kind, when it strikes this call.
    pub(super) fn strikes(&mut self, kind: FaultKind) -> Option<Fault> {
        let fault = self.board.strikes(kind, &self.who)?;
        self.note(kind);
        Some(fault)
    }

    /// Whether the fault strikes this call.
    pub(super) fn on(&mut self, kind: FaultKind) -> bool {
        self.strikes(kind).is_some()
    }

    /// Remembers a fault that was asked for elsewhere.
    pub(super) fn note(&mut self, kind: FaultKind) {
        self.struck.push(kind.spec().name);
    }

    /// `decision` with the faults that struck.
    pub(super) fn told(&self, decision: Decision) -> Decision {
        if self.struck.is_empty() {
            return decision;
        }
        let faults = format!("fault: {}", self.struck.join(", "));
        let why = decision.why.as_ref().map_or(faults.clone(), |why| format!("{why}, {faults}"));
        decision.because(why)
    }

    /// What is wrong with the signature of an ID token.
    pub(super) fn flaws(&mut self) -> Flaws {
        Flaws {
            kid: match (self.on(FaultKind::KidMissing), self.on(FaultKind::KidUnknown)) {
                (true, _) => Kid::Missing,
                (false, true) => Kid::Unknown,
                (false, false) => Kid::Own,
            },
            alg: match (self.on(FaultKind::AlgNone), self.on(FaultKind::AlgSwitched)) {
                (true, _) => Alg::None,
                (false, true) => Alg::Hs256,
                (false, false) => Alg::Own,
            },
            broken: self.on(FaultKind::SignatureBroken),
        }
    }

    /// Changes the claims of a userinfo answer, within what `scopes` open.
    pub(super) fn spoil_userinfo(&mut self, claims: &mut Claims, scopes: &Scopes) {
        self.spoil(claims, |name| !is_protocol_claim(name) && scopes.contains(Scope::of_claim(name)));
        if self.on(FaultKind::SubDiffers) {
            claims.insert("sub".to_owned(), random().into());
        }
    }

    /// Changes the claims of an ID token, those of the protocol among them (`iss`, `aud`, `nonce` …).
    pub(super) fn spoil_id_token(&mut self, claims: &mut Claims, scopes: &Scopes, algorithm: SigningAlgorithm) {
        self.spoil_times(claims);
        if self.on(FaultKind::IssWrong) {
            claims.insert("iss".to_owned(), ELSEWHERE.into());
        }
        if self.on(FaultKind::AudWrong) {
            claims.insert("aud".to_owned(), ELSEWHERE.into());
        }
        if self.on(FaultKind::AzpWrong) {
            let own = claims.get("aud").cloned().unwrap_or_default();
            claims.insert("aud".to_owned(), json!([own, ELSEWHERE]));
            claims.insert("azp".to_owned(), ELSEWHERE.into());
        }
        if self.on(FaultKind::NonceWrong) {
            claims.insert("nonce".to_owned(), random().into());
        }
        if self.on(FaultKind::NonceMissing) {
            claims.shift_remove("nonce");
        }
        if self.on(FaultKind::AtHashWrong) {
            claims.insert("at_hash".to_owned(), at_hash(&random(), algorithm).into());
        }
        self.spoil(claims, |name| is_protocol_claim(name) || scopes.contains(Scope::of_claim(name)));
    }

    fn spoil_times(&mut self, claims: &mut Claims) {
        let time = |claims: &Claims, name: &str| claims.get(name).and_then(Value::as_i64);
        let (Some(issued), Some(expires)) = (time(claims, "iat"), time(claims, "exp")) else { return };
        let lifetime = expires.saturating_sub(issued);
        let restamp = |claims: &mut Claims, issued: i64| {
            claims.insert("iat".to_owned(), issued.into());
            claims.insert("exp".to_owned(), issued.saturating_add(lifetime).into());
        };
        if let Some(fault) = self.strikes(FaultKind::ClockSkewed) {
            restamp(claims, issued.saturating_add(seconds(&fault)));
        }
        if let Some(fault) = self.strikes(FaultKind::TokenEarly) {
            let early = issued.saturating_add(seconds(&fault));
            restamp(claims, early);
            claims.insert("nbf".to_owned(), early.into());
        }
        if let Some(fault) = self.strikes(FaultKind::TokenExpired) {
            restamp(claims, issued.saturating_sub(seconds(&fault)).saturating_sub(lifetime));
        }
    }

    fn spoil(&mut self, claims: &mut Claims, concerns: impl Fn(&str) -> bool) {
        if claims.contains_key("email") && self.on(FaultKind::EmailUnverified) {
            claims.insert("email_verified".to_owned(), false.into());
        }
        for (name, _) in self.claims(FaultKind::ClaimMissing) {
            claims.shift_remove(&name);
        }
        for (name, _) in self.claims(FaultKind::ClaimEmpty) {
            if concerns(&name) {
                claims.insert(name, "".into());
            }
        }
        for (name, _) in self.claims(FaultKind::ClaimType) {
            if let Some(value) = claims.get_mut(&name) {
                *value = other_type(value);
            }
        }
        for (name, value) in self.claims(FaultKind::ClaimValue) {
            if concerns(&name) {
                claims.insert(name, value.unwrap_or_default());
            }
        }
    }

    /// The claims that all faults of a kind name, with their values.
    fn claims(&mut self, kind: FaultKind) -> Vec<(String, Option<Value>)> {
        let faults = self.board.all(kind, &self.who);
        if !faults.is_empty() {
            self.note(kind);
        }
        faults.into_iter().filter_map(|fault| Some((fault.arguments.claim?, fault.arguments.value))).collect()
    }
}

/// Another JSON type with as much of the value as that can hold.
fn other_type(value: &Value) -> Value {
    match value {
        Value::String(_) => 42.into(),
        other => other.to_string().into(),
    }
}

/// The length that a fault was told, in seconds.
fn seconds(fault: &Fault) -> i64 {
    i64::try_from(fault.arguments.by.unwrap_or(HOUR).as_secs()).unwrap_or(i64::MAX)
}

/// Claims of the ID token itself (OpenID Connect Core 1.0 §2), which say nothing about the user.
pub(super) fn is_protocol_claim(name: &str) -> bool {
    matches!(
        name,
        "iss" | "aud" | "exp" | "iat" | "nbf" | "jti" | "auth_time" | "nonce" | "acr" | "amr" | "azp" | "at_hash" | "c_hash" | "sid"
    )
}

/// The status that a fault was told, within what HTTP knows.
pub(super) fn status(fault: &Fault, otherwise: StatusCode) -> StatusCode {
    fault.arguments.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(otherwise)
}
