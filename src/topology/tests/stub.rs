//! Stubs, through the edge.

use super::*;
use crate::plan::backend::{StubBody, StubFault, StubPath};
use crate::plan::{JsonTemplate, Matcher, Part, StubPlan, StubReply, StubRoute, Template};
use serde_json::json;
use std::time::Instant;

const OTP: &str = "http://otp.test";

fn reply(status: u16, text: &str) -> StubReply {
    StubReply { status, headers: Vec::new(), body: StubBody::Text(Template::text(text)), delay: Duration::ZERO, fault: None, times: None }
}

fn route(method: &str, path: &str, replies: Vec<StubReply>) -> StubRoute {
    let path = path.strip_suffix('*').map_or_else(|| StubPath::Exactly(path.into()), |start| StubPath::Under(start.into()));
    StubRoute {
        method: Some(method.into()),
        path,
        query: Vec::new(),
        headers: Vec::new(),
        json: None,
        json_paths: Vec::new(),
        form: Vec::new(),
        replies,
        span: span(),
    }
}

/// The condition that a value is this text.
fn is(text: &str) -> Matcher {
    Matcher::Equals(JsonTemplate::Text(Template::text(text)))
}

async fn stub(routes: Vec<StubRoute>) -> Topology {
    start(&[plan(OTP, Backend::Stub(StubPlan { routes }))]).await
}

async fn post(topology: &Topology, target: &str, content: &str) -> (u16, String) {
    let request = through(topology, topology.endpoint("jarvis")).post(format!("{OTP}{target}")).body(content.to_owned());
    let response = soon(request.send()).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn replies_come_in_order_and_the_last_one_stays() {
    let twice = StubReply { times: Some(2), ..reply(429, "slow down") };
    let topology = stub(vec![route("post", "/send", vec![reply(503, "busy"), twice, reply(200, "sent")])]).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(post(&topology, "/send", "").await.0);
    }
    assert_eq!(seen, [503, 429, 429, 200, 200, 200]);
    assert_eq!(topology.calls().len(), 6);
}

#[tokio::test]
async fn a_route_whose_replies_are_used_up_leaves_the_next_one_its_turn() {
    let once = StubReply { times: Some(1), ..reply(200, "first") };
    let topology = stub(vec![route("POST", "/send", vec![once]), route("POST", "/*", vec![reply(410, "gone")])]).await;
    assert_eq!(post(&topology, "/send", "").await, (200, "first".to_owned()));
    assert_eq!(post(&topology, "/send", "").await, (410, "gone".to_owned()));
    assert_eq!(post(&topology, "/any/thing", "").await.0, 410);
}

#[tokio::test]
async fn query_header_and_json_choose_the_route() {
    let mut by_json = route("POST", "/verify", vec![reply(200, "json")]);
    by_json.json = Some(json!({ "user": { "phone": "+1" }, "codes": [1, 2] }));
    let mut by_query = route("POST", "/verify", vec![reply(201, "query")]);
    by_query.query = vec![("code".into(), is("a b"))];
    let mut by_header = route("POST", "/verify", vec![reply(202, "header")]);
    by_header.headers = vec![("Content-Length".into(), is("3"))];
    let topology = stub(vec![by_json, by_query, by_header]).await;
    let more = r#"{"user":{"phone":"+1","name":"x"},"codes":[1,2],"more":true}"#;
    assert_eq!(post(&topology, "/verify", more).await.1, "json");
    assert_eq!(post(&topology, "/verify?x=1&code=a+b", "{}").await.1, "query");
    assert_eq!(post(&topology, "/verify", "abc").await.1, "header");
    let other = r#"{"user":{"phone":"+1"},"codes":[1,2,3]}"#;
    assert_eq!(post(&topology, "/verify", other).await.0, 404);
}

#[tokio::test]
async fn a_request_that_fits_no_route_is_told_which_there_are() {
    let topology = stub(vec![route("POST", "/send", vec![reply(200, "")]), route("GET", "/users/*", vec![reply(200, "")])]).await;
    let (status, text) = post(&topology, "/sned", "").await;
    assert_eq!(status, 404);
    assert!(text.contains("POST /send") && text.contains("GET /users/*"), "{text}");
    assert_eq!(topology.calls()[0].note.as_deref(), Some("no stub route matches"));
    let head = text_of(&topology, "/sned").await;
    assert!(!head.contains("x-authchain-unmatched"), "{head}");
}

async fn text_of(topology: &Topology, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: otp.test\r\nConnection: close\r\n\r\n");
    text(&raw(topology.endpoint("jarvis"), request.as_bytes()).await)
}

#[tokio::test]
async fn headers_repeat_templates_are_filled_and_json_has_its_type() {
    let secret = |name: &str| Template { parts: vec![Part::Text(format!("{name}=")), Part::Capture("token".into(), vec![])] };
    let headers = vec![("Set-Cookie".into(), secret("a")), ("Set-Cookie".into(), secret("b")), ("X-Note".into(), Template::text("é"))];
    let body = StubBody::Json(JsonTemplate::Map(vec![("t".into(), JsonTemplate::Text(secret("c")))]));
    let answer = StubReply { status: 201, headers, body, delay: Duration::ZERO, fault: None, times: None };
    let mut context = context();
    context.scope.captures.insert("token".into(), json!("xyz"));
    let plans = [plan(OTP, Backend::Stub(StubPlan { routes: vec![route("GET", "/t", vec![answer])] }))];
    let topology = Topology::start(&plans, context).await.unwrap();
    let head = text_of(&topology, "/t").await;
    let at = |part: &str| head.find(part).unwrap_or_else(|| panic!("{part} is missing in\n{head}"));
    assert!(at("set-cookie: a=xyz\r\n") < at("set-cookie: b=xyz\r\n"));
    at("content-type: application/json\r\n");
    at("x-note: é\r\n");
    at(r#"{"t":"c=xyz"}"#);
}

#[tokio::test]
async fn a_delayed_reply_does_not_hold_up_the_others() {
    let slow = StubReply { delay: Duration::from_millis(600), ..reply(200, "slow") };
    let topology = stub(vec![route("POST", "/slow", vec![slow]), route("POST", "/fast", vec![reply(200, "fast")])]).await;
    let began = Instant::now();
    let (slow, fast) = tokio::join!(post(&topology, "/slow", ""), async {
        post(&topology, "/fast", "").await;
        began.elapsed()
    });
    assert_eq!(slow.1, "slow");
    assert!(began.elapsed() >= Duration::from_millis(600) && fast < Duration::from_millis(600), "{fast:?}");
    let calls = topology.calls();
    assert!(calls.iter().find(|call| call.target == "/slow").unwrap().took >= Duration::from_millis(600));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let topology = stub(vec![route("POST", "/", vec![reply(200, "read")])]).await;
    assert_eq!(post(&topology, "/", &"x".repeat(64 * 1024)).await.0, 200);
    let (status, text) = post(&topology, "/", &"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(status, 413);
    assert!(text.contains("the stub of http://otp.test reads at most 65536 bytes"), "{text}");
}

#[tokio::test]
async fn what_http_does_not_allow_is_found_before_anything_starts() {
    let header = |name: &str, value: &str| StubReply { headers: vec![(name.into(), Template::text(value))], ..reply(200, "") };
    for (reply, reason) in [
        (reply(99, ""), "status 99 is not one of 200 to 599"),
        (header("bad name", "x"), "`bad name` is not the name of a header field"),
        (header("x", "a\r\nb: c"), "the value of x has control characters"),
    ] {
        let error = start_error(&[plan(OTP, Backend::Stub(StubPlan { routes: vec![route("GET", "/", vec![reply])] }))]).await;
        assert!(error.is_usage() && error.to_string().ends_with(reason), "{error}");
    }
}

#[tokio::test]
async fn paths_parameters_and_forms_are_judged_by_matchers() {
    let mut by_path = route("POST", "/", vec![reply(200, "path")]);
    by_path.path = StubPath::Like(Matcher::Matches(regex::Regex::new("^/users/[0-9]+$").unwrap()));
    let mut without = route("POST", "/q", vec![reply(201, "no query")]);
    without.query = vec![("debug".into(), Matcher::Exists(false))];
    without.headers = vec![("X-Trace".into(), Matcher::Exists(false))];
    let mut form = route("POST", "/q", vec![reply(202, "form")]);
    form.form = vec![("grant_type".into(), is("refresh token")), ("scope".into(), Matcher::Exists(false))];
    let mut paths = route("POST", "/q", vec![reply(203, "paths")]);
    let path = |text| serde_json_path::JsonPath::parse(text).unwrap();
    paths.json_paths = vec![(path("$.items[*].id"), Matcher::Above(5.0)), (path("$.gone"), Matcher::Exists(false))];
    let topology = stub(vec![by_path, without, form, paths]).await;
    assert_eq!(post(&topology, "/users/42", "").await.1, "path");
    assert_eq!(post(&topology, "/users/x", "").await.0, 404);
    assert_eq!(post(&topology, "/q", "").await.1, "no query");
    assert_eq!(post(&topology, "/q?debug=1", "grant_type=refresh+token&x=1").await.1, "form");
    assert_eq!(post(&topology, "/q?debug=1", "grant_type=refresh+token&scope=a").await.0, 404);
    assert_eq!(post(&topology, "/q?debug=1", r#"{"items": [{"id": 1}, {"id": 6}]}"#).await.1, "paths");
    assert_eq!(post(&topology, "/q?debug=1", r#"{"items": [{"id": 1}]}"#).await.0, 404);
    let unexpected: Vec<_> = topology.calls().into_iter().filter(|call| call.unexpected).map(|call| call.target).collect();
    assert_eq!(unexpected, ["/users/x", "/q?debug=1", "/q?debug=1"]);
}

#[tokio::test]
async fn an_answer_may_be_lost_on_its_way() {
    let lost = |fault| StubReply { fault: Some(fault), times: Some(1), ..reply(200, "0123456789") };
    let replies = vec![lost(StubFault::Reset), lost(StubFault::HalfBody), StubReply { times: None, ..lost(StubFault::Blackhole) }];
    let topology = stub(vec![route("POST", "/", replies)]).await;
    let ask = || through(&topology, topology.endpoint("jarvis")).post(format!("{OTP}/")).timeout(Duration::from_secs(2)).send();
    assert!(soon(ask()).await.unwrap_err().is_request());
    let half = soon(ask()).await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.text().await.is_err());
    assert!(soon(ask()).await.unwrap_err().is_timeout());
    assert_eq!(topology.calls().iter().map(|call| call.status).collect::<Vec<_>>(), [None, Some(200), None]);
}
