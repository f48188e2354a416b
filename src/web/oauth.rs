//! The vocabulary of OAuth 2.0 and OpenID Connect: which URL is an authorization request, which one brings the answer
//! back, and what the error tokens in it mean.
//!
//! Recognition is by parameters, never by host or path: every provider has its own paths, all have the same parameters.

mod token;

pub use token::TokenRequest;

use url::{Url, form_urlencoded};

/// An authorization request as a URL carries it (RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 7636 §4.3).
///
/// Of a repeated parameter the first counts; RFC 6749 §3.1 forbids repeating one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The authorization endpoint: the URL without query and fragment.
    pub endpoint: Url,
    /// Which client asks.
    pub client_id: String,
    /// Where the answer goes, exactly as sent: providers compare it as text (RFC 9700 §2.1).
    pub redirect_uri: Option<String>,
    /// The values of `response_type`: `code`, `token`, `id_token`, `none`.
    pub response_type: Vec<String>,
    /// How the answer travels: `query`, `fragment`, `form_post`.
    pub response_mode: Option<String>,
    /// The scopes asked for.
    pub scope: Vec<String>,
    /// Ties the answer to the browser that asked (RFC 6749 §10.12).
    pub state: Option<String>,
    /// Ties the ID token to the request (OIDC Core §3.1.2.1).
    pub nonce: Option<String>,
    /// The PKCE challenge.
    pub code_challenge: Option<String>,
    /// Its method; absent means `plain` (RFC 7636 §4.3).
    pub code_challenge_method: Option<String>,
    /// `none`, `login`, `consent`, `select_account`.
    pub prompt: Vec<String>,
    /// Reference to a pushed request (RFC 9126 §4); the other parameters may then be absent.
    pub request_uri: Option<String>,
}

impl AuthorizationRequest {
    /// The authorization request in a URL. `None` unless it names a client and either a `response_type` or, with pushed
    /// or signed requests (RFC 9126, RFC 9101), a `request_uri` or a `request`.
    #[must_use]
    pub fn from_url(url: &Url) -> Option<Self> {
        let params = Params::query(url);
        let client_id = params.get("client_id")?;
        let request_uri = params.get("request_uri");
        let response_type = params.words("response_type");
        if response_type.is_empty() && request_uri.is_none() && params.get("request").is_none() {
            return None;
        }
        let mut endpoint = url.clone();
        endpoint.set_query(None);
        endpoint.set_fragment(None);
        Some(Self {
            endpoint,
            client_id,
            redirect_uri: params.get("redirect_uri"),
            response_type,
            response_mode: params.get("response_mode"),
            scope: params.words("scope"),
            state: params.get("state"),
            nonce: params.get("nonce"),
            code_challenge: params.get("code_challenge"),
            code_challenge_method: params.get("code_challenge_method"),
            prompt: params.words("prompt"),
            request_uri,
        })
    }

    /// Whether a URL is where this request's answer was to be sent: same origin and path, and every query parameter of
    /// the `redirect_uri` is still there (RFC 6749 §3.1.2: it must be retained).
    #[must_use]
    pub fn returns_to(&self, url: &Url) -> bool {
        let Some(expected) = self.redirect_uri.as_deref().and_then(|uri| Url::parse(uri).ok()) else {
            return false;
        };
        let same_place = expected.scheme() == url.scheme()
            && expected.host() == url.host()
            && expected.port_or_known_default() == url.port_or_known_default()
            && expected.path() == url.path();
        same_place && expected.query_pairs().all(|pair| url.query_pairs().any(|other| other == pair))
    }
}

/// Whether a URL is an authorization request; see [`AuthorizationRequest::from_url`].
#[must_use]
pub fn is_authorization_request(url: &Url) -> bool {
    AuthorizationRequest::from_url(url).is_some()
}

/// What carried an answer back to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The URL's query (response mode `query`).
    Query,
    /// The URL's fragment (response mode `fragment`): the server never sees it.
    Fragment,
    /// A form the browser posted (OAuth 2.0 Form Post Response Mode).
    Form,
}

/// The answer to an authorization request (RFC 6749 §4.1.2, §4.1.2.1, §4.2.2; RFC 9207 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// What carried it.
    pub carrier: Carrier,
    /// The authorization code.
    pub code: Option<String>,
    /// The request's state, given back.
    pub state: Option<String>,
    /// The issuer that answered (RFC 9207).
    pub iss: Option<String>,
    /// The ID token, when it came along (implicit and hybrid flows).
    pub id_token: Option<String>,
    /// Whether tokens came along (implicit and hybrid flows).
    pub has_tokens: bool,
    /// What went wrong.
    pub error: Option<ErrorParams>,
}

impl Callback {
    /// The answer that a URL carries: a code, tokens or an error, in the query or else in the fragment. It takes any
    /// `code` or `error` for one, so ask it about a URL that is known to be a callback, or see [`is_callback`].
    #[must_use]
    pub fn from_url(url: &Url) -> Option<Self> {
        Self::from_params(&Params::query(url), Carrier::Query).or_else(|| Self::from_params(&Params::fragment(url), Carrier::Fragment))
    }

    /// The answer that an `application/x-www-form-urlencoded` body carries.
    #[must_use]
    pub fn from_form(body: &[u8]) -> Option<Self> {
        Self::from_params(&Params::parse(body), Carrier::Form)
    }

    fn from_params(params: &Params, carrier: Carrier) -> Option<Self> {
        let callback = Self {
            carrier,
            code: params.get("code"),
            state: params.get("state"),
            iss: params.get("iss"),
            id_token: params.get("id_token"),
            has_tokens: params.get("access_token").is_some() || params.get("id_token").is_some(),
            error: ErrorParams::from_params(params),
        };
        (callback.code.is_some() || callback.has_tokens || callback.error.is_some()).then_some(callback)
    }
}

/// Whether a URL by itself shows that it brings an authorization answer: a code or tokens together with `state`, `iss` or
/// `session_state`, or one of the error tokens that the standards define. `?code=42` alone is not enough.
#[must_use]
pub fn is_callback(url: &Url) -> bool {
    let Some(callback) = Callback::from_url(url) else { return false };
    let params = if callback.carrier == Carrier::Query { Params::query(url) } else { Params::fragment(url) };
    let bound = ["state", "iss", "session_state"].iter().any(|name| params.get(name).is_some());
    bound || callback.error.is_some_and(|error| known_error(&error.error).is_some())
}

/// Error parameters of a redirect target (RFC 6749 §4.1.2.1), a standard token or an application's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorParams {
    /// `error`.
    pub error: String,
    /// `error_code`, the finer code that GoTrue-style servers add.
    pub code: Option<String>,
    /// `error_description`.
    pub description: Option<String>,
    /// `error_uri`.
    pub uri: Option<String>,
}

impl ErrorParams {
    /// The error parameters of a URL, from its query or else its fragment; a route in the fragment
    /// (`#/login?error=…`) counts too.
    #[must_use]
    pub fn from_url(url: &Url) -> Option<Self> {
        Self::from_params(&Params::query(url)).or_else(|| Self::from_params(&Params::fragment(url)))
    }

    fn from_params(params: &Params) -> Option<Self> {
        let code = params.get("error_code");
        Some(Self {
            error: params.get("error").or_else(|| code.clone())?,
            code,
            description: params.get("error_description"),
            uri: params.get("error_uri"),
        })
    }
}

/// An error token that a standard defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownError {
    /// The token as it travels.
    pub token: &'static str,
    /// Where it is defined.
    pub defined_in: &'static str,
    /// What it means, as a lower-case fragment.
    pub meaning: &'static str,
}

/// What the standards say of an error token; `None` for a server's own words. Tokens are case-sensitive.
#[must_use]
pub fn known_error(token: &str) -> Option<&'static KnownError> {
    KNOWN_ERRORS.iter().find(|known| known.token == token)
}

const fn known(token: &'static str, defined_in: &'static str, meaning: &'static str) -> KnownError {
    KnownError { token, defined_in, meaning }
}

const AUTHORIZATION: &str = "RFC 6749 §4.1.2.1";
const TOKEN: &str = "RFC 6749 §5.2";
const BOTH: &str = "RFC 6749 §4.1.2.1, §5.2";
const OIDC: &str = "OIDC Core §3.1.2.6";
const BEARER: &str = "RFC 6750 §3.1";

/// The error tokens of RFC 6749 §4.1.2.1 and §5.2, OIDC Core §3.1.2.6 and RFC 6750 §3.1.
pub const KNOWN_ERRORS: [KnownError; 21] = [
    known("invalid_request", BOTH, "a parameter is missing, repeated or malformed"),
    known("unauthorized_client", BOTH, "the client may not use this grant or response type"),
    known("access_denied", AUTHORIZATION, "the person or the server refused"),
    known("unsupported_response_type", AUTHORIZATION, "the server does not know this response type"),
    known("invalid_scope", BOTH, "a scope is unknown, malformed or more than was granted"),
    known("server_error", AUTHORIZATION, "the server failed and could not say so with a 500, being in a redirect"),
    known("temporarily_unavailable", AUTHORIZATION, "the server is overloaded or in maintenance"),
    known("invalid_client", TOKEN, "client authentication failed"),
    known(
        "invalid_grant",
        TOKEN,
        "the code or refresh token is invalid, expired, used, or was issued for another client or `redirect_uri`",
    ),
    known("unsupported_grant_type", TOKEN, "the server does not know this grant type"),
    known("interaction_required", OIDC, "`prompt=none` was asked, but the person would have to do something"),
    known("login_required", OIDC, "`prompt=none` was asked, but nobody is signed in at the provider"),
    known("account_selection_required", OIDC, "`prompt=none` was asked, but an account must be chosen"),
    known("consent_required", OIDC, "`prompt=none` was asked, but consent is missing"),
    known("invalid_request_uri", OIDC, "the `request_uri` could not be fetched or holds no valid request"),
    known("invalid_request_object", OIDC, "the `request` parameter holds no valid request object"),
    known("request_not_supported", OIDC, "the server does not take the `request` parameter"),
    known("request_uri_not_supported", OIDC, "the server does not take the `request_uri` parameter"),
    known("registration_not_supported", OIDC, "the server does not take the `registration` parameter"),
    known("invalid_token", BEARER, "the access token is expired, revoked, malformed or not for this resource"),
    known("insufficient_scope", BEARER, "the access token lacks a scope that the resource asks for"),
];

/// The parameters of one carrier, decoded. An empty value counts as absent (RFC 6749 §3.1).
struct Params(Vec<(String, String)>);

impl Params {
    fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    fn query(url: &Url) -> Self {
        Self::parse(url.query().unwrap_or_default().as_bytes())
    }

    /// A fragment is either the parameters themselves or a route of a single-page app with a query of its own.
    fn fragment(url: &Url) -> Self {
        let fragment = url.fragment().unwrap_or_default();
        let params = match fragment.split_once('?') {
            Some((route, query)) if !route.contains('=') => query,
            _ => fragment,
        };
        Self::parse(params.as_bytes())
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    fn words(&self, name: &str) -> Vec<String> {
        self.get(name).unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    const AUTHORIZE: &str = "https://idp.test/application/o/authorize/?response_type=code&client_id=mosaic\
        &redirect_uri=https%3A%2F%2Fapi.mosaic.test%2Fcb%3Ftenant%3D1&scope=openid+email&state=xyz&nonce=n1\
        &code_challenge=E9Mel&code_challenge_method=S256&prompt=login%20consent&response_mode=form_post#x";

    #[test]
    fn an_authorization_request_is_read_whole() {
        let request = AuthorizationRequest::from_url(&url(AUTHORIZE)).unwrap();
        assert_eq!(request.endpoint.as_str(), "https://idp.test/application/o/authorize/");
        assert_eq!(request.client_id, "mosaic");
        assert_eq!(request.redirect_uri.as_deref(), Some("https://api.mosaic.test/cb?tenant=1"));
        assert_eq!(request.response_type, ["code"]);
        assert_eq!(request.response_mode.as_deref(), Some("form_post"));
        assert_eq!(request.scope, ["openid", "email"]);
        assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some("xyz"), Some("n1")));
        assert_eq!(request.code_challenge.as_deref(), Some("E9Mel"));
        assert_eq!(request.code_challenge_method.as_deref(), Some("S256"));
        assert_eq!(request.prompt, ["login", "consent"]);
    }

    #[test]
    fn only_urls_that_name_client_and_response_are_requests() {
        for (text, expected) in [
            ("https://idp.test/a?client_id=x&response_type=code", true),
            ("https://idp.test/a?client_id=x&request_uri=urn:x", true),
            ("https://idp.test/a?client_id=x&request=eyJ", true),
            ("https://idp.test/a?client_id=x", false),
            ("https://idp.test/a?client_id=&response_type=code", false),
            ("https://idp.test/a?response_type=code", false),
            ("https://app.test/docs#client_id=x&response_type=code", false),
        ] {
            assert_eq!(is_authorization_request(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn the_answer_goes_to_the_redirect_uri_with_its_own_query_kept() {
        let request = AuthorizationRequest::from_url(&url(AUTHORIZE)).unwrap();
        assert!(request.returns_to(&url("https://api.mosaic.test:443/cb?tenant=1&code=a&state=xyz")));
        assert!(!request.returns_to(&url("https://api.mosaic.test/cb?code=a")));
        assert!(!request.returns_to(&url("https://api.mosaic.test/cb/?tenant=1")));
        assert!(!request.returns_to(&url("http://api.mosaic.test/cb?tenant=1")));
    }

    #[test]
    fn callbacks_are_known_by_what_they_carry() {
        for (text, expected) in [
            ("https://app.test/cb?code=a&state=b", true),
            ("https://app.test/cb?code=a&iss=https://idp.test", true),
            ("alga://auth/callback?error=access_denied", true),
            ("https://app.test/cb#access_token=a&state=b", true),
            ("https://app.test/cb?code=a", false),
            ("https://app.test/cb?error=rate_limited", false),
            ("https://app.test/cb?state=b", false),
        ] {
            assert_eq!(is_callback(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_is_read_from_query_fragment_and_form() {
        let query = Callback::from_url(&url("https://app.test/cb?code=a&state=b&iss=https%3A%2F%2Fidp.test")).unwrap();
        assert_eq!((query.carrier, query.iss.as_deref()), (Carrier::Query, Some("https://idp.test")));
        let fragment = Callback::from_url(&url("https://app.test/cb?x=1#id_token=t&state=b")).unwrap();
        assert!(fragment.has_tokens && fragment.carrier == Carrier::Fragment);
        let form = Callback::from_form(b"code=a%2Bb&state=s").unwrap();
        assert_eq!((form.carrier, form.code.as_deref()), (Carrier::Form, Some("a+b")));
        assert_eq!(Callback::from_form(b"username=a"), None);
    }

    #[test]
    fn error_parameters_come_from_anywhere_in_the_target() {
        for (text, error, description) in [
            ("https://app.test/?error=email_is_missing", "email_is_missing", None),
            ("https://app.test/cb?error=access_denied&error_description=not+today", "access_denied", Some("not today")),
            ("https://app.test/#error=server_error&error_code=unexpected", "server_error", None),
            ("https://app.test/#/login?error=state_mismatch", "state_mismatch", None),
            ("alga:/callback?error_code=otp_expired", "otp_expired", None),
        ] {
            let params = ErrorParams::from_url(&url(text)).unwrap();
            assert_eq!((params.error.as_str(), params.description.as_deref()), (error, description), "{text}");
        }
        assert_eq!(ErrorParams::from_url(&url("https://app.test/?error=&x=1#top")), None);
    }

    #[test]
    fn error_tokens_of_the_standards_are_known_once_each() {
        for (index, known) in KNOWN_ERRORS.iter().enumerate() {
            assert!(KNOWN_ERRORS[..index].iter().all(|other| other.token != known.token), "{}", known.token);
        }
        assert_eq!(known_error("login_required").map(|known| known.defined_in), Some("OIDC Core §3.1.2.6"));
        assert_eq!(known_error("state_mismatch"), None);
        assert_eq!(known_error("Access_Denied"), None);
    }
}
