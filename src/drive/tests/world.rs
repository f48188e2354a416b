//! What reaches beyond requests: messages that are waited for, and both sides of a time limit.

use super::support::*;
use crate::plan::{BoundaryPlan, BoundaryStart, CaptureFrom, Channel, InboxPlan, Step, Template, Verb, Wanted};
use crate::trace::{Chain, Message};
use axum::Router;
use axum::routing::get as route;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAGE: &str = "http://app.test/";

async fn world() -> Arc<TestWorld> {
    Arc::new(TestWorld::plain(Router::new().route("/", route(async || "here"))).await)
}

fn mail(to: &str, text: &str) -> Message {
    Message {
        channel: "mail",
        from: "no-reply@x.test".to_owned(),
        to: vec![to.to_owned()],
        subject: Some("Your code 112233".to_owned()),
        text: text.to_owned(),
        html: None,
        at: crate::base::clock::wall(),
    }
}

fn inbox(change: impl FnOnce(&mut InboxPlan)) -> Step {
    let mut plan = InboxPlan {
        to: Template::text("ada@x.test"),
        channel: None,
        from: None,
        subject: None,
        text: None,
        code: Wanted::Perhaps,
        link: Wanted::Perhaps,
        within: Duration::from_secs(10),
        count: None,
        since: None,
    };
    change(&mut plan);
    step(Verb::Inbox(Box::new(plan))).named("inbox")
}

#[tokio::test]
async fn a_message_is_awaited_and_its_parts_are_kept() {
    let world = world().await;
    world.deliver(mail("bob@x.test", "your code is 999999"));
    let later = world.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        later.deliver(mail("Ada@x.test", "code 482913, or https://app.test/verify?t=1 (https://x.test)"));
    });
    let pattern = Wanted::Like(regex::Regex::new("/verify").unwrap());
    let keep = inbox(|plan| (plan.code, plan.link, plan.channel) = (Wanted::Any, pattern, Some(Channel::Mail)));
    let begun = Instant::now();
    let chain = run(&world, vec![keep.keep("code", CaptureFrom::Json("$.code".parse().unwrap()))]).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    let value = record(&chain, "inbox").value.as_ref().unwrap_or_else(|| panic!("{}", error(&chain)));
    assert_eq!((&value["code"], &value["link"], &value["count"]), (&json!("482913"), &json!("https://app.test/verify?t=1"), &json!(1)));
    assert_eq!(chain.messages.len(), 2);
}

#[tokio::test]
async fn the_newest_counts_and_what_came_before_a_step_can_be_left_out() {
    let world = world().await;
    world.deliver(mail("ada@x.test", "first 111111"));
    world.deliver(mail("ada@x.test", "second 222222"));
    let chain = run(&world, vec![inbox(|_| ())]).await;
    let value = record(&chain, "inbox").value.as_ref().unwrap();
    assert_eq!((&value["code"], &value["count"]), (&json!("222222"), &json!(2)));
    let since = |plan: &mut InboxPlan| (plan.since, plan.within) = (Some("start".to_owned()), Duration::from_millis(30));
    let chain = run(&world, vec![get(PAGE).named("start"), inbox(since)]).await;
    assert!(error(&chain).contains("no message to `ada@x.test` that is as described came within 30ms"), "{}", error(&chain));
}

#[tokio::test]
async fn what_came_instead_is_told_without_its_codes() {
    let world = world().await;
    world.deliver(mail("bob@x.test", "your code is 999999"));
    let quick = |plan: &mut InboxPlan| (plan.within, plan.channel) = (Duration::from_millis(20), Some(Channel::Sms));
    let chain = run(&world, vec![inbox(quick)]).await;
    let expected =
        "no sms to `ada@x.test` that is as described came within 20ms; newest first, there came: mail to bob@x.test \"Your code ‹code›\"";
    assert_eq!(error(&chain), expected);
}

#[tokio::test]
async fn that_nothing_comes_is_known_when_the_time_is_over() {
    let world = world().await;
    let none = |plan: &mut InboxPlan| (plan.within, plan.count) = (Duration::from_millis(100), Some(equals(0)));
    let begun = Instant::now();
    let chain = run(&world, vec![inbox(none)]).await;
    assert_eq!((error(&chain), begun.elapsed() >= Duration::from_millis(100)), ("no error", true));
    world.deliver(mail("ada@x.test", "after all"));
    assert!(error(&run(&world, vec![inbox(none)]).await).contains("1 message to `ada@x.test` came"));
    let text: fn(&mut InboxPlan) = |plan| plan.text = Some(contains("after all"));
    assert_eq!(error(&run(&world, vec![inbox(text)]).await), "no error");
}

fn boundary(start: BoundaryStart, limit: Duration, margin: Duration) -> Step {
    let probe = |name: &str| Some(get(PAGE).named(name));
    step(Verb::Boundary(Box::new(BoundaryPlan { limit, margin, start, before: probe("before"), after: probe("after") }))).named("boundary")
}

fn seconds(chain: &Chain, from: usize, to: usize) -> f64 {
    (chain.steps[to].started - chain.steps[from].started).as_seconds_f64()
}

#[tokio::test]
async fn a_limit_is_started_anew_for_each_of_its_sides() {
    let world = world().await;
    let start = BoundaryStart::Steps(vec![get(PAGE).named("first"), get(PAGE).named("start")]);
    let begun = Instant::now();
    let chain = run(&world, vec![boundary(start, Duration::from_secs(3600), Duration::from_secs(10))]).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "nobody waits");
    let done: Vec<_> = chain.steps.iter().map(|step| step.id.as_deref().unwrap()).collect();
    assert_eq!(done, ["boundary", "first", "start", "before", "first", "start", "after"]);
    assert!((3589.9..3592.0).contains(&seconds(&chain, 2, 3)), "{}", seconds(&chain, 2, 3));
    assert!((3610.0..3612.0).contains(&seconds(&chain, 5, 6)), "{}", seconds(&chain, 5, 6));
    assert!(chain.steps.iter().all(|step| step.took < Duration::from_secs(10)));
}

#[tokio::test]
async fn a_limit_that_a_step_started_is_passed_once() {
    let world = world().await;
    let start = BoundaryStart::Since("login".to_owned());
    let chain = run(&world, vec![get(PAGE).named("login"), boundary(start, Duration::from_secs(60), Duration::from_secs(1))]).await;
    let done: Vec<_> = chain.steps.iter().map(|step| step.id.as_deref().unwrap()).collect();
    assert_eq!(done, ["login", "boundary", "before", "after"]);
    assert!((58.9..59.9).contains(&seconds(&chain, 0, 2)) && (61.0..62.0).contains(&seconds(&chain, 0, 3)));
}

#[tokio::test]
async fn a_limit_that_passed_already_has_no_side_before_it() {
    let world = world().await;
    let start = BoundaryStart::Since("login".to_owned());
    let steps = vec![
        get(PAGE).named("login"),
        step(Verb::Clock(Duration::from_secs(90))),
        boundary(start, Duration::from_secs(60), Duration::from_secs(1)),
    ];
    let chain = run(&world, steps).await;
    assert!(error(&chain).contains("90s of the limit of 60s had passed already"), "{}", error(&chain));
    assert!(chain.steps.iter().all(|step| step.id.as_deref() != Some("after")));
}

#[tokio::test]
async fn cookies_expire_by_the_clock_that_is_moved() {
    let world = world().await;
    let steps = vec![set_cookie(PAGE, "sid=1; Max-Age=60"), get(PAGE), step(Verb::Clock(Duration::from_secs(61))), get(PAGE)];
    let chain = run(&world, steps).await;
    assert_eq!(chain.hops.iter().map(|hop| sent(hop, "cookie")).collect::<Vec<_>>(), [Some("sid=1"), None]);
}
