//! An authorization request, read and checked (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core 1.0 §3.1.2).
//!
//! Two kinds of refusal: as long as client and redirect URI are not known to belong together the user gets a page and
//! is never sent anywhere (RFC 6749 §4.1.2.1, RFC 9700 §4.11); after that errors go back to the client.

use super::clients::Clients;
use super::keys::same_secret;
use super::params::{Broken, Params};
use super::scope::{Scope, Scopes};
use crate::plan::{Grant, IdpClient, IdpPlan};
use crate::topology::provider::fresh::s256;
use crate::topology::provider::note::quoted;

/// Longest encoded request. It travels once more inside the query of the login page, percent-encoded.
const LONGEST: usize = 8 * 1024;

/// A request that may be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthorizeRequest {
    pub(super) return_to: ReturnTo,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<Challenge>,
    pub(super) prompt: Prompt,
    /// Seconds since the password was typed that are still good enough.
    pub(super) max_age: Option<u64>,
    pub(super) id_token_hint: Option<String>,
    /// The request in its encoded form, to come back to it after the login.
    pub(super) encoded: String,
}

/// What the code's verifier has to fit (RFC 7636 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Its digest.
    S256(String),
    /// The verifier itself.
    Plain(String),
}

impl Challenge {
    /// Whether `verifier` is the one (§4.6).
    pub(super) fn fits(&self, verifier: &str) -> bool {
        match self {
            Self::S256(challenge) => same_secret(challenge, &s256(verifier)),
            Self::Plain(challenge) => same_secret(challenge, verifier),
        }
    }
}

/// RFC 7636 §4.1.
pub(super) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
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
    ///
    /// `is_loose` is asked about a redirect URI that is not registered, and whether it will do all the same.
    pub(super) fn read(
        plan: &IdpPlan,
        clients: &Clients,
        params: &Params,
        is_loose: impl FnOnce(&IdpClient, &str) -> bool,
    ) -> Result<Self, Refusal> {
        let (client, uri) = addressee(plan, clients, params, is_loose)?;
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
        // RFC 6749 §4.1.2.1.
        if !registered.grants.contains(&Grant::AuthorizationCode) {
            return Err(refuse("unauthorized_client", "this client may not ask for codes"));
        }
        let mut scopes = Scopes::read(get("scope")?.unwrap_or_default(), &registered.scopes);
        // OpenID Connect Core 1.0 §11: ignored for whoever cannot use it.
        if !registered.grants.contains(&Grant::RefreshToken) {
            scopes = scopes.without(&Scope::OfflineAccess);
        }
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
fn addressee<'a>(
    plan: &IdpPlan,
    clients: &Clients,
    params: &'a Params,
    is_loose: impl FnOnce(&IdpClient, &str) -> bool,
) -> Result<(usize, &'a str), Refusal> {
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
    let Some(at) = clients.find(client_id) else {
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
    if client.redirect_uris.iter().any(|registered| registered == uri) || is_loose(client, uri) {
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

/// The challenge, if one was sent or had to be.
fn challenge(client: &IdpClient, challenge: Option<&str>, method: Option<&str>) -> Result<Option<Challenge>, &'static str> {
    let Some(challenge) = challenge else {
        // RFC 9700 §2.1.1: public clients must use PKCE.
        return match (client.require_pkce || client.is_public(), method) {
            (true, _) => Err("code_challenge is required (RFC 7636)"),
            (false, Some(_)) => Err("code_challenge_method was sent without code_challenge"),
            (false, None) => Ok(None),
        };
    };
    // RFC 7636 §4.3: a missing method means plain; §4.4.1 names the answer to a method that is not supported.
    match method.unwrap_or("plain") {
        "S256" => {
            let is_digest = challenge.len() == 43 && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            let challenge = is_digest.then(|| Some(Challenge::S256(challenge.to_owned())));
            challenge.ok_or("code_challenge must be a SHA-256 digest in 43 base64url characters")
        }
        "plain" if client.pkce_plain => {
            let challenge = is_verifier(challenge).then(|| Some(Challenge::Plain(challenge.to_owned())));
            challenge.ok_or("code_challenge must be 43 to 128 unreserved characters")
        }
        _ if client.pkce_plain => Err("transform algorithm not supported: code_challenge_method must be S256 or plain"),
        _ => Err("transform algorithm not supported: code_challenge_method must be S256"),
    }
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
