//! What goes wrong on the way to an origin, whatever stands behind it.

use super::*;
use crate::plan::{Clear, Fault, FaultsPlan, Service};

const PLAIN: &str = "http://plain.test";

fn switch(topology: &Topology, faults: &[&str]) {
    let add = faults.iter().map(|fault| Fault::parse(fault, Service::Edge).unwrap()).collect();
    topology.switch_faults(&FaultsPlan { origin: PLAIN.parse().unwrap(), clear: Clear::All, add });
}

async fn ask(topology: &Topology, path: &str) -> String {
    ask_at(topology.endpoint("jarvis"), path).await
}

async fn ask_at(edge: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: plain.test\r\nX-Mine: 1\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(edge).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    match stream.read_to_end(&mut seen).await {
        Ok(_) => String::from_utf8_lossy(&seen).to_ascii_lowercase(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

#[tokio::test]
async fn a_fault_strikes_its_path_and_its_call_and_what_it_answers_never_reaches_the_origin() {
    let topology = start(&[on(PLAIN, echo_server().await, true)]).await;
    switch(&topology, &[r#"{"endpoint_error": {"status": 503, "endpoint": "/api/*", "nth": 2}}"#]);
    let mut seen = Vec::new();
    for path in ["/api/a", "/other", "/api/b", "/api/c"] {
        seen.push(ask(&topology, path).await[9..12].to_owned());
    }
    assert_eq!(seen, ["200", "200", "503", "200"]);
    let notes: Vec<_> = topology.calls().into_iter().filter_map(|call| call.note).collect();
    assert_eq!(notes, ["fault: refused with 503 Service Unavailable"]);
    switch(&topology, &[r#"{"throttled": {"retry_after": "1500ms"}}"#]);
    let throttled = ask(&topology, "/").await;
    assert!(throttled.starts_with("http/1.1 429 ") && throttled.contains("\r\nretry-after: 2\r\n"), "{throttled}");
    assert!(!throttled.contains("x-authchain"), "{throttled}");
}

#[tokio::test]
async fn an_answer_is_lost_after_the_origin_did_what_was_asked() {
    let topology = start(&[on(PLAIN, echo_server().await, true)]).await;
    switch(&topology, &["response_lost"]);
    assert_eq!(ask(&topology, "/commit").await, "ConnectionReset");
    switch(&topology, &["reset"]);
    assert_eq!(ask(&topology, "/never").await, "ConnectionReset");
    switch(&topology, &[r#"{"reset": {"client": "https://other.test"}}"#]);
    assert!(ask(&topology, "/").await.starts_with("http/1.1 200 "));
    let notes: Vec<_> = topology.calls().into_iter().map(|call| call.note.unwrap_or_default()).collect();
    assert_eq!(notes, ["fault: the answer was lost", "fault: connection reset before anything was done", ""]);
}

#[tokio::test]
async fn headers_are_lost_and_rewritten_in_both_directions() {
    let topology = start(&[on(PLAIN, echo_server().await, true)]).await;
    switch(
        &topology,
        &[
            r#"{"header_stripped": {"header": "X-Mine", "of": "request"}}"#,
            r#"{"header_rewritten": {"header": "X-Forwarded-Proto", "value": "gopher", "of": "request"}}"#,
            r#"{"header_rewritten": {"header": "X-New", "value": 7}}"#,
        ],
    );
    let seen = ask(&topology, "/").await;
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nx-new: 7"), "{seen}");
    assert!(!body.contains("x-mine"), "{seen}");
    assert!(Fault::parse("header_stripped=a b", Service::Edge).is_err() && Fault::parse("header_stripped=a", Service::Idp).is_err());
}

#[tokio::test]
async fn behind_the_edge_no_fault_strikes_and_an_upstream_needs_an_address() {
    let (front, back) = (echo_server().await, raw_server("HTTP/1.1 200 OK\r\nX-Behind: 1\r\nContent-Length: 0\r\n\r\n").await);
    let origin = PLAIN.parse().unwrap();
    let unknown = start(&[on(PLAIN, front, true)]).await.direct("jarvis", &origin).unwrap_err();
    assert!(unknown.contains("write its address as `direct`"), "{unknown}");
    let mut plan = on(PLAIN, front, true);
    if let Backend::Upstream(upstream) = &mut plan.backend {
        let url = format!("http://{back}").parse().unwrap();
        upstream.direct = Some(Box::new(UpstreamPlan { url, keep_host: true, local: true, direct: None }));
    }
    let topology = start(&[plan]).await;
    switch(&topology, &[r#"{"header_rewritten": {"header": "X-New", "value": 7}}"#]);
    let through = ask(&topology, "/").await;
    assert!(through.contains("\r\nx-new: 7") && !through.contains("x-behind"), "{through}");
    let direct = ask_at(topology.direct("jarvis", &origin).unwrap(), "/").await;
    assert!(direct.contains("\r\nx-behind: 1") && !direct.contains("x-new"), "{direct}");
    assert!(ask(&topology, "/").await.contains("x-new"), "the edge is as it was");
}
