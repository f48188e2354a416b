//! An OpenID provider inside the process: authorization code flow with PKCE, login and consent pages, tokens, userinfo.
//!
//! In: an [`IdpPlan`] (who may log in, who may ask, what goes wrong on purpose) and its [`Surroundings`]. Out: a
//! [`Router`] that answers for one origin, called directly or served on a socket. Paths, names and defaults follow
//! Authentik; the protocol follows RFC 6749, RFC 7636, RFC 6750, RFC 7009, RFC 7523, RFC 7662, RFC 8414,
//! RFC 9207, RFC 9700 and OpenID Connect Core 1.0.
//!
//! ```text
//! authorize → (login → authorize) → (consent) → back to the client → token → userinfo
//! ```
//!
//! Login and consent come as plain pages, and as the JSON interface of Authentik's flow executor with pages of nested shadow
//! roots on top of it; both go through the same stages.
//!
//! Every handler is a function from a bounded call to an answer and the decision behind it. The one lock around the
//! stores is never held across an await nor while a token is signed. Errors are answers: nothing a request holds makes
//! it panic.

mod accounts;
mod assertion;
mod authorize;
mod challenge;
mod claims;
mod client_auth;
mod clients;
mod consent;
mod cors;
mod discovery;
mod executor;
mod factor;
mod faults;
mod introspect;
mod issue;
mod keyring;
mod keys;
mod login;
mod logout;
mod mfa;
mod pages;
mod params;
mod refused;
mod reply;
mod request;
mod revoke;
mod scope;
mod session;
mod shell;
mod signing;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use super::Surroundings;
use super::guard::{Told, guarded};
use super::note::{Decision, Outcome, quoted};
use crate::plan::IdpPlan;
use crate::topology::Switchboard;
use crate::topology::switchboard::Who;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use clients::Clients;
use discovery::Addresses;
use faults::Faults;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use keyring::Keyring;
use params::Params;
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Stores;
use time::OffsetDateTime;
use url::Url;

/// Largest request body that is read.
const LARGEST_BODY: usize = 64 * 1024;

const AUTHORIZE: &str = "/application/o/authorize/";
const TOKEN: &str = "/application/o/token/";
const USERINFO: &str = "/application/o/userinfo/";
const INTROSPECT: &str = "/application/o/introspect/";
const REVOKE: &str = "/application/o/revoke/";
const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
const LOGIN: &str = "/if/flow/default-authentication-flow/";
const CONSENT: &str = "/if/flow/default-provider-authorization-explicit-consent/";
const HOME: &str = "/if/user/";
const EXECUTOR: &str = "/api/v3/flows/executor/";
const CANCEL: &str = "/flows/-/cancel/";

/// An OpenID provider for one origin. Cloning shares it.
#[derive(Clone)]
pub struct Idp {
    inner: Arc<Inner>,
}

struct Inner {
    plan: IdpPlan,
    /// `https://host[:port]`, without a slash at the end.
    base: String,
    /// `https://host/application/o/<slug>/`.
    issuer: String,
    /// Whether cookies are Secure.
    https: bool,
    surroundings: Surroundings,
    faults: Faults,
    clients: Clients,
    addresses: Addresses,
    /// The metadata document.
    metadata: Bytes,
    keys: Arc<Keyring>,
    stores: Mutex<Stores>,
}

impl fmt::Debug for Idp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idp").field("issuer", &self.inner.issuer).finish_non_exhaustive()
    }
}

impl Idp {
    /// A provider with fresh keys. Of `issuer_base` the origin counts, its path does not.
    #[must_use]
    pub fn new(plan: &IdpPlan, issuer_base: Url, surroundings: Surroundings) -> Self {
        let base = issuer_base.origin().ascii_serialization();
        let issuer = format!("{base}/application/o/{}/", plan.slug);
        let mut algorithms = vec![plan.signing];
        for algorithm in plan.clients.iter().filter_map(|client| client.id_token_alg) {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        let inner = Inner {
            https: issuer_base.scheme() == "https",
            clients: Clients::new(plan),
            addresses: Addresses::new(&base),
            metadata: discovery::document(plan, &base, &issuer, &algorithms),
            keys: Keyring::new(algorithms),
            base,
            issuer,
            surroundings,
            faults: Faults::new(plan.faults.clone()),
            stores: Mutex::default(),
            plan: plan.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The service. Every response carries a [`Note`](super::Note) in its extensions.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// `iss` of this provider.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// Signs with new keys from now on. The old ones stay published, so that what they signed can still be verified.
    pub async fn rotate_keys(&self) {
        self.inner.keys.rotate(false).await;
    }

    /// The faults that are on, to be changed while it runs.
    #[must_use]
    pub fn switchboard(&self) -> &Switchboard {
        &self.inner.faults.0
    }
}

impl Inner {
    fn now(&self) -> OffsetDateTime {
        self.surroundings.clock.now()
    }

    fn stores(&self) -> MutexGuard<'_, Stores> {
        // A panic elsewhere leaves the stores whole: every change to them is one insertion or removal.
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client_id(&self, client: usize) -> &str {
        &self.plan.clients[client].id
    }
}

/// What answers on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Authorize,
    Token,
    Userinfo,
    Introspect,
    Revoke,
    Jwks,
    Discovery,
    EndSession,
    Login,
    Consent,
    Home,
    /// The JSON interface of the login pages.
    Executor(Stages),
    Cancel,
}

/// A flow of the JSON interface: the pages whose path ends in the same slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stages {
    Login,
    Consent,
}

impl Endpoint {
    fn of(path: &str, slug: &str) -> Option<Self> {
        Some(match path {
            AUTHORIZE => Self::Authorize,
            TOKEN => Self::Token,
            USERINFO => Self::Userinfo,
            INTROSPECT => Self::Introspect,
            REVOKE => Self::Revoke,
            LOGIN => Self::Login,
            CONSENT => Self::Consent,
            HOME | "/" => Self::Home,
            CANCEL => Self::Cancel,
            _ if path.starts_with(EXECUTOR) => {
                let slug = &path[EXECUTOR.len()..];
                let is = |page: &str| page.strip_prefix("/if/flow/") == Some(slug);
                Self::Executor(if is(LOGIN) {
                    Stages::Login
                } else if is(CONSENT) {
                    Stages::Consent
                } else {
                    return None;
                })
            }
            "/.well-known/openid-configuration" | OAUTH_METADATA => Self::Discovery,
            _ if is_oauth_metadata(path, slug) => Self::Discovery,
            _ => match path.strip_prefix("/application/o/")?.strip_prefix(slug)? {
                "/jwks/" => Self::Jwks,
                "/.well-known/openid-configuration" => Self::Discovery,
                "/end-session/" => Self::EndSession,
                _ => return None,
            },
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Jwks => "jwks",
            Self::Discovery => "discovery",
            Self::EndSession => "end-session",
            Self::Login | Self::Executor(Stages::Login) | Self::Cancel => "login",
            Self::Consent | Self::Executor(Stages::Consent) => "consent",
            Self::Home => "home",
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Self::Token | Self::Revoke => "POST, OPTIONS",
            Self::Introspect => "POST",
            Self::Userinfo => "GET, HEAD, POST, OPTIONS",
            Self::Jwks | Self::Discovery => "GET, HEAD, OPTIONS",
            Self::Home | Self::Cancel => "GET, HEAD",
            Self::Executor(_) => "GET, HEAD, POST, OPTIONS",
            Self::Authorize | Self::EndSession | Self::Login | Self::Consent => "GET, HEAD, POST",
        }
    }

    /// Whether a browser shows the answer, rather than a program reading it.
    fn is_for_people(self) -> bool {
        let programs = matches!(self, Self::Token | Self::Userinfo | Self::Introspect | Self::Revoke | Self::Jwks | Self::Discovery);
        !programs && !matches!(self, Self::Executor(_))
    }

    fn takes(self, method: &Method) -> bool {
        self.methods().split(", ").any(|name| name == method.as_str())
    }
}

/// Whether `path` is where RFC 8414 §3.1 puts the metadata: before the path of the issuer, whose last slash goes.
fn is_oauth_metadata(path: &str, slug: &str) -> bool {
    let of_issuer = path.strip_prefix(OAUTH_METADATA).and_then(|path| path.strip_prefix("/application/o/"));
    of_issuer.is_some_and(|path| path.strip_suffix('/').unwrap_or(path) == slug)
}

/// One request, read whole and within bounds.
#[derive(Debug)]
struct Call {
    method: Method,
    headers: HeaderMap,
    query: Params,
    form: Result<Params, Unreadable>,
    /// The body of the JSON interface.
    json: Result<Value, Unreadable>,
    /// Path and query as they were asked for.
    target: String,
}

impl Call {
    async fn read(request: Request, endpoint: Endpoint) -> Self {
        let (parts, body) = request.into_parts();
        let query = Params::read(parts.uri.query().unwrap_or_default().as_bytes());
        let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let mut call =
            Self { method: parts.method, headers: parts.headers, query, target, form: Ok(Params::default()), json: Ok(Value::Null) };
        match (endpoint, &call.method) {
            (Endpoint::Executor(_), &Method::POST) => call.json = read_json(&call.headers, body).await,
            (_, &Method::POST) => call.form = read_form(&call.headers, body).await,
            _ => {}
        }
        call
    }

    fn is_post(&self) -> bool {
        self.method == Method::POST
    }

    /// The registered client that the call names, without proof: in its parameters, or in the header of Basic authentication.
    fn client<'a>(&self, inner: &'a Inner) -> Option<&'a str> {
        let named = self.parameters().ok().and_then(|params| params.only("client_id")).map(str::to_owned);
        let id = named.or_else(|| client_auth::claimed(&self.headers))?;
        inner.clients.find(&id).map(|client| inner.client_id(client))
    }

    /// The parameters of an endpoint that takes them from the query of a GET and from the body of a POST.
    fn parameters(&self) -> Result<&Params, &Unreadable> {
        if self.is_post() { self.form.as_ref() } else { Ok(&self.query) }
    }
}

/// Why the body of a request could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    OtherType(&'static str),
    TooLarge,
    CutOff,
    NotJson,
}

impl Unreadable {
    fn status(self) -> StatusCode {
        match self {
            Self::OtherType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CutOff | Self::NotJson => StatusCode::BAD_REQUEST,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::OtherType(wanted) => wanted,
            Self::TooLarge => "the body is larger than 64 KiB",
            Self::CutOff => "the body ended early",
            Self::NotJson => "the body is not valid JSON",
        }
    }
}

async fn read_form(headers: &HeaderMap, body: Body) -> Result<Params, Unreadable> {
    let bytes = read_whole(body).await?;
    match media_type(headers) {
        Some(media_type) if media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") => Ok(Params::read(&bytes)),
        None if bytes.is_empty() => Ok(Params::default()),
        _ => Err(Unreadable::OtherType("the body must be application/x-www-form-urlencoded")),
    }
}

/// JSON alone: a page of another origin cannot send its type without asking first (Fetch §4.1), and is told no.
async fn read_json(headers: &HeaderMap, body: Body) -> Result<Value, Unreadable> {
    let bytes = read_whole(body).await?;
    match media_type(headers) {
        Some(media_type) if media_type.eq_ignore_ascii_case(b"application/json") => {
            serde_json::from_slice(&bytes).map_err(|_| Unreadable::NotJson)
        }
        _ => Err(Unreadable::OtherType("the body must be application/json")),
    }
}

async fn read_whole(body: Body) -> Result<bytes::Bytes, Unreadable> {
    to_bytes(body, LARGEST_BODY).await.map_err(|error| {
        let too_large = std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if too_large { Unreadable::TooLarge } else { Unreadable::CutOff }
    })
}

/// The type of a body, without its parameters.
fn media_type(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
    Some(value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii())
}

/// Finds who answers, lets them, and dresses the answer for pages of other origins.
async fn answer(State(idp): State<Idp>, request: Request) -> Response {
    let path = request.uri().path();
    let Some(endpoint) = Endpoint::of(path, &idp.inner.plan.slug) else {
        return not_found(path, &idp.inner.plan.slug).into_response();
    };
    let call = Call::read(request, endpoint).await;
    let inner = &idp.inner;
    // Who calls is only of interest to faults.
    let client = if inner.faults.0.is_quiet() { None } else { call.client(inner).or_else(|| inner.waiting_at(endpoint, &call)) };
    let who = Who { endpoint: endpoint.name(), client, user: None };
    let refuse = |told: &Told| inner.fail_as_told(endpoint, told);
    let mut outcome = guarded(&inner.faults.0, &who, async || inner.answer(endpoint, &call).await, refuse).await;
    inner.share(endpoint, &call, outcome.response.headers_mut());
    outcome.into_response()
}

impl Inner {
    async fn answer(&self, endpoint: Endpoint, call: &Call) -> Outcome {
        let name = endpoint.name();
        if !endpoint.takes(&call.method) {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let response = if endpoint.is_for_people() {
                reply::page(status, pages::error("Method not allowed", "This address takes no such request."))
            } else if matches!(endpoint, Endpoint::Executor(_)) {
                challenge::detail(status, "This method is not allowed.")
            } else {
                reply::error(status, "invalid_request", "this endpoint does not take this method")
            };
            let decision = Decision::new(name, "refused").because(format!("it does not take {}", quoted(call.method.as_str())));
            return Outcome::new(reply::allow(response, endpoint.methods()), decision);
        }
        if call.method == Method::OPTIONS {
            return Outcome::new(
                reply::allow(StatusCode::NO_CONTENT.into_response(), endpoint.methods()),
                Decision::new(name, "preflight answered"),
            );
        }
        match endpoint {
            Endpoint::Authorize => self.authorize(call),
            Endpoint::Token => self.token(call).await,
            Endpoint::Userinfo => self.answer_userinfo(call),
            Endpoint::Introspect => self.introspect(call),
            Endpoint::Revoke => self.revoke(call),
            Endpoint::Jwks => {
                self.keys.complete().await;
                self.jwks()
            }
            Endpoint::Discovery => self.discovery(),
            Endpoint::EndSession => self.end_session(call),
            Endpoint::Login => self.login(call),
            Endpoint::Consent => self.consent(call),
            Endpoint::Home => self.home(call),
            Endpoint::Executor(stages) => self.execute(stages, call),
            Endpoint::Cancel => self.cancel(call),
        }
    }

    /// The error that a fault asks for, in the form of this endpoint.
    fn fail_as_told(&self, endpoint: Endpoint, told: &Told) -> Response {
        let sentence = told.description.as_deref().unwrap_or("the provider was told to fail");
        if endpoint.is_for_people() {
            return reply::page(told.status, pages::error("This page cannot be shown", sentence));
        }
        if matches!(endpoint, Endpoint::Executor(_)) {
            return challenge::detail(told.status, sentence);
        }
        let error = told.error.as_deref().unwrap_or(match told.status {
            StatusCode::TOO_MANY_REQUESTS => "slow_down",
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            status if status.is_client_error() => "invalid_request",
            _ => "server_error",
        });
        refused::challenged(reply::error(told.status, error, told.description.as_deref().unwrap_or_default()))
    }

    /// A page that says why there is nothing else to see.
    fn refusal_page(&self, endpoint: Endpoint, status: StatusCode, message: &str, decision: Decision) -> Outcome {
        let title = match endpoint {
            Endpoint::Authorize => "This request cannot be answered",
            _ => "This page cannot be shown",
        };
        Outcome::new(reply::page(status, pages::error(title, message)), decision)
    }

    /// The page for a form that could not be read.
    fn unreadable_page(&self, endpoint: Endpoint, unreadable: Unreadable) -> Outcome {
        let decision = Decision::new(endpoint.name(), "refused").because(unreadable.reason());
        self.refusal_page(endpoint, unreadable.status(), "Your browser sent a form that could not be read.", decision)
    }
}

fn not_found(path: &str, slug: &str) -> Outcome {
    if path.starts_with(EXECUTOR) {
        let decision = Decision::new("provider", format!("nothing at {}", quoted(path)));
        return Outcome::new(challenge::detail(StatusCode::NOT_FOUND, "No Flow matches the given query."), decision);
    }
    let slashed = format!("{path}/");
    let mut decision = Decision::new("provider", format!("nothing at {}", quoted(path)));
    let mut message = "There is nothing at this address.".to_owned();
    if Endpoint::of(&slashed, slug).is_some() {
        message.push_str(" A slash is missing at its end.");
        decision = decision.because("a slash is missing at its end");
    }
    Outcome::new(reply::page(StatusCode::NOT_FOUND, pages::error("Not found", &message)), decision)
}
