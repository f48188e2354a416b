//! The embedded OpenID provider with the clients that the libraries need, and logins at it.

use crate::agent::{Agent, Person};
use crate::driver::{Driver, Hello, Outcome};
use crate::provider::{Served, Socket, backend, http};
use anyhow::{Result, bail};
use authchain::plan::{Backend, Fault};
use authchain::topology::provider::{Idp, Surroundings};
use serde_json::{Value, json};

pub(crate) const PERSON: Person = Person { name: "jarvis", password: "correct horse battery staple" };
const SECRET: &str = "a secret with / and + and : in it";

/// How a client authenticates, and how its ID tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registration {
    pub(crate) auth: &'static str,
    pub(crate) alg: &'static str,
}

/// What most tests use.
pub(crate) const USUAL: Registration = Registration { auth: "client_secret_basic", alg: "ES256" };

/// Every registration that a provider here has.
const REGISTRATIONS: [Registration; 6] = [
    USUAL,
    Registration { auth: "client_secret_post", alg: "ES256" },
    Registration { auth: "none", alg: "ES256" },
    Registration { auth: "private_key_jwt", alg: "ES256" },
    Registration { auth: "client_secret_basic", alg: "RS256" },
    Registration { auth: "client_secret_basic", alg: "EdDSA" },
];

impl Registration {
    fn client_id(self) -> String {
        format!("{}-{}", self.auth.replace('_', "-"), self.alg.to_ascii_lowercase())
    }

    fn client(self, hello: &Hello) -> Value {
        let mut client = json!({
            "redirect_uris": [hello.redirect_uri],
            "post_logout_redirect_uris": [hello.post_logout_redirect_uri],
            "auth": self.auth,
            "id_token_alg": self.alg,
        });
        match self.auth {
            "private_key_jwt" => client["jwks"] = json!({ "keys": [hello.jwk] }),
            "none" => {}
            _ => client["secret"] = SECRET.into(),
        }
        client
    }
}

/// A login as a test wants it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login {
    pub(crate) registration: Registration,
    pub(crate) response_mode: Option<&'static str>,
    /// Whether the library is told to check what it does not check by itself.
    pub(crate) full_checks: bool,
    /// Whether it ends with a logout. A provider that issues broken ID tokens does not take them as a hint.
    pub(crate) logout: bool,
}

impl Default for Login {
    fn default() -> Self {
        Self { registration: USUAL, response_mode: None, full_checks: true, logout: true }
    }
}

/// One provider, for the logins of one driver.
pub(crate) struct Provider {
    idp: Idp,
    hello: Hello,
    http: reqwest::Client,
    _served: Served,
}

impl Provider {
    pub(crate) async fn start(hello: &Hello) -> Result<Self> {
        let clients: serde_json::Map<_, _> =
            REGISTRATIONS.iter().map(|registration| (registration.client_id(), registration.client(hello))).collect();
        let claims = json!({ "email": "jarvis@mosaic.test", "email_verified": true, "name": "Jarvis Mosaic" });
        let service = json!({ "idp": {
            "consent": "implicit",
            "users": { PERSON.name: { "password": PERSON.password, "claims": claims } },
            "clients": clients,
        } });
        let Backend::Idp(plan) = backend(&service)? else { bail!("`idp` declares an OpenID provider") };
        let socket = Socket::bind().await?;
        let idp = Idp::new(&plan, socket.base.clone(), Surroundings::default());
        let served = socket.serve(idp.router());
        Ok(Self { idp, hello: hello.clone(), http: http()?, _served: served })
    }

    /// One login of a new person at a new browser, while the provider does these things wrong.
    pub(crate) async fn login(&self, driver: &mut Driver, login: Login, faults: Vec<Fault>) -> Result<Outcome> {
        self.idp.switchboard().set(faults);
        let Registration { auth, alg } = login.registration;
        let told = json!({
            "issuer": self.idp.issuer(),
            "client_id": login.registration.client_id(),
            "client_auth": auth,
            "client_secret": SECRET,
            "alg": alg,
            "scope": "openid profile email offline_access",
            "response_mode": login.response_mode,
            "redirect_uri": self.hello.redirect_uri,
            "post_logout_redirect_uri": self.hello.post_logout_redirect_uri,
            "logout": login.logout,
            "checks": if login.full_checks { "full" } else { "default" },
        });
        driver.perform(&told, &mut Agent::new(self.http.clone(), PERSON)).await
    }

    /// How many calls of the last login a fault struck.
    pub(crate) fn struck(&self) -> u64 {
        self.idp.switchboard().faults().iter().map(|(_, struck)| struck).sum()
    }
}
