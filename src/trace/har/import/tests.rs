use super::*;
use crate::base::Redactor;
use crate::trace::har::{entry, log};
use crate::trace::{CookieWithheld, HopId};
use crate::web::har::{Item, Reader, Writer};
use proptest::prelude::*;
use serde_json::{Value, json};

fn import(entries: &[Value]) -> Imported {
    let mut import = Import::new(None);
    entries.iter().for_each(|entry| import.entry(serde_json::from_value(entry.clone()).unwrap()));
    import.finish(&Log::default())
}

/// An entry of Chromium: `second` after noon, fields of the request and the response as `name: value` lines.
fn chrome(second: f64, method: &str, url: &str, sent: &[&str], status: u16, came: &[&str]) -> Value {
    let fields = |lines: &[&str]| -> Vec<Value> {
        lines.iter().map(|line| line.split_once(": ").unwrap()).map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    json!({
        "startedDateTime": format!("2026-03-01T12:00:{second:06.3}Z"), "time": 20, "_resourceType": "document",
        "request": {"method": method, "url": url, "headers": fields(sent)},
        "response": {"status": status, "headers": fields(came), "content": {"mimeType": "text/html"}},
    })
}

const PERSON: &str = "Sec-Fetch-User: ?1";
const NAVIGATE: &str = "Sec-Fetch-Mode: navigate";

fn login() -> Vec<Value> {
    vec![
        chrome(
            0.0,
            "GET",
            "https://app.test/",
            &[NAVIGATE, PERSON, "Sec-Fetch-Site: none"],
            302,
            &["Location: https://idp.test/authorize?client_id=a"],
        ),
        chrome(
            0.1,
            "GET",
            "https://idp.test/authorize?client_id=a",
            &[NAVIGATE, PERSON, "Sec-Fetch-Site: none", "Cookie: seen=before"],
            200,
            &[],
        ),
        chrome(
            9.0,
            "POST",
            "https://idp.test/login",
            &[NAVIGATE, PERSON, "Sec-Fetch-Site: same-origin", "Referer: https://idp.test/authorize"],
            302,
            &["Set-Cookie: idp=1; SameSite=None; Secure\nbad=2; SameSite=None", "Location: https://app.test/cb?code=c"],
        ),
        chrome(
            9.1,
            "GET",
            "https://app.test/cb?code=c",
            &[NAVIGATE, "Sec-Fetch-Site: cross-site", "Referer: https://idp.test/"],
            302,
            &["Set-Cookie: sid=3; Path=/cb; Secure", "Location: /"],
        ),
        chrome(9.2, "GET", "https://app.test/", &[NAVIGATE, "Sec-Fetch-Site: cross-site"], 200, &[]),
    ]
}

#[test]
fn a_login_has_its_redirects_causes_steps_and_verdicts() {
    let chain = import(&login()).chain;
    let causes: Vec<_> = chain.hops.iter().map(|hop| hop.cause.clone()).collect();
    let redirect = |from| Cause::Redirect(HopId(from));
    assert_eq!(causes, [Cause::Open, redirect(0), Cause::Form, redirect(2), redirect(3)]);
    let labels: Vec<_> = chain.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["open https://app.test/", "submit a form to https://idp.test/login"]);
    assert_eq!(chain.hops.iter().map(|hop| hop.step).collect::<Vec<_>>(), [0, 0, 1, 1, 1]);
    assert_eq!(chain.steps[1].page.as_ref().map(Url::as_str), Some("https://app.test/"));
    assert_eq!(chain.hops[2].set[0].verdict, SetVerdict::Stored);
    assert!(matches!(&chain.hops[2].set[1].verdict, SetVerdict::Blocked(reasons) if reasons[0].code == "SameSiteNoneInsecure"));
    let CookieWithheld { name, reasons, .. } = &chain.hops[4].withheld[0];
    assert_eq!((&name[..], reasons[0].code.as_str()), (&b"sid"[..], "NotOnPath"));
    assert!(chain.visibility.cookies && !chain.visibility.jar);
}

#[test]
fn entries_out_of_order_make_the_same_chain() {
    let mut entries = login();
    entries.reverse();
    let shape = |chain: &Chain| chain.hops.iter().map(|hop| (hop.request.url.clone(), hop.cause.clone(), hop.step)).collect::<Vec<_>>();
    assert_eq!(shape(&import(&entries).chain), shape(&import(&login()).chain));
}

#[test]
fn a_har_without_cookies_says_so_and_withholds_nothing() {
    let mut entries = login();
    for entry in &mut entries {
        for side in ["request", "response"] {
            entry[side]["headers"].as_array_mut().unwrap().retain(|field| !field["name"].as_str().unwrap().contains("ookie"));
        }
    }
    let chain = import(&entries).chain;
    assert!(!chain.visibility.cookies);
    assert!(chain.hops.iter().all(|hop| hop.withheld.is_empty() && hop.set.is_empty()));
}

#[test]
fn answers_alone_show_cookies_where_none_was_to_be_sent() {
    let first = |line: &str| chrome(0.0, "GET", "https://app.test/auth/cb", &[NAVIGATE, PERSON], 200, &[&format!("Set-Cookie: {line}")]);
    let second = || chrome(1.0, "GET", "https://app.test/home", &[NAVIGATE, PERSON], 200, &[]);
    let elsewhere = import(&[first("sid=1; Secure"), second()]).chain;
    assert!(elsewhere.visibility.cookies && elsewhere.hops[1].withheld.len() == 1, "for another path: the browser sent none");
    let left_out = import(&[first("sid=1; Secure; Path=/"), second()]).chain;
    assert!(!left_out.visibility.cookies && left_out.hops[1].withheld.is_empty(), "the browser sent it: the exporter left it out");
}

#[test]
fn where_the_recording_knows_better_than_the_rules_it_is_right() {
    let mut entries = login();
    entries.push(chrome(12.0, "GET", "https://idp.test/x", &[NAVIGATE, PERSON, "Cookie: bad=2"], 200, &[]));
    let chain = import(&entries).chain;
    let bad = &chain.hops[2].set[1];
    assert_eq!((&bad.verdict, bad.warnings[0].code.as_str()), (&SetVerdict::Stored, "RecordedOtherwise"));
}

#[test]
fn a_loop_that_the_browser_gave_up_is_told() {
    let mut entries: Vec<_> = (0..20)
        .map(|lap| chrome(f64::from(lap) / 10.0, "GET", "https://app.test/", &[NAVIGATE, "Sec-Fetch-Site: none"], 302, &["Location: /"]))
        .collect();
    let chain = import(&entries).chain;
    assert!(chain.steps[0].error.as_ref().is_some_and(|error| error.contains("more than 20 redirects")));
    let mut last = chrome(2.0, "GET", "https://app.test/", &[NAVIGATE, "Sec-Fetch-Site: none"], 0, &[]);
    last["response"]["_error"] = "net::ERR_TOO_MANY_REDIRECTS".into();
    entries.push(last);
    let chain = import(&entries).chain;
    assert!(matches!(&chain.hops[20].outcome, Err(failure) if failure.kind == FailureKind::Redirect));
    assert_eq!(chain.steps[0].error, None);
}

#[test]
fn requests_of_pages_and_of_tools_are_told_apart() {
    let fetch = |kind: &str| {
        json!({"startedDateTime": "2026-03-01T12:00:01Z", "_resourceType": kind, "request": {"method": "GET", "url": "https://api.test/me",
            "headers": [{"name": "accept", "value": "application/json"}]}, "response": {"status": 200, "content": {"mimeType": "application/json"}}})
    };
    let mut tool = fetch("fetch");
    tool.as_object_mut().unwrap().remove("_resourceType");
    assert_eq!(import(&[tool]).chain.hops[0].cause, Cause::Api);
    let page = import(&[fetch("xhr"), fetch("websocket")]);
    assert_eq!((page.chain.hops[0].cause.clone(), page.chain.hops[0].resource), (Cause::Subresource, Resource::Fetch));
    assert_eq!(page.passed_over, 1);
}

/// A HAR of authchain's own, of this chain.
fn exported(chain: &Chain) -> Value {
    let mut pseudonyms = Pseudonyms::new(Redactor::default());
    let own = log(chain, &str::to_owned, &str::to_owned, serde_json::Map::new());
    let mut writer = Writer::new(Vec::new(), &[], Some(&own)).unwrap();
    for hop in &chain.hops {
        writer.entry(&entry(hop, &mut pseudonyms, &str::to_owned)).unwrap();
    }
    serde_json::from_slice(&writer.finish().unwrap()).unwrap()
}

/// The chain of a whole HAR.
fn read(har: &Value) -> Chain {
    let bytes = har.to_string().into_bytes();
    let mut reader = Reader::new(&*bytes);
    let mut import = Import::new(None);
    while let Some(item) = reader.read().unwrap() {
        match item {
            Item::Entry(_, entry) => import.entry(*entry),
            other => panic!("{other:?}"),
        }
    }
    import.finish(reader.log()).chain
}

#[test]
fn a_chain_comes_back_from_a_har_of_its_own() {
    let chain = import(&login()).chain;
    let back = read(&exported(&chain));
    assert!(back.visibility.jar, "an engine's own run");
    let hop = |hop: &Hop| {
        let names: Vec<_> = hop.sent.iter().map(|cookie| cookie.name.clone()).collect();
        let set: Vec<_> = hop.set.iter().map(|set| (set.name.clone(), set.attributes.clone(), set.verdict.clone())).collect();
        (hop.id, hop.step, hop.cause.clone(), hop.resource, hop.status(), names, set, hop.withheld.clone(), hop.started)
    };
    assert_eq!(back.hops.iter().map(hop).collect::<Vec<_>>(), chain.hops.iter().map(hop).collect::<Vec<_>>());
    assert_eq!(
        back.steps.iter().map(|step| &step.label).collect::<Vec<_>>(),
        chain.steps.iter().map(|step| &step.label).collect::<Vec<_>>()
    );
}

#[test]
fn what_somebody_changed_is_read_as_anybodys() {
    let har = exported(&import(&login()).chain);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut har = har.clone();
        change(&mut har["log"]);
        read(&har)
    };
    let entry_that_sets = |log: &Value| {
        let sets = |entry: &Value| entry["_authchain"]["set"].as_array().is_some_and(|set| !set.is_empty());
        log["entries"].as_array().unwrap().iter().position(sets).unwrap()
    };
    let is_own = |chain: Chain| chain.visibility.jar;
    assert!(is_own(changed(&|_| {})));
    assert!(!is_own(changed(&|log| log["creator"]["name"] = "another".into())));
    assert!(!is_own(changed(&|log| log["entries"][0]["_authchain"]["step"] = 99.into())));
    assert!(!is_own(changed(&|log| log["entries"][0]["_authchain"]["hop"] = log["entries"][1]["_authchain"]["hop"].clone())));
    let without = |log: &mut Value, name: &str| {
        for side in ["request", "response"] {
            for entry in log["entries"].as_array_mut().unwrap() {
                entry[side]["cookies"] = json!([]);
                entry[side]["headers"].as_array_mut().unwrap().retain(|field| !field["name"].as_str().unwrap().eq_ignore_ascii_case(name));
            }
        }
    };
    assert!(!is_own(changed(&|log| without(log, "set-cookie"))), "a verdict on a line that is not there");
    assert!(!is_own(changed(&|log| {
        let at = entry_that_sets(log);
        log["entries"][at]["_authchain"]["set"].as_array_mut().unwrap().push(json!({"verdict": "stored"}));
    })));
    let sanitised = changed(&|log| {
        without(log, "cookie");
        log["entries"].as_array_mut().unwrap().iter_mut().for_each(|entry| {
            entry["_authchain"].as_object_mut().unwrap().remove("withheld");
        });
    });
    assert!(!is_own(sanitised), "cookies were kept, and nobody saw them again");
}

#[test]
fn what_a_stranger_writes_is_bounded_escaped_and_leads_nowhere() {
    let mut har = exported(&import(&login()).chain);
    let entries = har["log"]["entries"].as_array_mut().unwrap();
    let last = entries.len() - 1;
    for (at, entry) in entries.iter_mut().enumerate() {
        let own = &mut entry["_authchain"];
        own["actor"] = format!("\u{1b}[2J{}", "x".repeat(10_000)).into();
        own["cause"] = "redirect".into();
        // Round and round, to itself, and ahead.
        own["from"] = json!(if at == last { 0 } else { at + 1 });
        own["withheld"] = json!([{"name": "n".repeat(10_000), "domain": "\u{202e}evil", "path": "/\n", "reasons": vec![json!({"code": "\u{7}", "explanation": "y".repeat(2000)}); 60]}]);
    }
    let step = &mut har["log"]["_authchain"]["steps"][0];
    step["depth"] = json!(u64::MAX);
    step["took_ms"] = json!(1e300);
    step["label"] = "\u{1b}]0;title\u{7}".into();
    step["page"] = "no url".into();
    let chain = read(&har);
    assert!(chain.visibility.jar, "it is read as it was told");
    assert_eq!(chain.steps[0].depth, 16);
    assert!(!chain.steps[0].label.contains('\u{1b}') && chain.steps[0].page.is_none());
    for hop in &chain.hops {
        assert!(hop.actor.len() < 100 && !hop.actor.contains('\u{1b}'), "{}", hop.actor);
        assert!(!matches!(hop.cause, Cause::Redirect(from) if from >= hop.id));
        let [withheld] = &hop.withheld[..] else { panic!("{:?}", hop.withheld) };
        assert!(withheld.name.len() < 5000 && withheld.reasons.len() == 50 && withheld.reasons[0].explanation.len() < 1100);
        assert!(!withheld.domain.contains('\u{202e}') && !withheld.path.contains('\n') && withheld.reasons[0].code != "\u{7}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_entries_make_it_panic(
        parts in prop::collection::vec(("\\PC{0,12}|2026-03-01T12:00:0[0-9]Z", "(GET|POST|\\PC{0,3})", "(https?://[ab]\\.test/[a-c]?|\\PC{0,9})", 0u16..1200, "(/[a-c]|https://b\\.test/|x:y|\\PC{0,6})", "\\PC{0,20}"), 0..12)
    ) {
        let entries: Vec<_> = parts.iter().map(|(date, method, url, status, location, cookie)| json!({
            "startedDateTime": date, "request": {"method": method, "url": url, "headers": [{"name": "Cookie", "value": cookie}, {"name": "Referer", "value": location}]},
            "response": {"status": status, "headers": [{"name": "Location", "value": location}, {"name": "Set-Cookie", "value": cookie}]},
        })).collect();
        import(&entries);
    }
}
