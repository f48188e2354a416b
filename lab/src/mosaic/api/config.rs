//! The environment of the API, typed. What a production deployment sets comes first; the switches that bring a
//! fault come after it, and their table is that of the whole lab system ([`crate::mosaic`]).

use std::time::Duration;

use url::Url;

use crate::LabError;
use crate::env::Env;

/// The path under which the Better Auth routes live.
pub(super) const BASE_PATH: &str = "/auth";

/// The one provider the API knows, by the id it has in its URLs.
pub(super) const PROVIDER: &str = "authentik";

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// How the guard finds out whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardMode {
    /// Cookies first, in the order of the fix, then the Bearer header.
    Cookie,
    /// Only the Bearer header: a valid cookie gets 401.
    Bearer,
    /// As `Cookie`, but the value is percent-encoded once more on its way: it never verifies.
    Encoded,
    /// The session store cannot be reached, and the guard rethrows: 500.
    Throws,
    /// The session store cannot be reached, and the guard calls that an invalid session: 401.
    Swallows,
}

/// What is done with an `id_token` beside the access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdToken {
    /// As Better Auth's generic OAuth does: its claims are read without a check of the signature, and used if they
    /// hold `sub` and `email`. OIDC Core §3.1.3.7 (6) allows it for a token that came straight from the token endpoint.
    Decoded,
    /// Signature, `iss`, `aud` and `exp` are checked against the provider's JWKS first; a bad one fails the exchange.
    Verified,
    /// Never looked at; the profile comes from userinfo.
    Ignored,
}

/// How the client authenticates at the token endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAuth {
    Post,
    Basic,
}

/// Where the provider is and what the API is to it.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) discovery_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) redirect_uri: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) client_auth: ClientAuth,
    pub(super) pkce: bool,
    pub(super) issuer_required: bool,
    pub(super) id_token: IdToken,
}

/// Everything the API was told.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// `NODE_ENV` is `production`, or is not set at all as in the image.
    pub(super) production: bool,
    pub(super) build_id: String,
    pub(super) base_url: Option<Url>,
    pub(super) trust_proxy: bool,
    pub(super) secret: String,
    pub(super) trusted_origins: Vec<String>,
    pub(super) error_url: Option<String>,
    pub(super) provider: Provider,
    pub(super) guard: GuardMode,
    pub(super) secure_cookies: bool,
    pub(super) cookie_domain: Option<String>,
    pub(super) clear_with_attributes: bool,
    pub(super) cookie_cache: bool,
    pub(super) bearer_plugin: bool,
    pub(super) csrf_check: bool,
    pub(super) rate_limit: bool,
    pub(super) session_lifetime: Duration,
    pub(super) session_update_age: Duration,
    pub(super) sign_out_ends_session: bool,
    pub(super) state_cookie_lifetime: Duration,
    pub(super) state_row_lifetime: Duration,
    pub(super) prune_state: bool,
    pub(super) sign_up: bool,
    pub(super) account_linking: bool,
    pub(super) trusted_provider: bool,
    pub(super) seed_users: Vec<String>,
}

impl Config {
    pub(super) fn read(env: &Env<'_>) -> Result<Config, LabError> {
        let production = env.get("NODE_ENV").is_none_or(|name| name == "production");
        let base_url = env.url("BETTER_AUTH_URL")?;
        let secure_by_url = base_url.as_ref().map_or(production, |url| url.scheme() == "https");
        let seconds = |name, default| env.seconds(name, Duration::from_secs(default));
        Ok(Config {
            production,
            build_id: env.get("BUILD_ID").unwrap_or_else(|| "dev".to_owned()),
            trust_proxy: env.switch("TRUSTED_PROXY_HEADERS", true)?,
            secret: env.required("BETTER_AUTH_SECRET", "the key that signs the cookies")?,
            trusted_origins: env.list("TRUSTED_ORIGINS").into_iter().map(origin_of).collect(),
            error_url: env.get("AUTH_ERROR_URL"),
            provider: Provider::read(env)?,
            guard: env.choice(
                "GUARD",
                &[
                    ("cookie", GuardMode::Cookie),
                    ("bearer", GuardMode::Bearer),
                    ("encoded", GuardMode::Encoded),
                    ("throws", GuardMode::Throws),
                    ("swallows", GuardMode::Swallows),
                ],
            )?,
            secure_cookies: env.switch("SECURE_COOKIES", secure_by_url)?,
            cookie_domain: env.get("COOKIE_DOMAIN"),
            clear_with_attributes: env.choice("COOKIE_CLEAR", &[("exact", true), ("bare", false)])?,
            cookie_cache: env.switch("COOKIE_CACHE", false)?,
            bearer_plugin: env.switch("BEARER_PLUGIN", false)?,
            csrf_check: env.switch("CSRF_CHECK", true)?,
            rate_limit: env.switch("RATE_LIMIT", production)?,
            session_lifetime: seconds("SESSION_EXPIRES_IN", 7 * DAY)?,
            session_update_age: seconds("SESSION_UPDATE_AGE", DAY)?,
            sign_out_ends_session: env.choice("SIGN_OUT", &[("ends-session", true), ("keeps-session", false)])?,
            state_cookie_lifetime: seconds("STATE_COOKIE_SECONDS", 5 * MINUTE)?,
            state_row_lifetime: seconds("STATE_ROW_SECONDS", 10 * MINUTE)?,
            prune_state: env.switch("PRUNE_STATE", true)?,
            sign_up: env.switch("SIGN_UP", true)?,
            account_linking: env.switch("ACCOUNT_LINKING", true)?,
            trusted_provider: env.list("TRUSTED_PROVIDERS").iter().any(|known| known == PROVIDER),
            seed_users: env.list("SEED_USERS"),
            base_url,
        })
    }
}

impl Provider {
    fn read(env: &Env<'_>) -> Result<Provider, LabError> {
        let discovery_url = match env.url("OIDC_DISCOVERY_URL")? {
            Some(url) => url.into(),
            None => {
                let issuer = env.required_url("OIDC_ISSUER", "the issuer URL of the identity provider")?;
                // OIDC Discovery §4: a slash at the end of the issuer goes before the well-known path is put there.
                format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'))
            }
        };
        let mut scopes = env.list("OIDC_SCOPES");
        if scopes.is_empty() {
            scopes = ["openid", "profile", "email"].map(str::to_owned).to_vec();
        }
        Ok(Provider {
            discovery_url,
            client_id: env.required("OIDC_CLIENT_ID", "the API's client id at the identity provider")?,
            client_secret: env.required("OIDC_CLIENT_SECRET", "the API's client secret at the identity provider")?,
            redirect_uri: env.url("OIDC_REDIRECT_URI")?.map(String::from),
            scopes,
            client_auth: env.choice("OIDC_TOKEN_AUTH", &[("post", ClientAuth::Post), ("basic", ClientAuth::Basic)])?,
            pkce: env.switch("OIDC_PKCE", true)?,
            issuer_required: env.switch("OIDC_REQUIRE_ISSUER", false)?,
            id_token: env
                .choice("ID_TOKEN", &[("decoded", IdToken::Decoded), ("verified", IdToken::Verified), ("ignored", IdToken::Ignored)])?,
        })
    }
}

/// A trusted origin as it is compared: without path and without the default port, if it is a URL at all.
fn origin_of(entry: String) -> String {
    Url::parse(&entry).map_or(entry, |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mosaic::api::testing::{Vars, vars};

    fn read(vars: &Vars) -> Result<Config, LabError> {
        Config::read(&Env::new(&|name| vars.get(name)))
    }

    #[test]
    fn the_cookie_prefix_follows_the_base_url_then_the_mode() {
        let table = [
            (Some("https://api.mosaic.test"), None, None, true),
            (Some("http://localhost:3001"), None, None, false),
            (None, None, None, true),
            (None, Some("development"), None, false),
            (Some("http://localhost:3001"), None, Some("on"), true),
            (Some("https://api.mosaic.test"), None, Some("off"), false),
        ];
        for (url, mode, explicit, expected) in table {
            let vars = vars().put("BETTER_AUTH_URL", url).put("NODE_ENV", mode).put("SECURE_COOKIES", explicit);
            assert_eq!(read(&vars).expect("complete").secure_cookies, expected, "{url:?} {mode:?} {explicit:?}");
        }
    }

    #[test]
    fn the_rate_limit_is_on_in_production_only() {
        assert!(read(&vars()).expect("complete").rate_limit);
        assert!(!read(&vars().put("NODE_ENV", Some("development"))).expect("complete").rate_limit);
    }

    #[test]
    fn what_cannot_be_missing_is_named() {
        for name in ["BETTER_AUTH_SECRET", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"] {
            let error = read(&vars().put(name, None)).expect_err("a variable is missing").to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn an_issuer_with_a_slash_at_its_end_is_found_at_the_same_place() {
        let vars = vars().put("OIDC_ISSUER", Some("https://idp.test/application/o/mosaic/"));
        assert_eq!(
            read(&vars).expect("complete").provider.discovery_url,
            "https://idp.test/application/o/mosaic/.well-known/openid-configuration"
        );
    }
}
