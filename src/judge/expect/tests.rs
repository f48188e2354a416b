//! Expectations against small chains.

use super::*;
use crate::judge::testing::{Story, span};
use crate::plan::{CallsPlan, CookieExpectation, GapsPlan, HopExpectation, JsonTemplate, Template};
use crate::trace::{FailureKind, SetVerdict};
use serde_json::{Value, json};
use serde_json_path::JsonPath;
use std::time::Duration;

fn is(value: Value) -> Matcher {
    Matcher::Equals(match value {
        Value::String(text) => JsonTemplate::Text(Template::text(text)),
        other => JsonTemplate::Plain(other),
    })
}

fn verdicts(story: &Story, kind: ExpectationKind) -> Vec<Verdict> {
    let index = story.chain.steps.len() - 1;
    let mut step = story.plan.steps[story.chain.steps[index].number as usize].clone();
    step.expect = vec![Expectation { kind, span: span() }];
    check(&step, &story.chain, index, &Scope::default())
}

fn only(story: &Story, kind: ExpectationKind) -> Verdict {
    let mut all = verdicts(story, kind);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Expected, actual, note.
fn failure(verdict: &Verdict) -> (&str, &str, &str) {
    let (expected, actual, note) = verdict.failure().unwrap_or_else(|| panic!("`{}` holds", verdict.expectation));
    (expected, actual, note.unwrap_or_default())
}

fn cookie(wanted: CookieExpectation) -> ExpectationKind {
    ExpectationKind::Cookie("sid".to_owned(), Box::new(wanted))
}

#[test]
fn a_status_that_was_not_expected_says_what_the_answer_says() {
    let mut story = Story::new();
    story.step("get").get("https://app.test/").json(json!({ "error": "state_mismatch" })).status(400);
    let status = only(&story, ExpectationKind::Status(is(json!(200))));
    assert_eq!(failure(&status).2, "the answer reads `{\"error\":\"state_mismatch\"}`");
    let mut story = Story::new();
    story.step("open").open("https://app.test/").html("Sorry").status(500);
    story.last_step().text = Some("Something went wrong".to_owned());
    let status = only(&story, ExpectationKind::Status(is(json!(200))));
    assert_eq!(failure(&status).2, "the page reads “Something went wrong”");
}

#[test]
fn how_a_step_fails_is_no_fault_of_the_answer_before_it() {
    let mut story = Story::new();
    story.step("open").open("https://app.test/").step("click");
    story.last_step().error = Some("no link or button matches `Send`".to_owned());
    let failure = only(&story, ExpectationKind::Failure(is(json!("another"))));
    assert!(matches!(failure.outcome, Outcome::Failed { hop: None, .. }));
}

#[test]
fn status_redirect_and_url_are_those_of_the_last_hop() {
    let mut story = Story::new();
    story.step("open").open("https://app.test/").follow("https://app.test/login").follow("https://idp.test/?error=no").status(401);
    let status = only(&story, ExpectationKind::Status(is(json!(200))));
    assert_eq!(status.expectation, "status is 200");
    assert_eq!(failure(&status), ("200", "401", ""));
    assert!(matches!(status.outcome, Outcome::Failed { hop: Some(HopId(2)), .. }));
    assert!(only(&story, ExpectationKind::Url(is(json!("https://idp.test/?error=no")))).is_met());
    assert!(only(&story, ExpectationKind::Origin(is(json!("https://idp.test")))).is_met());
    assert!(only(&story, ExpectationKind::Redirect(Matcher::Exists(false))).is_met());
    assert!(only(&story, ExpectationKind::Error(is(json!("no")))).is_met());
    assert!(only(&story, ExpectationKind::HopCount(is(json!(3)))).is_met());
}

#[test]
fn an_error_that_an_earlier_hop_carried_is_named() {
    let mut story = Story::new();
    story.step("open").open("https://api.test/cb").follow("https://api.test/error?error=email_is_missing").follow("https://app.test/");
    let verdict = only(&story, ExpectationKind::Error(is(json!("email_is_missing"))));
    assert_eq!(failure(&verdict), ("\"email_is_missing\"", "absent", "hop 1 redirected with error `email_is_missing`"));
}

#[test]
fn a_step_without_requests_looks_at_the_actors_own_last_response() {
    let mut story = Story::new();
    story.step("get").get("https://api.test/a").status(418);
    story.actor("other").step("get").get("https://api.test/b").status(500);
    story.actor("user").step("expect");
    assert!(only(&story, ExpectationKind::Status(is(json!(418)))).is_met());
}

#[test]
fn without_a_response_the_failure_says_why_there_is_none() {
    let mut story = Story::new();
    story.step("get").get("https://api.test/").fails(FailureKind::Connect, "nobody listens at api.test");
    let verdict = only(&story, ExpectationKind::Status(is(json!(200))));
    assert_eq!(failure(&verdict).1, "no response: nobody listens at api.test");
    // A matcher that would hold for nothing must not pass because nothing came.
    assert!(!only(&story, ExpectationKind::Header("x".into(), Matcher::Exists(false))).is_met());
    assert!(!only(&story, ExpectationKind::Json(JsonPath::parse("$.x").unwrap(), Matcher::Exists(false))).is_met());
}

#[test]
fn a_step_that_could_not_be_done_does_not_pass_on_an_older_response() {
    let mut story = Story::new();
    story.step("get").get("https://api.test/");
    story.step("click").last_step().error = Some("no button `Allow` on the page".to_owned());
    assert_eq!(failure(&only(&story, ExpectationKind::Status(is(json!(200))))).1, "no button `Allow` on the page");
}

#[test]
fn nested_steps_count_for_their_flow() {
    let mut story = Story::new();
    story.step("flow");
    story.step("get").last_step().depth = 1;
    story.get("https://api.test/a").status(204);
    story.step("after").get("https://api.test/b").status(500);
    let mut flow = story.plan.steps[0].clone();
    flow.expect = vec![Expectation { kind: ExpectationKind::Status(is(json!(204))), span: span() }];
    assert!(check(&flow, &story.chain, 0, &Scope::default())[0].is_met());
}

#[test]
fn json_failures_name_path_and_body() {
    let mut story = Story::new();
    story.step("get").get("https://api.test/").json(json!({"user": {"email": "a@b"}, "roles": ["x", "y"]}));
    let at = |path: &str, matcher| ExpectationKind::Json(JsonPath::parse(path).unwrap(), matcher);
    assert!(only(&story, at("$.user.email", is(json!("a@b")))).is_met());
    assert!(only(&story, at("$.roles[*]", Matcher::Length(Box::new(is(json!(2)))))).is_met());
    let missing = only(&story, at("$.user.id", Matcher::Exists(true)));
    assert!(missing.expectation.ends_with("exists"), "{}", missing.expectation);
    assert!(failure(&missing).2.contains(r#"the body is {"user":{"email":"a@b"}"#), "{:?}", missing);

    story.step("get").get("https://api.test/").answers("Content-Type", "text/html").last().outcome.as_mut().unwrap().body.bytes =
        "<!doctype html>".into();
    let no_json = only(&story, at("$.user", Matcher::Exists(true)));
    assert_eq!(failure(&no_json).1, "no JSON");
    assert_eq!(failure(&no_json).2, "the body is no JSON (text/html, 15 bytes); it begins `<!doctype html>`");
}

#[test]
fn a_cookie_expectation_gives_a_verdict_for_each_part() {
    let mut story = Story::new();
    story
        .step("login")
        .post("https://api.test/login")
        .sets("sid=v; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=lax")
        .jar("api.test", "sid", "v");
    let wanted = CookieExpectation {
        set: Some(true),
        stored: Some(true),
        sent: Some(false),
        deleted: Some(false),
        value: Some(is(json!("v"))),
        max_age: Some(is(json!(604_800))),
        path: Some(is(json!("/"))),
        domain: Some(Matcher::Exists(false)),
        secure: Some(true),
        http_only: Some(true),
        same_site: Some(is(json!("Lax"))),
        blocked: Some(Matcher::Exists(false)),
    };
    let all = verdicts(&story, cookie(wanted));
    assert_eq!(all.len(), 12);
    let failed: Vec<_> = all.iter().filter(|verdict| !verdict.is_met()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_cookie_that_was_refused_says_so_with_chromiums_word() {
    let mut story = Story::new();
    story.step("login").post("https://api.test/login").sets_blocked("sid=v; SameSite=None", "SameSiteNoneInsecure");
    let stored = only(&story, cookie(CookieExpectation { stored: Some(true), ..Default::default() }));
    assert_eq!(stored.expectation, "cookie sid is stored");
    assert_eq!(failure(&stored).2, "hop 1 set it, and it was refused: SameSiteNoneInsecure (because of SameSiteNoneInsecure)");
    assert!(only(&story, cookie(CookieExpectation { blocked: Some(is(json!("SameSiteNoneInsecure"))), ..Default::default() })).is_met());

    story.step("next").get("https://api.test/x").withheld("sid", "NotOnPath");
    let sent = only(&story, cookie(CookieExpectation { sent: Some(true), ..Default::default() }));
    assert_eq!(failure(&sent).2, "hop 2 did not carry it: NotOnPath (because of NotOnPath)");
}

#[test]
fn a_deletion_that_hit_another_key_is_no_deletion() {
    let mut story = Story::new();
    let verdict = SetVerdict::DeletedNothing(vec!["sid for .test at /".to_owned()]);
    story.step("logout").post("https://api.test/logout").set_cookie("sid=; Max-Age=0", verdict);
    let deleted = only(&story, cookie(CookieExpectation { deleted: Some(true), ..Default::default() }));
    assert_eq!(failure(&deleted).2, "hop 1 expired it under another key than it is stored: sid for .test at /");
    // The attributes of a cookie that is nowhere are not "as asked".
    story.step("other").get("https://api.test/");
    assert!(!only(&story, cookie(CookieExpectation { domain: Some(Matcher::Exists(false)), ..Default::default() })).is_met());
}

#[test]
fn hops_must_come_in_order() {
    let mut story = Story::new();
    story.step("open").open("https://app.test/").follow("https://idp.test/authorize").follow("https://app.test/cb?error=x");
    let hop = |part: &str, status: Option<u16>| HopExpectation {
        url: Matcher::Contains(JsonTemplate::Text(Template::text(part))),
        method: None,
        status: status.map(|status| is(json!(status))),
        redirect: None,
        error: None,
        span: span(),
    };
    let good = verdicts(&story, ExpectationKind::Hops(vec![hop("idp.test", Some(302)), hop("/cb", Some(200))]));
    assert!(good.iter().all(Verdict::is_met), "{good:?}");
    let bad = verdicts(&story, ExpectationKind::Hops(vec![hop("/cb", Some(302)), hop("idp.test", None)]));
    assert_eq!(failure(&bad[0]), ("status 302", "status 200", ""));
    assert_eq!(failure(&bad[1]).1, "no such hop");
    assert_eq!(failure(&bad[1]).2, "no hop is left");
}

fn calls(story: &mut Story, change: impl FnOnce(&mut CallsPlan)) -> Vec<Verdict> {
    let mut plan = CallsPlan {
        origin: "https://idp.test".parse().unwrap(),
        method: Some("POST".to_owned()),
        path: Some(Matcher::EndsWith(Template::text("/token/"))),
        count: None,
        status: None,
        spacing: None,
        unexpected: None,
        order: Vec::new(),
        gaps: None,
        since: None,
    };
    change(&mut plan);
    story.step_with("calls", Verb::Calls(plan));
    let index = story.chain.steps.len() - 1;
    check(&story.plan.steps[index], &story.chain, index, &Scope::default())
}

#[test]
fn calls_are_counted_and_what_came_instead_is_told() {
    let mut story = Story::new();
    story.step("login").call("POST", "https://idp.test/token/?x=1", 200).call("GET", "https://idp.test/jwks/", 200).call(
        "POST",
        "https://other.test/token/",
        200,
    );
    assert!(calls(&mut story, |plan| plan.count = Some(is(json!(1))))[0].is_met());
    assert!(calls(&mut story, |plan| plan.status = Some(Matcher::StatusClass(2)))[0].is_met());
    let wrong = calls(&mut story, |plan| plan.count = Some(is(json!(2))));
    assert_eq!(failure(&wrong[0]), ("2", "1", "the origin was called: GET /jwks/ ×1, POST /token/ ×1"));
    let spacing = calls(&mut story, |plan| plan.spacing = Some(Matcher::AtLeast(1000.0)));
    assert_eq!(failure(&spacing[0]).1, "1 call: no gap to measure");
}

#[test]
fn calls_come_in_order_and_wait_as_long_as_they_should() {
    let mut story = Story::new();
    story.step("calls").call("POST", "https://idp.test/a/token/", 503).call("POST", "https://idp.test/b/token/", 503);
    story.call("POST", "https://idp.test/c/token/", 200);
    for (call, millis) in story.chain.calls.iter_mut().zip([0, 251, 761]) {
        call.at += Duration::from_millis(millis);
    }
    story.wait(5);
    let in_order = |first: &str, then: &str| {
        let order = [first, then].map(|path| is(json!(format!("POST /{path}/token/")))).to_vec();
        move |plan: &mut CallsPlan| plan.order = order
    };
    assert!(calls(&mut story, in_order("a", "c"))[0].is_met());
    let wrong = calls(&mut story, in_order("c", "a"));
    assert_eq!(failure(&wrong[0]).1, "none behind the one that is \"POST /c/token/\"");
    let waits = |waits: &[u64], jitter| {
        let waits = waits.iter().map(|wait| Duration::from_millis(*wait)).collect();
        move |plan: &mut CallsPlan| plan.gaps = Some(GapsPlan { waits, jitter, slack: Duration::from_millis(50) })
    };
    assert!(calls(&mut story, waits(&[250, 500], 0.2))[0].is_met());
    // An answer takes a millisecond, which is no part of the wait.
    assert_eq!(failure(&calls(&mut story, waits(&[250, 250], 0.2))[0]).1, "509 ms between call 2 and call 3");
    assert_eq!(failure(&calls(&mut story, waits(&[400, 500], 0.2))[0]).0, "between 320ms and 530ms");
    assert_eq!(failure(&calls(&mut story, waits(&[250], 0.2))[0]).1, "3 calls");
}

#[test]
fn calls_that_no_route_fits_can_be_forbidden() {
    let mut story = Story::new();
    story.step("login").call("POST", "https://idp.test/token/", 200).call("POST", "https://idp.test/x/token/", 404);
    assert!(calls(&mut story, |plan| plan.unexpected = Some(is(json!(0))))[0].is_met());
    story.chain.calls[1].unexpected = true;
    let failed = calls(&mut story, |plan| plan.unexpected = Some(is(json!(0))));
    assert_eq!(failure(&failed[0]), ("0", "1", "no route fits POST /x/token/ ×1"));
}

#[test]
fn a_step_that_came_to_a_value_is_judged_by_it_and_not_by_the_response_before() {
    let mut story = Story::new();
    story.step("post /send").get("https://app.test/send").json(json!({ "code": "from the response" }));
    story.step("inbox").last_step().value = Some(json!({ "code": "482913", "count": 1 }));
    let json = |path: &str, value| ExpectationKind::Json(serde_json_path::JsonPath::parse(path).unwrap(), is(value));
    assert!(verdicts(&story, json("$.code", json!("482913")))[0].is_met());
    let failed = verdicts(&story, json("$.link", json!("x")));
    assert!(matches!(failed[0].outcome, Outcome::Failed { hop: None, .. }), "{failed:?}");
    assert_eq!(failure(&failed[0]).2, "nothing at $.link of what the step came to");
}

#[test]
fn calls_since_a_step_leave_out_what_came_before() {
    let mut story = Story::new();
    story.step("first").call("POST", "https://idp.test/token/", 400);
    story.wait(10).step("second").last_step().id = Some("again".to_owned());
    story.wait(2).call("POST", "https://idp.test/token/", 200).wait(3).call("POST", "https://idp.test/token/", 200);
    let all = calls(&mut story, |plan| {
        plan.since = Some("again".to_owned());
        plan.count = Some(is(json!(2)));
        plan.status = Some(is(json!(200)));
        plan.spacing = Some(Matcher::AtLeast(3000.0));
    });
    assert_eq!(all.iter().filter(|verdict| verdict.is_met()).count(), 3, "{all:?}");
    assert!(!calls(&mut story, |plan| plan.since = Some("nowhere".to_owned()))[0].is_met());
    assert_eq!(failure(&calls(&mut story, |plan| plan.spacing = Some(Matcher::AtLeast(4000.0)))[0]).1, "3000 ms between call 2 and call 3");
}

#[test]
fn a_deep_link_is_told_apart_from_a_page() {
    let mut story = Story::new();
    story.step("open").open("https://api.test/handoff");
    story.step_with("deep_link", Verb::DeepLink(Matcher::StartsWith(Template::text("alga://"))));
    let judged = check(&story.plan.steps[1], &story.chain, 1, &Scope::default());
    assert_eq!(failure(&judged[0]).1, "absent");
    story.last_step().deep_link = Some("alga://callback?ott=1".to_owned());
    assert!(check(&story.plan.steps[1], &story.chain, 1, &Scope::default())[0].is_met());
}

#[test]
fn a_single_value_can_be_asked_without_a_step() {
    let scope = Scope::default();
    assert!(holds(&is(json!(3)), Some(&json!("3")), &scope), "text that reads as the number");
    assert!(holds(&Matcher::Exists(false), None, &scope));
    assert!(!holds(&Matcher::Contains(JsonTemplate::Text(Template::text("/cb"))), Some(&json!("https://app.test/")), &scope));
}
