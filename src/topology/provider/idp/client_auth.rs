//! Who a client is at the token endpoint (RFC 6749 §2.3): by header, by body, or a public client by name alone.

use super::keys::same_secret;
use super::params::Params;
use crate::plan::IdpPlan;
use crate::topology::provider::note::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longest Authorization header that is looked at.
const LONGEST_HEADER: usize = 8 * 1024;

/// Why a client was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotAuthenticated {
    /// `invalid_client`, or `invalid_request` when it is not clear who asks.
    pub(super) error: &'static str,
    /// For the client: tells no secret and quotes nothing.
    pub(super) description: &'static str,
    /// For the log, when more can be said.
    pub(super) why: Option<String>,
}

/// A client id and the secret it came with.
struct Credentials {
    id: String,
    secret: Option<String>,
    /// The header's two halves as they stood there, before form-decoding.
    raw: Option<(String, String)>,
}

/// The index of the client that sent this request.
pub(super) fn authenticate(plan: &IdpPlan, headers: &HeaderMap, form: &Params) -> Result<usize, NotAuthenticated> {
    let credentials = credentials(headers, form)?;
    let find = |id: &str| plan.clients.iter().position(|client| client.id == id);
    let raw_id = credentials.raw.as_ref().and_then(|(id, _)| find(id));
    let Some(at) = find(&credentials.id).or(raw_id) else {
        return Err(invalid_client("the client is not known", Some(format!("unknown client {}", quoted(&credentials.id)))));
    };
    let client = &plan.clients[at];
    match (&client.secret, &credentials.secret) {
        (None, None) => Ok(at),
        (None, Some(_)) => Err(invalid_client("this client is public and has no secret", None)),
        (Some(_), None) => Err(invalid_client("the client secret is missing", None)),
        (Some(expected), Some(given)) => {
            // RFC 6749 §2.3.1 has both halves of the header form-encoded. Many clients do not, and Authentik takes them.
            let raw = credentials.raw.as_ref().map_or(given, |(_, secret)| secret);
            let (decoded, raw) = (same_secret(expected.expose(), given), same_secret(expected.expose(), raw));
            if decoded || raw { Ok(at) } else { Err(invalid_client("the client secret is wrong", None)) }
        }
    }
}

/// The client that the Authorization header names, without a look at its secret.
pub(super) fn claimed(headers: &HeaderMap) -> Option<String> {
    basic(headers.get(AUTHORIZATION)?.as_bytes()).map(|credentials| credentials.id)
}

fn invalid_client(description: &'static str, why: Option<String>) -> NotAuthenticated {
    NotAuthenticated { error: "invalid_client", description, why }
}

fn invalid_request(description: &'static str) -> NotAuthenticated {
    NotAuthenticated { error: "invalid_request", description, why: None }
}

fn credentials(headers: &HeaderMap, form: &Params) -> Result<Credentials, NotAuthenticated> {
    let id = form.get("client_id").map_err(|_| invalid_request("client_id is repeated"))?;
    let secret = form.get("client_secret").map_err(|_| invalid_request("client_secret is repeated"))?;
    let mut headers = headers.get_all(AUTHORIZATION).into_iter();
    let Some(header) = headers.next() else {
        let id = id.ok_or_else(|| invalid_client("no client authentication was sent", None))?;
        return Ok(Credentials { id: id.to_owned(), secret: secret.map(str::to_owned), raw: None });
    };
    // RFC 6749 §2.3: a client must not use more than one way in a request.
    if headers.next().is_some() || secret.is_some() {
        return Err(invalid_request("more than one way of client authentication was used"));
    }
    let credentials = basic(header.as_bytes()).ok_or_else(|| invalid_client("the Authorization header is not valid Basic", None))?;
    if id.is_some_and(|id| id != credentials.id && credentials.raw.as_ref().is_none_or(|(raw, _)| raw != id)) {
        return Err(invalid_request("client_id differs from the Authorization header"));
    }
    Ok(credentials)
}

/// Reads `Basic base64(id:secret)` (RFC 7617 §2).
fn basic(header: &[u8]) -> Option<Credentials> {
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
    Some(Credentials {
        id: decode(id).unwrap_or_else(|| id.to_owned()),
        secret: Some(decode(secret).unwrap_or_else(|| secret.to_owned())).filter(|secret| !secret.is_empty()),
        raw: Some((id.to_owned(), secret.to_owned())),
    })
}
