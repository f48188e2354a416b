//! What a scenario says once for a whole run: faults that are on from the beginning, environments of variants, values that
//! are compared without being shown.

use crate::world::World;

const HEAD: &str = "scenario: case\nsettings: { snapshot: false }\n";

#[test]
fn faults_stand_beside_whatever_answers_and_can_be_for_one_call() {
    World::with(&format!(
        r#"{HEAD}services:
  store: {{ redis: {{ faults: {{ refuse: {{ commands: SET, times: 1, error: "OOM full" }}, delay: {{ commands: GET, nth: 2, by: 1ms }} }} }} }}
origins:
  https://api.test:
    stub: [ {{ path: "/*", reply: {{ json: {{ committed: true }} }} }} ]
    faults:
      - {{ response_lost: {{ endpoint: /pay, nth: 2 }} }}
      - {{ endpoint_error: {{ status: 503, endpoint: /slow, times: 1 }} }}
  https://user.test:
    process:
      run: [sh, -c, 'for n in 1 2; do redis-cli -u "$URL" SET a $n; done; echo done; exec sleep 600']
      env: {{ URL: "${{service.store.url}}" }}
      ready: {{ log: done }}
  https://id.test:
    idp: {{}}
    faults: {{ header_stripped: {{ header: cache-control, endpoint: "/*" }} }}
steps:
  - get: https://api.test/pay
    expect: {{ status: 200 }}
  - get: https://api.test/pay
    expect: {{ failure: {{ contains: was reset }} }}
  - get: https://api.test/pay
    expect: {{ status: 200 }}
  # The answer was lost, and what was asked for done all the same.
  - calls: {{ origin: https://api.test, path: /pay, count: 3 }}
  - get: https://api.test/slow
    expect: {{ status: 503 }}
  - get: https://api.test/slow
    expect: {{ status: 200 }}
  - fault: {{ origin: https://api.test, clear: all }}
  - get: https://id.test/application/o/app/.well-known/openid-configuration
    expect: {{ status: 200, header: {{ cache-control: absent }} }}
  - redis: {{ service: store, traffic: SET }}
    expect: {{ json: {{ count: 2, faulted: 1 }} }}
  - process: {{ origin: https://user.test }}
    expect: {{ json: {{ log: {{ matches: "OOM full\n(.*\n)*OK\ndone" }} }} }}
"#
    ))
    .run_case()
    .says(0, &["1 passed"]);
}

#[test]
fn a_fault_that_nothing_can_do_is_told() {
    World::with(&format!(
        "{HEAD}origins:\n  https://api.test:\n    stub: []\n    faults: {{ claim_missing: email }}\nsteps:\n  - get: https://api.test/\n"
    ))
    .run_case()
    .says(2, &["`claim_missing` is a fault of `idp`, not of `edge`", "case.yaml:6:15"]);
}

/// Two answers, of which each has a token of its own; `id` is the same.
fn answers(beside: &str) -> World {
    World::with(&format!(
        r#"{HEAD}origins:
  https://api.test:
    stub:
      - path: /
        replies:
          - {{ json: {{ id: 7, token: first-secret-token }}, times: 1 }}
          - {{ json: {{ id: 7, token: other-secret-token }} }}
steps:
  - get: https://api.test/
    id: first
    capture: {{ id: {{ json: id }}, token: {{ json: token }} }}
  - get: https://api.test/
    capture: {beside}
"#
    ))
}

#[test]
fn captured_values_are_compared_and_never_shown() {
    answers("{ id: { json: id, same_as: first }, token: { json: token, differs_from: first } }").run_case().says(0, &["1 passed"]);
    for (beside, told) in [
        ("{ token: { json: token, same_as: first } }", "captured `token` is not as asked: it is another value than step `first` captured"),
        ("{ id: { json: id, differs_from: first } }", "captured `id` is not as asked: it is the value that step `first` captured"),
    ] {
        let ran = answers(beside).run_case();
        ran.says(1, &[told]);
        assert!(!ran.err.contains("secret-token") && !ran.out.contains("secret-token"), "{}", ran.err);
    }
    for (beside, told) in [
        ("{ other: { json: id, same_as: first } }", "step `first` captures no `other`"),
        ("{ id: { json: id, same_as: frist } }", "no step has the id `frist`"),
        ("{ id: { same_as: first } }", "a capture has one source"),
    ] {
        answers(beside).run_case().says(2, &[told]);
    }
}

#[test]
fn a_variant_sets_and_takes_away_what_a_process_is_started_with() {
    let case = |origin: &str| {
        World::with(&format!(
            r#"{HEAD}variables: {{ said: "one=1 two=2" }}
variants:
  plain: {{}}
  other: {{ with: {{ said: "one=3 two=" }}, env: {{ {origin}: {{ ONE: "3", TWO: null }} }} }}
origins:
  https://api.test:
    process:
      run: [sh, -c, 'echo "one=$ONE two=$TWO"; exec sleep 600']
      env: {{ ONE: "1", TWO: "2" }}
      ready: {{ log: one= }}
  https://stub.test: {{ stub: [] }}
steps:
  - process: {{ origin: https://api.test }}
    expect: {{ json: {{ log: "${{said}}" }} }}
"#
        ))
    };
    case("https://api.test").run_case().says(0, &["2 passed"]);
    case("https://stub.test").run_case().says(2, &["no process stands behind https://stub.test"]);
    case("https://apu.test").run_case().says(2, &["unknown origin `https://apu.test`", "https://api.test"]);
}
