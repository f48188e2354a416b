//! HARs in, causes out: recordings of the mosaic system, without what authchain adds, and as Chrome writes them by default.

use crate::world::{Ran, World, project, sanitised};
use serde_json::{Value, json};

/// The recording of one run of the HTTP engine, without `_authchain`.
fn recorded(scenario: &str, variant: &str) -> Value {
    recorded_by("http", scenario, variant)
}

/// The recording of one run, without `_authchain`.
fn recorded_by(engine: &str, scenario: &str, variant: &str) -> Value {
    let world = World::new();
    let path = project().join("scenarios/mosaic").join(scenario);
    let out = world.path().join("run.har");
    let path = path.to_str().expect("a path in UTF-8");
    Ran::of(world.command().args(["run", path, "--filter", variant, "--engine", engine, "--ci", "--quiet", "--har"]).arg(&out))
        .says(0, &[]);
    let mut har: Value = serde_json::from_slice(&std::fs::read(out).expect("a recording")).expect("JSON");
    assert_eq!(har["log"]["version"], "1.2");
    strip(&mut har, &|name| name == "_authchain");
    har
}

/// Takes out the members with such names, at every depth.
fn strip(value: &mut Value, gone: &dyn Fn(&str) -> bool) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !gone(name));
            map.values_mut().for_each(|value| strip(value, gone));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| strip(value, gone)),
        _ => {}
    }
}

/// What `diagnose` says about a HAR: the exit code and the rules of its findings with the hops of their evidence.
fn diagnosed(har: &Value) -> (Ran, Vec<(String, Vec<u64>)>) {
    let world = World::new();
    world.write("ticket.har", har.to_string());
    let ran = world.run(&["diagnose", "ticket.har", "--json", "out.json"]);
    let report: Value = serde_json::from_slice(&std::fs::read(world.path().join("out.json")).expect("a report")).expect("JSON");
    let findings = report["runs"][0]["findings"].as_array().expect("findings").iter().map(|finding| {
        let hops = finding["evidence"].as_array().expect("evidence").iter().filter_map(|evidence| evidence["hop"].as_u64());
        (finding["rule"].as_str().expect("a rule").to_owned(), hops.collect())
    });
    let findings = findings.collect();
    (ran, findings)
}

fn rules(findings: &[(String, Vec<u64>)]) -> Vec<&str> {
    findings.iter().map(|(rule, _)| rule.as_str()).collect()
}

/// The number of the first hop to this URL's path.
fn hop_to(har: &Value, path: &str) -> u64 {
    let entries = har["log"]["entries"].as_array().expect("entries");
    let at = entries.iter().position(|entry| entry["request"]["url"].as_str().unwrap_or_default().contains(path)).expect("a request");
    at as u64 + 1
}

#[test]
fn a_healthy_login_has_no_findings_however_it_was_exported() {
    let har = recorded("session.yaml", "healthy");
    let (ran, findings) = diagnosed(&har);
    ran.says(0, &["cookies judged by the rules of chrome"]);
    assert!(findings.is_empty(), "{findings:?}");
    let (ran, findings) = diagnosed(&sanitised(har));
    ran.says(0, &["neither cookies nor Authorization", "Export HAR (with sensitive data)"]);
    assert!(findings.iter().all(|(rule, _)| rule == "har-sanitised"), "{findings:?}");
}

#[test]
fn a_401_after_a_valid_cookie_names_both_endpoints() {
    let har = recorded("session.yaml", "bearer");
    let (ran, findings) = diagnosed(&har);
    ran.says(1, &["finding[session-endpoints-disagree]"]);
    assert_eq!(rules(&findings), ["session-endpoints-disagree"]);
    assert_eq!(findings[0].1, [hop_to(&har, "/auth/get-session"), hop_to(&har, "/auth/session")]);
    // Without cookies nobody can say that both got the same ones.
    let (ran, findings) = diagnosed(&sanitised(har));
    ran.says(0, &["cannot be told"]);
    assert!(findings.iter().all(|(rule, _)| rule == "har-sanitised"), "{findings:?}");
}

#[test]
fn a_loop_is_its_cycle_with_and_without_cookies() {
    for (variant, rule) in [("silent-sso", "redirect-auth-cycle"), ("guards-disagree", "redirect-ping-pong-guards")] {
        let har = recorded("loops.yaml", variant);
        for har in [har.clone(), sanitised(har)] {
            let (ran, findings) = diagnosed(&har);
            ran.says(1, &["a loop of"]);
            assert!(rules(&findings).contains(&rule), "{variant}: {findings:?}");
            assert!(!ran.out.contains("set no session cookie"), "{}", ran.out);
        }
    }
}

#[test]
fn the_default_error_route_is_found_at_the_callback() {
    let har = recorded("error-route.yaml", "forgotten");
    for har in [har.clone(), sanitised(har)] {
        let callback = hop_to(&har, "/callback/authentik");
        let (ran, findings) = diagnosed(&har);
        ran.says(1, &["email_is_missing"]);
        for rule in ["callback-error", "error-lands-on-wrong-origin"] {
            let found = findings.iter().find(|(found, _)| found == rule).unwrap_or_else(|| panic!("{rule}: {findings:?}"));
            assert_eq!(found.1[0], callback, "{rule}");
        }
    }
}

/// The failures that began it all, as Chromium meets them: what its HAR says, and what is left without cookies.
#[test]
fn failures_in_a_real_browser_are_found_at_their_hop() {
    // 401 after a valid cookie.
    let har = recorded_by("browser", "session.yaml", "bearer");
    let (ran, findings) = diagnosed(&har);
    ran.says(1, &["finding[session-endpoints-disagree]"]);
    assert_eq!(rules(&findings), ["session-endpoints-disagree"]);
    assert_eq!(findings[0].1, [hop_to(&har, "/auth/get-session"), hop_to(&har, "/auth/session")]);
    assert_weaker(&har, &[]);

    // Back at the login page, by the dashboard's own script.
    let har = recorded_by("browser", "back-at-login.yaml", "bearer");
    let (ran, findings) = diagnosed(&har);
    ran.says(1, &["finding[session-refused]", "answered 401"]);
    assert_eq!(rules(&findings), ["session-refused"]);
    assert_eq!(findings[0].1, [hop_to(&har, "/callback/authentik"), hop_to(&har, "/auth/session")]);
    assert_weaker(&har, &[]);

    // The default error route, on the root of the API.
    let har = recorded_by("browser", "error-route.yaml", "forgotten");
    let callback = hop_to(&har, "/callback/authentik");
    let (_, findings) = diagnosed(&har);
    assert_eq!(rules(&findings), ["callback-error", "error-lands-on-wrong-origin"]);
    assert!(findings.iter().all(|(_, hops)| hops[0] == callback), "{findings:?}");
    assert_weaker(&har, &["callback-error", "error-lands-on-wrong-origin"]);

    // Silent sign-on, round and round.
    let har = recorded_by("browser", "loops.yaml", "silent-sso");
    let (ran, findings) = diagnosed(&har);
    ran.says(1, &["a loop of 4 hops", "first failed gate ACCEPTED"]);
    assert_eq!(rules(&findings), ["redirect-auth-cycle"]);
    assert_weaker(&har, &["redirect-auth-cycle"]);
}

/// Without cookies and Authorization nothing else is found than `left`, and the way to a better recording is told.
fn assert_weaker(har: &Value, left: &[&str]) {
    let (ran, findings) = diagnosed(&sanitised(har.clone()));
    ran.says(i32::from(!left.is_empty()), &["neither cookies nor Authorization", "Export HAR (with sensitive data)"]);
    let found: Vec<_> = rules(&findings).into_iter().filter(|rule| *rule != "har-sanitised").collect();
    assert_eq!(found, left);
}

#[test]
fn a_redacted_recording_is_diagnosed_alike_and_holds_no_value() {
    let har = recorded("session.yaml", "bearer");
    let world = World::new();
    world.write("in.har", har.to_string());
    world.run(&["redact", "in.har", "out.har"]).says(0, &["12 entries without their secrets"]);
    let text = std::fs::read_to_string(world.path().join("out.har")).expect("a redacted recording");
    let entries = har["log"]["entries"].as_array().expect("entries");
    let cookies = entries.iter().flat_map(|entry| entry["request"]["cookies"].as_array().expect("cookies"));
    let values: Vec<_> = cookies.filter_map(|cookie| cookie["value"].as_str()).collect();
    assert!(!values.is_empty());
    for value in values {
        assert!(!text.contains(value), "{value} in {text}");
    }
    let (_, findings) = diagnosed(&serde_json::from_str(&text).expect("JSON"));
    assert_eq!(findings, diagnosed(&har).1);
}

/// What one browser keeps another refuses: the HAR tells whose rules hold, and so may the command line.
#[test]
fn cookies_are_judged_by_the_rules_of_the_browser_that_was_recorded() {
    let entry = |agent: &str, url: &str, set: &[&str]| {
        let fields: Vec<_> = set.iter().map(|line| json!({ "name": "Set-Cookie", "value": line })).collect();
        json!({
            "startedDateTime": "2026-03-01T12:00:00.000Z", "time": 5,
            "request": { "method": "GET", "url": url, "headers": [{ "name": "User-Agent", "value": agent }, { "name": "Cookie", "value": "seen=1" }] },
            "response": { "status": 200, "headers": fields, "content": { "mimeType": "text/html", "text": "<title>Home</title>" } },
        })
    };
    let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36";
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
    let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
    let cases = [
        ("http://localhost:3000/", "session=v; Secure", "cookie-secure-over-http", [false, false, true, false]),
        ("https://app.test/", "session=v; SameSite=None", "cookie-none-insecure", [true, true, false, false]),
    ];
    for (url, line, rule, refused) in cases {
        for (agent, refused) in [chrome, firefox, safari, "curl/8.14.1"].into_iter().zip(refused) {
            let har =
                json!({ "log": { "version": "1.2", "creator": { "name": "x", "version": "1" }, "entries": [entry(agent, url, &[line])] } });
            let (_, findings) = diagnosed(&har);
            assert_eq!(rules(&findings).contains(&rule), refused, "{agent}: {findings:?}");
        }
    }
    let world = World::new();
    let har = json!({ "log": { "version": "1.2", "entries": [entry(chrome, "http://localhost:3000/", &["session=v; Secure"])] } });
    world.write("ticket.har", har.to_string());
    world
        .run(&["diagnose", "ticket.har", "--user-agent", "safari"])
        .says(1, &["finding[cookie-secure-over-http]", "by the rules of safari"]);
}

#[test]
fn what_is_no_har_is_refused_and_what_is_half_one_is_read() {
    let world = World::new();
    world.write("page.har", "<html>");
    world.run(&["diagnose", "page.har"]).says(2, &["it is no HAR", "line 1, column 1"]);
    world.run(&["diagnose", "absent.har"]).says(2, &["could not be read"]);
    world.run(&["redact", "page.har", "out.har"]).says(2, &["it is no HAR"]);
    assert!(!world.path().join("out.har").exists());
    world.run(&["redact", "page.har", "page.har"]).says(2, &["the same file"]);
    world.write("half.har", r#"{"log": {"entries": [{"request": {"url": "https://a.test/"}, "response": {"status": 200}}, {"requ"#);
    world.run(&["diagnose", "half.har"]).says(0, &["entry 2", "the file ends here", "1 requests"]);
}
