//! Recorded events of real browsers, folded into hops.

use super::super::fact::Fact;
use super::super::fold::Fold;
use super::super::route::Route;
use super::super::write::Writer;
use super::Nobody;
use crate::base::Clock;
use crate::drive::browser::bidi::Event;
use crate::drive::recorder::Recorder;
use crate::plan::Scope;
use crate::trace::{AnsweredBy, Body, Cause, Hop, SetVerdict};
use crate::web::cookie::{Jar, Policy, Profile};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const CHROMIUM: &str = include_str!("../../../../../fixtures/browser/chromium.json");
const FIREFOX: &str = include_str!("../../../../../fixtures/browser/firefox.json");

type Cases = BTreeMap<String, Vec<(String, Value)>>;

/// What a case's events come to, a line a hop, and events and deep links behind them.
struct Told {
    lines: Vec<String>,
    busy: Option<String>,
}

/// Plays cases of a recording in order, `start` first.
fn play(recording: &str, profile: Profile, names: &[&str]) -> Told {
    let cases: Cases = serde_json::from_str(recording).unwrap();
    let recorder = Arc::new(Recorder::new(Scope::default(), Clock::default(), Arc::new(Nobody)));
    let mut writer = Writer::new(recorder.clone(), "jarvis".into(), Jar::new(Policy { profile, ..Policy::default() }));
    let user_context = cases["start"].last().unwrap().1["userContext"].as_str().unwrap().to_owned();
    let (mut fold, mut route, mut now) = (Fold::default(), Route::new(&user_context), Instant::now());
    for name in ["start"].iter().chain(names) {
        fold.frames.act(now);
        for (method, params) in &cases[*name] {
            now += Duration::from_millis(1);
            for event in route.admit(&Arc::new(Event { method: method.clone(), params: params.clone(), at: now })) {
                fold.take(&event);
            }
        }
        fold.tick(now + Duration::from_secs(1));
        for fact in fold.facts() {
            if let Some(closing) = writer.take(fact) {
                writer.close(closing, None, Body::default());
            }
        }
    }
    let busy = fold.busy(now + Duration::from_secs(1));
    let deep_link = writer.deep_link.take();
    let chain = recorder.finish();
    let mut lines: Vec<_> = chain.hops.iter().map(line).collect();
    lines.extend(chain.events.iter().map(|event| format!("{}: {}", event.kind.name(), event.text)));
    lines.extend(deep_link.map(|link| format!("left for {link}")));
    Told { lines, busy }
}

fn line(hop: &Hop) -> String {
    let cause = match &hop.cause {
        Cause::Redirect(from) => format!("from {from}"),
        cause => format!("{cause:?}"),
    };
    let mut line = format!("{} {cause} {:?} {} {}", hop.id, hop.resource, hop.request.method, hop.request.url);
    let sent: Vec<_> = hop.sent.iter().map(|cookie| String::from_utf8_lossy(&cookie.name)).collect();
    match sent.len() {
        0 => {}
        1..4 => line += &format!(" sends {}", sent.join(",")),
        count => line += &format!(" sends {count}"),
    }
    for cookie in &hop.withheld {
        line += &format!(" keeps {}({})", String::from_utf8_lossy(&cookie.name), cookie.reasons[0].code);
    }
    match &hop.outcome {
        Ok(response) if response.by == AnsweredBy::Server => line += &format!(" -> {}", response.status),
        Ok(response) => line += &format!(" -> {} by {:?}", response.status, response.by),
        Err(failure) => line += &format!(" -> {:?}", failure.kind),
    }
    for set in &hop.set {
        let verdict = match &set.verdict {
            SetVerdict::Blocked(reasons) => reasons[0].code.clone(),
            verdict => format!("{verdict:?}"),
        };
        line += &format!(" sets {}({verdict})", set.name_text());
    }
    line
}

fn chromium(names: &[&str]) -> Vec<String> {
    let told = play(CHROMIUM, Profile::Chrome, names);
    assert_eq!(told.busy, None, "{names:?}");
    told.lines
}

fn firefox(names: &[&str]) -> Vec<String> {
    let told = play(FIREFOX, Profile::Firefox, names);
    assert_eq!(told.busy, None, "{names:?}");
    told.lines
}

#[test]
fn each_redirect_is_a_hop_with_its_own_cookies() {
    let expected = [
        "1 Open Document GET https://a.test/chain?n=3 -> 302 sets c3(Stored) sets __Host-x3(InvalidPrefix)",
        "2 from 1 Document GET https://b.test/chain?n=2 -> 302 sets c2(Stored) sets __Host-x2(InvalidPrefix)",
        "3 from 2 Document GET https://a.test/chain?n=1 sends c3 -> 302 sets c1(Stored) sets __Host-x1(InvalidPrefix)",
        "4 from 3 Document GET https://b.test/chain?n=0 sends c2 -> 200 sets end(Stored) sets bad(SameSiteNoneInsecure)",
    ];
    assert_eq!(chromium(&["chain"]), expected);
    let firefox = firefox(&["chain"]);
    assert_eq!(firefox[..4], expected);
    assert!(firefox[4].starts_with("console error: Cookie “bad” rejected"), "{firefox:?}");
}

#[test]
fn headers_that_changed_places_under_load_are_where_they_belong() {
    let told = chromium(&["redloop"]);
    for (at, line) in told[..20].iter().enumerate() {
        let n = 25 - at;
        assert!(line.contains(&format!("chain?n={n} ")) && line.contains(&format!("-> 302 sets c{n}(Stored) sets __Host-x{n}(")), "{line}");
    }
    assert_eq!(
        told[20],
        "console error: the browser keeps the answer of https://b.test/chain?n=… from the page: net::ERR_TOO_MANY_REDIRECTS"
    );
}

#[test]
fn forms_that_a_page_submits_by_itself_are_told_from_clicks() {
    assert_eq!(
        chromium(&["auto"])[1..],
        [
            "2 AutoForm Document POST https://b.test/post sends c2,end,frn keeps sid(SameSiteStrict) -> 303 sets sid(Stored)",
            "3 from 2 Document GET https://b.test/page sends c2,end,frn keeps sid(SameSiteStrict) -> 200",
        ]
    );
    assert_eq!(firefox(&["auto"])[1], "2 AutoForm Document POST https://b.test/post sends c2,end -> 303 sets sid(Stored)");
    assert_eq!(chromium(&["refresh"])[1], "2 Refresh Document GET https://a.test/page sends 13 -> 200");
    assert_eq!(chromium(&["reload"])[1], "2 Reload Document GET https://a.test/page sends 24 -> 200");
}

#[test]
fn frames_and_what_they_fetch_are_hops_of_their_own() {
    let (word, strict) = ("SameSiteUnspecifiedTreatedAsLax", "keeps sid(SameSiteStrict)");
    let keeps = format!("keeps c2({word}) keeps end({word}) {strict}");
    assert_eq!(
        chromium(&["frames"]),
        [
            "1 Open Document GET https://a.test/frames sends c3,c1,sid -> 200 sets strict(Stored)".to_owned(),
            "2 Subresource Frame GET https://a.test/inner sends 4 -> 200 sets fr(Stored) sets frn(Stored) sets pp(Stored)".to_owned(),
            format!("3 Subresource Frame GET https://b.test/inner?x=1 {keeps} -> 200 sets fr({word}) sets frn(Stored) sets pp(Stored)"),
            "4 Subresource Fetch GET https://a.test/api?frame=1 sends 7 -> 200 sets api(Stored)".to_owned(),
            format!("5 Subresource Fetch GET https://b.test/api?frame=1 sends frn,pp {keeps} -> 200 sets api({word})"),
        ]
    );
}

#[test]
fn a_preflight_sets_no_cookie_and_an_answer_kept_from_the_page_is_still_one() {
    let told = chromium(&["cors"]);
    assert_eq!(told[1], "2 Subresource Preflight OPTIONS https://b.test/api -> 200 sets api(CredentialsOmitted)");
    assert_eq!(told[3], "4 Subresource Fetch GET https://b.test/page -> 200");
    assert_eq!(told[4], "console error: the browser keeps the answer of https://b.test/page from the page: CORS: MissingAllowOriginHeader");
    let told = firefox(&["cors"]);
    assert_eq!(told[2], "3 Subresource Preflight OPTIONS https://b.test/api -> 200 sets api(CredentialsOmitted)");
    assert!(told[4].starts_with("console error: Cross-Origin Request Blocked"), "{told:?}");
}

#[test]
fn navigations_that_load_no_page_have_an_end() {
    assert_eq!(chromium(&["204"])[1], "2 Open Document GET https://a.test/204 sends 10 -> 204 sets n(Stored)");
    assert_eq!(firefox(&["204"])[1], "2 Open Document GET https://a.test/204 sends 10 -> 204 sets n(Stored)");
    assert_eq!(chromium(&["dl"]), ["1 Open Document GET https://a.test/dl sends 11 -> 200 sets d(Stored)", "download: x.bin"]);
    assert_eq!(chromium(&["drop"]), ["1 Open Document GET https://a.test/drop sends 12 -> Broken"]);
    assert_eq!(firefox(&["drop"]), ["1 Open Document GET https://a.test/drop sends 12 -> Broken"]);
}

#[test]
fn a_custom_scheme_ends_the_chain() {
    for told in [chromium(&["deep"]), firefox(&["deep"])] {
        let expected = ["2 Script Document GET https://a.test/deep sends 12 -> 302 sets dd(Stored)", "left for alga://auth?code=1"];
        assert_eq!(told[1..], expected);
    }
    for told in [chromium(&["scheme"]), firefox(&["scheme"])] {
        assert_eq!(told[1..], ["left for alga://direct?x=1"]);
    }
}

#[test]
fn windows_that_a_page_opens_belong_to_its_device() {
    let expected =
        ["2 Link Document GET https://a.test/page?pop sends 14 -> 200", "3 Script Document GET https://a.test/page?wo sends 14 -> 200"];
    assert_eq!(chromium(&["popup"])[1..], expected);
    assert_eq!(firefox(&["popup"])[1], expected[0]);
}

#[test]
fn what_a_service_worker_answers_is_marked_and_what_it_fetches_is_told_once() {
    assert_eq!(
        chromium(&["sw"])[1..5],
        [
            "2 Subresource Fetch GET https://a.test/swfake -> 200 by ServiceWorker",
            "3 Subresource Fetch GET https://a.test/swnet -> 200 by ServiceWorker",
            "4 Subresource Fetch GET https://a.test/api?sw=1 sends 14 -> 200 sets api(Stored)",
            "5 Open Document GET https://a.test/swfake -> 200 by ServiceWorker",
        ]
    );
}

#[test]
fn a_stream_does_not_keep_the_page_busy() {
    assert_eq!(chromium(&["es"])[1], "2 Subresource Fetch GET https://a.test/es sends 24 -> 200");
    assert_eq!(firefox(&["es"]).len(), 2);
}

#[test]
fn errors_and_dialogs_are_told() {
    for told in [chromium(&["console"]), firefox(&["console"])] {
        assert_eq!(told[1..], ["console error: bad Object(1)", "exception: Error: boom"]);
    }
    assert_eq!(chromium(&["dialog"])[1], "dialog: alert: hi");
}

proptest! {
    /// Events with fields that are missing or of another kind, in any order: nothing panics, and no hop is told twice.
    #[test]
    fn events_without_rhyme_do_no_harm(picks in prop::collection::vec((0usize..600, 0u8..8), 0..80)) {
        let cases: Cases = serde_json::from_str(CHROMIUM).unwrap();
        let all: Vec<_> = cases.into_values().flatten().collect();
        let (mut fold, now) = (Fold::default(), Instant::now());
        let (mut began, mut ended) = (0, 0);
        for (at, damage) in picks {
            let (method, mut params) = all[at % all.len()].clone();
            spoil(&mut params, damage);
            fold.take(&Event { method, params, at: now });
            fold.tick(now + Duration::from_secs(u64::from(damage)));
            for fact in fold.facts() {
                began += u32::from(matches!(fact, Fact::Began(_)));
                ended += u32::from(matches!(fact, Fact::Ended(..)));
            }
        }
        prop_assert!(ended <= began);
    }
}

/// Takes something away.
fn spoil(params: &mut Value, damage: u8) {
    let Some(inner) = params.get_mut("params") else { return };
    match damage {
        0 => *inner = Value::Null,
        1 => drop(inner.as_object_mut().map(|inner| inner.remove("request"))),
        2 => drop(inner.as_object_mut().map(|inner| inner.remove("response"))),
        3 => drop(inner.as_object_mut().map(|inner| inner.remove("requestId"))),
        4 => inner["headers"] = Value::Array(vec![Value::Null]),
        5 => inner["redirectResponse"] = serde_json::json!({ "status": "many" }),
        _ => {}
    }
}
