//! The embedded provider, through the edge.

use super::*;
use crate::plan::{Consent, Fault, GotrueExternal, GotruePlan, IdpPlan, Service};

const AUTH: &str = "https://auth.mosaic.test";

fn provider(faults: &[&str]) -> OriginPlan {
    let faults = faults.iter().map(|fault| Fault::parse(fault, Service::Idp).unwrap()).collect();
    let idp = IdpPlan { slug: "mosaic".into(), consent: Consent::Explicit, faults, ..IdpPlan::default() };
    plan(AUTH, Backend::Idp(Box::new(idp)))
}

#[tokio::test]
async fn the_provider_issues_under_its_origins_name_and_says_what_it_decided() {
    let topology = start(&[provider(&[])]).await;
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
    let topology = start(&[provider(&[])]).await;
    let client = through(&topology, topology.endpoint("jarvis"));
    let sent = client.post(format!("{AUTH}/application/o/token/")).body("x".repeat(10 * 1024 * 1024)).send();
    assert!(soon(sent).await.unwrap().status().is_client_error());
}

#[tokio::test]
async fn a_connection_is_reset_through_tunnel_and_tls_and_the_call_has_no_status() {
    let topology = start(&[provider(&[r#"{"reset": {"endpoint": "jwks", "times": 2}}"#])]).await;
    let address = topology.endpoint("jarvis");
    let jwks = format!("{AUTH}/application/o/mosaic/jwks/");
    let error = soon(through(&topology, address).get(&jwks).send()).await.unwrap_err();
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    let kinds: Vec<_> = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).collect();
    assert!(kinds.contains(&std::io::ErrorKind::ConnectionReset), "{error:?}");
    let call = &topology.calls()[0];
    assert_eq!(call.status, None);
    assert_eq!(call.note.as_deref(), Some("jwks: fault: connection reset before anything was done"));
}

#[tokio::test]
async fn the_auth_server_reaches_its_provider_through_the_edge_as_a_server() {
    let mut gotrue = GotruePlan::new("https://app.test".parse().unwrap());
    gotrue.external.push(GotrueExternal {
        name: "google".into(),
        issuer: format!("{AUTH}/application/o/mosaic/"),
        client_id: "supabase".into(),
        secret: None,
        scopes: "openid".into(),
    });
    let topology = start(&[provider(&[]), plan("https://proj.test", Backend::Gotrue(Box::new(gotrue)))]).await;
    let client = through(&topology, topology.endpoint("jarvis"));
    let sent = soon(client.get("https://proj.test/auth/v1/authorize?provider=google").send()).await.unwrap();
    let calls = topology.calls();
    let callers: Vec<_> = calls.iter().map(|call| (call.by_actor, call.caller.as_str(), call.origin.to_string())).collect();
    assert!(callers.contains(&(false, "https://proj.test", AUTH.to_owned())), "{} {callers:?}", sent.status());
    let note = calls.iter().find(|call| call.by_actor).and_then(|call| call.note.clone()).unwrap();
    assert_eq!(note, "authorize: sent to the provider (implicit flow) (client google)");
}
