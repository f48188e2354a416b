//! Each library completes each healthy login that it has a way for.

use crate::driver::{Driver, Outcome};
use crate::gotrue::Server;
use crate::idp::{Login, Provider, Registration, USUAL};
use crate::install::Installed;
use crate::{PLACES, tls, told};
use anyhow::{Result, ensure};
use serde_json::{Value, json};

const EVERYTHING: [&str; 7] = ["login", "id_token", "userinfo", "refresh", "introspect", "revoke", "logout"];
/// What the frameworks' integrations do; introspection and revocation are no part of them.
const AS_APPLICATION: [&str; 5] = ["login", "id_token", "userinfo", "refresh", "logout"];

/// Every way to authenticate, to sign, and to come back.
fn logins() -> Vec<Login> {
    let registered = |auth, alg| Login { registration: Registration { auth, alg }, ..Login::default() };
    let mut logins = vec![
        Login::default(),
        registered("client_secret_post", "ES256"),
        registered("none", "ES256"),
        registered("private_key_jwt", "ES256"),
        registered("client_secret_basic", "RS256"),
        registered("client_secret_basic", "EdDSA"),
    ];
    logins.push(Login { registration: USUAL, response_mode: Some("form_post"), ..Login::default() });
    logins.push(Login { full_checks: false, ..Login::default() });
    logins
}

/// `without` are ways to authenticate that the library does not have.
async fn completes(name: &'static str, expected: &[&str], without: &[&str]) -> Result<()> {
    tls();
    let installed = Installed::ensure()?;
    let _place = PLACES.acquire().await?;
    let mut driver = Driver::start(installed, name).await?;
    let provider = Provider::start(&driver.hello).await?;
    for login in logins().into_iter().filter(|login| !without.contains(&login.registration.auth)) {
        let outcome = provider.login(&mut driver, login, Vec::new()).await?;
        let public = login.registration.auth == "none";
        // RFC 7662 §2.1: a public client cannot ask about a token.
        let wanted = expected.iter().filter(|did| !(public && **did == "introspect")).map(|did| (*did).to_owned()).collect();
        ensure!(outcome == Outcome::Accepted(wanted), "{name} with {login:?}: {outcome:?}");
    }
    driver.end().await
}

/// Signs out in every scope that there is.
async fn signs_in_and_out(settings: &[(&str, Value)]) -> Result<()> {
    tls();
    let installed = Installed::ensure()?;
    let _place = PLACES.acquire().await?;
    let mut driver = Driver::start(installed, "supabase-js").await?;
    let server = Server::start(&driver.hello, settings).await?;
    for scope in ["global", "local", "others"] {
        let outcome = server.sign_in(&mut driver, scope, Vec::new()).await?;
        let wanted = ["login", "user", "refresh", "claims", "sign-out"].map(str::to_owned).to_vec();
        ensure!(outcome == Outcome::Accepted(wanted), "supabase-js with {settings:?}, signing out with {scope}: {outcome:?}");
    }
    driver.end().await
}

#[tokio::test]
async fn supabase_js_signs_in_refreshes_and_signs_out() {
    told(signs_in_and_out(&[]).await);
}

#[tokio::test]
async fn supabase_js_takes_shared_secrets_and_counted_refresh_tokens() {
    let jwt = json!({ "alg": "HS256", "secret": "a secret that is only for tests, and long enough" });
    told(signs_in_and_out(&[("jwt", jwt), ("refresh", json!({ "kind": "counter" }))]).await);
}

#[tokio::test]
async fn openid_client_completes_every_healthy_login() {
    told(completes("openid-client", &EVERYTHING, &[]).await);
}

#[tokio::test]
async fn oauth4webapi_completes_every_healthy_login() {
    told(completes("oauth4webapi", &EVERYTHING, &[]).await);
}

// It says "Public code flow clients are not supported" to a client without a secret.
#[tokio::test]
async fn express_openid_connect_completes_every_healthy_login() {
    told(completes("express-openid-connect", &AS_APPLICATION, &["none"]).await);
}

#[tokio::test]
async fn authlib_completes_every_healthy_login() {
    told(completes("authlib_flask", &AS_APPLICATION, &[]).await);
}
