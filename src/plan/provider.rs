//! The embedded OpenID provider as a scenario declares it.

use super::fault::Fault;
use super::key::ClientKey;
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
    /// What becomes of refresh tokens.
    pub refresh: RefreshPlan,
    /// How ID tokens are signed, unless a client has a way of its own.
    pub signing: SigningAlgorithm,
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

impl Default for IdpPlan {
    /// A provider that knows nobody yet.
    fn default() -> Self {
        Self {
            slug: "app".to_owned(),
            pages: Pages::Plain,
            consent: Consent::Implicit,
            users: Vec::new(),
            clients: Vec::new(),
            code_ttl: Duration::from_secs(60),
            token_ttl: Duration::from_secs(300),
            refresh: RefreshPlan::default(),
            signing: SigningAlgorithm::Es256,
            faults: Vec::new(),
        }
    }
}

/// What becomes of refresh tokens (RFC 6749 §6, RFC 9700 §4.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPlan {
    /// Lifetime of each refresh token, from when it is issued.
    pub ttl: Duration,
    /// Whether every use gives a new one and ends the old one.
    pub rotate: bool,
    /// How long a token that was rotated may still be used. After that, a use revokes everything that came from the same login.
    pub reuse_interval: Duration,
}

impl Default for RefreshPlan {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(30 * 24 * 3600), rotate: true, reuse_interval: Duration::ZERO }
    }
}

/// How a JWT is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The value of `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
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
    /// `client_secret`; a client with neither secret nor keys is public.
    pub secret: Option<Secret>,
    /// Public keys for `private_key_jwt` (OpenID Connect Core 1.0 §9).
    pub keys: Vec<ClientKey>,
    /// The one way it may authenticate; without it, every way that its secret and keys allow.
    pub auth: Option<ClientAuth>,
    /// What it may ask the token endpoint for.
    pub grants: Vec<Grant>,
    /// Exact redirect URIs (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// Exact URIs that the user may be sent to after logging out (OpenID Connect RP-Initiated Logout 1.0 §3.1).
    pub post_logout_redirect_uris: Vec<String>,
    /// Scopes of its own beside the standard ones. With `client_credentials` these are all it can have.
    pub scopes: Vec<String>,
    /// Whether PKCE is demanded.
    pub require_pkce: bool,
    /// Whether `code_challenge_method=plain` is taken (RFC 7636 §4.2 wants S256 from whoever can).
    pub pkce_plain: bool,
    /// When it gets refresh tokens.
    pub refresh: RefreshRule,
    /// How its ID tokens are signed; as the provider signs them when absent.
    pub id_token_alg: Option<SigningAlgorithm>,
}

impl Default for IdpClient {
    /// A public client without a name that can redeem and refresh.
    fn default() -> Self {
        Self {
            id: String::new(),
            secret: None,
            keys: Vec::new(),
            auth: None,
            grants: vec![Grant::AuthorizationCode, Grant::RefreshToken],
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            scopes: Vec::new(),
            require_pkce: false,
            pkce_plain: false,
            refresh: RefreshRule::OfflineAccess,
            id_token_alg: None,
        }
    }
}

impl IdpClient {
    /// Whether it can prove nothing about itself (RFC 6749 §2.1).
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.secret.is_none() && self.keys.is_empty()
    }

    /// Whether it may authenticate this way: it has what that takes, and is not bound to another one.
    #[must_use]
    pub fn may_authenticate_by(&self, auth: ClientAuth) -> bool {
        let possible = match auth {
            ClientAuth::Basic | ClientAuth::Post => self.secret.is_some(),
            ClientAuth::PrivateKeyJwt => !self.keys.is_empty(),
            ClientAuth::None => self.is_public(),
        };
        possible && self.auth.is_none_or(|only| only == auth)
    }
}

/// What a client may ask the token endpoint for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grant {
    /// A code from the authorization endpoint (RFC 6749 §4.1).
    AuthorizationCode,
    /// A refresh token (RFC 6749 §6).
    RefreshToken,
    /// Nothing but itself (RFC 6749 §4.4).
    ClientCredentials,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The value of `grant_type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// How a client proves who it is (OpenID Connect Core 1.0 §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// Secret in the Authorization header.
    Basic,
    /// Secret in the body.
    Post,
    /// A JWT signed with its key (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// Not at all.
    None,
}

impl ClientAuth {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Basic, Self::Post, Self::PrivateKeyJwt, Self::None];

    /// The value of `token_endpoint_auth_method`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// When a client gets refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshRule {
    /// When the scope `offline_access` was granted (OpenID Connect Core 1.0 §11).
    OfflineAccess,
    /// With every code it redeems, as many providers do.
    Always,
}
