//! The command line itself: what it refuses, and what it writes.

use crate::world::{Ran, World, project};

const SIMPLE: &str = "scenario: case\norigins: { https://app.example.test: { stub: [{ path: /, reply: { json: { a: 1 } } }] } }\nsteps: [{ get: https://app.example.test/ }]\n";

#[test]
fn without_a_scenarios_folder_every_command_says_what_to_name() {
    let world = World::new();
    for command in ["run", "check", "list", "review", "accept", "reject"] {
        world.run(&[command]).says(2, &["there is no `scenarios`", "hint: name a scenario file"]);
    }
}

#[test]
fn a_rule_that_does_not_exist_is_pointed_at() {
    let variants = "variants: { a: { with: { x: '1' }, finds: [cookie-none-insecur] } }\nallow: { nonsense: because }\n";
    World::with(&format!("{variants}{SIMPLE}"))
        .run(&["check", "case.yaml"])
        .says(2, &["there is no rule `cookie-none-insecur`", "case.yaml:1:44", "did you mean `cookie-none-insecure`?"])
        .says(2, &["there is no rule `nonsense`", "case.yaml:2:10", "authchain explain --list"]);
    World::new().run(&["explain", "nonsense"]).says(2, &["there is no rule `nonsense`", "authchain explain --list"]);
}

#[test]
fn two_runs_never_share_a_snapshot() {
    let world = World::with(SIMPLE);
    world.write("case.yml", SIMPLE);
    world.run(&["check", "."]).says(2, &["case.yaml and ./case.yml have the same snapshot"]);
    // One file by two names is one scenario.
    std::fs::remove_file(world.path().join("case.yml")).expect("it is there");
    world.run(&["run", ".", "case.yaml"]).says(0, &["1 run in"]);
}

#[test]
fn snapshots_are_not_updated_in_continuous_integration() {
    let world = World::with(SIMPLE);
    Ran::of(world.command().env("CI", "1").args(["run", "case.yaml", "--update"])).says(2, &["--update", "unset", "CI"]);
    assert!(!world.path().join("snapshots").exists());
}

#[test]
fn reports_are_whole_files_or_none() {
    let world = World::with(SIMPLE);
    world.run(&["run", "case.yaml", "--json", "out/deep/report.json", "--junit", "report.xml"]).says(0, &[]);
    let json = std::fs::read_to_string(world.path().join("out/deep/report.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["runs"][0]["outcome"], "passed");
    let xml = std::fs::read_to_string(world.path().join("report.xml")).expect("a report");
    assert!(xml.contains("<testcase name=\"case\"") && xml.ends_with("</testsuites>\n"), "{xml}");
    world.run(&["run", "none.yaml", "--json", "none.json"]).says(2, &["there is no `none.yaml`"]);
    assert!(!world.path().join("none.json").exists());
    world.run(&["run", "case.yaml", "--json", "x", "--junit", "x"]).says(2, &["the same file"]);
    let piped = world.run(&["run", "case.yaml", "--json", "-"]);
    serde_json::from_str::<serde_json::Value>(&piped.out).expect("nothing but JSON on standard output");
}

#[cfg(unix)]
#[test]
fn a_report_goes_into_a_pipe_and_does_not_replace_it() {
    let world = World::with(SIMPLE);
    let pipe = world.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).expect("a report")
    });
    world.run(&["run", "case.yaml", "--json", "pipe"]).says(0, &[]);
    let text = reader.join().expect("the reader ends");
    serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    use std::os::unix::fs::FileTypeExt as _;
    assert!(std::fs::metadata(&pipe).expect("it is there").file_type().is_fifo());
}

#[test]
fn a_scenario_file_names_its_own_snapshots() {
    let world = World::with(SIMPLE);
    world.write("other.yaml", SIMPLE);
    world.run(&["run", "."]).says(0, &["2 snapshots wait"]);
    world.run(&["accept", "case.yaml"]).says(0, &["accepted snapshots/case.snap"]);
    assert!(world.path().join("snapshots/other.snap.new").exists());
    world.run(&["accept", "case.yaml"]).says(0, &["no snapshot waits"]);
}

#[test]
fn why_the_environment_failed_stands_in_the_line_of_the_run() {
    let scenario = SIMPLE.replace("{ stub: [{ path: /, reply: { json: { a: 1 } } }] }", "{ process: { run: [no-such-program] } }");
    let ran = World::with(&scenario).run_case();
    ran.says(3, &["no-such-program"]);
    let line = ran.err.lines().next().expect("a line");
    assert!(line.contains("ENV") && line.contains("there is no program `no-such-program`"), "{line}");
}

#[test]
fn the_json_report_holds_what_the_console_shows() {
    let scenario =
        SIMPLE.replace("get: https://app.example.test/", "get: https://app.example.test/, expect: { status: 201, json: { a: 1 } }");
    let world = World::with(&scenario);
    let ran = world.run(&["run", "case.yaml", "--json", "-"]);
    ran.says(1, &["status is 201"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let run = &report["runs"][0];
    assert_eq!(run["file"], "case.yaml");
    let expectations = run["expectations"].as_array().expect("a list");
    assert_eq!(expectations.len(), 2, "{expectations:?}");
    let failed = expectations.iter().find(|expectation| expectation["holds"] == false).expect("one fails");
    assert_eq!((&failed["expected"], &failed["actual"]), (&"201".into(), &"200".into()));
    assert_eq!(failed["at"], "case.yaml:3:61");
}

#[test]
fn faults_are_listed_and_the_committed_catalogue_is_the_generated_one() {
    let world = World::new();
    let listed = world.run(&["faults", "otp"]);
    listed.says(0, &["otp_unsent", "Answers 200 with `success: false`"]);
    assert!(!listed.out.contains("alg_none"), "{}", listed.out);
    let committed = std::fs::read_to_string(project().join("docs/faults.md")).expect("the catalogue");
    assert!(world.run(&["faults", "--markdown"]).out == committed, "docs/faults.md is out of date: `cargo xtask generate` writes it anew");
}

#[test]
fn rules_are_listed_and_the_committed_index_is_the_generated_one() {
    let world = World::new();
    world.run(&["explain", "--list"]).says(0, &["cookie-none-insecure", "stored    error   chain"]);
    let committed = std::fs::read_to_string(project().join("docs/rules.md")).expect("the index");
    assert!(
        world.run(&["explain", "--list", "--markdown"]).out == committed,
        "docs/rules.md is out of date: `cargo xtask generate` writes it anew"
    );
}

#[test]
fn what_a_scenario_allows_is_shown_with_its_reason_and_fails_nothing() {
    let scenario = |allow: &str| {
        format!(
            "scenario: case\nsettings: {{ snapshot: false }}\n{allow}origins:\n  https://app.example.test:\n    stub:\n      - {{ path: /, reply: \
             {{ headers: {{ Set-Cookie: sid=v; SameSite=None }}, body: ok }} }}\nsteps:\n  - open: https://app.example.test/\n"
        )
    };
    World::with(&scenario("")).run_case().says(1, &["finding[cookie-none-insecure]"]);
    let allowed = World::with(&scenario("allow: { cookie-none-insecure: the old client needs it }\n")).run_case();
    allowed.says(0, &["1 passed"]);
    assert!(!allowed.out.contains("finding["), "{}", allowed.out);
    let traced = World::with(&scenario("allow: { cookie-none-insecure: the old client needs it }\n"));
    traced.run(&["run", "case.yaml", "--trace"]).says(0, &["cookie-none-insecure", "the old client needs it"]);
}
