//! The embedded OpenID provider as a scenario declares it.

use super::fault::Fault;
use super::totp::TotpSeed;
use crate::base::Secret;
use serde_json::{Map, Value};
use std::time::Duration;

/// Claims by name.
pub type Claims = Map<String, Value>;

/// The embedded OpenID provider of one origin.
#[derive(Debug, Clone)]
pub struct IdpPlan {
    /// Path style and page style. Paths follow Authentik (`/application/o/…`) with this application slug.
    pub slug: String,
    /// What the login pages are made of.
    pub pages: Pages,
    /// Whether the user is asked before a client gets what it asked for.
    pub consent: Consent,
    /// Who can log in, by the name they type.
    pub users: Vec<IdpUser>,
    /// Who may ask.
    pub clients: Vec<IdpClient>,
    /// Lifetime of an authorization code (RFC 6749 §4.1.2 recommends at most ten minutes).
    pub code_ttl: Duration,
    /// Lifetime of access and ID tokens.
    pub token_ttl: Duration,
    /// Faults that are on from the start.
    pub faults: Vec<Fault>,
}

/// What the login pages are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pages {
    /// Forms in HTML, which work without script.
    #[default]
    Plain,
    /// Custom elements in nested shadow roots that a script fills from the JSON interface, as Authentik has them.
    Shadow,
}

/// Whether the user is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// A page asks each time.
    Explicit,
    /// A page asks the first time that a client wants something of a user.
    Once,
    /// Nobody asks.
    Implicit,
}

/// Somebody who can log in.
#[derive(Debug, Clone)]
pub struct IdpUser {
    /// What they type as user name.
    pub name: String,
    /// Their password.
    pub password: Secret,
    /// `sub`; derived from the name when the scenario gives none.
    pub subject: String,
    /// Further claims, also in place of those made from the name (`name`, `preferred_username` …). A missing `email` is a
    /// claim that is missing; null leaves a claim out.
    pub claims: Claims,
    /// What they prove beside the password.
    pub mfa: Option<Mfa>,
    /// Whether the account is locked: the password is right, and they are not let in.
    pub locked: bool,
}

/// A second factor.
#[derive(Debug, Clone)]
pub enum Mfa {
    /// A code that an authenticator app makes (RFC 6238).
    Totp(TotpSeed),
    /// A code that is sent to this mail address.
    Mail(String),
}

/// A relying party.
#[derive(Debug, Clone)]
pub struct IdpClient {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; a public client has none.
    pub secret: Option<Secret>,
    /// Exact redirect URIs (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// Exact URIs that the user may be sent to after logging out (OpenID Connect RP-Initiated Logout 1.0 §3.1).
    pub post_logout_redirect_uris: Vec<String>,
    /// Whether PKCE is demanded.
    pub require_pkce: bool,
}
