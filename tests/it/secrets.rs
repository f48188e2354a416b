//! No secret is ever printed or written, in whatever spelling it comes back.

use crate::world::{Ran, World};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

const PASSWORD: &str = "s3cr3t-pa\"ss wörd+?";
/// Parts of the password that none of its spellings change.
const PARTS: [&str; 2] = ["s3cr3t", "rd+?"];
const KEY: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nabcdefghijklmnopqrst\n-----END KEY-----\n";

/// A server that answers with what it was asked.
fn mirror() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut asked = vec![0; 65536];
                let Ok(length) = stream.read(&mut asked) else { return };
                let body = serde_json::json!({ "asked": String::from_utf8_lossy(&asked[..length]) }).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: back={PASSWORD}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                // The client may hang up first.
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body.as_bytes());
            });
        }
    });
    port
}

fn scenario() -> String {
    r#"
scenario: case
secrets: { pw: { env: PW }, key: { env: KEY } }
origins:
  http://app.example.test: { upstream: "http://127.0.0.1:PORT" }
  http://log.example.test:
    process:
      run: [sh, -c, "echo \"$PASSWORD\"; echo \"$KEY\"; printf 'u:%s' \"$PASSWORD\" | base64; echo ready; exec sleep 60"]
      env: { PASSWORD: "${secret.pw}", KEY: "${secret.key}" }
      ready: { log: ready }
steps:
  - get: { url: "http://app.example.test/a/${secret.pw}?q=${secret.pw}", headers: { x-key: "${secret.pw}" } }
    id: first
    capture: { all: { json: asked } }
  - post: { url: "http://app.example.test/b", form: { p: "${secret.pw}" }, query: { again: "${all}" } }
  - cookies: { at: "http://app.example.test/", set: "c=${secret.pw}" }
  - post: { url: "http://app.example.test/c", json: { p: "${secret.pw}" } }
    expect:
      status: 404
      body: nothing
      json: { asked: nothing }
      url: { contains: "${secret.pw}" }
      cookie: { c: { value: nothing }, back: { value: nothing } }
"#
    .replace("PORT", &mirror().to_string())
}

fn assert_hidden(what: &str, text: &str) {
    let key = KEY.lines().filter(|line| !line.starts_with('-'));
    let base64 = "czNjcjN0"; // Where `u:` stands before it, the password begins at another place of a group.
    for part in PARTS.into_iter().chain(key).chain([base64, "M2NyM3Qt", "NjcjN0L"]) {
        assert!(!text.contains(part), "{what} shows {part:?}:\n{text}");
    }
}

/// Where a verdict cuts a text, or tells where two part, a part of a secret must not be left.
#[test]
fn secrets_are_hidden_where_a_verdict_cuts_them() {
    let token = "tok_live_Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY";
    let text = format!("{}{PASSWORD}", "x".repeat(290));
    let scenario = r#"
scenario: case
secrets: { pw: { env: PW } }
origins:
  http://app.example.test:
    stub:
      - { path: /a, reply: { json: { padded: "PADDING${secret.pw}", token: TOKEN, access_token: TOKEN } } }
steps:
  - get: http://app.example.test/a
    expect:
      body: nothing
      json: { padded: "PADDING${secret.pw} and more", token: "TOKEN and more", access_token: { ends_with: "uvw" } }
"#;
    let scenario = scenario.replace("PADDING", &"x".repeat(290)).replace("TOKEN", token);
    let world = World::with(&scenario);
    let ran = Ran::of(world.command().env("PW", PASSWORD).args(["run", "case.yaml", "--json", "out.json"]));
    ran.says(1, &["they part at character"]);
    let json = std::fs::read_to_string(world.path().join("out.json")).expect("a report");
    for (what, told) in [("standard error", &ran.err), ("standard output", &ran.out), ("out.json", &json)] {
        assert!(!told.contains(&text[..text.len() - 3]), "{what}");
        for part in ["s3cr", "wörd", "Zm9v", "OWFi", "rstuv"] {
            assert!(!told.contains(part), "{what} shows {part:?}:\n{told}");
        }
    }
}

#[test]
fn secrets_are_hidden_in_everything_that_is_printed_and_written() {
    let world = World::with(&scenario());
    let run = |args: &[&str]| Ran::of(world.command().env("PW", PASSWORD).env("KEY", KEY).env("RUST_LOG", "trace").args(args));
    let ran = run(&["run", "case.yaml", "--trace", "--json", "out.json", "--junit", "out.xml"]);
    ran.says(1, &["‹secret:pw›", "‹secret:key›", "last lines of http://log.example.test"]);
    assert_hidden("standard error", &ran.err);
    assert_hidden("standard output", &ran.out);
    for file in ["out.json", "out.xml"] {
        assert_hidden(file, &std::fs::read_to_string(world.path().join(file)).expect("a report"));
    }
    let whole = std::fs::read_to_string(world.path().join("case.yaml")).expect("the scenario");
    let (passing, _) = whole.split_once("    expect:").expect("the expectations come last");
    world.write("case.yaml", passing);
    run(&["run", "case.yaml", "--update"]).says(0, &[]);
    assert_hidden("the snapshot", &std::fs::read_to_string(world.path().join("snapshots/case.snap")).expect("a snapshot"));
}
