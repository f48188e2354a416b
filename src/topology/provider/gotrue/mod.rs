//! An auth server in the style of GoTrue (Supabase Auth) inside the process: users, sessions, and sign-in by password, code,
//! link and OpenID provider.
//!
//! In: a [`GotruePlan`] (who has an account, which providers there are, what goes wrong on purpose) and its [`Surroundings`].
//! Out: a [`Router`] that answers for one origin, called directly or served on a socket. Paths, answers, error codes and headers
//! are those that clients of the hosted service meet under `/auth/v1`, its gateway's key included.
//!
//! ```text
//! authorize → provider → callback → (code → token?grant_type=pkce | tokens in the fragment) → user, refresh, logout
//! otp | magiclink | recover | signup → message → verify → session
//! ```
//!
//! Every handler works on a bounded [`Turn`] and gives an answer or a [`Failure`]; the one lock around the stores is never
//! held across an await. Nothing a request holds makes it panic.

mod account;
mod answer;
mod authorize;
mod call;
mod callback;
mod confirm;
mod cors;
pub(crate) mod egress;
mod failure;
mod flow;
mod gateway;
mod grant;
mod jwt;
mod limits;
mod logout;
mod message;
mod oidc;
mod otp;
mod redirect;
mod refresh;
mod resend;
mod session;
mod settings;
mod signup;
mod store;
#[cfg(test)]
mod tests;
mod user;
mod user_change;
mod uuid;
mod verify;

use super::Surroundings;
use super::guard::{Told, guarded};
use super::note::{Decision, Outcome, quoted};
use crate::plan::{FaultKind, GotruePlan};
use crate::topology::Switchboard;
use crate::topology::switchboard::Who;
use answer::{Answer, Told as Answered};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use call::{Call, Turn};
use egress::Egress;
use failure::Failure;
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use jwt::Signer;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Stores;
use url::Url;

/// An auth server for one origin. Cloning shares it.
#[derive(Clone)]
pub struct Gotrue {
    inner: Arc<Inner>,
}

struct Inner {
    plan: GotruePlan,
    /// `https://host[:port]/auth/v1`, without a slash at the end: `iss` of its tokens, and where its links lead.
    external_url: String,
    surroundings: Surroundings,
    faults: Switchboard,
    signer: Signer,
    egress: Egress,
    stores: Mutex<Stores>,
}

impl fmt::Debug for Gotrue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gotrue").field("external_url", &self.inner.external_url).finish_non_exhaustive()
    }
}

impl Gotrue {
    /// A server with the users of the plan. Of `base_url` the origin counts, its path does not.
    #[must_use]
    pub fn new(plan: &GotruePlan, base_url: Url, surroundings: Surroundings) -> Self {
        let external_url = format!("{}{}", base_url.origin().ascii_serialization(), plan.prefix);
        let now = call::moment(surroundings.clock.now());
        let inner = Inner {
            external_url,
            faults: Switchboard::new(plan.faults.clone()),
            signer: Signer::new(&plan.jwt.algorithm),
            egress: Egress::default(),
            stores: Mutex::new(Stores::new(plan, now)),
            surroundings,
            plan: plan.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The service. Every response carries a [`Note`](super::Note) in its extensions.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// `iss` of its tokens, and what clients have as its URL: `https://host/auth/v1`.
    #[must_use]
    pub fn external_url(&self) -> &str {
        &self.inner.external_url
    }

    /// The faults that are on, to be changed while it runs.
    #[must_use]
    pub fn switchboard(&self) -> &Switchboard {
        &self.inner.faults
    }

    /// How it reaches OpenID providers from now on, which is directly and by the system's roots unless this is called. Only the
    /// first call counts.
    pub fn reach_through(&self, client: reqwest::Client) {
        self.inner.egress.set(client);
    }
}

impl Inner {
    fn stores(&self) -> MutexGuard<'_, Stores> {
        // A panic elsewhere leaves the stores usable: every row in them is whole at any time.
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a fault strikes this turn.
    fn strikes(&self, kind: FaultKind, turn: &Turn<'_>) -> bool {
        let who = Who { endpoint: turn.endpoint.name(), client: turn.provider.as_deref(), user: turn.user.as_deref() };
        self.faults.strikes(kind, &who).is_some()
    }
}

/// What answers on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Endpoint {
    Authorize,
    Callback,
    Token,
    User,
    Logout,
    Signup,
    Otp,
    Magiclink,
    Recover,
    Verify,
    Resend,
    Settings,
    Health,
    Jwks,
}

impl Endpoint {
    const ALL: [Self; 14] = [
        Self::Authorize,
        Self::Callback,
        Self::Token,
        Self::User,
        Self::Logout,
        Self::Signup,
        Self::Otp,
        Self::Magiclink,
        Self::Recover,
        Self::Verify,
        Self::Resend,
        Self::Settings,
        Self::Health,
        Self::Jwks,
    ];

    /// Its path behind the prefix.
    fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/authorize",
            Self::Callback => "/callback",
            Self::Token => "/token",
            Self::User => "/user",
            Self::Logout => "/logout",
            Self::Signup => "/signup",
            Self::Otp => "/otp",
            Self::Magiclink => "/magiclink",
            Self::Recover => "/recover",
            Self::Verify => "/verify",
            Self::Resend => "/resend",
            Self::Settings => "/settings",
            Self::Health => "/health",
            Self::Jwks => "/.well-known/jwks.json",
        }
    }

    /// Its name in the catalogue of faults.
    fn name(self) -> &'static str {
        match self {
            Self::Jwks => "jwks",
            other => &other.path()[1..],
        }
    }

    fn of(path: &str, prefix: &str) -> Option<Self> {
        let path = path.strip_prefix(prefix)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }

    fn methods(self) -> &'static [Method] {
        const GET: &[Method] = &[Method::GET];
        const POST: &[Method] = &[Method::POST];
        match self {
            Self::Authorize | Self::Settings | Self::Health | Self::Jwks => GET,
            Self::Callback | Self::Verify => &[Method::GET, Method::POST],
            Self::User => &[Method::GET, Method::PUT],
            _ => POST,
        }
    }
}

/// Finds who answers, lets them, and dresses the answer for pages of other origins.
async fn answer(State(gotrue): State<Gotrue>, request: Request) -> Response {
    let inner = &gotrue.inner;
    let path = request.uri().path();
    let Some(endpoint) = Endpoint::of(path, &inner.plan.prefix) else {
        let decision = Decision::new("gotrue", format!("nothing at {}", quoted(path)));
        return Outcome::new((StatusCode::NOT_FOUND, "404 page not found\n"), decision).into_response();
    };
    let call = Call::read(request).await;
    if let Some(mut preflight) = cors::preflight(endpoint, &call) {
        cors::share(&call, preflight.response.headers_mut());
        return preflight.into_response();
    }
    let who = Who { endpoint: endpoint.name(), client: None, user: None };
    let refuse = |told: &Told| failure::told(told).response(&call);
    let mut outcome = guarded(&inner.faults, &who, async || inner.outcome(endpoint, &call).await, refuse).await;
    cors::share(&call, outcome.response.headers_mut());
    outcome.into_response()
}

impl Inner {
    /// The answer to a call, with what the handler added on the way.
    async fn outcome(&self, endpoint: Endpoint, call: &Call) -> Outcome {
        if let Some(refused) = gateway::refusal(&self.plan, endpoint, call) {
            return refused;
        }
        if !endpoint.methods().contains(&call.method) {
            let allowed = endpoint.methods().iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
            response.headers_mut().insert(ALLOW, HeaderValue::from_str(&allowed).expect("method names are ASCII"));
            let why = format!("it does not take {}", quoted(call.method.as_str()));
            return Outcome::new(response, Decision::new(endpoint.name(), "refused").because(why));
        }
        let mut turn = Turn::new(endpoint, call, self.surroundings.clock.now());
        let result = match self.limit(&turn) {
            Ok(()) => self.handle(&mut turn).await,
            Err(failure) => Err(failure),
        };
        let (mut response, told) = match result {
            Ok(Answer { response, told }) => (response, told),
            Err(failure) => (failure.response(call), failure.told()),
        };
        for (name, value) in &turn.headers {
            response.headers_mut().insert(name, value.clone());
        }
        let Answered { outcome, why } = told;
        let outcome = match &turn.user {
            Some(user) => format!("{outcome} for {}", quoted(user)),
            None => outcome.into_owned(),
        };
        let mut decision = Decision::new(endpoint.name(), outcome);
        decision.why = why.map(Into::into);
        decision.client = turn.provider.take();
        Outcome::new(response, decision)
    }

    async fn handle(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match turn.endpoint {
            Endpoint::Authorize => self.authorize(turn).await,
            Endpoint::Callback => self.callback(turn).await,
            Endpoint::Token => self.token(turn).await,
            Endpoint::User if turn.call.method == Method::PUT => self.change_user(turn),
            Endpoint::User => self.get_user(turn),
            Endpoint::Logout => self.logout(turn),
            Endpoint::Signup => self.signup(turn),
            Endpoint::Otp => self.otp(turn),
            Endpoint::Magiclink => self.magiclink(turn),
            Endpoint::Recover => self.recover(turn),
            Endpoint::Verify => self.verify(turn),
            Endpoint::Resend => self.resend(turn),
            Endpoint::Settings => self.settings(),
            Endpoint::Health => Ok(settings::health()),
            Endpoint::Jwks => Ok(self.jwks()),
        }
    }
}
