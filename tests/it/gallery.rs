//! The gallery: every case is walked in both engines, and found for what it is; then its recording, without what authchain adds,
//! is diagnosed to the same rules at the same hops.

use crate::world::{Ran, World, project, sanitised};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// One run: what was found in it, and its part of the recording, without what authchain adds.
struct Run {
    name: String,
    findings: Findings,
    har: Value,
}

/// Rules with the hops of their evidence, counted from one.
type Findings = BTreeMap<String, BTreeSet<u64>>;

/// Walks all scenarios in a folder.
fn walked(world: &World, folder: &str, engine: &str) -> Vec<Run> {
    let out = world.path().join(format!("{engine}.har"));
    let mut command = world.command();
    // Some hundred runs, on a machine that may be busy.
    command
        .timeout(Duration::from_secs(600))
        .current_dir(project())
        .args(["run", folder, "--engine", engine, "--ci", "--quiet", "--har"])
        .arg(&out);
    Ran::of(&mut command).says(0, &[]);
    taken_apart(&out)
}

/// The runs of a recording.
fn taken_apart(path: &Path) -> Vec<Run> {
    let har: Value = serde_json::from_slice(&std::fs::read(path).expect("a recording")).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    let runs = har["log"]["_authchain"]["runs"].as_array().expect("runs");
    let first = |run: &Value| usize::try_from(run["first_hop"].as_u64().expect("a place")).expect("few");
    let ends = runs.iter().skip(1).map(first).chain([entries.len()]);
    let part = |(run, end): (&Value, usize)| {
        let begin = first(run);
        // A recording is read by its times: what a preflight and its request have in common is the millisecond, not the order.
        let mut by_time: Vec<u64> = (begin..end).map(|at| at as u64).collect();
        by_time.sort_by_key(|at| entries[*at as usize]["startedDateTime"].as_str());
        let place = |hop: u64| by_time.iter().position(|at| *at == hop).expect("a hop of this run") as u64 + 1;
        let findings = run["findings"].as_array().expect("findings").iter().fold(Findings::new(), |mut all, finding| {
            let hops = finding["evidence"].as_array().expect("evidence").iter().filter_map(|evidence| evidence["hop"].as_u64());
            let own = all.entry(finding["rule"].as_str().expect("a rule").to_owned()).or_default();
            own.extend(hops.map(place));
            all
        });
        let mut entries = Value::Array(entries[begin..end].to_vec());
        strip(&mut entries);
        let har = json!({ "log": { "version": "1.2", "creator": { "name": "a browser", "version": "1" }, "entries": entries } });
        Run { name: run["name"].as_str().expect("a name").to_owned(), findings, har }
    };
    runs.iter().zip(ends).map(part).collect()
}

/// Takes out what authchain adds to the format, at every depth.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("_authchain");
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Whether a request of the recording carries cookies.
fn has_cookies(har: &Value) -> bool {
    let entries = har["log"]["entries"].as_array().expect("entries").iter();
    let mut fields = entries.flat_map(|entry| entry["request"]["headers"].as_array().expect("fields"));
    fields.any(|field| field["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("cookie")))
}

/// Whether a request of the recording has no answer.
fn has_holes(har: &Value) -> bool {
    har["log"]["entries"].as_array().expect("entries").iter().any(|entry| entry["response"]["status"] == 0)
}

/// What is found in a recording, and which of it breaks the chain.
fn diagnosed(world: &World, har: &Value) -> (Findings, BTreeSet<String>) {
    world.write("ticket.har", har.to_string());
    let ran = world.run(&["diagnose", "ticket.har", "--quiet", "--json", "out.json"]);
    assert!(matches!(ran.code, 0 | 1), "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_slice(&std::fs::read(world.path().join("out.json")).expect("a report")).expect("JSON");
    let (mut all, mut errors) = (Findings::new(), BTreeSet::new());
    for finding in report["runs"][0]["findings"].as_array().expect("findings") {
        let rule = finding["rule"].as_str().expect("a rule").to_owned();
        if finding["standing"] == "fails" {
            errors.insert(rule.clone());
        }
        let hops = finding["evidence"].as_array().expect("evidence").iter().filter_map(|evidence| evidence["hop"].as_u64());
        all.entry(rule).or_default().extend(hops);
    }
    (all, errors)
}

/// What only a run can know, and why a recording of it does not show it.
const NOT_IN_A_HAR: [(&str, &str); 6] = [
    ("callback-other-context", "a recording is of one browser"),
    ("magic-link-consumed", "a recording has neither the mail nor what its scanner did"),
    ("redirect-uri-near-miss", "a recording does not tell what is registered at the provider"),
    ("refresh-not-written-back", "a recording has nothing of what servers ask each other"),
    ("logout-server-session-alive", "a browser does not ask so by itself, and a recording does not tell who did"),
    ("state-not-verified", "a browser does not ask so by itself, and a recording does not tell who did"),
];

/// Rules that no scenario brings about, and why a browser and a server cannot.
const NOT_SHOWN: [(&str, &str); 8] = [
    ("config-drift", "what is declared in the repository must be known"),
    ("deploy-sha-mismatch", "the commit that should be deployed must be known"),
    ("deploy-unverifiable", "it is about what a deployment tells of itself"),
    ("stale-client-bundle", "the build that should be deployed must be known"),
    ("state-saved-too-early", "it is about what a test saved of a browser, not about what the browser did"),
    ("har-no-redirect-bodies", "it is about a recording with holes: see `what_no_browser_does_is_found_in_recordings`"),
    ("har-sanitised", "it is about a recording without cookies: see `what_no_browser_does_is_found_in_recordings`"),
    ("redirect-leaks-credentials", "browsers do not, and neither do our engines: see `what_no_browser_does_is_found_in_recordings`"),
];

/// Holds the recording of each run to what was found in the run: the same rules, at the same hops.
fn hold(runs: &[Run]) {
    let world = World::new();
    let mut wrong = Vec::new();
    // What a probe asks is no part of what a browser records.
    for run in runs.iter().filter(|run| !run.name.contains("gallery/probes")) {
        let (found, _) = diagnosed(&world, &run.har);
        for (rule, hops) in &run.findings {
            let excused = NOT_IN_A_HAR.iter().any(|(known, _)| rule == known);
            match found.get(rule) {
                Some(same) if same == hops => {}
                Some(other) => wrong.push(format!("{}: {rule} at hops {hops:?}, and in the recording at {other:?}", run.name)),
                None if excused => {}
                None => wrong.push(format!("{}: {rule} is not found in the recording: {found:?}", run.name)),
            }
        }
        // Of a case without any cookie a recording may say that it has none, and of one that leads nowhere that an answer is missing.
        let own = |rule: &String| {
            let of_recording =
                || rule == "har-sanitised" && !has_cookies(&run.har) || rule == "har-no-redirect-bodies" && has_holes(&run.har);
            run.findings.contains_key(rule) || of_recording()
        };
        for rule in found.keys().filter(|rule| !own(rule)) {
            wrong.push(format!("{}: {rule} is found in the recording alone", run.name));
        }
        // Weaker, and never wrong.
        let (weaker, errors) = diagnosed(&world, &sanitised(run.har.clone()));
        for (rule, hops) in weaker.iter().filter(|(rule, _)| errors.contains(*rule)) {
            // The same place, though perhaps by another name: without cookies a loop is a loop, whatever it is about.
            if !run.findings.values().any(|known| known.intersection(hops).next().is_some()) {
                wrong.push(format!("{}: without cookies {rule} is found at {hops:?}", run.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_is_found_for_what_it_is_and_so_is_its_recording() {
    let world = World::new();
    let runs = walked(&world, "scenarios/gallery", "http");
    hold(&runs);
}

#[test]
fn every_case_is_found_in_a_real_browser_and_so_is_its_recording() {
    let world = World::new();
    let runs = walked(&world, "scenarios/gallery", "browser");
    hold(&runs);
}

/// The rules that the scenarios in a folder of `scenarios/` say they reproduce.
fn shown_in(folder: &str) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for entry in std::fs::read_dir(project().join("scenarios").join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path())
    {
        if entry.extension().is_some_and(|end| end == "yaml") {
            let text = std::fs::read_to_string(entry).expect("a scenario");
            let lists = text.split("finds: [").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0.to_owned()));
            shown.extend(lists.flat_map(|list| list.split(',').map(|id| id.trim().to_owned()).collect::<Vec<_>>()));
        }
    }
    shown
}

/// Every rule, with what it must see to decide.
fn catalogue(world: &World) -> BTreeMap<String, String> {
    let listed = world.run(&["explain", "--list"]).out;
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let (id, needs) = (words.next()?, words.nth(2)?);
        id.contains('-').then(|| (id.to_owned(), needs.to_owned()))
    };
    listed.lines().filter_map(row).collect()
}

/// A rule is shown live, or says why it cannot be.
#[test]
fn every_rule_is_shown_or_says_why_not() {
    let rules = catalogue(&World::new());
    assert!(rules.len() > 100, "{rules:?}");
    let folders = ["gallery", "browser", "mosaic", "salon", "authsession", "providers"];
    let shown: BTreeSet<String> = folders.into_iter().flat_map(shown_in).collect();
    let excused: BTreeSet<String> = NOT_SHOWN.iter().map(|(id, _)| (*id).to_owned()).collect();
    let unknown: Vec<_> = shown.union(&excused).filter(|id| !rules.contains_key(*id)).collect();
    assert!(unknown.is_empty(), "no rule is called {unknown:?}");
    let known = |id: &String| shown.contains(id) || excused.contains(id);
    let missing: Vec<_> = rules.keys().filter(|id| !known(id)).collect();
    assert!(missing.is_empty(), "no scenario shows {missing:?}, and nothing says why not");
    let both: Vec<_> = shown.intersection(&excused).collect();
    assert!(both.is_empty(), "{both:?} are shown, and need no excuse");
}

/// What the scenarios say of a case is what the case says of itself.
#[test]
fn scenarios_and_cases_agree() {
    let world = World::new();
    let runs = walked(&world, "scenarios/gallery", "http");
    assert!(runs.len() > 50);
    let folder = project().join("scenarios/gallery");
    let mut texts = String::new();
    for entry in std::fs::read_dir(folder).expect("the gallery").map(|entry| entry.expect("an entry").path()) {
        if entry.is_file() {
            texts.push_str(&std::fs::read_to_string(entry).expect("a scenario"));
        }
    }
    for case in authchain_lab::gallery::cases() {
        let line = texts.lines().find(|line| line.contains(&format!("case: {}", case.name)) && ends(line, case.name));
        let line = line.unwrap_or_else(|| panic!("no scenario shows `{}`", case.name));
        let finds = texts.lines().find(|other| other.contains(&format!("  {}: {{ finds:", case.name))).unwrap_or(line);
        let declared = finds.split_once("finds: [").map(|(_, rest)| rest.split(']').next().unwrap_or_default().split(", ").collect());
        let declared: BTreeSet<&str> = declared.unwrap_or_default();
        assert_eq!(declared, case.finds.iter().copied().collect(), "{}", case.name);
        for id in case.spares {
            world.run(&["explain", id]).says(0, &[id]);
        }
        for run in runs.iter().filter(|run| run.name.ends_with(&format!("#{}", case.name))) {
            assert!(case.spares.iter().all(|spared| !run.findings.contains_key(*spared)), "{}: {:?}", case.name, run.findings);
        }
    }
}

/// Whether the case's name ends where `name` does.
fn ends(line: &str, name: &str) -> bool {
    line.split_once(&format!("case: {name}")).is_some_and(|(_, rest)| rest.starts_with([',', ' ', '}']))
}

/// A recording of these entries.
fn recording(entries: &Value) -> Value {
    json!({ "log": { "version": "1.2", "creator": { "name": "a client", "version": "1" }, "entries": entries } })
}

/// A GET with these fields, its answer, and when it was asked, in seconds.
fn asked(second: u32, url: &str, fields: &[(&str, &str)], status: u16, says: &[(&str, &str)]) -> Value {
    let headers = |fields: &[(&str, &str)]| fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>();
    json!({
        "startedDateTime": format!("2026-03-01T12:00:{second:02}Z"), "time": 10,
        "request": { "method": "GET", "url": url, "headers": headers(fields) },
        "response": { "status": status, "headers": headers(says), "content": { "mimeType": "text/html", "text": "<title>x</title>" } }
    })
}

#[test]
fn what_no_browser_does_is_found_in_recordings() {
    let world = World::new();
    let found = |entries: Value| diagnosed(&world, &recording(&entries)).0;
    // A client that takes what it was given along to wherever it is led.
    let led = |field: (&str, &str)| {
        let to = "https://cdn.partner.test/report";
        found(json!([
            asked(0, "https://api.shop.test/report", &[("Authorization", "Bearer aB3dE5gH7jK9mN1pQ3")], 302, &[("Location", to)]),
            asked(1, to, &[field], 200, &[])
        ]))
    };
    let leaks = |found: &Findings| found.get("redirect-leaks-credentials").cloned();
    assert_eq!(leaks(&led(("Authorization", "Bearer aB3dE5gH7jK9mN1pQ3"))), Some(BTreeSet::from([1, 2])));
    assert_eq!(leaks(&led(("Accept", "*/*"))), None);

    // A recording without cookies, and one with a hole where the provider's answer was.
    let session = ("Set-Cookie", "session=aB3dE5gH7jK9mN1p; Path=/; HttpOnly; Secure; SameSite=Lax");
    let login = |sets: &[(&str, &str)], sends: &[(&str, &str)], status: u16| {
        let says = [&[("Location", "/home")], sets].concat();
        found(json!([
            asked(0, "https://app.shop.test/login", &[("Sec-Fetch-Dest", "document")], 303, &says),
            asked(1, "https://app.shop.test/home", &[&[("Sec-Fetch-Dest", "document")], sends].concat(), status, &[])
        ]))
    };
    let sends = [("Cookie", "session=aB3dE5gH7jK9mN1p")];
    assert!(login(&[], &[], 200).contains_key("har-sanitised"));
    assert!(login(&[session], &sends, 0).contains_key("har-no-redirect-bodies"));
    let whole = login(&[session], &sends, 200);
    assert!(whole.is_empty(), "{whole:?}");
}
