//! The embedded provider, through the edge.

use super::*;
use crate::plan::{Consent, IdpPlan};

const AUTH: &str = "https://auth.mosaic.test";

fn provider() -> OriginPlan {
    let idp = IdpPlan {
        slug: "mosaic".into(),
        pages: crate::plan::Pages::Plain,
        consent: Consent::Explicit,
        users: Vec::new(),
        clients: Vec::new(),
        code_ttl: Duration::from_secs(60),
        token_ttl: Duration::from_secs(300),
        faults: Vec::new(),
    };
    plan(AUTH, Backend::Idp(Box::new(idp)))
}

#[tokio::test]
async fn the_provider_issues_under_its_origins_name_and_says_what_it_decided() {
    let topology = start(&[provider()]).await;
    let client = through(&topology, topology.endpoint("jarvis"));
    let discovery = client.get(format!("{AUTH}/application/o/mosaic/.well-known/openid-configuration")).send();
    let discovery: serde_json::Value = soon(discovery).await.unwrap().json().await.unwrap();
    assert_eq!(discovery["issuer"], format!("{AUTH}/application/o/mosaic/"));
    let refused = soon(client.get(format!("{AUTH}/application/o/authorize/?client_id=nobody")).send()).await.unwrap();
    assert_eq!(refused.status(), 400);
    let note = topology.calls()[1].note.clone().unwrap();
    assert!(note.starts_with("authorize: "), "{note}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_does_not_reach_the_provider_whole() {
    let topology = start(&[provider()]).await;
    let client = through(&topology, topology.endpoint("jarvis"));
    let sent = client.post(format!("{AUTH}/application/o/token/")).body("x".repeat(10 * 1024 * 1024)).send();
    assert!(soon(sent).await.unwrap().status().is_client_error());
}
