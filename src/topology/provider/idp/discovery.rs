//! The documents that describe the provider: its metadata (OpenID Connect Discovery 1.0 §3, RFC 8414 §2) and its keys.

use super::request::{Prompt, ResponseMode};
use super::scope::Scope;
use super::{AUTHORIZE, INTROSPECT, Inner, REVOKE, TOKEN, USERINFO, reply};
use crate::plan::{ClientAuth, FaultKind, Grant, IdpPlan, SigningAlgorithm};
use crate::topology::provider::note::{Decision, Outcome};
use crate::topology::switchboard::Who;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where the endpoints are that clients call by themselves.
#[derive(Debug)]
pub(super) struct Addresses {
    pub(super) token: String,
    pub(super) introspect: String,
    pub(super) revoke: String,
}

impl Addresses {
    pub(super) fn new(base: &str) -> Self {
        let at = |path: &str| format!("{base}{path}");
        Self { token: at(TOKEN), introspect: at(INTROSPECT), revoke: at(REVOKE) }
    }
}

/// The metadata as it is sent unless a fault changes it.
pub(super) fn document(plan: &IdpPlan, base: &str, issuer: &str, algorithms: &[SigningAlgorithm]) -> Bytes {
    metadata(plan, base, issuer, issuer, algorithms).to_string().into()
}

impl Inner {
    pub(super) fn discovery(&self) -> Outcome {
        let mut asked = self.faults.ask(Who { endpoint: "discovery", ..Who::default() });
        let has_other_slash = asked.on(FaultKind::IssuerSlash);
        let host = asked.strikes(FaultKind::DiscoveryInternalHost).and_then(|fault| fault.arguments.host);
        let response = if has_other_slash || host.is_some() {
            let issuer = if has_other_slash { self.issuer.trim_end_matches('/') } else { &self.issuer };
            let scheme = self.base.split("://").next().unwrap_or("http");
            let base = host.map_or_else(|| self.base.clone(), |host| format!("{scheme}://{host}"));
            let own = self.issuer.replacen(&self.base, &base, 1);
            reply::public_json(&metadata(&self.plan, &base, &own, issuer, self.keys.algorithms()))
        } else {
            reply::document(self.metadata.clone())
        };
        Outcome::new(response, asked.told(Decision::new("discovery", "metadata sent")))
    }

    pub(super) fn jwks(&self) -> Outcome {
        Outcome::new(reply::document(self.keys.document()), Decision::new("jwks", "keys sent"))
    }
}

/// Says what the code does for these clients and nothing else: so RS256, which Discovery §3 demands beside others, is listed
/// when tokens are signed with it. `base` and `own` are the beginnings of addresses, `issuer` is the name alone.
fn metadata(plan: &IdpPlan, base: &str, own: &str, issuer: &str, algorithms: &[SigningAlgorithm]) -> Value {
    let at = |path: &str| format!("{base}{path}");
    let clients = || plan.clients.iter();
    let any = |grant: Grant| clients().any(|client| client.grants.contains(&grant));
    // Without clients nothing is ruled out.
    let open = plan.clients.is_empty();
    let grants: Vec<_> = Grant::ALL.into_iter().filter(|grant| any(*grant) || open).map(Grant::name).collect();
    let ways = |ways: &[ClientAuth]| -> Vec<_> {
        let used = |way: &&ClientAuth| open || clients().any(|client| client.may_authenticate_by(**way));
        ways.iter().filter(used).map(|way| way.name()).collect()
    };
    let confidential = [ClientAuth::Basic, ClientAuth::Post, ClientAuth::PrivateKeyJwt];
    let signatures: BTreeSet<String> =
        clients().flat_map(|client| &client.keys).flat_map(|key| key.algorithms()).map(|algorithm| format!("{algorithm:?}")).collect();
    let mut challenges = vec!["S256"];
    challenges.extend(clients().any(|client| client.pkce_plain).then_some("plain"));
    let standard = Scope::STANDARD.into_iter().filter(|scope| *scope != Scope::OfflineAccess || open || any(Grant::RefreshToken));
    let mut scopes: Vec<String> = standard.map(|scope| scope.name().to_owned()).collect();
    let of_clients: BTreeSet<_> = clients().flat_map(|client| &client.scopes).filter(|own| !scopes.contains(own)).cloned().collect();
    scopes.extend(of_clients);

    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USERINFO),
        "end_session_endpoint": format!("{own}end-session/"),
        "introspection_endpoint": at(INTROSPECT),
        "revocation_endpoint": at(REVOKE),
        "jwks_uri": format!("{own}jwks/"),
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::name),
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>(),
        "token_endpoint_auth_methods_supported": ways(&ClientAuth::ALL),
        "introspection_endpoint_auth_methods_supported": ways(&confidential),
        "revocation_endpoint_auth_methods_supported": ways(&ClientAuth::ALL),
        "code_challenge_methods_supported": challenges,
        "scopes_supported": scopes,
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "amr", "nonce", "at_hash", "email", "email_verified",
            "name", "given_name", "preferred_username", "nickname", "groups", "address", "phone_number", "phone_number_verified",
        ],
        "claim_types_supported": ["normal"],
        "prompt_values_supported": Prompt::VALUES,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    });
    if !signatures.is_empty() {
        // RFC 8414 §2: needed beside `private_key_jwt`.
        for name in ["token", "introspection", "revocation"] {
            metadata[format!("{name}_endpoint_auth_signing_alg_values_supported")] = json!(signatures);
        }
    }
    metadata
}
