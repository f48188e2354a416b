//! Which pages of other origins may read an answer (Fetch §3.2): single-page clients redeem their codes by script.

use super::{Call, Endpoint, Inner};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

impl Inner {
    /// Adds the headers that let the page behind `call` read the answer: published documents may be read by all,
    /// token, userinfo and revocation by the origins of registered redirect URIs (as Authentik does), pages by nobody.
    pub(super) fn share(&self, endpoint: Endpoint, call: &Call, headers: &mut HeaderMap) {
        match endpoint {
            Endpoint::Discovery | Endpoint::Jwks => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Endpoint::Token | Endpoint::Userinfo | Endpoint::Revoke => {
                headers.append(VARY, HeaderValue::from_static("Origin"));
                let Some(origin) = call.headers.get(ORIGIN).filter(|origin| self.clients.is_origin(origin.as_bytes())) else { return };
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
            _ => return,
        }
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
}
