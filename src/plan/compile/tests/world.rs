//! Inbox, clock, boundaries, services, and what stands behind origins beside programs and pages.

use super::*;
use crate::plan::backend::{StubFault, StubPath};
use crate::plan::{Backend, BoundaryStart, Channel, OtpFlag, Part, Plan, ServiceKind, Verb, Wanted};
use std::time::Duration;

fn only(text: &str) -> Plan {
    compiled(text).plans.remove(0)
}

#[test]
fn an_inbox_step_says_what_is_waited_for() {
    let plan = only(&scenario(
        "steps:\n- { get: /, id: sent }\n- inbox: { to: ada@x.test, channel: sms, code: '\\d{6}', link: 'https://a.test/v*?t=1', within: 2s, since: sent }\n  \
         expect: { json: { from: salon } }\n  capture: { c: { json: code } }\n- get: \"/?c=${c}\"\n",
    ));
    let Verb::Inbox(inbox) = &plan.steps[1].verb else { panic!("an inbox") };
    assert_eq!((inbox.channel, inbox.within, inbox.since.as_deref()), (Some(Channel::Sms), Duration::from_secs(2), Some("sent")));
    let Wanted::Like(link) = &inbox.link else { panic!("a pattern") };
    assert!(
        link.is_match("https://a.test/verify?t=1")
            && !link.is_match("https://a.test/verify?t=12")
            && !link.is_match("https://aXtest/v?t=1")
    );
    assert_eq!(plan.steps[1].label, "inbox of ada@x.test");
}

#[test]
fn a_message_has_no_status_and_no_cookies() {
    let text = scenario(
        "steps:\n- inbox: { to: a, channel: pigeon }\n- inbox: { to: a }\n  expect: { status: 200 }\n  capture: { c: { cookie: x } }\n",
    );
    let told = told(&text);
    assert!(told.contains("unknown channel `pigeon`"), "{told}");
    assert_eq!(told.matches("a message is no response").count(), 2, "{told}");
}

#[test]
fn a_boundary_knows_its_limit_and_what_starts_it() {
    let plan = only(&scenario(
        "steps:\n- boundary: { limit: 1m, steps: [{ get: /start, capture: { a: status } }], before: { get: \"/${a}\" }, after: { get: /after } }\n\
         - { get: /, id: login }\n- boundary: { limit: 5m, margin: 2s, since: login, after: { get: / } }\n- clock: { advance: 61s }\n",
    ));
    let Verb::Boundary(first) = &plan.steps[0].verb else { panic!("a boundary") };
    assert!(matches!(&first.start, BoundaryStart::Steps(steps) if steps.len() == 1));
    assert_eq!((first.limit, first.margin), (Duration::from_secs(60), Duration::from_secs(1)));
    let labels: Vec<_> = first.steps().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["get /start", "before 60s: get /${a}", "after 60s: get /after"]);
    let Verb::Boundary(second) = &plan.steps[2].verb else { panic!("a boundary") };
    assert!(matches!(&second.start, BoundaryStart::Since(id) if id == "login") && second.before.is_none());
    assert!(plan.moves_clock() && !only(&scenario("steps: [{ get: / }]\n")).moves_clock());
}

#[test]
fn a_boundary_that_cannot_be_meant_is_told() {
    for (step, expected) in [
        ("boundary: { limit: 1s, steps: [{ get: / }], before: { get: / } }", "the margin must be shorter than the limit"),
        ("boundary: { limit: 1m, before: { get: / } }", "does not know what starts the limit"),
        ("boundary: { limit: 1m, steps: [{ get: / }], since: x, before: { get: / } }", "not both"),
        ("boundary: { limit: 1m, steps: [{ get: / }] }", "has nothing to do"),
        ("boundary: { limit: 1m, since: later, after: { get: / } }", "no step has the id `later`"),
        ("clock: { advance: 0s }", "the clock moves forwards"),
        ("{ clock: { advance: 1s }, expect: { status: 200 } }", "`clock` has no one response"),
    ] {
        let told = told(&scenario(&format!("steps:\n- {step}\n")));
        assert!(told.contains(expected), "{step}: {told}");
    }
}

const PROCESS: &str = "scenario: s\norigins: { https://app.test: { process: { run: [app, \"${service.mail.host}\"], env: { URL: \"${service.mail.url}\" } } } }\n";

#[test]
fn processes_learn_where_services_are() {
    let plan = only(&format!("{PROCESS}services: {{ mail: {{ smtp: {{ reject: 550, delay: 1s }} }} }}\nsteps: [{{ get: / }}]\n"));
    let service = &plan.services[0];
    let ServiceKind::Smtp(smtp) = &service.kind else { panic!("a mail server") };
    assert_eq!((service.name.as_str(), smtp.reject, smtp.delay), ("mail", Some(550), Duration::from_secs(1)));
    let Backend::Process(process) = &plan.origins[0].backend else { panic!("a process") };
    assert_eq!(process.env[0].1.parts, [Part::Capture("service.mail.url".to_owned(), Vec::new())]);
}

#[test]
fn services_and_their_addresses_are_checked() {
    for (rest, expected) in [
        ("steps: [{ get: / }]", "unknown service `mail`"),
        ("services: { mail: {} }\nsteps: [{ get: / }]", "service `mail` is nothing"),
        ("services: { mail: { smtp: { reject: 250 } } }\nsteps: [{ get: / }]", "`250` is no refusal"),
        ("services: { mail: { smtp: {} } }\nsteps: [{ get: \"/${service.mail.port}\" }]", "is for what stands behind origins"),
        (
            "services: { mail: { smtp: {} } }\nvariables: { a: \"${service.mail.prot}\" }\nsteps: [{ get: \"/${a}\" }]",
            "did you mean `port`?",
        ),
    ] {
        let told = told(&format!("{PROCESS}{rest}\n"));
        assert!(told.contains(expected), "{rest}: {told}");
    }
}

#[test]
fn a_vendor_and_a_hook_have_sensible_defaults() {
    let plan = only(
        "scenario: s\nsecrets: { k: { default: long-enough } }\norigins:\n  https://otp.test: { otp: { key: \"${secret.k}\", flag: verified, faults: otp_unsent } }\n  \
         https://sms.test: { inbox: { to: number } }\nsteps: [{ get: https://otp.test/ }]\n",
    );
    let Backend::Otp(otp) = &plan.origins[0].backend else { panic!("a vendor") };
    assert_eq!((otp.flag, otp.attempts, otp.digits, otp.faults.len()), (OtpFlag::Verified, 5, 6, 1));
    assert_eq!((otp.code_ttl, otp.templates[0].0), (Duration::from_secs(300), 1));
    let Backend::Inbox(hook) = &plan.origins[1].backend else { panic!("a hook") };
    assert_eq!((hook.to.as_slice(), hook.channel, hook.status), (["number".to_owned()].as_slice(), Channel::Sms, 200));
    assert!(hook.text.iter().any(|name| name == "Body"));
    let told = told(
        "scenario: s\norigins: { https://otp.test: { otp: { key: k, flag: ok, digits: 2, templates: { 1: hello } } } }\nsteps: [{ get: https://otp.test/ }]\n",
    );
    assert!(told.contains("unknown flag `ok`"), "{told}");
}

#[test]
fn a_stub_asks_with_matchers_and_loses_answers() {
    let plan = only(
        "scenario: s\norigins:\n  https://a.test:\n    stub:\n    - { path: { matches: '^/u/[0-9]+$' }, headers: { X-A: absent }, reply: { fault: half_body } }\n    \
         - { path: '/x*', form: { a: present }, reply: {} }\n    - { path: /y, json_path: { '$.a[*]': { gt: 1 } }, reply: {} }\nsteps: [{ get: https://a.test/ }]\n",
    );
    let Backend::Stub(stub) = &plan.origins[0].backend else { panic!("a stub") };
    assert!(matches!(stub.routes[0].path, StubPath::Like(_)) && stub.routes[0].replies[0].fault == Some(StubFault::HalfBody));
    assert!(matches!(&stub.routes[1].path, StubPath::Under(start) if start == "/x"));
    assert_eq!((stub.routes[1].form.len(), stub.routes[2].json_paths.len()), (1, 1));
    let told = told(
        "scenario: s\norigins: { https://a.test: { stub: [{ path: x, reply: { fault: rest } }, { path: /, json: 1, form: { a: b }, reply: {} }] } }\nsteps: [{ get: https://a.test/ }]\n",
    );
    for expected in ["did you mean `reset`?", "`x` is not a path", "a body is JSON or a form"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}
