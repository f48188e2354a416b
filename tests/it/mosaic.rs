//! The mosaic system end to end: every scenario as it stands, and what happens when something moves.

use crate::world::{Ran, World, copy, project};
use assert_cmd::Command;

/// Copies the scenarios, so that snapshots written by a test stay out of the project.
fn mosaic() -> World {
    let world = World::new();
    copy(&project().join("scenarios/mosaic"), &world.path().join("scenarios/mosaic"));
    world
}

fn in_ci(world: &World) -> Command {
    let mut command = world.command();
    command.env("CI", "true").args(["run", "scenarios/mosaic"]);
    command
}

#[test]
fn moving_the_guard_to_bearer_names_the_hop_and_the_cause() {
    let world = mosaic();
    let shared = world.path().join("scenarios/mosaic/_mosaic.yaml");
    let text = std::fs::read_to_string(&shared).expect("the shared part");
    let moved = text.replacen("guard: cookie", "guard: bearer", 1);
    assert_ne!(text, moved);
    std::fs::write(shared, moved).expect("written");
    let ran = Ran::of(in_ci(&world).args(["--filter", "session#healthy"]));
    ran.says(1, &["200 → 401", "finding[session-endpoints-disagree]", "both got the same cookies", "/auth/session", "fix"]);
}

#[test]
fn the_report_never_shows_a_secret_or_a_cookie_value() {
    let world = mosaic();
    let json = world.path().join("report.json");
    let junit = world.path().join("report.xml");
    let mut command = in_ci(&world);
    command.args(["--filter", "session#bearer", "--trace", "--json"]).arg(&json).arg("--junit").arg(&junit);
    let ran = Ran::of(&mut command);
    ran.says(0, &["reproduces session-endpoints-disagree"]);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).expect("json")).expect("valid JSON");
    assert_eq!((&report["authchain"], &report["engine"]), (&env!("CARGO_PKG_VERSION").into(), &"http".into()));
    assert!(report["runs"][0]["started"].as_str().is_some_and(|time| time.ends_with('Z')), "UTC: {report}");
    assert_eq!(report["runs"][0]["hops"][11]["url"], "https://api.mosaic.test/auth/session");
    let everything =
        [ran.out, ran.err, std::fs::read_to_string(json).expect("json"), std::fs::read_to_string(junit).expect("xml")].concat();
    for secret in ["lab-only-password", "lab-only-client-secret", "lab-only-signing-secret"] {
        assert!(!everything.contains(secret), "{secret} leaked");
    }
    let signed = regex::Regex::new(r"%3D(;|\s|$)").expect("a fixed expression");
    assert!(!signed.is_match(&everything), "a signed cookie leaked");
}

#[test]
fn covers_lists_every_requirement_with_its_scenarios() {
    let world = mosaic();
    let ran = world.run(&["list", "scenarios", "--covers", "004"]);
    ran.says(0, &["004-11  scenarios/mosaic/back-at-login#", "scenarios/mosaic/session#"]);
    assert_eq!(world.run(&["list", "--covers", "scenarios"]).out, ran.out, "a folder is no prefix");
    let ids: std::collections::BTreeSet<_> = ran.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for id in [
        "004-01", "004-03", "004-04", "004-11", "004-19", "004-24", "004-31", "004-32", "004-34", "004-35", "004-36", "004-37", "004-38",
        "004-39", "004-22",
    ] {
        assert!(ids.contains(id), "{id} is covered by nothing");
    }
}
