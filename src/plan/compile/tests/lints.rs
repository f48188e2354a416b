//! What is warned about, and what is not.

use super::*;

fn warnings(world: Fixed) -> Vec<String> {
    compiled_in(world, None).warnings.into_iter().map(|warning| warning.message).collect()
}

fn warned(rest: &str) -> Vec<String> {
    warnings(Fixed::default().file("main.yaml", scenario(rest)))
}

#[test]
fn names_that_nothing_uses_are_told() {
    let found = warned(
        "variables: { used: a, left: b }\nsecrets: { pw: { env: NOT_SET } }\nflows: { f: [{ sleep: 1s }] }\n\
         variants: { v: { with: { extra: c } } }\n\
         steps: [{ get: \"/${used}\", capture: { id: status } }]\n",
    );
    let all =
        ["variable `left`", "secret `pw`", "flow `f`", "capture `id`", "variable `extra`"].map(|name| format!("{name} is never used"));
    assert_eq!(found, all);
}

#[test]
fn what_a_variable_a_condition_or_another_profile_uses_is_used() {
    let found = warned(
        "variables: { a: x, b: \"${a}\", c: x, d: x, e: x }\n\
         profiles: { p: { origins: { https://app.test: { upstream: \"http://${d}.test\" } } } }\n\
         flows: { f: { args: { g: \"${e}\" }, steps: [{ get: \"/${g}\" }] } }\n\
         steps: [{ get: \"/${b}\", when: { c: x } }, { flow: f }]\n",
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_a_shared_file_declares_may_be_left_over() {
    let shared = "variables: { a: x }\nflows: { f: [{ sleep: 1s }] }\nsecrets: { s: { env: NOT_SET } }\n";
    let main = scenario("use: shared.yaml\nsteps: [{ get: / }]\n");
    assert!(warnings(Fixed::default().file("shared.yaml", shared).file("main.yaml", main)).is_empty());
}

#[test]
fn variants_that_differ_in_nothing_are_told() {
    let found = warned(
        "variables: { a: x }\nvariants: { one: { with: { a: y } }, two: { with: { a: z } }, three: { with: { a: y } } }\n\
         steps: [{ get: \"/${a}\" }]\n",
    );
    assert_eq!(found, ["variants `one` and `three` are the same run"]);
}

#[test]
fn a_secret_that_cannot_be_hidden_is_told() {
    let found = warned(
        "secrets: { pin: { default: '123' }, pw: { default: '1234' } }\n\
         steps: [{ get: \"/${secret.pin}/${secret.pw}\" }]\n",
    );
    assert_eq!(found, ["secret `pin` is too short to be hidden"]);
}
