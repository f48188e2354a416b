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

/// What is put back for pages that were asked for with these cookies, and answered with these Set-Cookie lines.
fn put_back(pages: &[(&str, &str, &str)]) -> Vec<String> {
    let entry = |(second, (url, cookies, sets)): (usize, &(&str, &str, &str))| {
        let sent = if cookies.is_empty() { json!([]) } else { json!([pair("Cookie", cookies), pair("Sec-Fetch-Dest", "document")]) };
        let set = if sets.is_empty() { json!([]) } else { json!([pair("Set-Cookie", sets)]) };
        json!({"startedDateTime": format!("2026-03-01T12:00:{second:02}Z"), "time": 1, "request": {"method": "GET", "url": url, "headers": sent},
               "response": {"status": 200, "headers": set, "content": {"mimeType": "text/html", "text": "<p>x</p>"}}})
    };
    let entries: Vec<_> = pages.iter().enumerate().map(entry).collect();
    let (_world, imported) = imported(&json!({"log": {"entries": entries}}));
    imported.unwrap().before.into_iter().flat_map(|(origin, lines)| lines.into_iter().map(move |line| format!("{origin} {line}"))).collect()
}

/// Names and attributes without the stand-ins.
fn shape(lines: &[String]) -> Vec<String> {
    let bare = |line: &String| {
        let (head, rest) = line.split_once('=').unwrap();
        format!("{head}{}", rest.split_once(';').map(|(_, attributes)| format!(";{attributes}")).unwrap_or_default())
    };
    lines.iter().map(bare).collect()
}

#[test]
fn what_the_browser_had_before_is_told_from_what_it_got() {
    const HOME: &str = "https://app.test/home";
    const VALUE: &str = "sid=aB3dE5gH7jK9mN1p";
    let wide = "https://app.test sid; Path=/; SameSite=None; Secure";
    assert_eq!(shape(&put_back(&[(HOME, VALUE, "")])), [wide]);
    assert!(put_back(&[("https://app.test/login", "", "sid=Zz9yX8wV7uT6sR5q; Path=/"), (HOME, VALUE, "")]).is_empty(), "it was set");
    assert!(put_back(&[(HOME, "", ""), (HOME, VALUE, "")]).is_empty(), "a script set it: the same page was asked for without");
    // Another host's cookie of that name is another cookie, unless it is for all below one domain.
    let elsewhere = |sets: &str| shape(&put_back(&[("https://id.shop.test/", "", sets), ("https://www.shop.test/", VALUE, "")]));
    assert_eq!(elsewhere("sid=Zz9yX8wV7uT6sR5q; Path=/").len(), 1);
    assert!(elsewhere("sid=Zz9yX8wV7uT6sR5q; Path=/; Domain=shop.test").is_empty());
    // It gets the attributes of the one that takes its place later, unless no jar would have taken those.
    let later = |sets: &str| shape(&put_back(&[(HOME, VALUE, ""), (HOME, VALUE, sets)]));
    assert_eq!(later("sid=Zz9yX8wV7uT6sR5q; Path=/home; Secure; Max-Age=60"), ["https://app.test sid; Path=/home; Secure"]);
    assert_eq!(later("sid=Zz9yX8wV7uT6sR5q; Path=/; SameSite=None"), [wide]);
    assert_eq!(shape(&put_back(&[("http://app.test/", VALUE, "")])), ["http://app.test sid; Path=/"]);
    assert!(put_back(&[("http://app.test/", "__Secure-sid=aB3dE5gH7jK9mN1p", "")]).is_empty(), "no jar takes that");
}
