//! `authchain record` as a process: what it writes, what it never writes over, and how it ends.

use crate::world::{World, binary};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const BASE: &str = "\
origins:
  https://app.example.test:
    stub:
      - path: /
        reply: { headers: { Content-Type: text/html }, body: \"<title>Shop</title><h1>Shop</h1>\" }
";

#[test]
fn an_interrupt_ends_a_recording_which_is_then_a_scenario_with_a_snapshot() {
    let world = World::new();
    world.write("_base.yaml", BASE);
    let args = ["record", "https://app.example.test/", "--scenario", "_base.yaml", "--headless", "--output", "shop/recorded.yaml"];
    let mut recording = Command::new(binary())
        .args(args)
        .current_dir(world.path())
        .env("NO_COLOR", "1")
        .env_remove("CI")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut said = BufReader::new(recording.stderr.take().expect("a pipe")).lines();
    let begins = said.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("recording")));
    assert!(begins.is_some(), "it says that it records");
    let sent = Command::new("kill").args(["-s", "INT", &recording.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    assert_eq!(recording.wait().expect("it ends").code(), Some(0), "{rest:?}");

    let text = std::fs::read_to_string(world.path().join("shop/recorded.yaml")).expect("a scenario");
    assert!(text.contains("use: \"../_base.yaml\"\n") && text.ends_with("steps:\n  - open: \"https://app.example.test/\"\n"), "{text}");
    assert!(world.path().join("shop/snapshots/recorded.snap").is_file(), "{rest:?}");
    let names = std::fs::read_dir(world.path().join("shop")).expect("a folder").flatten().map(|entry| entry.file_name());
    assert_eq!(names.filter(|name| name.to_string_lossy().starts_with('.')).count(), 0, "nothing is left over");
    world.run(&["check", "shop/recorded.yaml"]).says(0, &[]);

    // What is there is never written over unasked.
    world.run(&args).says(2, &["`shop/recorded.yaml` is there already", "--force"]);
}

#[test]
fn a_base_that_is_wrong_is_told_before_a_browser_starts() {
    let world = World::new();
    world.write("_base.yaml", "origins: { https://app.example.test: { stab: [] } }\n");
    let args = ["record", "https://app.example.test/", "--scenario", "_base.yaml", "--headless", "--output", "recorded.yaml"];
    world.run(&args).says(2, &["unknown key `stab`", "_base.yaml:1"]);
    assert!(!world.path().join("recorded.yaml").exists());
}
