//! HARs that a browser is opened on: what was recorded happens again, and nothing is left when it ends.

use crate::import::{recorded, scenario};
use crate::world::{World, binary};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ids of processes that live by this folder for temporary files.
fn living_by(temporary: &Path) -> Vec<u32> {
    let wanted = format!("TMPDIR={}", temporary.display()).into_bytes();
    let ids = std::fs::read_dir("/proc").expect("processes").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let lives = |id: &u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted)
    };
    ids.filter(lives).collect()
}

/// The lines of a child, as they come: reading them oneself would have no end where one does not come.
fn lines(reader: impl BufRead + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || reader.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    receive
}

/// A child that does not outlive a test that fails.
struct Replaying(Child);

impl Drop for Replaying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_loop_goes_round_again_in_a_browser_and_an_interrupt_leaves_nothing() {
    let world = recorded(&scenario("gallery/redirects.yaml"), "guards-disagree");
    // As tickets are: the recording was begun when the person was signed in already, and the loop had them.
    let path = world.path().join("ticket.har");
    let mut har: Value = serde_json::from_slice(&std::fs::read(&path).expect("a recording")).expect("JSON");
    let entries = har["log"]["entries"].as_array_mut().expect("entries");
    let begins = entries.iter().position(|entry| entry["request"]["url"].as_str().is_some_and(|url| url.ends_with("/home")));
    entries.drain(..begins.expect("the page that nobody gets to see"));
    std::fs::write(&path, har.to_string()).expect("written");

    let temporary = world.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let child = Command::new(binary())
        .args(["replay", "ticket.har", "--headless", "--trace"])
        .current_dir(world.path())
        .env("TMPDIR", &temporary)
        .env("NO_COLOR", "1")
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Replaying(child.expect("the binary starts"));
    let lines = lines(BufReader::new(child.0.stderr.take().expect("piped")));
    let mut heard = Vec::new();
    let mut says = |text: &str| {
        while !heard.last().is_some_and(|line: &String| line.contains(text)) {
            heard.push(lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said {text:?}: {heard:#?}")));
        }
        heard.push(String::new());
    };
    // Nobody saw the sign-in, so that nobody can tell whether the cookie was good.
    says("it reproduces invalid-cookie-never-cleared");
    says("the browser has 1 cookie that was there before the recording began");
    says("the browser gave up the first page");
    // The cookie is taken by the one guard and not by the other, round and round.
    for _ in 0..5 {
        says("303  GET https://app.gallery.test/home  as recorded in entry");
        says("303  GET https://app.gallery.test/login  as recorded in entry");
    }
    assert!(living_by(&temporary).len() > 1, "a browser and its driver run");
    assert!(std::fs::read_dir(&temporary).expect("a folder").count() > 0);

    let status = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status().expect("kill runs");
    assert!(status.success());
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        match child.0.try_wait().expect("a child") {
            Some(status) => break status,
            None => assert!(Instant::now() < deadline, "it does not end"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(ended.code(), Some(0));
    // A kill is sent before the program ends; dying takes the system a moment, longer on a busy machine.
    while !living_by(&temporary).is_empty() {
        assert!(Instant::now() < deadline, "processes {:?} are still there", living_by(&temporary));
        std::thread::sleep(Duration::from_millis(10));
    }
    let left: Vec<_> = std::fs::read_dir(&temporary).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// One page, answered by the cookie that it was asked for with.
fn by_cookie(second: u32, cookie: Option<&str>, to: &str) -> Value {
    let cookie: Vec<_> = cookie.map(|value| json!({ "name": "Cookie", "value": value })).into_iter().collect();
    json!({
        "startedDateTime": format!("2026-03-01T12:00:{second:02}Z"), "time": 10,
        "request": { "method": "GET", "url": "https://app.shop.test/home", "headers": cookie },
        "response": { "status": 303, "headers": [{ "name": "Location", "value": to }] }
    })
}

#[test]
fn a_cookie_from_before_the_recording_is_there_again() {
    let page = |second: u32, path: &str| {
        json!({
            "startedDateTime": format!("2026-03-01T12:00:{second:02}Z"), "time": 10,
            "request": { "method": "GET", "url": format!("https://app.shop.test{path}"), "headers": [] },
            "response": { "status": 200, "content": { "mimeType": "text/html", "text": "<title>x</title>" } }
        })
    };
    let world = World::new();
    let lands = |entries: Value, at: &str| {
        world.write("ticket.har", json!({ "log": { "entries": entries } }).to_string());
        world.run(&["import", "ticket.har", "--force"]).says(0, &[]);
        let ran = world.run(&["run", "imported/ticket.yaml", "--engine", "http", "--ci", "--trace"]);
        ran.says(0, &[at]);
    };
    let (signed_in, signed_out) = (by_cookie(0, Some("session=aB3dE5gH7jK9mN1p"), "/inside"), by_cookie(0, None, "/login"));
    lands(json!([signed_in, page(1, "/inside"), by_cookie(2, None, "/login"), page(3, "/login")]), "https://app.shop.test/inside  200");
    lands(json!([signed_out, page(1, "/login")]), "https://app.shop.test/login  200");
}
