//! Bad input and bad environments: each a clear message and the right exit code.

use crate::world::World;

/// A scenario with one stubbed origin and these steps.
fn with_steps(steps: &str) -> World {
    World::with(&format!(
        "scenario: case\nsettings: {{ snapshot: false }}\norigins:\n  https://app.example.test:\n    stub:\n      routes:\n        - {{ path: /, reply: {{ status: 200, headers: {{ content-type: text/html }}, body: \"<form><label>User name <input name=u></label><label>Password <input name=p type=password></label><button>Log in</button></form>\" }} }}\nsteps:\n{steps}"
    ))
}

#[test]
fn an_unknown_verb_is_pointed_at() {
    with_steps("  - opne: https://app.example.test/\n").run_case().says(2, &["opne", "case.yaml:9:5", "did you mean `open`?"]);
}

#[test]
fn a_typo_in_a_key_is_pointed_at() {
    with_steps("  - get: https://app.example.test/\n    exepct: { status: 200 }\n")
        .run_case()
        .says(2, &["exepct", "case.yaml:10", "did you mean `expect`?"]);
}

#[test]
fn an_undefined_variable_is_named_with_its_neighbours() {
    let scenario = "scenario: case\nvariables: { base: https://app.example.test }\norigins: { https://app.example.test: { stub: { routes: [] } } }\nsteps:\n  - get: \"${bsae}/\"\n";
    World::with(scenario).run_case().says(2, &["bsae", "did you mean `base`?"]);
}

#[test]
fn an_include_cycle_is_shown() {
    let world = World::with("scenario: case\nuse: a.yaml\nsteps: []\n");
    world.write("a.yaml", "use: b.yaml\n");
    world.write("b.yaml", "use: a.yaml\n");
    world.run_case().says(2, &["cycle", "a.yaml", "b.yaml"]);
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut bomb = String::from("scenario: case\nvariables:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (at, name) in ('b'..='j').enumerate() {
        let before = char::from(b'a' + u8::try_from(at).expect("small"));
        let aliases = vec![format!("*{before}"); 10].join(", ");
        bomb.push_str(&format!("  {name}: &{name} [{aliases}]\n"));
    }
    let ran = World::with(&bomb).run_case();
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("scenario: case\nvariables: {}1{}\n", "[".repeat(5000), "]".repeat(5000));
    let ran = World::with(&deep).run_case();
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn a_missing_secret_says_how_to_give_it() {
    let scenario = "scenario: case\nsecrets: { pw: { env: NO_SUCH_PASSWORD } }\norigins: { https://app.example.test: { stub: { routes: [] } } }\nsteps:\n  - post: { url: https://app.example.test/, form: { p: \"${secret.pw}\" } }\n";
    World::with(scenario).run_case().says(2, &["pw", "NO_SUCH_PASSWORD"]);
}

#[test]
fn an_origin_without_anything_behind_it_is_named() {
    let scenario = "scenario: case\norigins: { https://app.example.test: {} }\nsteps:\n  - get: https://app.example.test/\n";
    World::with(scenario).run_case().says(2, &["https://app.example.test", "process", "stub", "upstream"]);
}

#[test]
fn an_undeclared_origin_is_named() {
    with_steps("  - get: https://elsewhere.example.test/\n").run_case().says(2, &["https://elsewhere.example.test", "not declared"]);
}

#[test]
fn a_real_origin_is_never_reached_by_accident() {
    let scenario = "scenario: case\norigins: { https://app.example.test: { upstream: https://192.0.2.1 } }\nsteps:\n  - get: https://app.example.test/\n";
    World::with(scenario).run_case().says(2, &["--live", "192.0.2.1"]);
}

#[test]
fn a_process_that_dies_at_start_shows_its_last_lines() {
    let scenario = "scenario: case\norigins:\n  https://app.example.test:\n    process: { run: [sh, -c, \"echo reading the settings; echo DATABASE_URL is not set >&2; exit 7\"] }\nsteps:\n  - get: https://app.example.test/\n";
    World::with(scenario).run_case().says(3, &["https://app.example.test", "7", "reading the settings", "DATABASE_URL is not set"]);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let scenario = "scenario: case\norigins:\n  https://app.example.test:\n    process: { run: [no-such-program-here] }\nsteps:\n  - get: https://app.example.test/\n";
    World::with(scenario).run_case().says(3, &["no-such-program-here"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let scenario = format!(
        "scenario: case\norigins:\n  https://app.example.test:\n    process: {{ run: [sleep, \"60\"], port: {port} }}\nsteps:\n  - get: https://app.example.test/\n"
    );
    World::with(&scenario).run_case().says(3, &[&port.to_string(), "in use"]);
}

#[test]
fn a_field_that_is_not_there_lists_those_that_are() {
    with_steps("  - open: https://app.example.test/\n  - fill: { Username: jarvis }\n")
        .run_case()
        .says(1, &["Username", "User name", "Password"]);
}

#[test]
fn a_path_that_is_not_there_is_named() {
    World::new().run(&["run", "nowhere.yaml"]).says(2, &["nowhere.yaml"]);
}

#[test]
fn a_filter_that_leaves_nothing_is_a_mistake() {
    with_steps("  - get: https://app.example.test/\n").run(&["run", "case.yaml", "--tag", "none"]).says(2, &["no scenario is left"]);
}

#[test]
fn a_report_that_cannot_be_written_fails_before_the_run() {
    let world = with_steps("  - get: https://app.example.test/\n");
    let ran = world.run(&["run", "case.yaml", "--junit", "case.yaml/report.xml"]);
    ran.says(3, &["case.yaml/report.xml"]);
    assert!(!ran.err.contains("PASS"), "{}", ran.err);
}

#[test]
fn check_touches_no_network_and_counts() {
    with_steps("  - get: https://app.example.test/\n").run(&["check", "case.yaml"]).says(0, &["1 run can be used, 0 warnings"]);
}

#[test]
fn an_expectation_that_fails_shows_no_cookie_and_no_token() {
    let scenario = "scenario: case
settings: { snapshot: false }
origins:
  https://app.example.test:
    stub:
      routes:
        - path: /
          reply:
            status: 302
            headers: { Location: /next?code=Qm81kqPw02LmNs45Ty67, Set-Cookie: sid=Zx81kqPw02LmNs45Ty67; Path=/; Secure }
            json: { access_token: Kj81kqPw02LmNs45Ty67 }
steps:
  - get: https://app.example.test/
    expect:
      redirect: https://app.example.test/other
      cookie: { sid: { value: other } }
      json: { access_token: other }
";
    let ran = World::with(scenario).run_case();
    ran.says(1, &["expectation failed: redirect", "expectation failed: cookie sid", "access_token", "‹token:", "‹code:"]);
    assert!(!ran.err.contains("81kqPw02LmNs45Ty67"), "{}", ran.err);
}
