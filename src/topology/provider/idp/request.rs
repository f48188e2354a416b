//! An authorization request, read and checked (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core 1.0 §3.1.2).
//!
//! Two kinds of refusal: as long as client and redirect URI are not known to belong together the user gets a page and
//! is never sent anywhere (RFC 6749 §4.1.2.1, RFC 9700 §4.11); after that errors go back to the client.

use super::params::{Broken, Params};
use super::scope::Scopes;
use crate::plan::{IdpClient, IdpPlan};
use crate::topology::provider::note::quoted;

/// Longest encoded request. It travels once more inside the query of the login page, percent-encoded.
const LONGEST: usize = 8 * 1024;

/// A request that may be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthorizeRequest {
    pub(super) return_to: ReturnTo,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    /// S256 challenge (RFC 7636 §4.2).
    pub(super) challenge: Option<String>,
    pub(super) prompt: Prompt,
    /// Seconds since the password was typed that are still good enough.
    pub(super) max_age: Option<u64>,
    pub(super) id_token_hint: Option<String>,
    /// The request in its encoded form, to come back to it after the login.
    pub(super) encoded: String,
}

/// Where the response goes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReturnTo {
    /// Index into the plan's clients.
    pub(super) client: usize,
    pub(super) uri: String,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<String>,
}

/// OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

impl ResponseMode {
    pub(super) const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

/// `prompt` (OpenID Connect Core 1.0 §3.1.2.1). Choosing an account means typing its name, so it counts as a login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) none: bool,
    pub(super) login: bool,
    pub(super) consent: bool,
}

impl Prompt {
    pub(super) const VALUES: [&str; 4] = ["none", "login", "consent", "select_account"];
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With a page, as there is nowhere to send the user.
    Page {
        client: Option<String>,
        /// A whole sentence for the person before the screen.
        message: String,
        /// The line for the log.
        why: String,
    },
    /// With an error for the client.
    Return { to: ReturnTo, error: &'static str, description: &'static str },
}

impl AuthorizeRequest {
    /// Reads and checks a request.
    pub(super) fn read(plan: &IdpPlan, params: &Params) -> Result<Self, Refusal> {
        let (client, uri) = addressee(plan, params)?;
        let registered = &plan.clients[client];
        let mode = params.only("response_mode");
        let known_mode = mode.map(|mode| ResponseMode::ALL.into_iter().find(|known| known.name() == mode));
        let to = ReturnTo {
            client,
            uri: uri.to_owned(),
            mode: known_mode.flatten().unwrap_or(ResponseMode::Query),
            state: params.only("state").map(str::to_owned),
        };
        let refuse = |error, description| Refusal::Return { to: to.clone(), error, description };
        if let Err(broken) = params.whole() {
            return Err(refuse("invalid_request", broken_description(&broken)));
        }
        let get = |name| params.get(name).map_err(|broken| refuse("invalid_request", broken_description(&broken)));

        get("state")?;
        get("response_mode")?;
        if known_mode == Some(None) {
            return Err(refuse("invalid_request", "response_mode must be query, fragment or form_post"));
        }
        match get("response_type")? {
            Some("code") => {}
            Some(_) => return Err(refuse("unsupported_response_type", "only response_type=code is supported")),
            None => return Err(refuse("invalid_request", "response_type is missing")),
        }
        // OpenID Connect Core 1.0 §3.1.2.6: these have errors of their own.
        for (name, error, description) in [
            ("request", "request_not_supported", "request objects are not supported"),
            ("request_uri", "request_uri_not_supported", "request objects by reference are not supported"),
            ("registration", "registration_not_supported", "the registration parameter is not supported"),
        ] {
            if get(name)?.is_some() {
                return Err(refuse(error, description));
            }
        }
        let scopes = Scopes::read(get("scope")?.unwrap_or_default());
        if scopes.is_empty() {
            return Err(refuse("invalid_scope", "no scope that this provider knows was asked for"));
        }
        let challenge = challenge(registered, get("code_challenge")?, get("code_challenge_method")?)
            .map_err(|description| refuse("invalid_request", description))?;
        let prompt = prompt(get("prompt")?.unwrap_or_default()).map_err(|description| refuse("invalid_request", description))?;
        let max_age = match get("max_age")?.map(str::parse) {
            None => None,
            Some(Ok(seconds)) => Some(seconds),
            Some(Err(_)) => return Err(refuse("invalid_request", "max_age must be a number of seconds")),
        };
        let encoded = params.encode();
        if encoded.len() > LONGEST {
            return Err(refuse("invalid_request", "the request is longer than 8 KiB"));
        }
        Ok(Self {
            scopes,
            nonce: get("nonce")?.map(str::to_owned),
            challenge,
            prompt,
            max_age,
            id_token_hint: get("id_token_hint")?.map(str::to_owned),
            encoded,
            return_to: to,
        })
    }
}

/// The client and the redirect URI, when they belong together.
fn addressee<'a>(plan: &IdpPlan, params: &'a Params) -> Result<(usize, &'a str), Refusal> {
    let page = |client: Option<&IdpClient>, message: &str, why: String| Refusal::Page {
        client: client.map(|client| client.id.clone()),
        message: message.to_owned(),
        why,
    };
    let client_id = match params.get("client_id") {
        Ok(Some(id)) => id,
        Ok(None) => {
            return Err(page(
                None,
                "The request does not say which application it comes from (client_id).",
                "client_id is missing".to_owned(),
            ));
        }
        Err(broken) => return Err(page(None, "The request names more than one application (client_id).", broken.to_string())),
    };
    let Some(at) = plan.clients.iter().position(|client| client.id == client_id) else {
        return Err(page(
            None,
            "The application that sent you here is not known to this provider (client_id).",
            format!("unknown client {}", quoted(client_id)),
        ));
    };
    let client = &plan.clients[at];
    let uri = match params.get("redirect_uri") {
        Ok(Some(uri)) => uri,
        Ok(None) => {
            return Err(page(
                Some(client),
                "The request does not say where to return to (redirect_uri).",
                "redirect_uri is missing".to_owned(),
            ));
        }
        Err(broken) => {
            return Err(page(Some(client), "The request names more than one address to return to (redirect_uri).", broken.to_string()));
        }
    };
    // Simple string comparison, as RFC 9700 §2.1 demands (RFC 3986 §6.2.1).
    if client.redirect_uris.iter().any(|registered| registered == uri) {
        return Ok((at, uri));
    }
    let registered: Vec<_> = client.redirect_uris.iter().take(5).map(|uri| without_query(uri)).collect();
    let why = format!("redirect_uri {} is not registered (registered: {})", without_query(uri), registered.join(", "));
    Err(page(Some(client), "The address to return to (redirect_uri) is not registered for this application.", why))
}

/// A URI as the log may show it: what stands in its query or fragment may be somebody's secret.
fn without_query(uri: &str) -> String {
    let end = uri.find(['?', '#']).unwrap_or(uri.len());
    let shown = if end < uri.len() { format!("{}{}", &uri[..=end], '…') } else { uri.to_owned() };
    quoted(&shown)
}

/// The S256 challenge, if one was sent or had to be.
fn challenge(client: &IdpClient, challenge: Option<&str>, method: Option<&str>) -> Result<Option<String>, &'static str> {
    let Some(challenge) = challenge else {
        // RFC 9700 §2.1.1: public clients must use PKCE.
        return match (client.require_pkce || client.secret.is_none(), method) {
            (true, _) => Err("code_challenge is required (RFC 7636)"),
            (false, Some(_)) => Err("code_challenge_method was sent without code_challenge"),
            (false, None) => Ok(None),
        };
    };
    // RFC 7636 §4.3: a missing method means plain; §4.4.1 names the answer to a method that is not supported.
    if method != Some("S256") {
        return Err("transform algorithm not supported: code_challenge_method must be S256");
    }
    let is_digest = challenge.len() == 43 && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_digest { Ok(Some(challenge.to_owned())) } else { Err("code_challenge must be a SHA-256 digest in 43 base64url characters") }
}

fn prompt(text: &str) -> Result<Prompt, &'static str> {
    let mut prompt = Prompt::default();
    let mut count = 0;
    for value in text.split(' ').filter(|value| !value.is_empty()) {
        count += 1;
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err("prompt must be none, login, consent or select_account"),
        }
    }
    if prompt.none && count > 1 { Err("prompt=none cannot be combined with other values") } else { Ok(prompt) }
}

/// Descriptions travel in headers and queries, so they hold nothing from the wire.
fn broken_description(broken: &Broken) -> &'static str {
    match broken {
        Broken::Repeated(_) => "a parameter is repeated",
        Broken::Encoding => "a parameter is not valid UTF-8",
        Broken::TooMany => "there are too many parameters",
    }
}
