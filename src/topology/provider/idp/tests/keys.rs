//! What tokens are signed with, and how the world learns of it.

use super::super::signing::at_hash;
use super::*;

#[tokio::test]
async fn each_client_gets_the_algorithm_it_wants() {
    let mut browser = Browser::new(|plan| {
        plan.signing = SigningAlgorithm::EdDsa;
        plan.clients[0].id_token_alg = Some(SigningAlgorithm::Rs256);
    });
    let metadata = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["EdDSA", "RS256"]));
    let tokens = browser.tokens().await;
    let claims = browser.verify(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(claims["at_hash"], at_hash(tokens["access_token"].as_str().unwrap(), SigningAlgorithm::Rs256));
    let jwks = browser.get("/application/o/mosaic/jwks/").await.json();
    let kinds: std::collections::BTreeSet<_> = jwks["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["EdDSA", "RS256"].into());
}

#[tokio::test]
async fn ed25519_hashes_the_access_token_with_sha_512() {
    let mut browser = Browser::new(|plan| plan.signing = SigningAlgorithm::EdDsa);
    let tokens = browser.tokens().await;
    let claims = browser.verify(tokens["id_token"].as_str().unwrap()).await;
    let digest = ring::digest::digest(&ring::digest::SHA512, tokens["access_token"].as_str().unwrap().as_bytes());
    assert_eq!(claims["at_hash"], base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest.as_ref()[..32]));
}

#[tokio::test]
async fn rotated_keys_sign_and_their_predecessors_still_verify() {
    let mut browser = Browser::new(|_| {});
    let old = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    browser.idp.rotate_keys().await;
    let new = browser.tokens().await["id_token"].as_str().unwrap().to_owned();
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_ne!(kid(&old), kid(&new));
    browser.verify(&old).await;
    browser.verify(&new).await;
    let silent = [but("prompt", "none"), vec![("id_token_hint", old.as_str())]].concat();
    assert!(browser.get(&authorize_uri(&silent)).await.returned().contains_key("code"), "an old hint is still good");
}
