//! What is asked beyond the login: by a step, and by `--probe` where nobody wrote one.

use crate::world::World;
use serde_json::Value;

/// A login whose guard wants its cookie decoded, and whose login page takes any cookie for a session: it loops.
const LOOP: &str = r#"scenario: a login that loops
settings: { snapshot: false }
origins:
  https://app.test:
    stub:
      - { path: /start, reply: { status: 302, headers: { Set-Cookie: "sid=t0ken.of.ada%2B1; Path=/; Secure; HttpOnly", Location: /home } } }
      - { path: /api/session, headers: { cookie: sid=t0ken.of.ada+1 }, reply: { json: { user: { id: u-1 } } } }
      - { path: /api/session, reply: { status: 401, json: { error: unauthenticated } } }
      - { path: /home, headers: { cookie: sid=t0ken.of.ada+1 }, reply: { headers: { Content-Type: text/html }, body: Home } }
      - { path: /home, reply: { status: 302, headers: { Location: /login } } }
      - { path: /login, reply: { status: 302, headers: { Location: /home } } }
steps:
  - get: https://app.test/api/session
  - open: https://app.test/start
"#;

#[test]
fn who_has_a_loop_gets_the_table_without_writing_a_step() {
    let world = World::with(LOOP);
    world.run_case().says(1, &["redirects", "invalid-cookie-never-cleared"]);
    let ran = world.run(&["run", "case.yaml", "--probe", "--json", "report.json"]);
    ran.says(1, &["the session `sid`", "percent-decoded", "accepted 200", "without any session", "finding[cookie-value-encoding]"]);
    ran.says(1, &["https://app.test/home, 8 times"]);
    let report = std::fs::read_to_string(world.path().join("report.json")).expect("a report");
    for value in ["t0ken.of.ada%2B1", "t0ken.of.ada+1", "t0ken.of.ada%252B1"] {
        assert!(![&ran.out, &ran.err, &report].iter().any(|text| text.contains(value)), "{value} leaked");
    }
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let steps = report["runs"][0]["steps"].as_array().expect("steps");
    let tables: Vec<&Value> = steps.iter().flat_map(|step| step["tables"].as_array().expect("tables")).collect();
    assert_eq!(tables[0]["head"], serde_json::json!(["https://app.test/api/session", "https://app.test/home"]));
    assert_eq!(tables[0]["rows"][1]["row"], "percent-decoded");
}

#[test]
fn what_was_asked_beside_is_in_no_snapshot_and_a_healthy_app_stays_healthy() {
    let world = World::with(
        r#"scenario: a session that is taken as it is
origins:
  https://app.test:
    stub:
      - { path: /start, reply: { headers: { Set-Cookie: "sid=t0ken.of.ada-1; Path=/; Secure; HttpOnly" }, body: Hello } }
      - { path: /api/session, headers: { cookie: sid=t0ken.of.ada-1 }, reply: { headers: { Cache-Control: no-store }, json: { user: { id: u-1 } } } }
      - { path: /api/session, reply: { status: 401, headers: { Cache-Control: no-store }, json: { error: unauthenticated } } }
steps:
  - open: https://app.test/start
  - get: https://app.test/api/session
"#,
    );
    world.run_case().says(0, &["new snapshot"]);
    world.run(&["accept", "."]).says(0, &[]);
    let ran = world.run(&["run", "case.yaml", "--probe", "--trace"]);
    ran.says(0, &["as it was stored", "accepted 200", "refused 401", "accepted  8"]);
    assert!(!ran.out.contains("drifted") && !ran.err.contains("drifted"), "{ran:?}");
    world.run(&["run", "--help"]).says(0, &["--probe", "HAR"]);
}

#[test]
fn a_step_says_what_must_be_refused_and_a_real_origin_needs_leave() {
    let world = World::with(&format!(
        "{LOOP}    expect: {{ failure: {{ matches: redirects }} }}\n  - probe: {{ session: https://app.test/api/session, refused: [none, decoded] }}\n"
    ));
    world.run_case().says(1, &["the session percent-decoded is refused", "accepted by GET https://app.test/api/session: 200"]);
    let real = World::with(
        "scenario: s\norigins: { https://app.test: { upstream: { url: http://127.0.0.1:9, direct: https://10.0.0.7 } } }\nsteps: [{ probe: { edge: https://app.test/ } }]\n",
    );
    real.run_case().says(2, &["https://10.0.0.7", "--live"]);
}
