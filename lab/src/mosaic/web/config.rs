//! The environment of the front end, typed.

use url::Url;

use crate::LabError;
use crate::env::Env;

/// Who decides whether the dashboard may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guarded {
    /// The page's script, as in the original.
    Browser,
    /// This server, which asks the API with the caller's cookies. Needs cookies that are shared with this host.
    Server,
}

/// Who makes the sign-in request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    /// The user agent: the state cookie lands on the API's host.
    Browser,
    /// This server.
    Server,
}

/// What `/login` does with a caller who brings a session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginGuard {
    /// Shows the page.
    Off,
    /// Sends them to the dashboard because the cookie is *there*, whether or not it is worth anything.
    Presence,
}

/// Everything the front end was told.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// Where the user agent finds the API, without a slash at the end.
    pub(super) api_url: String,
    /// Where this server finds the API.
    pub(super) api_internal_url: String,
    /// This server's own origin.
    pub(super) public_url: String,
    pub(super) build_id: String,
    pub(super) commit: String,
    /// Where a sign-in ends: a path of this server.
    pub(super) callback_target: String,
    pub(super) error_callback: bool,
    pub(super) guarded: Guarded,
    pub(super) sign_in: SignIn,
    pub(super) forward_set_cookie: bool,
    pub(super) auto_login: bool,
    pub(super) login_guard: LoginGuard,
    /// Whether the pages bring their scripts along.
    pub(super) scripts: bool,
}

impl Config {
    pub(super) fn read(env: &Env<'_>) -> Result<Config, LabError> {
        let api_url = bare(&env.required_url("API_URL", "the API's public URL")?);
        let public_url = env.required_url("PUBLIC_URL", "the front end's own public URL")?;
        let callback_target = env.get("CALLBACK_TARGET").unwrap_or_else(|| "/".to_owned());
        if !callback_target.starts_with('/') || callback_target.starts_with("//") {
            return Err(LabError::Invalid { name: "CALLBACK_TARGET", expected: "a path of the front end, such as `/`".to_owned() });
        }
        Ok(Config {
            api_internal_url: env.url("API_INTERNAL_URL")?.as_ref().map_or_else(|| api_url.clone(), bare),
            api_url,
            public_url: public_url.origin().ascii_serialization(),
            build_id: env.get("BUILD_ID").unwrap_or_else(|| "dev".to_owned()),
            commit: env.get("GIT_COMMIT").unwrap_or_else(|| "unknown".to_owned()),
            callback_target,
            error_callback: env.switch("ERROR_CALLBACK", true)?,
            guarded: env.choice("GUARDED", &[("browser", Guarded::Browser), ("server", Guarded::Server)])?,
            sign_in: env.choice("SIGN_IN", &[("browser", SignIn::Browser), ("server", SignIn::Server)])?,
            forward_set_cookie: env.switch("FORWARD_SET_COOKIE", true)?,
            auto_login: env.switch("AUTO_LOGIN", false)?,
            login_guard: env.choice("LOGIN_GUARD", &[("off", LoginGuard::Off), ("presence", LoginGuard::Presence)])?,
            scripts: env.switch("SCRIPTS", true)?,
        })
    }

    /// Where the API is to send the user after a sign-in.
    pub(super) fn callback_url(&self) -> String {
        format!("{}{}", self.public_url, self.callback_target)
    }

    /// Where the API is to send the user after a failed one, if this build says so.
    pub(super) fn error_callback_url(&self) -> Option<String> {
        self.error_callback.then(|| format!("{}/login", self.public_url))
    }
}

fn bare(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
