//! Verbs that ask the same thing several times, smoke steps, and what depends on what.

use super::*;
use crate::plan::{Need, Plan, Verb};
use std::time::Duration;

fn only(text: &str) -> Plan {
    compiled(text).plans.remove(0)
}

#[test]
fn again_is_a_race_and_a_later_replay_that_are_compared() {
    let plan = only(&scenario(
        "steps:\n- { get: /, id: first }\n- again: { step: first, at_once: 3, later: 61s, same: { json: id }, each: { status: 200 } }\n- again: first\n",
    ));
    let Verb::Flow { name, steps } = &plan.steps[1].verb else { panic!("steps in a row") };
    let Verb::Race(race) = &steps[0].verb else { panic!("a race") };
    assert_eq!((name.as_str(), steps.len(), race.len(), race[0].expect.len()), ("again first", 3, 3, 2));
    assert!(matches!(steps[1].verb, Verb::Clock(by) if by == Duration::from_secs(61)) && plan.moves_clock());
    assert_eq!(plan.steps[2].needs, [Need::Step("first".to_owned())]);
    let told = told(&scenario(
        "steps:\n- { get: /, id: first }\n- again: { step: first, at_once: 0 }\n  expect: { status: 200 }\n- again: none\n",
    ));
    for part in ["`at_once` is between 1 and 200", "`again` has no one response", "no step has the id `none`"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn a_limit_counts_its_tries_for_templates_and_for_nobody_else() {
    let text = "steps:\n- limit:\n    step: { get: \"/?n=${try}\" }\n    every: 61s\n    vary: { other: { get: \"/?n=x${try}\" } }\n  expect: { json: { first: 6 } }\n";
    let plan = only(&scenario(text));
    let Verb::Limit(limit) = &plan.steps[0].verb else { panic!("a limit") };
    assert_eq!((limit.tries, limit.throttled.len(), limit.vary[0].0.as_str()), (50, 1, "other"));
    assert_eq!((limit.every, plan.steps[0].needs.len()), (Some(Duration::from_secs(61)), 0));
    assert!(plan.moves_clock());
    let told = told(&scenario(
        "steps:\n- limit:\n    step: { get: /, expect: { status: 200 } }\n    tries: 0\n    within: 1000h\n    stride: 1s\n  expect: { status: 429 }\n",
    ));
    for part in ["is not judged by itself", "`tries` is between 1 and 2000", "more than 2000 looks", "a limit is no response"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn smoke_steps_come_first_and_a_step_knows_what_it_needs() {
    let plan = only(&scenario(
        "smoke: [{ tcp: https://app.test }]\nsteps:\n- { get: /, id: a, capture: { v: status } }\n- get: \"/${v}\"\n- { get: /, needs: a }\n\
         - race: [{ get: \"/${v}\" }, { get: / }]\n- get: /\n",
    ));
    let needs: Vec<_> = plan.steps.iter().map(|step| step.needs.clone()).collect();
    let value = vec![Need::Capture("v".to_owned())];
    assert_eq!((plan.smoke, needs), (1, vec![vec![], vec![], value.clone(), vec![Need::Step("a".to_owned())], value, vec![]]));
    assert!(told(&scenario("smoke: [{ tcp: https://other.test }]\nsteps: [{ get: / }]\n")).contains("is not declared"));
}

#[test]
fn waits_have_a_jitter_in_per_cent() {
    let calls = |rest: &str| scenario(&format!("steps:\n- calls: {{ origin: https://app.test, {rest} }}\n"));
    let plan = only(&calls("gaps: [250ms, 500ms], jitter: 20%, order: [GET /a]"));
    let Verb::Calls(plan) = &plan.steps[0].verb else { panic!("calls") };
    let gaps = plan.gaps.clone().unwrap();
    assert_eq!(gaps.bounds(Duration::from_millis(250)), (Duration::from_millis(200), Duration::from_millis(550)));
    assert_eq!((gaps.waits.len(), plan.order.len()), (2, 1));
    assert!(told(&calls("gaps: [1s], jitter: much")).contains("`much` is no part of a hundred"));
    assert!(told(&calls("jitter: 20%")).contains("there are no `gaps`"));
}

#[test]
fn a_probe_is_about_one_thing_with_what_belongs_to_it() {
    use crate::plan::{Endpoints, ProbeAbout};
    let text = "steps:\n- { post: /out, id: out }\n- probe: session\n- probe: { session: [/a, /b], cookie: sid, refused: [none, bearer], method: head }\n\
                - probe: { logout: out, at: /a }\n- probe: { replicas: met, build: $.version }\n- probe: { edge: /login }\n  expect: { json: { same: true } }\n";
    let plan = only(&scenario(text));
    let probe = |at: usize| match &plan.steps[at].verb {
        Verb::Probe(probe) => &**probe,
        other => panic!("{other:?}"),
    };
    assert!(matches!(&probe(1).about, ProbeAbout::Session(session) if matches!(session.endpoints, Endpoints::Met)));
    let ProbeAbout::Session(session) = &probe(2).about else { panic!("a session") };
    let Endpoints::Named(urls) = &session.endpoints else { panic!("urls") };
    assert_eq!(
        (urls.len(), session.cookies.len(), session.refused.as_ref().unwrap().forms.len(), probe(2).method.as_str()),
        (2, 1, 2, "HEAD")
    );
    assert_eq!(plan.steps[3].needs, [Need::Step("out".to_owned())]);
    assert!(matches!(&probe(4).about, ProbeAbout::Replicas { endpoints: Endpoints::Met, times: 8, build: Some(_) }));
    assert_eq!(plan.steps[5].label, "probe the edge at /login");
    let told = told(&scenario(
        "steps:\n- probe: sesion\n- probe: edge\n- probe: { session: /a, edge: /b }\n- probe: { times: 3 }\n- probe: { edge: /a, times: 3, cookie: sid }\n\
         - probe: { session: /a, accepted: [storred], headers: { Cookie: x } }\n- probe: { replicas: /a, times: 1, build: \"a b\" }\n\
         - probe: { session: /a, method: brew }\n  expect: { status: 200 }\n- probe: { logout: nobody }\n",
    ));
    for part in [
        "unknown probe `sesion`",
        "`edge` alone does not say what to ask",
        "this one about session and edge",
        "this one about none",
        "`times` means nothing to a probe of `edge`",
        "`cookie` means nothing to a probe of `edge`",
        "unknown form `storred`",
        "did you mean `stored`?",
        "a probe of `session` writes `Cookie` itself",
        "`times` is between 2 and 100",
        "`a b` is not the name of a header",
        "unknown method `BREW`",
        "no step has the id `nobody`",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

/// The line, the message and the hint of each error that a fixture is told.
fn errors_of(name: &str) -> Vec<(u32, String, String)> {
    let told = told_of(name);
    let blocks = told.split("error: ").skip(1).map(|block| {
        let line = block.split_once(".yaml:").and_then(|(_, place)| place.split_once(':')).and_then(|(line, _)| line.parse().ok());
        let hint = block.split_once("= hint: ").map_or("", |(_, hint)| hint.lines().next().unwrap_or_default());
        (line.unwrap_or_default(), block.lines().next().unwrap_or_default().to_owned(), hint.to_owned())
    });
    blocks.collect()
}

#[test]
fn verbs_that_look_behind_the_browser_say_what_they_want() {
    let expected: &[(u32, &str, &str)] = &[
        (
            5,
            "this is no URL of a Redis server that can be reached",
            "write `redis://host:6379` (without TLS), and the password as `password: \"${secret.name}\"`",
        ),
        (9, "`no image` is no image", "write its name and tag: `registry.example/api:1.4`"),
        (13, "no step has the id `frist`", "did you mean `first`?"),
        (14, "`at_once` is between 1 and 200", ""),
        (15, "`tries` is between 1 and 2000", ""),
        (16, "origin https://other.test is not declared", "did you mean `https://shell.test`?"),
        (17, "unknown Redis service `mail`", "there are: store, elsewhere"),
        (18, "`redis` looks at one thing", "give it one of `key`, `keys`, `stream` and `traffic`, or `send`"),
        (19, "`redis` looks at one thing", "give it one of `key`, `keys`, `stream` and `traffic`, or `send`"),
        (20, "`since`, `only` and `lasting` are about a stream", "give it `stream`"),
        (22, "what is in Redis is no response", "ask for `json`: `exists`, `ttl`, `value`, `count`, `entries`"),
        (23, "no process stands behind https://api.test", "name an origin with `process:`"),
        (24, "`process` does one thing", "keep one of `start`, `stop`, `restart` and `signal`"),
        (25, "`fails` is about a start", "write it beside `start: true`"),
        (26, "unknown signal `WINCH`", "there are: INT, TERM, KILL, HUP, USR1, USR2"),
        (27, "unknown service with a process `mail`", "there are: store, elsewhere"),
        (28, "`fault` changes nothing", "give it `refuse`, `delay`, `hold`, `reset`, `drop` or `clear: true`"),
        (29, "unknown Redis service `stor`", "did you mean `store`?"),
        (30, "`claim_missing` is a fault of `idp`, not of `edge`", ""),
        (31, "`fault` changes nothing", "give it `add`, `clear` or both"),
    ];
    let told = errors_of("probes");
    let told: Vec<_> = told.iter().map(|(line, message, hint)| (*line, message.as_str(), hint.as_str())).collect();
    assert_eq!(told, expected);
}
