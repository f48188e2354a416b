//! HARs that become scenarios: a loop recorded in Chromium loops again, in both engines, until an origin is swapped.

use crate::world::{Ran, World, binary, project};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// What Chromium recorded of a run, without `_authchain`, as `ticket.har` in a world of its own.
pub(crate) fn recorded(scenario: &str, filter: &str) -> World {
    let world = World::new();
    let path = world.path().join("ticket.har");
    let mut command = world.command();
    command.args(["run", scenario, "--filter", filter, "--engine", "browser", "--ci", "--quiet", "--har"]).arg(&path);
    Ran::of(&mut command).says(0, &[]);
    let mut har: Value = serde_json::from_slice(&std::fs::read(&path).expect("a recording")).expect("JSON");
    strip(&mut har);
    std::fs::write(path, har.to_string()).expect("written");
    world
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| name != "_authchain");
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The rules that fail or are expected in the only run of a report, and the longest title among them.
fn findings(world: &World, report: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&std::fs::read(world.path().join(report)).expect("a report")).expect("JSON");
    let findings = report["runs"][0]["findings"].as_array().expect("findings");
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    errors
        .map(|finding| (finding["rule"].as_str().unwrap_or_default().to_owned(), finding["title"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

pub(crate) fn scenario(name: &str) -> String {
    project().join("scenarios").join(name).to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_loop_of_production_loops_again_in_both_engines_until_its_origin_is_swapped() {
    let world = recorded(&scenario("mosaic/loops.yaml"), "guards-disagree");
    world.run(&["diagnose", "ticket.har", "--json", "ticket.json"]).says(1, &["redirect-ping-pong-guards"]);
    world.run(&["import", "ticket.har"]).says(0, &["imported/ticket.yaml", "it reproduces redirect-ping-pong-guards"]);
    world.run(&["check", "imported/ticket.yaml"]).says(0, &[]);
    let was = findings(&world, "ticket.json");
    for engine in ["http", "browser"] {
        let report = format!("{engine}.json");
        world.run(&["run", "imported/ticket.yaml", "--engine", engine, "--ci", "--json", &report]).says(0, &[]);
        assert_eq!(findings(&world, &report), was, "{engine}");
    }

    let imported = world.path().join("imported/ticket.yaml");
    let text = std::fs::read_to_string(&imported).expect("a scenario");
    let swap = |origin: &str, with: &str| {
        let line = format!("  \"{origin}\": {{ replay: ticket.redacted.har }}");
        assert!(text.contains(&line), "{text}");
        std::fs::write(&imported, text.replace(&line, &format!("  \"{origin}\": {with}"))).expect("written");
        world.run(&["run", "imported/ticket.yaml", "--ci"])
    };
    // The provider is not to blame: with one of one's own in its place it loops as before, each lap with the provider's own code.
    let provider = "{ idp: { slug: mosaic, users: { jarvis: { password: \"${secret.password}\", claims: { email: j@mosaic.test } } }, \
                    clients: { mosaic: { secret: x, redirect_uris: [\"https://api.mosaic.test/auth/oauth2/callback/authentik\"] } } } }";
    swap("https://auth.diversecanvas.test", provider).says(0, &["1 passed"]);
    // The app is: a build of it whose login page asks no more than the other guard did ends the loop.
    let fixed = "{ process: { run: [authchain, lab, mosaic-web], env: { API_URL: \"https://api.mosaic.test\", PUBLIC_URL: \"https://app.mosaic.test\", GUARDED: server }, ready: { get: /health } } }";
    let ran = swap("https://app.mosaic.test", fixed);
    ran.says(1, &["is there to reproduce `redirect-ping-pong-guards`, but the run does not show it"]);
    assert!(!ran.err.contains("a loop of"), "{}", ran.err);
}

#[test]
fn a_silent_round_of_sign_ins_is_replayed_with_the_state_of_each_lap() {
    let world = recorded(&scenario("mosaic/loops.yaml"), "silent-sso");
    world.run(&["import", "ticket.har", "-o", "out"]).says(0, &["it reproduces redirect-auth-cycle"]);
    for engine in ["http", "browser"] {
        world.run(&["run", "out/ticket.yaml", "--engine", engine, "--ci", "--trace"]).says(0, &["redirect-auth-cycle", "a loop of"]);
    }
}

#[test]
fn no_secret_of_a_recording_reaches_what_is_imported() {
    let world = recorded(&scenario("mosaic/session.yaml"), "bearer");
    world.run(&["import", "ticket.har"]).says(0, &["session-endpoints-disagree"]);
    world.run(&["run", "imported/ticket.yaml", "--engine", "browser", "--ci"]).says(0, &["session-endpoints-disagree"]);
    let har: Value = serde_json::from_slice(&std::fs::read(world.path().join("ticket.har")).expect("a recording")).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    let cookies = entries.iter().flat_map(|entry| entry["request"]["cookies"].as_array().into_iter().flatten());
    let values: Vec<_> = cookies.filter_map(|cookie| cookie["value"].as_str()).filter(|value| value.len() > 8).collect();
    assert!(!values.is_empty());
    for entry in std::fs::read_dir(world.path().join("imported")).expect("a folder") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        assert!(!text.contains("lab-only-password"));
        values.iter().for_each(|value| assert!(!text.contains(value), "{value}"));
    }
}

#[test]
fn misuse_of_import_and_replay_is_told_with_what_to_do() {
    let world = World::new();
    world.write("page.har", "<html>");
    world.write("empty.har", r#"{"log": {"entries": []}}"#);
    world.write(
        "one.har",
        r#"{"log": {"entries": [{"request": {"method": "GET", "url": "https://a.test/"}, "response": {"status": 200}}]}}"#,
    );
    for command in ["import", "replay"] {
        world.run(&[command, "page.har"]).says(2, &["it is no HAR"]);
        world.run(&[command, "absent.har"]).says(2, &["could not be read"]);
        world.run(&[command, "empty.har"]).says(2, &["has no request that was answered", "Preserve log"]);
    }
    assert!(!world.path().join("imported").exists());
    world.run(&["import", "one.har"]).says(0, &["nothing in it is found to be broken"]);
    world.run(&["import", "one.har"]).says(2, &["is there already", "--force"]);
    world.run(&["import", "one.har", "--force"]).says(0, &[]);
    world.run(&["run", "imported/one.yaml", "--ci"]).says(0, &[]);
    let with = |replay: &str| {
        world.write("case.yaml", format!("scenario: x\nsettings: {{ snapshot: false }}\norigins:\n  https://b.test: {{ replay: {replay} }}\nsteps:\n  - get: https://b.test/\n"));
        world.run_case()
    };
    with("one.har").says(2, &["has nothing of https://b.test", "it has https://a.test", "case.yaml:4"]);
    with("absent.har").says(2, &["cannot be served", "could not be read", "authchain import"]);
}

#[test]
fn a_replay_without_a_browser_says_how_to_reach_it_and_ends_with_its_signal() {
    let world = World::new();
    world.write(
        "one.har",
        r#"{"log": {"entries": [{"request": {"method": "GET", "url": "https://a.test/"}, "response": {"status": 200, "content": {"mimeType": "text/plain", "text": "as it was"}}}]}}"#,
    );
    let temporary = world.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut child = Command::new(binary())
        .args(["replay", "one.har", "--no-browser"])
        .current_dir(world.path())
        .env("TMPDIR", &temporary)
        .env("NO_COLOR", "1")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let proxy =
        lines.by_ref().find_map(|line| Some(line.split_once("behind the proxy http://")?.1.to_owned())).expect("where the proxy is");
    assert!(lines.by_ref().any(|line| line.contains("--cacert")));
    let authority = std::fs::read_dir(&temporary)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path().join("authority.pem"))
        .find(|path| path.exists());
    assert!(answer(&proxy, &authority.expect("the authority's certificate")).contains("as it was"));
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(status.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(std::fs::read_dir(temporary).expect("a folder").count(), 0, "nothing is left behind");
}

/// What `https://a.test/` answers behind a proxy, over a tunnel of our own.
fn answer(proxy: &str, authority: &Path) -> String {
    let mut stream = std::net::TcpStream::connect(proxy).expect("the proxy listens");
    stream.write_all(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n").expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"));
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(authority).expect("a certificate");
    let certificates = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::pem_slice_iter(&pem);
    roots.add_parsable_certificates(certificates.flatten());
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = rustls::ClientConnection::new(config.into(), "a.test".try_into().expect("a name")).expect("a connection");
    let mut tls = rustls::StreamOwned::new(connection, stream);
    tls.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = Vec::new();
    // The edge may close without TLS's own goodbye.
    let _ = tls.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
