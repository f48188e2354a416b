//! Names that stand for nothing: the whole message of each, as a person sees it.

use super::*;

#[test]
fn capture_too_early() {
    insta::assert_snapshot!(told_of("capture-too-early"), @r#"
    error: `user` is captured by no step before this one
     --> capture-too-early.yaml:4:28
      |
    4 |   - get: "https://app.test/${user}"
      |                            ^^^^^^^
      |
      = hint: move the step that captures it up
    "#);
}

#[test]
fn conditions() {
    insta::assert_snapshot!(told_of("conditions"), @r#"
    error: unknown variable `gard`
     --> conditions.yaml:5:26
      |
    5 |   - { sleep: 1s, when: { gard: cookie } }
      |                          ^^^^
      |
      = hint: did you mean `guard`?

    error: `user` is known only in the run
     --> conditions.yaml:7:26
      |
    7 |   - { sleep: 1s, when: { user: "200" } }
      |                          ^^^^
      |
      = hint: conditions look at variables, whose values are fixed before the run
    "#);
}

#[test]
fn flows() {
    insta::assert_snapshot!(told_of("flows"), @r#"
    error: flows call each other in a cycle: a → b → a
     --> flows.yaml:5:15
      |
    5 |   b: [{ flow: a }]
      |               ^

    error: unknown flow `log-im`
     --> flows.yaml:9:11
      |
    9 |   - flow: log-im
      |           ^^^^^^
      |
      = hint: did you mean `log-in`?

    error: flow `log-in` wants the argument `user`
      --> flows.yaml:10:11
       |
    10 |   - flow: log-in
       |           ^^^^^^
       |
      ::: flows.yaml:6:21
       |
     6 |   log-in: { args: { user: null }, steps: [{ sleep: 1s }] }
       |                     ---- declared here
       |
       = hint: write `flow: { name: log-in, with: { user: … } }`

    error: unknown argument `usr`
      --> flows.yaml:11:35
       |
    11 |   - flow: { name: log-in, with: { usr: x, user: y } }
       |                                   ^^^
       |
       = hint: did you mean `user`?
    "#);
}

#[test]
fn ids() {
    insta::assert_snapshot!(told_of("ids"), @r#"
    error: two steps have the id `one`
     --> ids.yaml:5:35
      |
    5 |   - { get: https://app.test/, id: one }
      |                                   ^^^ the second one
      |
     ::: ids.yaml:4:35
      |
    4 |   - { get: https://app.test/, id: one }
      |                                   --- the first one
      |
      = hint: give one of them another id

    error: no step has the id `on`
     --> ids.yaml:6:13
      |
    6 |   - replay: on
      |             ^^
      |
      = hint: did you mean `one`?

    error: step `later` does not come before this one
     --> ids.yaml:7:13
      |
    7 |   - replay: later
      |             ^^^^^
      |
      = hint: refer to a step that has been done by then

    error: no step has the id `nothing-like-it`
     --> ids.yaml:9:47
      |
    9 |   - calls: { origin: https://app.test, since: nothing-like-it }
      |                                               ^^^^^^^^^^^^^^^
      |
      = hint: there are: later, one
    "#);
}

#[test]
fn secret_missing() {
    insta::assert_snapshot!(told_of("secret-missing"), @r#"
    error: secret `pw` has no value
     --> secret-missing.yaml:3:3
      |
    3 |   pw: { env: AUTHCHAIN_TEST_NOT_SET, file: nowhere.txt }
      |   ^^
      |
     ::: secret-missing.yaml:7:24
      |
    7 |   - fill: { Password: "${secret.pw}" }
      |                        ------------ used here
      |
      = hint: set the environment variable `AUTHCHAIN_TEST_NOT_SET`
      = hint: write it to the file `nowhere.txt`
      = hint: or give it a `default`, if it protects nothing
    "#);
}

#[test]
fn undeclared_origin() {
    insta::assert_snapshot!(told_of("undeclared-origin"), @r#"
    error: origin https://ap.test is not declared
     --> undeclared-origin.yaml:4:11
      |
    4 |   - open: https://ap.test/login
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `https://app.test`?

    error: origin https://elsewhere.example is not declared
     --> undeclared-origin.yaml:5:10
      |
    5 |   - get: https://elsewhere.example/
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: declare it under `origins:`, with what stands behind it; declared are https://app.test

    error: `app.test/login` is not a URL
     --> undeclared-origin.yaml:6:10
      |
    6 |   - get: app.test/login
      |          ^^^^^^^^^^^^^^
      |
      = hint: write all of it, `https://…`, or a path that begins with `/`

    error: an origin's scheme is `http` or `https`, not `ftp`
     --> undeclared-origin.yaml:7:10
      |
    7 |   - get: "ftp://app.test/${x}"
      |          ^^^^^^^^^^^^^^^^^^^^^

    error: undefined variable `x`
     --> undeclared-origin.yaml:7:26
      |
    7 |   - get: "ftp://app.test/${x}"
      |                          ^^^^
      |
      = hint: define it under `variables:`
    "#);
}

#[test]
fn undefined_variable() {
    insta::assert_snapshot!(told_of("undefined-variable"), @r#"
    error: undefined variable `gaurd`
     --> undefined-variable.yaml:5:28
      |
    5 |   - get: "https://app.test/${gaurd}"
      |                            ^^^^^^^^
      |
      = hint: did you mean `guard`?

    error: unknown filter `uper`
     --> undefined-variable.yaml:6:38
      |
    6 |   - get: "https://app.test/${guard | uper}"
      |                                      ^^^^
      |
      = hint: did you mean `upper`?

    error: undefined secret `pw`
     --> undefined-variable.yaml:7:28
      |
    7 |   - get: "https://app.test/${secret.pw}"
      |                            ^^^^^^^^^^^^
      |
      = hint: define it under `secrets:`

    error: environment variable `NOT_SET` is not set
     --> undefined-variable.yaml:8:28
      |
    8 |   - get: "https://app.test/${env.NOT_SET}"
      |                            ^^^^^^^^^^^^^^
      |
      = hint: set it, or use a variable with a value of its own

    error: `${` without `}`
     --> undefined-variable.yaml:9:28
      |
    9 |   - get: "https://app.test/${guard"
      |                            ^^^^^^^
      |
      = hint: close it, or write `$${` for the characters themselves

    error: `totp` makes its code while the run is under way
      --> undefined-variable.yaml:10:28
       |
    10 |   - get: "https://app.test/${guard | totp}"
       |                            ^^^^^^^^^^^^^^^
       |
       = hint: give it a secret or a capture: `${secret.seed | totp}`
    "#);
}

#[test]
fn variables() {
    insta::assert_snapshot!(told_of("variables"), @r#"
    error: variable `a` is made of itself
     --> variables.yaml:2:17
      |
    2 | variables: { a: "${b}", b: "${a}", c: "${secret.pw}" }
      |                 ^^^^^^

    error: secret `pw` cannot stand in a variable
     --> variables.yaml:2:39
      |
    2 | variables: { a: "${b}", b: "${a}", c: "${secret.pw}" }
      |                                       ^^^^^^^^^^^^^^

    error: `a` is a variable already
     --> variables.yaml:8:16
      |
    8 |     capture: { a: status, "b c": status }
      |                ^
      |
      = hint: give the capture another name

    error: `b c` is not a name
     --> variables.yaml:8:27
      |
    8 |     capture: { a: status, "b c": status }
      |                           ^^^^^
      |
      = hint: names have letters, digits, `_` and `-`
    "#);
}

#[test]
fn a_profile_that_is_not_there_is_told_with_those_that_are() {
    let text = scenario("profiles: { staging: {} }\nsteps: [{ sleep: 1s }]\n");
    let (_, loaded) = load(Fixed::default().file("main.yaml", text));
    let faults = compile(&loaded.unwrap(), Some("stagin")).unwrap_err();
    assert_eq!(faults.to_string(), "main.yaml has no profile `stagin`");
    assert_eq!(faults.0[0].hints, ["did you mean `staging`?"]);
}

#[test]
fn a_variant_that_is_not_there_is_told_with_those_that_are() {
    let text = scenario("variants: { healthy: {}, bearer: { with: { a: b } } }\nsteps: [{ sleep: 1s }]\n");
    let (_, loaded) = load(Fixed::default().file("main.yaml", text));
    let loaded = loaded.unwrap();
    assert_eq!(compile_variant(&loaded, None, "bearer").unwrap().id(), "main#bearer");
    let faults = compile_variant(&loaded, None, "encoded").unwrap_err();
    assert_eq!(faults.to_string(), "main.yaml has no variant `encoded`");
    assert_eq!(faults.0[0].hints, ["there are: healthy, bearer"]);
}
