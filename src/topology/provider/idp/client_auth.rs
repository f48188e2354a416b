//! Who a client is where it calls by itself (RFC 6749 §2.3, OpenID Connect Core 1.0 §9): by a secret in header or body, by a
//! signed assertion, or a public client by its name alone.

use super::keys::is_secret;
use super::params::Params;
use super::{Call, Inner};
use crate::plan::ClientAuth;
use crate::topology::provider::note::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use time::OffsetDateTime;

/// Longest Authorization header that is looked at.
const LONGEST_HEADER: usize = 8 * 1024;

/// Why a client was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotAuthenticated {
    /// `invalid_client`, or `invalid_request` when it is not clear who asks.
    pub(super) error: &'static str,
    /// For the client: tells no secret and quotes nothing.
    pub(super) description: &'static str,
    /// Whom the request claims to come from, when that is a client.
    pub(super) client: Option<usize>,
    /// For the log, when more can be said.
    pub(super) why: Option<String>,
}

impl NotAuthenticated {
    pub(super) fn client(client: usize, description: &'static str) -> Self {
        Self { error: "invalid_client", description, client: Some(client), why: None }
    }

    pub(super) fn unknown(id: &str) -> Self {
        let why = Some(format!("unknown client {}", quoted(id)));
        Self { error: "invalid_client", description: "the client is not known", client: None, why }
    }

    pub(super) fn request(description: &'static str) -> Self {
        Self { error: "invalid_request", description, client: None, why: None }
    }
}

/// What a request brought along.
enum Credentials<'a> {
    Basic(Basic),
    Post { id: &'a str, secret: &'a str },
    Assertion { id: Option<&'a str>, assertion: &'a str },
    Name(&'a str),
}

/// The halves of a Basic header.
struct Basic {
    id: String,
    secret: String,
    /// Both as they stood there, before form-decoding.
    raw: (String, String),
}

impl Inner {
    /// The index of the client that sent this request to `url`.
    pub(super) fn authenticate(&self, call: &Call, form: &Params, url: &str, now: OffsetDateTime) -> Result<usize, NotAuthenticated> {
        let (client, by) = match credentials(&call.headers, form)? {
            Credentials::Basic(basic) => {
                let client = self.clients.find(&basic.id).or_else(|| self.clients.find(&basic.raw.0));
                let client = client.ok_or_else(|| NotAuthenticated::unknown(&basic.id))?;
                if basic.raw.1.is_empty() && self.plan.clients[client].is_public() {
                    // A public client that names itself in the header proves no more than one that does so in the body.
                    (client, ClientAuth::None)
                } else {
                    // RFC 6749 §2.3.1 has both halves form-encoded. Many clients do not, and Authentik takes them.
                    self.check_secret(client, [&basic.secret, &basic.raw.1])?;
                    (client, ClientAuth::Basic)
                }
            }
            Credentials::Post { id, secret } => {
                let client = self.clients.find(id).ok_or_else(|| NotAuthenticated::unknown(id))?;
                self.check_secret(client, [secret, secret])?;
                (client, ClientAuth::Post)
            }
            Credentials::Assertion { id, assertion } => (self.check_assertion(id, assertion, url, now)?, ClientAuth::PrivateKeyJwt),
            Credentials::Name(id) => {
                let client = self.clients.find(id).ok_or_else(|| NotAuthenticated::unknown(id))?;
                let plan = &self.plan.clients[client];
                if plan.secret.is_some() {
                    return Err(NotAuthenticated::client(client, "the client secret is missing"));
                }
                if !plan.keys.is_empty() {
                    return Err(NotAuthenticated::client(client, "the client assertion is missing"));
                }
                (client, ClientAuth::None)
            }
        };
        if self.plan.clients[client].may_authenticate_by(by) {
            Ok(client)
        } else {
            let only = self.plan.clients[client].auth.map_or("in another way", ClientAuth::name);
            let refused = NotAuthenticated::client(client, "this client may not authenticate in this way");
            Err(NotAuthenticated { why: Some(format!("it came with {}, and is bound to {only}", by.name())), ..refused })
        }
    }

    /// Whether one of the two ways to read the secret gives the right one.
    fn check_secret(&self, client: usize, [decoded, raw]: [&str; 2]) -> Result<(), NotAuthenticated> {
        let Some(expected) = self.clients.secret(client) else {
            return Err(NotAuthenticated::client(client, "this client has no secret"));
        };
        if decoded.is_empty() && raw.is_empty() {
            return Err(NotAuthenticated::client(client, "the client secret is missing"));
        }
        let (decoded, raw) = (is_secret(expected, decoded), decoded != raw && is_secret(expected, raw));
        if decoded || raw { Ok(()) } else { Err(NotAuthenticated::client(client, "the client secret is wrong")) }
    }
}

/// The client that the Authorization header names, without a look at its secret.
pub(super) fn claimed(headers: &HeaderMap) -> Option<String> {
    basic(headers.get(AUTHORIZATION)?.as_bytes()).map(|basic| basic.id)
}

fn credentials<'a>(headers: &HeaderMap, form: &'a Params) -> Result<Credentials<'a>, NotAuthenticated> {
    let id = form.get("client_id").map_err(|_| NotAuthenticated::request("client_id is repeated"))?;
    let secret = form.get("client_secret").map_err(|_| NotAuthenticated::request("client_secret is repeated"))?;
    let assertion = form.get("client_assertion").map_err(|_| NotAuthenticated::request("client_assertion is repeated"))?;
    let mut headers = headers.get_all(AUTHORIZATION).into_iter();
    let header = headers.next();
    // RFC 6749 §2.3: a client must not use more than one way in a request.
    if headers.next().is_some() || [header.is_some(), secret.is_some(), assertion.is_some()].into_iter().filter(|way| *way).count() > 1 {
        return Err(NotAuthenticated::request("more than one way of client authentication was used"));
    }
    let nobody = |description| NotAuthenticated { error: "invalid_client", description, client: None, why: None };
    if let Some(header) = header {
        let basic = basic(header.as_bytes()).ok_or_else(|| nobody("the Authorization header is not valid Basic"))?;
        if id.is_some_and(|id| id != basic.id && id != basic.raw.0) {
            return Err(NotAuthenticated::request("client_id differs from the Authorization header"));
        }
        return Ok(Credentials::Basic(basic));
    }
    if let Some(assertion) = assertion {
        // RFC 7523 §2.2.
        return match form.get("client_assertion_type") {
            Ok(Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")) => Ok(Credentials::Assertion { id, assertion }),
            _ => Err(NotAuthenticated::request("client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer")),
        };
    }
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Credentials::Post { id, secret }),
        (Some(id), None) => Ok(Credentials::Name(id)),
        (None, _) => Err(nobody("no client authentication was sent")),
    }
}

/// Reads `Basic base64(id:secret)` (RFC 7617 §2).
fn basic(header: &[u8]) -> Option<Basic> {
    if header.len() > LONGEST_HEADER {
        return None;
    }
    let (scheme, token) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(token.trim_ascii()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |half: &str| percent_encoding::percent_decode_str(&half.replace('+', " ")).decode_utf8().ok().map(String::from);
    Some(Basic {
        id: decode(id).unwrap_or_else(|| id.to_owned()),
        secret: decode(secret).unwrap_or_else(|| secret.to_owned()),
        raw: (id.to_owned(), secret.to_owned()),
    })
}
