//! How requests arrive at the edge, and which are refused.

use super::*;
use http_body_util::Empty;
use hyper::body::Bytes;

const APP: &str = "https://app.mosaic.test";

fn get(url: &str) -> Request<Empty<Bytes>> {
    Request::get(url).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn tls_under_a_name_carries_http1_and_http2() {
    let topology = start(&[on(APP, echo_server().await, true)]).await;
    let seen = body(over_h2(&topology, "app.mosaic.test", get("https://app.mosaic.test/two")).await).await;
    assert!(seen.starts_with("GET /two HTTP/1.1\r\n") && seen.contains("host: app.mosaic.test\r\n"), "{seen}");

    let stream = tls_connect(topology.endpoint("jarvis"), "app.mosaic.test", tls(&topology, &["http/1.1"])).await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/one").header("host", "app.mosaic.test").body(Empty::<Bytes>::new()).unwrap();
    let seen = body(soon(sender.send_request(request)).await.unwrap()).await;
    assert!(seen.starts_with("GET /one HTTP/1.1\r\n"), "{seen}");

    let calls: Vec<_> = topology.calls().into_iter().map(|call| (call.by_actor, call.caller, call.target, call.status)).collect();
    assert_eq!(
        calls,
        [(true, "jarvis".to_owned(), "/two".to_owned(), Some(200)), (true, "jarvis".to_owned(), "/one".to_owned(), Some(200))]
    );
}

#[tokio::test]
async fn a_tunnel_carries_tls_and_plain_http() {
    let echo = echo_server().await;
    let topology = start(&[on(APP, echo, true), on("http://plain.test:8080", echo, true)]).await;
    let client = through(&topology, topology.endpoint("jarvis"));
    let seen = soon(client.get("https://app.mosaic.test/x?y=%2f").send()).await.unwrap().text().await.unwrap();
    assert!(seen.starts_with("GET /x?y=%2f HTTP/1.1\r\n"), "{seen}");

    let mut stream = TcpStream::connect(topology.endpoint("jarvis")).await.unwrap();
    stream.write_all(b"CONNECT plain.test:8080 HTTP/1.1\r\nHost: plain.test:8080\r\n\r\n").await.unwrap();
    assert!(text(&read_head(&mut stream).await).starts_with("HTTP/1.1 200 "));
    stream.write_all(b"GET /in HTTP/1.1\r\nHost: plain.test:8080\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    assert!(text(&answer).contains("GET /in HTTP/1.1\r\n"), "{}", text(&answer));
    assert_eq!(topology.calls().len(), 2);
}

#[tokio::test]
async fn plain_http_comes_by_host_or_as_a_proxy_request() {
    let topology = start(&[on("http://plain.test", echo_server().await, true)]).await;
    let address = topology.endpoint("jarvis");
    let by_host = text(&raw(address, b"GET /h HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n").await);
    assert!(by_host.contains("GET /h HTTP/1.1\r\n"), "{by_host}");
    let proxied = through(&topology, address).get("http://plain.test/p").send();
    let proxied = soon(proxied).await.unwrap().text().await.unwrap();
    assert!(proxied.starts_with("GET /p HTTP/1.1\r\n") && proxied.contains("host: plain.test\r\n"), "{proxied}");
}

#[tokio::test]
async fn an_undeclared_origin_is_refused_by_name_and_listed() {
    let topology = start(&[on(APP, echo_server().await, true)]).await;
    let address = topology.endpoint("jarvis");
    let tunnel = text(&raw(address, b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\nConnection: close\r\n\r\n").await);
    assert!(tunnel.starts_with("HTTP/1.1 403 "), "{tunnel}");
    assert!(tunnel.contains("x-authchain-refused: evil.test:443\r\n"), "{tunnel}");
    assert!(tunnel.contains("(declared: https://app.mosaic.test); add it under `origins`"), "{tunnel}");

    let direct = over_h2(&topology, "other.test", get("https://other.test/")).await;
    assert_eq!((direct.status().as_u16(), &direct.headers()["x-authchain-refused"]), (421, &"https://other.test".parse().unwrap()));
    // The right name on the wrong scheme or port is another origin.
    let plain = text(&raw(address, b"GET / HTTP/1.1\r\nHost: app.mosaic.test\r\nConnection: close\r\n\r\n").await);
    assert!(plain.starts_with("HTTP/1.1 421 ") && plain.contains("http://app.mosaic.test is not declared"), "{plain}");
    let absolute = text(&raw(address, b"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await);
    assert!(absolute.starts_with("HTTP/1.1 403 "), "{absolute}");

    let refused: Vec<_> = topology.refused().into_iter().map(|refusal| refusal.origin).collect();
    assert_eq!(refused, ["evil.test:443", "https://other.test", "http://app.mosaic.test", "http://a.test"]);
    assert_eq!(topology.calls(), []);
}

#[tokio::test]
async fn there_is_no_tunnel_within_a_tunnel() {
    let topology = start(&[on("http://plain.test:80", echo_server().await, true)]).await;
    let mut stream = TcpStream::connect(topology.endpoint("jarvis")).await.unwrap();
    stream.write_all(b"CONNECT plain.test:80 HTTP/1.1\r\nHost: plain.test\r\n\r\n").await.unwrap();
    read_head(&mut stream).await;
    stream.write_all(b"CONNECT plain.test:80 HTTP/1.1\r\nHost: plain.test\r\n\r\n").await.unwrap();
    assert!(text(&soon(read_head(&mut stream)).await).starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn garbage_is_answered_or_dropped_and_the_edge_lives_on() {
    let topology = start(&[on("http://plain.test", echo_server().await, true)]).await;
    let address = topology.endpoint("jarvis");
    for garbage in [
        &b"\x00\xff\xfe\r\n\r\n"[..],
        b"\x16\x03\x01\x00\x05hello",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xff\r\n\r\n",
        b"CONNECT nowhere HTTP/1.1\r\n\r\n",
        b"",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = soon(stream.read_to_end(&mut answer)).await;
        assert!(!text(&answer).starts_with("HTTP/1.1 200"), "{}", text(&answer));
    }
    let large = [b"GET / HTTP/1.1\r\nHost: plain.test\r\nX: ".as_slice(), &vec![b'x'; 400 * 1024], b"\r\n\r\n"].concat();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(&large).await;
    assert!(!text(&soon(read_head(&mut stream)).await).starts_with("HTTP/1.1 200"));
    let fine = text(&raw(address, b"GET / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n").await);
    assert!(fine.starts_with("HTTP/1.1 200 "), "{fine}");
}

#[tokio::test]
async fn later_handshakes_are_resumed() {
    let topology = start(&[on(APP, echo_server().await, true)]).await;
    let config = tls(&topology, &["http/1.1"]);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = tls_connect(topology.endpoint("jarvis"), "app.mosaic.test", config.clone()).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: app.mosaic.test\r\nConnection: close\r\n\r\n").await.unwrap();
        // Tickets come after the handshake, with the answer.
        let _ = soon(stream.read_to_end(&mut Vec::new())).await;
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);
}

#[tokio::test]
async fn each_actor_has_a_listener_and_stopping_closes_them() {
    let topology = start(&[on(APP, echo_server().await, true)]).await;
    let (jarvis, friday) = (topology.endpoint("jarvis"), topology.endpoint("friday"));
    assert_ne!(jarvis, friday);
    assert_eq!(topology.endpoint("jarvis"), jarvis);
    let mut open = tls_connect(jarvis, "app.mosaic.test", tls(&topology, &[])).await;
    topology.stop().await;
    // What was open ends, and nothing new is taken.
    let _ = soon(open.read_to_end(&mut Vec::new())).await;
    soon(async { while TcpStream::connect(friday).await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_real_upstream_needs_permission_and_saying_it_is_local_does_not_help() {
    for local in [false, true] {
        let url = "https://me:hunter2@auth.example.com/?token=1".parse().unwrap();
        let real = plan("https://auth.mosaic.test", Backend::Upstream(UpstreamPlan { url, keep_host: false, local, direct: None }));
        let error = start_error(&[real]).await;
        assert!(error.is_usage());
        assert_eq!(
            error.to_string(),
            "origin https://auth.mosaic.test stands on the real upstream https://auth.example.com, and this run may not reach real origins"
        );
        assert!(error.hints()[0].contains("--live"));
    }
    // Nor may the server behind its edge be reached.
    let mut near = on("https://auth.mosaic.test", echo_server().await, true);
    if let Backend::Upstream(upstream) = &mut near.backend {
        let url = "https://10.0.0.7/".parse().unwrap();
        upstream.direct = Some(Box::new(UpstreamPlan { url, keep_host: true, local: false, direct: None }));
    }
    let error = start_error(&[near]).await;
    assert!(error.is_usage() && error.to_string().contains("the real upstream https://10.0.0.7"), "{error}");
}

#[tokio::test]
async fn an_origin_is_declared_once() {
    let echo = echo_server().await;
    let error = start_error(&[on(APP, echo, true), on("https://app.mosaic.test:443", echo, true)]).await;
    assert!(matches!(error, TopologyError::DeclaredTwice { .. }) && error.is_usage());
}
