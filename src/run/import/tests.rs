use super::*;
use serde_json::{Value, json};

fn pair(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

/// A login by a form: the page, what is posted, the way back.
fn login() -> Value {
    let page = "<form method=post action=/login><input type=hidden name=csrf value=Qx9dL2mN7pR4tV1w><label>Name <input name=user></label>\
                <label>Password <input type=password name=geheim></label><button>Log in</button></form>";
    let fields = |site: &str| {
        json!([
            pair("Sec-Fetch-Dest", "document"),
            pair("Sec-Fetch-Mode", "navigate"),
            pair("Sec-Fetch-Site", site),
            pair("Sec-Fetch-User", "?1")
        ])
    };
    let mut opened = fields("none");
    opened.as_array_mut().unwrap().push(pair("Cookie", "theme=Kq8Wm3Zx7Yp2dark; old=aB3dE5gH7jK9mN1p"));
    json!({"log": {"version": "1.2", "entries": [
        {"startedDateTime": "2026-03-01T12:00:00Z", "time": 10, "request": {"method": "GET", "url": "https://app.test/login", "headers": opened},
         "response": {"status": 200, "headers": [pair("Content-Type", "text/html")], "content": {"mimeType": "text/html", "text": page}}},
        {"startedDateTime": "2026-03-01T12:00:02Z", "time": 10,
         "request": {"method": "POST", "url": "https://app.test/login", "headers": [pair("Content-Type", "application/x-www-form-urlencoded"),
             pair("Sec-Fetch-Dest", "document"), pair("Sec-Fetch-Mode", "navigate"), pair("Sec-Fetch-Site", "same-origin"), pair("Sec-Fetch-User", "?1"), pair("Cookie", "theme=Kq8Wm3Zx7Yp2dark; old=aB3dE5gH7jK9mN1p")],
             "postData": {"mimeType": "application/x-www-form-urlencoded", "text": "csrf=Qx9dL2mN7pR4tV1w&user=ada&geheim=correcthorse"}},
         "response": {"status": 303, "headers": [pair("Location", "/home"), pair("Set-Cookie", "old=Zz9yX8wV7uT6sR5q; Path=/; HttpOnly; Max-Age=60")]}},
        {"startedDateTime": "2026-03-01T12:00:02.020Z", "time": 10, "request": {"method": "GET", "url": "https://app.test/home", "headers": fields("same-origin")},
         "response": {"status": 200, "headers": [pair("Content-Type", "text/html")], "content": {"mimeType": "text/html", "text": "<h1>Hello</h1>"}}}
    ]}})
}

fn imported(har: &Value) -> (tempfile::TempDir, Result<Imported, NotImported>) {
    let world = tempfile::tempdir().unwrap();
    let input = world.path().join("my ticket.har");
    std::fs::write(&input, har.to_string()).unwrap();
    let request = ImportRequest { input, folder: world.path().join("out"), force: false };
    let imported = import(&request, |_| {});
    (world, imported)
}

#[test]
fn a_login_becomes_steps_and_no_secret_reaches_the_disk() {
    let (world, imported) = imported(&login());
    let imported = imported.unwrap();
    assert_eq!(imported.scenario, world.path().join("out/my-ticket.yaml"));
    let text = std::fs::read_to_string(&imported.scenario).unwrap();
    let recording = std::fs::read_to_string(&imported.recording).unwrap();
    for secret in ["correcthorse", "Qx9dL2mN7pR4tV1w", "aB3dE5gH7jK9mN1p", "Zz9yX8wV7uT6sR5q", "Kq8Wm3Zx7Yp2dark"] {
        assert!(!text.contains(secret) && !recording.contains(secret), "{secret}");
    }
    let steps = text.split_once("steps:\n").unwrap().1;
    let lines: Vec<_> = steps.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    assert!(
        lines[0].starts_with("  - cookies: { at: \"https://app.test/\", set: [\"theme=") && lines[0].contains("SameSite=None; Secure"),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains("\"old=") && lines[0].contains("; Path=/; HttpOnly\"") && !lines[0].contains("Max-Age"), "{}", lines[0]);
    assert_eq!(
        lines[1..],
        [
            "  - open: \"https://app.test/login\"",
            "  - fill: { \"name=user\": ada, \"name=geheim\": \"${secret.geheim}\" }",
            "  - click: Log in"
        ]
    );
    assert!(
        text.contains("  geheim: { env: GEHEIM, default: not-recorded }\n") && text.starts_with("# yaml-language-server: $schema="),
        "{text}"
    );
    assert_eq!(std::fs::read_dir(world.path().join("out")).unwrap().count(), 2, "two files and nothing else");
    let asked = crate::run::Request { paths: vec![imported.scenario], ..Default::default() };
    assert!(crate::run::prepare(&asked).is_ok_and(|prepared| prepared.warnings.is_empty() && prepared.plans.len() == 1));
}

#[test]
fn what_is_there_is_not_written_over_and_what_fails_leaves_nothing() {
    let (world, first) = imported(&login());
    assert!(first.is_ok());
    let request = |force| ImportRequest { input: world.path().join("my ticket.har"), folder: world.path().join("out"), force };
    assert!(matches!(import(&request(false), |_| {}), Err(NotImported::There(path)) if path.ends_with("my-ticket.yaml")));
    assert!(import(&request(true), |_| {}).is_ok());
    let (world, nothing) = imported(&json!({"log": {"entries": []}}));
    assert!(matches!(nothing, Err(NotImported::Nothing)) && !world.path().join("out").exists());
    let (world, no_har) = imported(&json!("<html>"));
    assert!(matches!(no_har, Err(NotImported::Unreadable(_))) && !world.path().join("out").exists());
}

#[test]
fn requests_of_tools_become_requests() {
    let (_world, imported) = imported(&json!({"log": {"entries": [
        {"request": {"method": "POST", "url": "https://api.test/login", "headers": [pair("Content-Type", "application/json")],
                     "postData": {"mimeType": "application/json", "text": json!({"email": "a@x.test", "password": "correcthorse", "note": "${x}"}).to_string()}},
         "response": {"status": 401}},
        {"request": {"method": "PROPFIND", "url": "https://api.test/x"}, "response": {"status": 200}}
    ]}}));
    let text = std::fs::read_to_string(imported.unwrap().scenario).unwrap();
    assert!(
        text.contains(
            r#"  - post: { url: "https://api.test/login", json: {"email":"a@x.test","password":"${secret.password}","note":"$${x}"} }"#
        ),
        "{text}"
    );
    assert!(text.contains("# propfind /x is left out"), "{text}");
}
