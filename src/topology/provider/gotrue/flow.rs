//! Sign-ins under way: what is kept from `authorize` or a message until the client redeems its code.

use super::call::Fields;
use super::failure::Failure;
use super::session::ProviderTokens;
use super::store::Stores;
use super::uuid;
use crate::topology::provider::fresh::s256;
use time::{Duration, OffsetDateTime};

/// How long a flow may take.
const WINDOW: Duration = Duration::seconds(300);

/// A sign-in under way.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// What the provider gets as `state`.
    pub(super) id: String,
    /// How the user signs in: `oauth`, `magiclink`, `email/signup`, `recovery`, `email_change`.
    pub(super) method: &'static str,
    /// The provider, when there is one.
    pub(super) provider: String,
    /// PKCE of the client; the implicit flow has none.
    pub(super) pkce: Option<Pkce>,
    /// Verifier for the provider (RFC 7636).
    pub(super) verifier: String,
    /// Where the user goes afterwards.
    pub(super) referrer: String,
    /// Who signed in; until then, nobody.
    pub(super) user: Option<String>,
    pub(super) provider_tokens: ProviderTokens,
    created_at: OffsetDateTime,
    pub(super) code_issued_at: Option<OffsetDateTime>,
}

/// The client's side of PKCE (RFC 7636), and the code it will get.
#[derive(Debug, Clone)]
pub(super) struct Pkce {
    challenge: String,
    is_plain: bool,
    pub(super) code: String,
}

impl Pkce {
    /// Reads challenge and method; without either there is none.
    pub(super) fn read(challenge: &str, method: &str) -> Result<Option<Self>, Failure> {
        if challenge.is_empty() != method.is_empty() {
            return Err(Failure::invalid("PKCE flow requires code_challenge_method and code_challenge"));
        }
        if challenge.is_empty() {
            return Ok(None);
        }
        if !(43..=128).contains(&challenge.len()) {
            return Err(Failure::invalid("code challenge has to be between 43 and 128 characters"));
        }
        if !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
            return Err(Failure::invalid(
                "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes",
            ));
        }
        let is_plain = match method.to_ascii_lowercase().as_str() {
            "s256" => false,
            "plain" => true,
            _ => return Err(Failure::invalid("Invalid code_challenge_method")),
        };
        Ok(Some(Self { challenge: challenge.to_owned(), is_plain, code: uuid::random() }))
    }

    /// Reads both from a JSON body.
    pub(super) fn of(fields: &Fields) -> Result<Option<Self>, Failure> {
        Self::read(&fields.text("code_challenge")?, &fields.text("code_challenge_method")?)
    }

    /// Whether the verifier belongs to the challenge.
    pub(super) fn verify(&self, verifier: &str) -> bool {
        let challenge = if self.is_plain { verifier.to_owned() } else { s256(verifier) };
        super::gateway::same(&challenge, &self.challenge)
    }
}

impl Flow {
    pub(super) fn new(method: &'static str, pkce: Option<Pkce>, now: OffsetDateTime) -> Self {
        Self {
            id: uuid::random(),
            method,
            provider: String::new(),
            pkce,
            verifier: String::new(),
            referrer: String::new(),
            user: None,
            provider_tokens: ProviderTokens::default(),
            created_at: now,
            code_issued_at: None,
        }
    }

    pub(super) fn code(&self) -> Option<&str> {
        self.pkce.as_ref().map(|pkce| pkce.code.as_str())
    }

    /// Whether its window is over. That of a magic link opens when the link is followed, which may be long after it was sent.
    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        let from = self.code_issued_at.filter(|_| self.method == "magiclink").unwrap_or(self.created_at);
        now > from + WINDOW
    }

    /// Lets it have begun long ago.
    pub(super) fn age(&mut self) {
        let past = WINDOW + WINDOW;
        self.created_at -= past;
        self.code_issued_at = self.code_issued_at.map(|at| at - past);
    }
}

impl Stores {
    /// The flow whose code this is.
    pub(super) fn flow_by_code(&self, code: &str) -> Option<&Flow> {
        self.flows.values().rev().find(|flow| flow.code() == Some(code))
    }

    /// Keeps the flow of a message to `user`, if the client uses PKCE.
    pub(super) fn begin_flow(&mut self, method: &'static str, pkce: Option<Pkce>, user: &str, now: OffsetDateTime) {
        if pkce.is_some() {
            let mut flow = Flow::new(method, pkce, now);
            flow.user = Some(user.to_owned());
            self.flows.insert(flow.id.clone(), flow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_fits_its_challenge_alone() {
        // RFC 7636, appendix B.
        let (verifier, challenge) = ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let read = |challenge: &str, method: &str| Pkce::read(challenge, method).map(Option::unwrap);
        assert!(read(challenge, "S256").unwrap().verify(verifier));
        assert!(!read(challenge, "s256").unwrap().verify(challenge));
        assert!(read(verifier, "plain").unwrap().verify(verifier));
        assert!(Pkce::read("", "").unwrap().is_none());
        for (challenge, method) in [(challenge, ""), ("", "s256"), ("short", "s256"), (challenge, "s512"), (&*"é".repeat(40), "s256")] {
            assert_eq!(Pkce::read(challenge, method).unwrap_err().code(), "validation_failed");
        }
    }
}
