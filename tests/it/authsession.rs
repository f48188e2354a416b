//! The authsession system end to end: a switch that nobody told the scenarios of makes those react that cover it, and no
//! other; and nothing of a run is left, however it ends.

use crate::world::{Ran, World, binary, copy, project};
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes no time on an idle machine.
const SOON: Duration = Duration::from_secs(30);

/// Switches, and the entry of the catalogue that each brings.
const SWITCHES: [(&str, &str); 4] =
    [("not-idempotent", "002-23"), ("expired-forgotten", "002-44"), ("unknown-user-404", "002-14"), ("mail-retried", "002-41")];

/// The scenario files whose runs did not pass, and those that cover `entry`, with this switch on.
fn with_switch(switch: &str, entry: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let world = World::new();
    copy(&project().join("scenarios/authsession"), &world.path().join("authsession"));
    let shared = world.path().join("authsession/_authsession.yaml");
    let text = std::fs::read_to_string(&shared).expect("the shared part");
    let switched = text.replacen("switched: \"\"", &format!("switched: {switch}"), 1);
    assert_ne!(text, switched);
    std::fs::write(shared, switched).expect("written");
    let report = world.path().join("report.json");
    let ran = Ran::of(world.command().env("CI", "true").args(["run", "authsession", "--json"]).arg(&report));
    assert!(ran.code < 2, "{}\n{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    let (mut reacting, mut covering) = (BTreeSet::new(), BTreeSet::new());
    for run in report["runs"].as_array().expect("runs") {
        let name = run["name"].as_str().expect("a name");
        let file = name.split('#').next().unwrap_or(name).to_owned();
        if run["outcome"] != "passed" {
            reacting.insert(file.clone());
        }
        if run["covers"].as_array().is_some_and(|covers| covers.iter().any(|id| id == entry)) {
            covering.insert(file);
        }
    }
    (reacting, covering)
}

#[test]
fn a_switch_makes_exactly_those_scenarios_react_that_cover_it() {
    for (switch, entry) in SWITCHES {
        let (reacting, covering) = with_switch(switch, entry);
        assert!(!covering.is_empty(), "nobody covers {entry}");
        assert_eq!(reacting, covering, "{switch} brings {entry}");
    }
}

/// Runs the scenario of an id over time in a world, with or without a service that forgets at once.
fn over_time(world: &World, forgets: bool, more: &[&str]) -> Ran {
    copy(&project().join("scenarios/authsession"), &world.path().join("fresh"));
    let text = std::fs::read_to_string(world.path().join("fresh/_authsession.yaml")).expect("the shared part");
    let switched = if forgets { "switched: expired-forgotten" } else { "switched: \"\"" };
    world.write("authsession/_authsession.yaml", text.replacen("switched: \"\"", switched, 1));
    let mut command = world.command();
    if more.is_empty() {
        // Where snapshots are only looked at.
        command.env("CI", "true");
    }
    Ran::of(command.args(["run", "authsession/over-time.yaml"]).args(more))
}

#[test]
fn what_was_expired_may_be_unknown_later_and_never_the_other_way_round() {
    let world = World::new();
    copy(&project().join("scenarios/authsession"), &world.path().join("authsession"));
    over_time(&world, false, &[]).says(0, &["1 passed"]);
    over_time(&world, true, &[]).says(0, &["1 passed", "3 allowed transitions"]);
    // What is allowed is no reason to write a snapshot anew.
    std::fs::remove_file(world.path().join("authsession/snapshots/over-time.snap")).expect("the snapshot");
    over_time(&world, true, &["--update"]).says(0, &["1 passed"]);
    over_time(&world, true, &[]).says(0, &["1 passed"]);
    over_time(&world, false, &[]).says(1, &["challenge_expired", "drifted"]);
}

#[test]
fn every_entry_of_the_catalogue_is_covered() {
    let ran = World::new().run(&["list", "--covers=002", &project().join("scenarios/authsession").display().to_string()]);
    ran.says(0, &[]);
    let missing: Vec<_> = (1..=52).map(|n| format!("002-{n:02}")).filter(|id| !ran.out.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}\n{}", ran.out);
}

/// A scenario with a Redis and a process that is told its port, and says so in a file.
fn with_redis(then: &str, steps: &str) -> World {
    World::with(&format!(
        "scenario: case\nsettings: {{ snapshot: false }}\nservices:\n  store: {{ redis: {{}} }}\norigins:\n  https://app.example.test:\n    process:\n      run: [sh, -c, \"echo $STORE > port.new; mv port.new port; {then}\"]\n      env: {{ STORE: \"${{service.store.port}}\" }}\n      ready: {{ log: up }}\n      ready_within: 60s\nsteps:\n{steps}"
    ))
}

/// Processes whose folder lies below `folder`.
fn processes_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let within = entries.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)));
    within.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Asserts that no process, no folder and no port of a run is left.
fn nothing_is_left(world: &World) {
    let temporary = world.path().join("tmp");
    let deadline = Instant::now() + SOON;
    // A kill is sent before the program ends; dying takes the system a moment.
    while !processes_in(&temporary).is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", processes_in(&temporary));
        std::thread::sleep(Duration::from_millis(5));
    }
    let left: Vec<_> = std::fs::read_dir(&temporary).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(TcpStream::connect(("127.0.0.1", port(world).expect("the process said its port"))).is_err());
}

fn port(world: &World) -> Option<u16> {
    std::fs::read_to_string(world.path().join("port")).ok()?.trim().parse().ok()
}

#[test]
fn nothing_of_a_redis_is_left_after_a_run() {
    let world = with_redis(
        "echo up; exec sleep 600",
        "  - redis: { service: store, send: [SET, a, b], key: a }\n    expect: { json: { value: b } }\n",
    );
    std::fs::create_dir(world.path().join("tmp")).expect("a folder");
    Ran::of(world.command().env("TMPDIR", world.path().join("tmp")).args(["run", "case.yaml"])).says(0, &["1 passed"]);
    nothing_is_left(&world);
}

#[test]
fn nothing_of_a_redis_is_left_after_an_interrupt() {
    let world = with_redis("exec sleep 600", "  - redis: { service: store, key: a }\n");
    let temporary = world.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut child = Command::new(binary())
        .args(["run", "case.yaml"])
        .current_dir(world.path())
        .env("TMPDIR", &temporary)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let deadline = Instant::now() + SOON;
    while port(&world).is_none() {
        assert!(Instant::now() < deadline && child.try_wait().expect("a child").is_none(), "the process did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!processes_in(&temporary).is_empty(), "redis-server works in a folder of its own");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    nothing_is_left(&world);
}
