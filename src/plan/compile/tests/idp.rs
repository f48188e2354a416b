//! The clients of an embedded provider, and how it signs and refreshes.

use super::*;
use crate::plan::{Backend, ClientAuth, Grant, IdpPlan, RefreshRule, SigningAlgorithm};
use std::time::Duration;

fn text(idp: &str) -> String {
    format!("scenario: s\norigins: {{ https://id.test: {{ idp: {idp} }} }}\nsteps: [{{ open: https://id.test/ }}]\n")
}

fn idp(idp: &str) -> IdpPlan {
    let mut compiled = compiled(&text(idp));
    match compiled.plans.remove(0).origins.remove(0).backend {
        Backend::Idp(idp) => *idp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_said_has_a_default() {
    let idp = idp("{ clients: { c: { redirect_uris: [https://c.test/] } } }");
    assert_eq!(idp.signing, SigningAlgorithm::Es256);
    assert_eq!(
        (idp.refresh.ttl, idp.refresh.rotate, idp.refresh.reuse_interval),
        (Duration::from_secs(30 * 24 * 3600), true, Duration::ZERO)
    );
    let client = &idp.clients[0];
    assert_eq!(client.grants, [Grant::AuthorizationCode, Grant::RefreshToken]);
    assert!(client.is_public() && client.may_authenticate_by(ClientAuth::None) && !client.may_authenticate_by(ClientAuth::Post));
    assert_eq!((client.refresh, client.id_token_alg, client.pkce_plain), (RefreshRule::OfflineAccess, None, false));
}

#[test]
fn a_client_is_what_the_scenario_says() {
    let key = "{ kty: EC, crv: P-256, x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0 }";
    let idp = idp(&format!(
        "{{ signing: EdDSA, refresh: {{ ttl: 2h, rotate: false, reuse_interval: 10s }}, clients: {{ \
         a: {{ jwks: {{ keys: [{key}] }}, auth: private_key_jwt, grants: [client_credentials], scopes: [read] }}, \
         b: {{ secret: x, redirect_uris: [https://b.test/], refresh: always, id_token_alg: RS256, pkce_plain: true }} }} }}"
    ));
    assert_eq!(idp.signing, SigningAlgorithm::EdDsa);
    assert_eq!(
        (idp.refresh.ttl, idp.refresh.rotate, idp.refresh.reuse_interval),
        (Duration::from_secs(7200), false, Duration::from_secs(10))
    );
    let [a, b] = idp.clients.as_slice() else { panic!("two clients") };
    assert_eq!((a.keys.len(), a.auth, a.grants.as_slice()), (1, Some(ClientAuth::PrivateKeyJwt), &[Grant::ClientCredentials][..]));
    assert_eq!(a.scopes, ["read"]);
    assert_eq!((b.refresh, b.id_token_alg, b.pkce_plain), (RefreshRule::Always, Some(SigningAlgorithm::Rs256), true));
    assert!(b.may_authenticate_by(ClientAuth::Basic) && b.may_authenticate_by(ClientAuth::Post) && !b.is_public());
}

#[test]
fn what_does_not_fit_together_is_told_with_the_way_out() {
    for (client, message, hint) in [
        ("grants: [password]", "unknown grant `password`", "there are: authorization_code, refresh_token, client_credentials"),
        ("grants: [client_credentials]", "client `c` is public and proves nothing by itself", "give it a `secret` or `jwks`"),
        ("auth: private_key_jwt", "client `c` has no keys to authenticate with", "give it a `jwks` with its public keys"),
        ("auth: none, secret: s", "client `c` cannot be public and have a secret or keys", "leave out `auth`, or `secret` and `jwks`"),
        ("auth: mtls", "unknown client authentication `mtls`", "there are: client_secret_basic"),
        ("id_token_alg: HS256", "unknown signing algorithm `HS256`", "did you mean `ES256`?"),
        ("refresh: never", "unknown refresh rule `never`", "there are: offline_access, always"),
        ("refresh: always, grants: [authorization_code]", "client `c` may not refresh", "add `refresh_token` to its `grants`"),
        ("scopes: [read write]", "a scope is one word", "write several as a list"),
        ("jwks: { keys: [] }", "this is no JWK Set with keys", "write `{ keys: [ … ] }`"),
        ("jwks: { keys: [{ kty: oct, k: c2VjcmV0 }] }", "this key is not public", "the provider needs the public half alone"),
    ] {
        let told = told(&text(&format!("{{ clients: {{ c: {{ redirect_uris: [https://c.test/], {client} }} }} }}")));
        assert!(told.contains(message) && told.contains(hint), "{client}:\n{told}");
    }
}
