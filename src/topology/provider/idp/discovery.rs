//! The documents that describe the provider: its metadata (OpenID Connect Discovery 1.0 §3, RFC 8414) and its keys.

use super::request::{Prompt, ResponseMode};
use super::scope::Scope;
use super::{AUTHORIZE, Inner, TOKEN, USERINFO, reply};
use crate::topology::provider::note::{Decision, Outcome};
use serde_json::{Value, json};

impl Inner {
    pub(super) fn discovery(&self) -> Outcome {
        Outcome::new(reply::public_json(&self.metadata()), Decision::new("discovery", "metadata sent"))
    }

    pub(super) fn jwks(&self) -> Outcome {
        Outcome::new(reply::public_json(&json!(self.key.set())), Decision::new("jwks", "keys sent"))
    }

    /// Says what the code does and nothing else. RS256, which Discovery §3 demands beside others, is not listed as no token is signed with it.
    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.base);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at(AUTHORIZE),
            "token_endpoint": at(TOKEN),
            "userinfo_endpoint": at(USERINFO),
            "end_session_endpoint": format!("{}end-session/", self.issuer),
            "jwks_uri": format!("{}jwks/", self.issuer),
            "response_types_supported": ["code"],
            "response_modes_supported": ResponseMode::ALL.map(ResponseMode::name),
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": Scope::ALL.map(Scope::name),
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "email", "email_verified",
                "name", "given_name", "preferred_username", "nickname", "groups", "address", "phone_number", "phone_number_verified",
            ],
            "claim_types_supported": ["normal"],
            "prompt_values_supported": Prompt::VALUES,
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "authorization_response_iss_parameter_supported": true,
        })
    }
}
