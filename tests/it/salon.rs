//! The salon system end to end: what each switch moves, and what is said when it is down.

use crate::world::{Ran, World, copy, project};
use serde_json::Value;
use std::collections::BTreeSet;

/// The scenarios with one switch of the shared part turned.
fn salon(from: &str, to: &str) -> World {
    let world = World::new();
    copy(&project().join("scenarios/salon"), &world.path().join("scenarios/salon"));
    let shared = world.path().join("scenarios/salon/_salon.yaml");
    let text = std::fs::read_to_string(&shared).expect("the shared part");
    let turned = text.replacen(from, to, 1);
    assert!(from == to || text != turned, "{from} is not there");
    std::fs::write(shared, turned).expect("written");
    world
}

/// What the report says of each healthy run when a switch is turned for all of them.
fn healthy_runs(from: &str, to: &str) -> Vec<Value> {
    let world = salon(from, to);
    let mut command = world.command();
    command.env("CI", "true").args(["run", "scenarios/salon", "--filter", "#healthy", "--json", "report.json"]);
    let ran = Ran::of(&mut command);
    assert!([0, 1].contains(&ran.code), "{}\n{}", ran.out, ran.err);
    let report = std::fs::read(world.path().join("report.json")).expect("a report");
    let mut report: Value = serde_json::from_slice(&report).expect("JSON");
    let Value::Array(runs) = report["runs"].take() else { panic!("no runs") };
    assert!(runs.len() > 20, "{} runs", runs.len());
    runs
}

fn names<'r>(runs: impl Iterator<Item = &'r Value>) -> BTreeSet<String> {
    runs.map(|run| run["name"].as_str().expect("a name").to_owned()).collect()
}

/// Those that fail.
fn failed(runs: &[Value]) -> BTreeSet<String> {
    names(runs.iter().filter(|run| run["outcome"] != "passed"))
}

/// The healthy runs that fail, and those that cover an entry, when a switch is turned for all of them.
fn reaction(from: &str, to: &str, entry: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let runs = healthy_runs(from, to);
    let covering = runs.iter().filter(|run| run["covers"].as_array().is_some_and(|covers| covers.contains(&entry.into())));
    (failed(&runs), names(covering))
}

/// A sample of the switches: with every one of them, the scenarios that cover its entry fail, and no other does.
#[test]
fn a_switch_makes_the_scenarios_that_cover_it_react_and_no_others() {
    for (switch, entry) in [
        ("window-unlimited", "001-14"),
        ("user-at-verify", "001-30"),
        ("purposes-shared", "001-25"),
        ("numbers-as-typed", "001-32"),
        ("attempts-racy", "001-27"),
        ("gate-shut", "001-07"),
        ("cooldown-off", "001-15"),
    ] {
        let (failed, covering) = reaction("faults: none", &format!("faults: {switch}"), entry);
        assert!(!covering.is_empty(), "{entry} is covered by nothing");
        assert_eq!(failed, covering, "{switch}");
    }
    let (failed, covering) = reaction("client_retry: back-off", "client_retry: aggressive", "001-16");
    assert_eq!(failed, covering, "the other way round: the scenarios react to the front end alone");
    assert_eq!(reaction("faults: none", "faults: none", "001-01").0, BTreeSet::new(), "healthy");
}

/// What nothing goes without is covered by few scenarios and moves many: all that have a code sent, and no other.
#[test]
fn a_wide_switch_makes_whatever_depends_on_it_react_and_nothing_else() {
    let healthy = healthy_runs("faults: none", "faults: none");
    assert_eq!(failed(&healthy), BTreeSet::new());
    let sends = |run: &&Value| {
        let calls = run["calls"].as_array().into_iter().flatten();
        calls.into_iter().any(|call| call["url"].as_str().is_some_and(|url| url.ends_with("/api/v2/send-otp")))
    };
    let sending = names(healthy.iter().filter(sends));
    assert!(!sending.is_empty() && sending.len() < healthy.len(), "{sending:?}");
    for (from, to, entry) in [("faults: none", "faults: unsent", "001-01"), ("provider: authentica", "provider: console", "001-08")] {
        let (failed, covering) = reaction(from, to, entry);
        assert!(
            !covering.is_empty() && covering.is_subset(&failed),
            "{to}: {entry} is covered by {covering:?}, and these react: {failed:?}"
        );
        assert_eq!(failed, sending, "{to}");
    }
}

#[test]
fn a_service_that_is_down_is_not_reported_as_auth_that_is_broken() {
    let world = World::with(
        "scenario: s\norigins:\n  https://api.test: { upstream: \"http://127.0.0.1:9\" }\nsmoke:\n- tcp: https://api.test\nsteps:\n\
         - { get: https://api.test/session, expect: { status: 200 } }\n",
    );
    let ran = world.run_case();
    ran.says(3, &["the service is down: smoke step `tcp https://api.test`", "whether auth works is not known"]);
    assert!(!ran.out.contains("expectation failed") && !ran.err.contains("expectation failed"), "{ran:?}");
}

#[test]
fn a_run_that_ends_at_a_failed_step_tells_what_that_blocks_from_what_it_did_not_reach() {
    let world = World::with(
        "scenario: s\norigins:\n  https://api.test: { stub: [{ path: /token, reply: { status: 503 } }] }\nsteps:\n\
         - { get: https://api.test/token, id: sign-in, expect: { status: 200 } }\n- { get: https://api.test/pay, needs: sign-in }\n- get: https://api.test/health\n",
    );
    world
        .run_case()
        .says(1, &["blocked: get https://api.test/pay (by `get https://api.test/token`)", "not reached: get https://api.test/health"]);
}

#[test]
fn what_depends_on_a_step_that_failed_is_blocked_and_the_rest_is_done() {
    let world = World::with(
        "scenario: s\nsettings: { keep_going: true, snapshot: false }\norigins:\n  https://api.test:\n    stub:\n    - { path: /token, reply: { status: 503 } }\n    \
         - { path: /health, reply: { status: 200 } }\nsteps:\n\
         - { get: https://api.test/token, expect: { status: 200 }, capture: { token: { json: token } } }\n\
         - get: { url: https://api.test/booking, headers: { Authorization: \"Bearer ${token}\" } }\n  id: booking\n  expect: { status: 200 }\n\
         - { get: https://api.test/invoice, needs: booking }\n- { get: https://api.test/health, expect: { status: 200 } }\n",
    );
    let ran = world.run(&["run", "case.yaml", "--json", "report.json"]);
    ran.says(1, &["blocked: get https://api.test/booking (by `get https://api.test/token`)", "blocked: get https://api.test/invoice"]);
    let report: Value = serde_json::from_slice(&std::fs::read(world.path().join("report.json")).expect("a report")).expect("JSON");
    let run = &report["runs"][0];
    assert_eq!(run["blocked"].as_array().map(Vec::len), Some(2));
    let asked: Vec<_> = run["hops"].as_array().expect("hops").iter().map(|hop| hop["url"].clone()).collect();
    assert_eq!(asked, ["https://api.test/token", "https://api.test/health"]);
    assert_eq!(run["reasons"].as_array().map(Vec::len), Some(1), "what is blocked did not fail: {run}");
}
#[test]
fn every_entry_is_covered_and_reproduced() {
    let world = salon("", "");
    let ran = world.run(&["list", "--covers=001", "scenarios"]);
    for nth in 1..=32 {
        let id = format!("001-{nth:02}");
        let line = ran.out.lines().find(|line| line.starts_with(&id)).unwrap_or_else(|| panic!("{id} is covered by nothing:\n{}", ran.out));
        let runs: Vec<_> = line.split_whitespace().skip(1).collect();
        let (healthy, faulty): (Vec<&str>, Vec<&str>) = runs.into_iter().partition(|run| run.ends_with("#healthy"));
        assert!(!faulty.is_empty(), "{id} is reproduced by nothing: {healthy:?}");
    }
}
