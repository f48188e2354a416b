//! The key that the gateway before a hosted project demands.

use super::Endpoint;
use super::answer::json;
use super::call::Call;
use crate::plan::GotruePlan;
use crate::topology::provider::note::{Decision, Outcome};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

impl Endpoint {
    /// Whether browsers come here by themselves, who cannot send a key: the gateway leaves these open.
    fn is_open(self) -> bool {
        matches!(self, Self::Authorize | Self::Callback | Self::Verify | Self::Jwks)
    }
}

/// Why the gateway does not let the call through, if it does not.
pub(super) fn refusal(plan: &GotruePlan, endpoint: Endpoint, call: &Call) -> Option<Outcome> {
    let wanted = plan.anon_key.as_ref().filter(|_| !endpoint.is_open())?;
    let given = match call.header("apikey") {
        "" => call.query.get("apikey"),
        header => header,
    };
    if same(given, wanted.expose()) {
        return None;
    }
    let (message, hint, why) = if given.is_empty() {
        ("No API key found in request", "No `apikey` request header or url param was found.", "it has no apikey")
    } else {
        ("Invalid API key", "Double check your Supabase `anon` or `service_role` API key.", "its apikey is another")
    };
    let mut response = json(StatusCode::UNAUTHORIZED, &json!({ "message": message, "hint": hint }));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Key realm=\"kong\""));
    Some(Outcome::new(response, Decision::new(endpoint.name(), "stopped at the gateway").because(why)))
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
