//! Probes: what goes out, and what stays as it is.

use super::support::{TestWorld, error, get, record, run, run_with, sent, set_cookie, step};
use crate::plan::{Build, Endpoints, Policy, ProbeAbout, ProbePlan, SessionProbe, Step, Template, Verb};
use crate::trace::{Cause, Chain, ProbeKind, Role, SetVerdict};
use crate::web::presented::Presented;
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SESSION: &str = "http://app.test/session";

fn probe(about: ProbeAbout) -> Step {
    step(Verb::Probe(Box::new(ProbePlan::about(about)))).named("probe")
}

fn at(url: &str) -> Endpoints {
    Endpoints::Named(vec![Template::text(url)])
}

fn session(url: &str, cookies: &[&str]) -> Step {
    let cookies = cookies.iter().map(|name| (*name).to_owned()).collect();
    probe(ProbeAbout::Session(SessionProbe { endpoints: at(url), cookies, accepted: None, refused: None }))
}

/// An endpoint that answers 200 to the very cookie alone, and gives everybody another one.
async fn rotating(headers: HeaderMap) -> Response {
    let known = headers.get("cookie").is_some_and(|value| value == "theme=x; sid=t%2Bs");
    let status = if known { axum::http::StatusCode::OK } else { axum::http::StatusCode::UNAUTHORIZED };
    (status, [("set-cookie", "sid=another; Path=/")]).into_response()
}

fn roles(chain: &Chain) -> Vec<(&Role, u16)> {
    let asked = chain.probes.iter().flat_map(|probe| &probe.asked);
    asked.map(|asked| (&asked.role, chain.hop(asked.hop).unwrap().status().unwrap_or_default())).collect()
}

#[tokio::test]
async fn every_form_goes_out_and_the_jar_stays_as_it_is() {
    let world = Arc::new(TestWorld::plain(Router::new().route("/session", any(rotating))).await);
    let steps = vec![
        set_cookie("http://app.test/", "theme=x"),
        set_cookie("http://app.test/", "sid=t%2Bs").named("before"),
        session(SESSION, &["sid"]),
        get("http://app.test/session"),
    ];
    let chain = run(&world, steps).await;
    let forms: Vec<_> = roles(&chain)
        .into_iter()
        .filter_map(|(role, status)| match role {
            Role::Cookie(name, form) => Some((name == "sid", *form, status)),
            _ => None,
        })
        .collect();
    use Presented::{Bearer, Both, Decoded, Encoded, Host, LeftOut, Nothing, Quoted, Secure, Stored};
    let wanted = [Stored, Decoded, Encoded, Quoted, Secure, Host, LeftOut, Bearer, Both, Nothing];
    let wanted: Vec<_> = wanted.map(|form| (true, form, if matches!(form, Stored | Both) { 200 } else { 401 })).to_vec();
    assert_eq!(forms, wanted);
    assert!(matches!(roles(&chain).last(), Some((Role::StoredAgain(_), 200))));
    let asked: Vec<_> = chain.hops.iter().filter(|hop| hop.cause == Cause::Probe).collect();
    assert_eq!((sent(asked[1], "cookie"), sent(asked[1], "authorization")), (Some("theme=x; sid=t+s"), None));
    assert_eq!((sent(asked[7], "cookie"), sent(asked[7], "authorization")), (None, Some("Bearer t%2Bs")));
    assert!(asked.iter().all(|hop| sent(hop, "origin").is_none() && sent(hop, "referer").is_none() && hop.request.method == "GET"));
    assert!(asked.iter().all(|hop| hop.set[0].verdict == SetVerdict::Unknown), "what comes is recorded and not kept");
    assert_eq!(record(&chain, "before").jar, record(&chain, "probe").jar);
    assert_eq!(sent(chain.hops.last().unwrap(), "cookie"), Some("theme=x; sid=t%2Bs"), "the actor sends what he had");
}

#[tokio::test]
async fn who_has_no_such_cookie_is_told_so_and_nothing_is_asked() {
    let world = Arc::new(TestWorld::plain(Router::new()).await);
    let chain = run(&world, vec![set_cookie("http://app.test/", "theme=x"), session(SESSION, &["sid"])]).await;
    assert_eq!(error(&chain), "the jar of `user` has no cookie `sid` that goes to `http://app.test/session`");
    assert!(chain.hops.is_empty());
    let elsewhere = session("http://elsewhere.test/", &[]);
    let chain = run(&world, vec![set_cookie("http://elsewhere.test/", "sid=v"), elsewhere]).await;
    assert!(error(&chain).contains("is no origin of this scenario"), "{}", error(&chain));
    assert_eq!(world.accepted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn replicas_are_asked_again_and_again_without_the_cookie_that_ties_to_one() {
    let count = Arc::new(AtomicUsize::new(0));
    let version = move || {
        let nth = count.fetch_add(1, Ordering::SeqCst);
        async move { format!("{{\"version\":\"{}\"}}", nth % 2) }
    };
    let world = Arc::new(TestWorld::plain(Router::new().route("/version", any(version))).await);
    let url = "http://app.test/version";
    let build = serde_json_path::JsonPath::parse("$.version").ok().map(Build::Json);
    let steps = vec![
        set_cookie(url, "sid=v"),
        set_cookie(url, "AWSALB=node-7"),
        probe(ProbeAbout::Replicas { endpoints: at(url), times: 3, build }),
    ];
    let chain = run(&world, steps).await;
    let builds: Vec<_> = chain.probes[0].asked.iter().map(|asked| asked.role.clone()).collect();
    assert_eq!(builds, ["0", "1", "0"].map(|build| Role::Same(Some(build.to_owned()))));
    assert!(chain.hops.iter().all(|hop| sent(hop, "cookie") == Some("sid=v")));
}

#[tokio::test]
async fn the_cookies_from_before_signing_out_go_once_more() {
    let leave = || async { ([("set-cookie", "sid=; Max-Age=0; Path=/")], "bye") };
    let echo =
        |request: Request| async move { request.headers().get("cookie").map_or(String::new(), |value| value.to_str().unwrap().to_owned()) };
    let world = Arc::new(TestWorld::plain(Router::new().route("/leave", any(leave)).route("/session", any(echo))).await);
    let logout = || probe(ProbeAbout::Logout { step: "out".to_owned(), endpoints: at(SESSION) });
    let steps = vec![set_cookie(SESSION, "sid=v"), get(SESSION), get("http://app.test/leave").named("out"), logout()];
    let chain = run(&world, steps).await;
    assert!(record(&chain, "probe").jar.is_empty(), "signed out");
    let asked: Vec<_> = chain.hops.iter().filter(|hop| hop.cause == Cause::Probe).map(|hop| sent(hop, "cookie")).collect();
    assert_eq!(asked, [Some("sid=v"), None]);
    assert_eq!(roles(&chain).into_iter().map(|(role, _)| role).collect::<Vec<_>>(), [&Role::SignedOut, &Role::Nobody]);
    let chain = run(&world, vec![get("http://app.test/leave").named("out"), logout()]).await;
    assert!(error(&chain).contains("no request up to step `out` carried cookies"), "{}", error(&chain));
}

#[tokio::test]
async fn an_edge_is_passed_by_and_asked_twice() {
    let behind = TestWorld::plain(Router::new().route("/", any(|| async { "behind" }))).await;
    let mut world = TestWorld::plain(Router::new().route("/", any(|| async { "through" }))).await;
    let edge = || probe(ProbeAbout::Edge(Template::text("http://app.test/")));
    world.behind = Some(behind.endpoint);
    let chain = run(&Arc::new(world), vec![edge()]).await;
    let bodies: Vec<_> = chain.hops.iter().map(|hop| hop.response().unwrap().body.text().into_owned()).collect();
    assert_eq!(bodies, ["through", "behind", "through"]);
    assert_eq!(chain.probes[0].kind, ProbeKind::Edge);
    let world = Arc::new(TestWorld::plain(Router::new()).await);
    assert_eq!(error(&run(&world, vec![edge()]).await), "nobody knows what is behind http://app.test");
}

#[tokio::test]
async fn what_the_command_line_adds_may_find_nothing_to_ask_and_comes_after_a_failure_too() {
    let world = Arc::new(TestWorld::plain(Router::new()).await);
    let mut plan = super::support::plan(vec![get("http://app.test/missing").status(200)], Policy::default());
    plan.after = ProbePlan::added(&[]).into_iter().map(|probe| step(Verb::Probe(Box::new(probe)))).collect();
    let setup = crate::drive::Setup::new(world.roots.clone(), crate::base::Clock::default());
    let chain = crate::drive::drive(&plan, world.clone(), setup, Arc::new(super::support::Watcher::default())).await;
    assert_eq!(chain.steps.iter().filter(|step| step.error.is_some()).count(), 0);
    assert_eq!(chain.learned.len(), 2);
    assert!(chain.learned.values().all(|said| said.starts_with("nothing was asked: ")), "{:?}", chain.learned);
    let plain = run_with(&world, vec![get("http://app.test/missing")], Policy::default(), Arc::default()).await;
    assert!(plain.learned.is_empty() && plain.probes.is_empty());
}
