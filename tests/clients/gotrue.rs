//! The embedded auth server, whose users come from an embedded OpenID provider, and sign-ins at it.

use crate::agent::Agent;
use crate::driver::{Driver, Hello, Outcome};
use crate::idp::PERSON;
use crate::provider::{Served, Socket, backend, http};
use anyhow::{Result, bail};
use authchain::plan::{Backend, Fault};
use authchain::topology::provider::{Gotrue, Idp, Surroundings};
use serde_json::{Value, json};

const KEY: &str = "tests-only-anon-key";
const SECRET: &str = "tests-only-client-secret";

/// One auth server and the provider behind it, for the sign-ins of one driver.
pub(crate) struct Server {
    gotrue: Gotrue,
    hello: Hello,
    http: reqwest::Client,
    url: String,
    _served: [Served; 2],
}

impl Server {
    /// `settings` are set on top of the usual ones.
    pub(crate) async fn start(hello: &Hello, settings: &[(&str, Value)]) -> Result<Self> {
        let (socket, behind) = (Socket::bind().await?, Socket::bind().await?);
        let claims = json!({ "email": "jarvis@mosaic.test", "email_verified": true, "name": "Jarvis Mosaic" });
        let client = json!({ "secret": SECRET, "redirect_uris": [format!("{}auth/v1/callback", socket.base)] });
        let Backend::Idp(plan) = backend(&json!({ "idp": {
            "consent": "implicit",
            "users": { PERSON.name: { "password": PERSON.password, "claims": claims } },
            "clients": { "gotrue": client },
        } }))?
        else {
            bail!("`idp` declares an OpenID provider")
        };
        let idp = Idp::new(&plan, behind.base.clone(), Surroundings::default());
        let external = json!({ "issuer": idp.issuer(), "client_id": "gotrue", "secret": SECRET });
        let mut declared = json!({
            "site_url": hello.redirect_uri,
            "redirect_urls": [hello.redirect_uri],
            "anon_key": KEY,
            "external": { "keycloak": external },
            // All sign-ins come from one address.
            "rate_limits": { "token_refresh": 1_000_000 },
        });
        for (name, value) in settings {
            declared[*name] = value.clone();
        }
        let Backend::Gotrue(plan) = backend(&json!({ "gotrue": declared }))? else { bail!("`gotrue` declares an auth server") };
        let gotrue = Gotrue::new(&plan, socket.base.clone(), Surroundings::default());
        let url = socket.base.as_str().trim_end_matches('/').to_owned();
        let served = [socket.serve(gotrue.router()), behind.serve(idp.router())];
        Ok(Self { gotrue, hello: hello.clone(), http: http()?, url, _served: served })
    }

    /// One sign-in of a new person at a new browser, while the server does these things wrong. `sign_out` is the scope in which
    /// it ends.
    pub(crate) async fn sign_in(&self, driver: &mut Driver, sign_out: &str, faults: Vec<Fault>) -> Result<Outcome> {
        self.gotrue.switchboard().set(faults);
        let told = json!({
            "url": self.url,
            "key": KEY,
            "provider": "keycloak",
            "redirect_uri": self.hello.redirect_uri,
            "sign_out": sign_out,
        });
        driver.perform(&told, &mut Agent::new(self.http.clone(), PERSON)).await
    }

    /// How many calls of the last sign-in a fault struck.
    pub(crate) fn struck(&self) -> u64 {
        self.gotrue.switchboard().faults().iter().map(|(_, struck)| struck).sum()
    }
}
