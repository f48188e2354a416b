//! What good scenarios become.

use super::*;
use crate::plan::{
    Backend, Body, CookieChange, ExpectationKind, Filter, From, HttpMethod, JsonTemplate, Matcher, Part, Ready, Step, Template, UrlPart,
    Verb,
};
use crate::plan::{CaptureFrom, Plan};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

fn plan(rest: &str) -> Plan {
    compiled(&scenario(rest)).plans.remove(0)
}

fn labels(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.label.as_str()).collect()
}

fn expectation(expect: &str) -> ExpectationKind {
    let plan = plan(&format!("steps: [{{ get: /, expect: {{ {expect} }} }}]\n"));
    plan.steps[0].expect[0].kind.clone()
}

fn example(name: &str) -> Compiled {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/good").join(name);
    let mut sources = Sources::default();
    // Without the environment of whoever runs the tests, so that defaults are what counts.
    let mut world = Fixed::default();
    for name in ["_mosaic.yaml", name] {
        world = world.file(name, std::fs::read(file.with_file_name(name)).unwrap());
    }
    let loaded = load_from(Path::new(name), &mut sources, Arc::new(world)).unwrap();
    compile(&loaded, None).unwrap()
}

#[test]
fn the_documented_scenario_becomes_a_plan_for_each_variant() {
    let plans = example("session.yaml").plans;
    let ids: Vec<_> = plans.iter().map(Plan::id).collect();
    assert_eq!(ids, ["session#healthy", "session#bearer"]);
    assert_eq!(plans[1].finds, ["session-endpoints-disagree"]);
    assert_eq!(plans[0].covers, ["004-10", "004-11"]);
    assert_eq!(
        labels(&plans[0].steps),
        [
            "open https://app.mosaic.test/login",
            "click \"Sign in with Authentik\"",
            "fill Username, Password",
            "click \"Log in\"",
            "click \"Allow\"",
            "wait for url",
            "get https://api.mosaic.test/auth/get-session",
            "get https://api.mosaic.test/auth/session",
        ]
    );
    let Backend::Process(api) = &plans[1].origins[1].backend else { panic!("a process") };
    assert_eq!(api.env, [("GUARD".to_owned(), Template::text("bearer"))]);
    assert!(matches!(&api.ready, Ready::Get(path) if path == "/health"));
    let Backend::Idp(idp) = &plans[0].origins[0].backend else { panic!("a provider") };
    assert_eq!(idp.users[0].password.name(), "jarvis");
    assert_eq!(idp.users[0].password.expose(), "lab-only");
    assert_eq!(plans[0].steps[7].id.as_deref(), Some("session"));
}

#[test]
fn a_plan_never_shows_a_secret() {
    let text = scenario(
        "secrets: { pw: { default: hunter2-hunter2 } }\n\
         steps:\n  - get: \"https://app.test/?p=${secret.pw}\"\n  - fill: { Password: \"${secret.pw}\" }\n",
    );
    let plan = compiled(&text).plans.remove(0);
    assert_eq!(labels(&plan.steps), ["get https://app.test/?p=‹secret:pw›", "fill Password"]);
    assert!(!format!("{plan:?}").contains("hunter2"));
    assert_eq!(plan.secrets["pw"].expose(), "hunter2-hunter2");
}

#[test]
fn a_password_written_out_is_a_secret_without_a_name_of_its_own() {
    let text = "scenario: s\norigins: { https://id.test: { idp: { users: { j: { password: written-out } }, \
                clients: { c: { secret: \"a${secret.s}b\", redirect_uris: [x] } } } } }\n\
                secrets: { s: { default: inner } }\nsteps: [{ open: https://id.test/ }]\n";
    let plan = compiled(text).plans.remove(0);
    assert_eq!(plan.secrets["idp.users.j.password"].expose(), "written-out");
    assert_eq!(plan.secrets["idp.clients.c.secret"].expose(), "ainnerb");
    assert!(!format!("{plan:?}").contains("written-out"));
}

#[test]
fn the_environment_wins_over_a_file_and_a_file_over_the_default() {
    let text = scenario("secrets: { pw: { env: PW, file: pw.txt, default: d } }\nsteps: [{ fill: { P: \"${secret.pw}\" } }]\n");
    let value = |world: Fixed| compiled_in(world.file("main.yaml", text.as_str()), None).plans[0].secrets["pw"].expose().to_owned();
    assert_eq!(value(Fixed::default()), "d");
    assert_eq!(value(Fixed::default().file("pw.txt", "from file\n")), "from file");
    assert_eq!(value(Fixed::default().file("pw.txt", "from file").variable("PW", "from env")), "from env");
    assert_eq!(value(Fixed::default().file("pw.txt", "from file").variable("PW", "")), "from file");
}

#[test]
fn a_profile_swaps_what_stands_behind_an_origin() {
    let text = scenario(
        "variables: { who: local }\n\
         profiles: { far: { live: true, variables: { who: far }, origins: { https://app.test: { upstream: https://app.test } } } }\n\
         steps: [{ get: \"https://app.test/${who}\" }]\n",
    );
    let world = Fixed::default().file("main.yaml", text);
    let near = compiled_in(world.clone(), None).plans.remove(0);
    let far = compiled_in(world, Some("far")).plans.remove(0);
    assert!(matches!(near.origins[0].backend, Backend::Stub(_)) && !near.policy.live);
    let Backend::Upstream(upstream) = &far.origins[0].backend else { panic!("an upstream") };
    assert!(!upstream.local && far.policy.live);
    assert_eq!((near.steps[0].label.as_str(), far.steps[0].label.as_str()), ("get https://app.test/local", "get https://app.test/far"));
}

#[test]
fn faults_depend_on_the_variant() {
    let text = "scenario: s\nvariables: { fault: none }\nvariants: { ok: {}, bad: { with: { fault: email } } }\n\
                origins: { https://id.test: { idp: { faults: [{ when: { fault: email }, claim_missing: email }] } } }\n\
                steps: [{ open: https://id.test/ }]\n";
    let faults: Vec<_> = compiled(text)
        .plans
        .iter()
        .map(|plan| match &plan.origins[0].backend {
            Backend::Idp(idp) => idp.faults.iter().map(|fault| fault.to_json().to_string()).collect::<Vec<_>>(),
            _ => panic!("a provider"),
        })
        .collect();
    assert_eq!(faults, [vec![], vec![r#"{"claim_missing":{"claim":"email"}}"#.to_owned()]]);
}

#[test]
fn variables_are_folded_in_and_captures_stay() {
    let plan = plan(
        "variables: { host: app.test, base: \"https://${host}\" }\nsteps:\n\
         \x20 - { get: \"${base}/\", capture: { id: { json: user.id } } }\n\
         \x20 - get: \"${base | upper}/${id | urlencode | lower}$${x}\"\n",
    );
    let Verb::Request(request) = &plan.steps[1].verb else { panic!("a request") };
    let parts = [
        Part::Text("HTTPS://APP.TEST/".to_owned()),
        Part::Capture("id".to_owned(), vec![Filter::UrlEncode, Filter::Lower]),
        Part::Text("${x}".to_owned()),
    ];
    assert_eq!(request.url.parts, parts);
}

#[test]
fn flows_get_their_arguments_and_not_those_of_others() {
    let plan = plan(
        "flows:\n  visit: { args: { path: null, user: nobody }, steps: [{ get: \"/${path}?u=${user}\" }, { flow: inner }] }\n\
         \x20 inner: [{ get: \"/${path}\" }]\nvariables: { path: of-variable }\n\
         steps: [{ flow: { name: visit, with: { path: here } }, as: other }]\n",
    );
    let Verb::Flow { name, steps } = &plan.steps[0].verb else { panic!("a flow") };
    assert_eq!((name.as_str(), labels(steps)), ("visit", vec!["get /here?u=nobody", "flow inner"]));
    let Verb::Flow { steps: inner, .. } = &steps[1].verb else { panic!("a flow") };
    assert_eq!(labels(inner), ["get /of-variable"]);
    assert!(steps.iter().chain(inner).all(|step| &*step.actor == "other"));
}

#[test]
fn steps_are_numbered_over_all_nesting() {
    let plan = plan("steps: [{ race: [{ get: / }, { get: /a }] }, { repeat: { times: 2, steps: [{ get: /b }] } }, { get: /c }]\n");
    let Verb::Race(racing) = &plan.steps[0].verb else { panic!("a race") };
    let Verb::Repeat(repeat) = &plan.steps[1].verb else { panic!("a repeat") };
    let numbers = [&plan.steps[0], &racing[0], &racing[1], &plan.steps[1], &repeat.steps[0], &plan.steps[2]].map(|step| step.number.0);
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn steps_of_a_race_do_not_see_each_others_captures() {
    let text = scenario("steps: [{ race: [{ get: /, capture: { a: status } }, { get: \"/${a}\" }] }]\n");
    assert!(told(&text).contains("`a` is captured by no step before this one"));
    plan("steps: [{ race: [{ get: /, capture: { a: status } }, { get: / }] }, { get: \"/${a}\" }]\n");
}

#[test]
fn a_condition_leaves_steps_out() {
    let text = scenario(
        "variables: { mode: a }\nvariants: { a: {}, b: { with: { mode: b } }, c: { with: { mode: c } } }\n\
         steps: [{ get: /one, when: { mode: [a, b] } }, { get: /two, when: { mode: c } }]\n",
    );
    let laid: Vec<_> = compiled(&text).plans.iter().map(|plan| plan.steps[0].label.clone()).collect();
    assert_eq!(laid, ["get /one", "get /one", "get /two"]);
}

#[test]
fn a_request_says_who_sends_it_and_what() {
    let plan = plan(
        "steps:\n  - post: { url: /a, json: { n: 1, t: \"x\" }, headers: { Accept: null, X: y }, from: \"https://evil.test\", cookies: false, follow: true }\n\
         \x20 - get: /b\n",
    );
    let Verb::Request(post) = &plan.steps[0].verb else { panic!("a request") };
    assert_eq!((post.method, post.cookies, post.follow), (HttpMethod::Post, false, true));
    assert_eq!(post.headers, [("Accept".to_owned(), None), ("X".to_owned(), Some(Template::text("y")))]);
    assert!(matches!(&post.from, From::Origin(origin) if origin.to_string() == "https://evil.test"));
    let Body::Json(JsonTemplate::Map(entries)) = &post.body else { panic!("JSON") };
    assert_eq!(entries[0], ("n".to_owned(), JsonTemplate::Plain(json!(1))));
    let Verb::Request(get) = &plan.steps[1].verb else { panic!("a request") };
    assert_eq!((&get.from, get.cookies, get.follow), (&From::Page, true, false));
}

#[test]
fn changes_of_cookies_keep_the_order_of_the_file() {
    let plan = plan("steps: [{ cookies: { set: [a=1, b=2], at: /, delete: c, clear: true } }]\n");
    let Verb::Cookies(cookies) = &plan.steps[0].verb else { panic!("cookies") };
    let kinds: Vec<_> = cookies
        .changes
        .iter()
        .map(|edit| match &edit.change {
            CookieChange::Set(text) => text.display(),
            CookieChange::Delete(name) => format!("delete {name}"),
            CookieChange::Clear => "clear".to_owned(),
            _ => "else".to_owned(),
        })
        .collect();
    assert_eq!(kinds, ["a=1", "b=2", "delete c", "clear"]);
}

#[test]
fn plain_values_mean_what_they_stand_at() {
    let equals = |value| JsonTemplate::Plain(value);
    assert!(matches!(expectation("status: 200"), ExpectationKind::Status(Matcher::Equals(code)) if code == equals(json!(200))));
    assert!(matches!(expectation("status: 4xx"), ExpectationKind::Status(Matcher::StatusClass(4))));
    assert!(matches!(expectation("status: [200, 304]"), ExpectationKind::Status(Matcher::OneOf(codes)) if codes.len() == 2));
    assert!(matches!(expectation("status: [304, 2xx]"), ExpectationKind::Status(Matcher::Not(_))));
    assert!(matches!(expectation("header: { vary: absent }"), ExpectationKind::Header(_, Matcher::Exists(false))));
    assert!(
        matches!(expectation("header: { age: 12 }"), ExpectationKind::Header(_, Matcher::Equals(text)) if text == JsonTemplate::Text(Template::text("12")))
    );
    assert!(matches!(expectation("text: Hi"), ExpectationKind::Text(Matcher::Contains(_))));
    assert!(matches!(expectation("body: absent"), ExpectationKind::Body(Matcher::Equals(_))));
    assert!(matches!(expectation("time: { under: 1.5s }"), ExpectationKind::Time(Matcher::Below(1500.0))));
    assert!(matches!(expectation("json: { a: { type: user, id: 5 } }"), ExpectationKind::Json(_, Matcher::Equals(JsonTemplate::Map(_)))));
    assert!(matches!(expectation("json: { a: { gt: 1, lt: 5 } }"), ExpectationKind::Json(_, Matcher::All(all)) if all.len() == 2));
    assert!(matches!(expectation("cookie: { sid: absent }"), ExpectationKind::Cookie(_, cookie) if cookie.stored == Some(false)));
    assert!(
        matches!(expectation("json: { user.email: x }"), ExpectationKind::Json(path, _) if !path.query(&json!({"user": {"email": 1}})).is_empty())
    );
}

#[test]
fn captures_take_parts_of_urls() {
    let plan = plan("steps: [{ get: /, capture: { a: { redirect: { query: state } }, b: page, c: location } }]\n");
    let sources: Vec<_> = plan.steps[0].capture.iter().map(|capture| &capture.from).collect();
    assert!(matches!(sources[0], CaptureFrom::Redirect(UrlPart::Query(name)) if name == "state"));
    assert!(matches!(sources[1], CaptureFrom::Url(UrlPart::Whole)));
    assert!(matches!(sources[2], CaptureFrom::Redirect(UrlPart::Whole)));
}

#[test]
fn settings_and_timeouts_are_taken() {
    let plan =
        plan("settings: { step_timeout: 3s, third_party_cookies: block, snapshot: false }\nsteps: [{ get: / }, { get: /, timeout: 1s }]\n");
    assert_eq!(plan.steps.iter().map(|step| step.timeout).collect::<Vec<_>>(), [Duration::from_secs(3), Duration::from_secs(1)]);
    assert!(!plan.policy.third_party_cookies && !plan.policy.snapshot);
}

#[test]
fn flows_that_multiply_end_at_a_limit() {
    let mut text = "flows:\n  f0: [{ get: / }]\n".to_owned();
    for n in 1..20 {
        text.push_str(&format!("  f{n}: [{{ flow: f{p} }}, {{ flow: f{p} }}]\n", p = n - 1));
    }
    let told = told(&scenario(&format!("{text}steps: [{{ flow: f19 }}]\n")));
    assert!(told.contains("more than 5000 steps"), "{told}");
}

#[test]
fn templates_that_multiply_end_at_a_limit() {
    let mut text = format!("variables:\n  v0: {}\n", "x".repeat(1000));
    for n in 1..40 {
        text.push_str(&format!("  v{n}: \"${{v{p}}}${{v{p}}}\"\n", p = n - 1));
    }
    let told = told(&scenario(&format!("{text}steps: [{{ get: \"/${{v39}}\" }}]\n")));
    assert!(told.contains("templates expand to too much: at most 8 MiB in one run"), "{told}");
}

#[test]
fn variables_made_of_each_other_end_at_a_limit() {
    let mut text = "variables:\n  v0: x\n".to_owned();
    for n in 1..20_000 {
        text.push_str(&format!("  v{n}: \"${{v{p}}}\"\n", p = n - 1));
    }
    let told = told(&scenario(&format!("{text}steps: [{{ get: \"/${{v19999}}\" }}]\n")));
    assert!(told.contains("variables are made of variables more than 64 deep"), "{told}");
}

#[test]
fn of_thousands_of_faults_the_first_are_told() {
    let steps: String = (0..4000).map(|n| format!("  - get: \"/${{name{n}}}\"\n")).collect();
    let (_, loaded) = load(Fixed::default().file("main.yaml", scenario(&format!("steps:\n{steps}"))));
    assert_eq!(compile(&loaded.unwrap(), None).unwrap_err().0.len(), Diagnostics::MOST);
    let keys: String = (0..4000).map(|n| format!("key{n}: 1\n")).collect();
    let (_, loaded) = load(Fixed::default().file("main.yaml", scenario(&keys)));
    assert_eq!(loaded.unwrap_err().0.len(), Diagnostics::MOST);
}

#[test]
fn a_process_starts_in_the_folder_of_the_file_that_declares_it() {
    let text = "scenario: s\norigins: { https://a.test: { process: { run: [a] } } }\nsteps: [{ get: / }]\n";
    let Backend::Process(process) = &compiled(text).plans[0].origins[0].backend else { panic!("a process") };
    assert_eq!(process.dir, Path::new("."));
}

/// Pieces of scenarios, to be put together in ways nobody meant.
fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "scenario: s\n",
        "steps:\n",
        "  - ",
        "get: ",
        "https://app.test/",
        "${a}",
        "expect: ",
        "{ status: 200 }",
        "\n",
        "    ",
        "- ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "<<: ",
        "|\n",
        "'",
        "\"",
        "variables: { a: \"${b}\", b: \"${a}\" }\n",
        "use: main.yaml\n",
        "json: ",
        "matches: '('",
        "\t",
        "é",
        "origins:\n  https://app.test: { stub: [] }\n",
        "flow: f\n",
        "flows: { f: [{ flow: f }] }\n",
        "race: ",
        "when: ",
        "!!str ",
        "? ",
        "%",
        "---\n",
        "~",
        "0x",
        "1e999",
        "\u{feff}",
        "\0",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text_never_panics(text in prop_oneof![fragment(), ".{0,120}"]) {
        let (sources, loaded) = load(Fixed::default().file("main.yaml", text));
        if let Err(faults) = loaded.and_then(|loaded| compile(&loaded, None)) {
            prop_assert!(!faults.0.is_empty());
            prop_assert!(!faults.render(&sources, false).is_empty());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (sources, loaded) = load(Fixed::default().file("main.yaml", bytes));
        prop_assert!(!loaded.unwrap_err().render(&sources, false).is_empty());
    }
}
