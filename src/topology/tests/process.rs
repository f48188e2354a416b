//! Programs: started, watched, and gone without a trace.

use super::*;
use crate::base::Secret;
use crate::plan::{Part, ProcessPlan, Ready, Template};
use crate::topology::Event;
use crate::web::origin::Origin;
use regex::bytes::Regex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;
use std::sync::Mutex;

const API: &str = "https://api.mosaic.test";

fn shell(script: &str, ready: Ready) -> ProcessPlan {
    ProcessPlan {
        image: None,
        run: ["/bin/sh", "-c", script].map(Template::text).into(),
        env: Vec::new(),
        dir: "/".into(),
        port: None,
        ports: Vec::new(),
        later: false,
        after: Vec::new(),
        replicas: 1,
        ready,
        ready_within: Duration::from_secs(10),
        stop_within: Duration::from_secs(5),
    }
}

fn line(regex: &str) -> Ready {
    Ready::Log(Regex::new(regex).unwrap())
}

fn process(plan_: ProcessPlan) -> OriginPlan {
    plan(API, Backend::Process(plan_))
}

/// The value of a line `name=value` that a process printed.
fn printed(topology: &Topology, name: &str) -> String {
    let lines = topology.logs().remove(0).1;
    let value = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name} in {lines:?}")).to_owned()
}

/// Whether a process runs; one that only waits for its parent to take notice does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

async fn until(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_process_gets_a_bare_environment_a_port_and_its_own_variables() {
    let mut plan = shell("env; echo arg=$0; echo ready", line("^ready$"));
    plan.run.push(Template { parts: vec![Part::Text("p".into()), Part::Capture("port".into(), vec![])] });
    plan.env = vec![("DB".into(), Template { parts: vec![Part::Secret("db".into(), vec![])] })];
    plan.run[2] = Template::text("env; echo arg=$0; echo ready; exec sleep 100");
    let mut context = context();
    let secret = Secret::new("db", "hunter2!");
    context.redactor.learn(&secret);
    context.scope.secrets.insert("db".into(), secret);
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = events.clone();
    context.log = Arc::new(move |event| sink.lock().unwrap().push(event));
    let topology = Topology::start(&[process(plan)], context).await.unwrap();

    let port = printed(&topology, "PORT");
    assert_eq!(printed(&topology, "arg"), format!("p{port}"));
    assert_eq!(printed(&topology, "DB"), "‹secret:db›");
    assert_eq!(printed(&topology, "HTTPS_PROXY"), printed(&topology, "http_proxy"));
    let names: Vec<_> = topology.logs()[0].1.iter().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
    let events = events.lock().unwrap();
    assert!(matches!(&events[0], Event::Starting { of } if of == API));
    assert!(events.iter().any(|event| matches!(event, Event::Ready { .. })));
    assert!(!format!("{events:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_process_reaches_other_origins_through_the_edge() {
    let auth = on("https://auth.mosaic.test", echo_server().await, true);
    let api = process(shell("env; echo ready; exec sleep 100", line("^ready$")));
    let topology = start(&[api, auth]).await;
    // What the process was told is enough for a client that knows nothing else.
    let proxy = reqwest::Proxy::all(printed(&topology, "HTTPS_PROXY")).unwrap();
    for roots in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
        let mut store = rustls::RootCertStore::empty();
        store.add_parsable_certificates(CertificateDer::pem_file_iter(printed(&topology, roots)).unwrap().flatten());
        let mut config = ClientConfig::clone(&tls(&topology, &[]));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build().unwrap();
        config.dangerous().set_certificate_verifier(verifier);
        let client = reqwest::Client::builder().tls_backend_preconfigured(config).proxy(proxy.clone()).build().unwrap();
        let response = soon(client.get("https://auth.mosaic.test/token").send()).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let call = topology.calls().remove(0);
    assert_eq!((call.by_actor, call.caller.as_str(), call.target.as_str()), (false, API, "/token"));
    assert!(Path::new(&printed(&topology, "SSL_CERT_FILE")).exists());
}

#[tokio::test]
async fn a_process_that_ends_early_is_shown_with_its_last_lines() {
    let error = start_error(&[process(shell("echo starting; echo 'no DATABASE_URL' >&2; exit 7", Ready::Tcp))]).await;
    assert!(!error.is_usage());
    let text = error.to_string();
    assert!(text.contains("the process of https://api.mosaic.test ended before it was ready (exit status: 7)"), "{text}");
    assert!(text.contains("starting") && text.contains("no DATABASE_URL"), "{text}");
}

#[tokio::test]
async fn a_process_that_never_serves_is_given_up() {
    let mut plan = shell("echo $$; exec sleep 100", Ready::Tcp);
    plan.ready_within = Duration::from_millis(200);
    let error = start_error(&[process(plan)]).await;
    let TopologyError::NotReady { lines, waited_for, .. } = &error else { panic!("{error}") };
    assert!(waited_for.starts_with("nothing accepted connections on port "), "{waited_for}");
    assert!(!runs(&lines[0]), "{lines:?}");
}

#[tokio::test]
async fn a_program_or_directory_that_is_not_there_is_told_apart() {
    let mut plan = shell("", Ready::Tcp);
    plan.run = vec![Template::text("no-such-program-here")];
    let error = start_error(&[process(plan.clone())]).await;
    assert!(error.to_string().ends_with("there is no program `no-such-program-here`"), "{error}");
    assert!(error.hints()[0].contains("PATH"));
    plan.dir = "/no/such/directory".into();
    let error = start_error(&[process(plan)]).await;
    assert!(matches!(error, TopologyError::DirectoryNotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_template_without_a_value_is_the_scenarios_fault() {
    let mut plan = shell("", Ready::Tcp);
    plan.env = vec![("CODE".into(), Template { parts: vec![Part::Capture("code".into(), vec![])] })];
    let error = start_error(&[process(plan)]).await;
    assert!(error.is_usage());
    assert!(error.to_string().starts_with("environment variable CODE of https://api.mosaic.test has no value: `code`"), "{error}");
}

#[tokio::test]
async fn whoever_ignores_sigterm_is_killed_with_its_children() {
    let mut plan = shell("trap '' TERM; sleep 1000 & echo child=$!; echo own=$$; echo up; while :; do sleep 1; done", line("^up$"));
    plan.stop_within = Duration::from_millis(200);
    let topology = start(&[process(plan)]).await;
    let (own, child) = (printed(&topology, "own"), printed(&topology, "child"));
    assert!(runs(&own) && runs(&child));
    soon(topology.stop()).await;
    until(|| !runs(&own) && !runs(&child)).await;
    assert_eq!(topology.casualties(), [], "who is stopped is no casualty");
}

#[tokio::test]
async fn a_grandchild_that_cleans_up_gets_its_time() {
    let script = "(trap 'sleep 0.2; echo cleaned; exit' TERM; echo up; while :; do sleep 0.02; done) & trap 'exit 0' TERM; wait";
    let topology = start(&[process(shell(script, line("^up$")))]).await;
    soon(topology.stop()).await;
    assert!(topology.logs()[0].1.contains(&"cleaned".to_owned()), "{:?}", topology.logs());
}

#[tokio::test]
async fn dropping_the_topology_leaves_nobody_behind() {
    let topology = start(&[process(shell("sleep 1000 & echo child=$!; echo own=$$; echo up; wait", line("^up$")))]).await;
    let (own, child) = (printed(&topology, "own"), printed(&topology, "child"));
    drop(topology);
    until(|| !runs(&own) && !runs(&child)).await;
}

#[tokio::test]
async fn giving_up_on_the_start_leaves_nobody_behind() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut context = context();
    context.log = Arc::new(move |event| {
        if let Event::Log { line, .. } = event {
            let _ = told.send(line);
        }
    });
    let plans = [process(shell("echo $$; exec sleep 1000", Ready::Tcp))];
    let pid = tokio::select! {
        _ = Topology::start(&plans, context) => panic!("it never serves"),
        pid = heard.recv() => pid.unwrap(),
    };
    until(|| !runs(&pid)).await;
}

#[tokio::test]
async fn a_process_that_dies_during_the_run_is_noticed() {
    let topology = start(&[process(shell("echo own=$$; echo up; while :; do sleep 1; done", line("^up$")))]).await;
    assert_eq!(topology.casualties(), []);
    let own = printed(&topology, "own");
    assert!(tokio::process::Command::new("kill").args(["-9", &own]).status().await.unwrap().success());
    until(|| !topology.casualties().is_empty()).await;
    let casualty = topology.casualties().remove(0);
    assert_eq!(casualty.to_string(), "the process of https://api.mosaic.test ended during the run (signal: 9 (SIGKILL))");
    assert_eq!(casualty.lines.last().unwrap(), "up");

    let response = over_h2(
        &topology,
        "api.mosaic.test",
        Request::get("https://api.mosaic.test/").body(http_body_util::Empty::<hyper::body::Bytes>::new()).unwrap(),
    )
    .await;
    assert_eq!(response.status(), 502);
    let told = body(response).await;
    assert!(told.contains("which ended (signal: 9 (SIGKILL)), cannot be reached"), "{told}");
    soon(topology.stop()).await;
}

#[tokio::test]
async fn when_one_does_not_start_the_others_are_stopped() {
    let pids = Arc::new(Mutex::new(Vec::new()));
    let mut context = context();
    let sink = pids.clone();
    context.log = Arc::new(move |event| {
        if let Event::Log { line, .. } = event {
            sink.lock().unwrap().push(line);
        }
    });
    let good = plan("https://good.test", Backend::Process(shell("echo $$; exec sleep 1000", line("^[0-9]+$"))));
    let mut bad = shell("exec sleep 1000", Ready::Tcp);
    bad.ready_within = Duration::from_millis(500);
    let error = Topology::start(&[good, process(bad)], context).await.err().unwrap();
    assert!(matches!(error, TopologyError::NotReady { .. }), "{error}");
    let pid = pids.lock().unwrap()[0].clone();
    assert!(!runs(&pid));
}

#[tokio::test]
async fn a_process_is_started_only_when_those_before_it_serve() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = events.clone();
    let mut context = context();
    context.log = Arc::new(move |event| sink.lock().unwrap().push(event));
    let last = shell("echo ready; exec sleep 1000", line("^ready$"));
    let origins: Vec<Origin> = ["https://last.test", "https://second.test", "https://first.test"].map(|text| text.parse().unwrap()).into();
    // Declared in the wrong order, and each waits for the next.
    let plans: Vec<_> = origins
        .iter()
        .enumerate()
        .map(|(n, origin)| {
            let after = origins.get(n + 1).cloned().into_iter().collect();
            plan(&origin.to_string(), Backend::Process(ProcessPlan { after, ..last.clone() }))
        })
        .collect();
    let topology = soon(Topology::start(&plans, context)).await.unwrap_or_else(|error| panic!("{error}"));
    let told: Vec<String> = events
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::Starting { of } => Some(format!("starting {of}")),
            Event::Ready { of, .. } => Some(format!("ready {of}")),
            Event::Log { .. } => None,
        })
        .collect();
    let expected: Vec<_> = origins.iter().rev().flat_map(|origin| [format!("starting {origin}"), format!("ready {origin}")]).collect();
    assert_eq!(told, expected);
    soon(topology.stop()).await;
}

#[tokio::test]
async fn a_process_lives_by_the_clock_that_is_moved_and_knows_where_mail_goes() {
    let script = "echo url=$MAIL; date +now=%s; echo ready; read x; date +then=%s; echo over; sleep 60";
    let fifo = tempfile::tempdir().unwrap();
    let pipe = fifo.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut plan = shell(&format!("exec < \"$PIPE\"; {script}"), line("^ready$"));
    plan.env.push(("PIPE".into(), Template::text(pipe.to_str().unwrap())));
    plan.env.push(("MAIL".into(), Template { parts: vec![Part::Capture("service.mail.url".into(), vec![])] }));
    let service = crate::plan::ServicePlan {
        name: "mail".into(),
        kind: crate::plan::ServiceKind::Smtp(crate::plan::SmtpPlan::default()),
        span: span(),
    };
    let context = Context { moves_clock: true, services: vec![service], ..context() };
    let clock = context.clock.clone();
    // The shell waits at its pipe until somebody opens it for writing.
    let opened = tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(pipe));
    let topology = soon(Topology::start(&[process(plan)], context)).await.unwrap_or_else(|error| panic!("{error}"));
    let mut writer = opened.await.unwrap().unwrap();
    clock.advance(Duration::from_secs(3600));
    topology.clock_moved().unwrap();
    std::io::Write::write_all(&mut writer, b"go\n").unwrap();
    until(|| topology.logs()[0].1.iter().any(|line| line == "over")).await;
    let seconds = |name| printed(&topology, name).parse::<i64>().unwrap();
    assert!((3600..3620).contains(&(seconds("then") - seconds("now"))));
    let url = printed(&topology, "url");
    let mut mail = TcpStream::connect(url.strip_prefix("smtp://").unwrap()).await.unwrap();
    let mut greeting = [0; 4];
    soon(mail.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(&greeting, b"220 ");
}
