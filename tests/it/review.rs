//! Snapshots: new ones wait, changed ones fail and wait, and three tools can accept them.

use crate::world::{Ran, World};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCENARIO: &str = "scenario: case\norigins:\n  https://app.example.test:\n    stub:\n      routes:\n        - { path: /, reply: { status: STATUS, json: { user: { id: 1 } } } }\nsteps:\n  - get: https://app.example.test/\n";

fn world(status: u16) -> World {
    let world = World::new();
    set(&world, status);
    world
}

fn set(world: &World, status: u16) {
    world.write("scenarios/case.yaml", SCENARIO.replace("STATUS", &status.to_string()));
}

fn snap(world: &World) -> PathBuf {
    world.path().join("scenarios/snapshots/case.snap")
}

fn pending(world: &World) -> PathBuf {
    world.path().join("scenarios/snapshots/case.snap.new")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_new_snapshot_waits_and_accept_puts_it_in_place() {
    let world = world(200);
    world.run(&["run"]).says(0, &["new snapshot"]);
    assert!(!snap(&world).exists());
    world.run(&["accept"]).says(0, &["accepted"]);
    assert!(snap(&world).exists() && !pending(&world).exists());
    world.run(&["run"]).says(0, &["1 passed"]);
}

#[test]
fn under_ci_a_missing_snapshot_fails_and_nothing_is_written() {
    let world = world(200);
    Ran::of(world.command().env("CI", "true").arg("run")).says(1, &["snapshot missing"]);
    assert!(!world.path().join("scenarios/snapshots").exists());
}

#[test]
fn a_drift_fails_names_the_hop_and_can_be_rejected() {
    let world = world(200);
    world.run(&["run", "--update"]).says(0, &["snapshot updated"]);
    set(&world, 401);
    world.run(&["run"]).says(1, &["snapshot drifted", "200 → 401"]);
    assert!(pending(&world).exists());
    world.run(&["reject"]).says(0, &["rejected"]);
    assert!(!pending(&world).exists());
    world.run(&["run", "--update"]).says(0, &["snapshot updated"]);
    assert!(read(&snap(&world)).contains("401"));
}

#[test]
fn cargo_insta_review_accepts_it() {
    let Some(insta) = std::env::var_os("AUTHCHAIN_CARGO_INSTA") else {
        panic!("AUTHCHAIN_CARGO_INSTA must name cargo-insta; `cargo xtask test` installs it and sets this");
    };
    let world = world(200);
    world.run(&["run", "--update"]).says(0, &[]);
    set(&world, 401);
    world.run(&["run"]).says(1, &[]);
    // cargo-insta looks for a Rust project; without one, scenarios are reviewed with `authchain review`.
    world.write("Cargo.toml", "[package]\nname = \"consumer\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
    world.write("src/lib.rs", "");
    let command = format!("{} insta review --workspace-root {}", insta.to_string_lossy(), world.path().display());
    let mut review = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("INSTA_WORKSPACE_ROOT", world.path())
        .env("TERM", "xterm")
        .current_dir(world.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` runs");
    use std::io::Write as _;
    let mut keys = review.stdin.take().expect("piped");
    keys.write_all(b"a").expect("the review reads keys");
    keys.flush().expect("the review reads keys");
    let output = review.wait_with_output().expect("the review ends");
    drop(keys);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(read(&snap(&world)).contains("401"), "{text}");
    assert!(!pending(&world).exists(), "{text}");
    world.run(&["run"]).says(0, &["1 passed"]);
}
