//! What a server may do wrong, and how soon that ends.

use super::support::*;
use crate::plan::Policy;
use crate::trace::{Chain, Failure, FailureKind, SetVerdict};
use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::routing::get as route;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn failure(chain: &Chain) -> &Failure {
    chain.hops.last().unwrap().outcome.as_ref().unwrap_err()
}

/// What one GET of an answer comes to.
async fn failure_of(answer: impl Into<Vec<u8>>) -> Failure {
    let world = Arc::new(TestWorld::bytes(answer).await);
    let chain = run(&world, vec![get("http://app.test/")]).await;
    assert_eq!(error(&chain), failure(&chain).message);
    failure(&chain).clone()
}

#[tokio::test]
async fn a_body_of_one_gibibyte_ends_when_it_is_announced() {
    let head = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 1073741824\r\n\r\n";
    let world = Arc::new(TestWorld::bytes(head).await);
    let chain = run(&world, vec![get("http://app.test/")]).await;
    assert_eq!(failure(&chain).kind, FailureKind::TooLarge);
    assert_eq!(
        failure(&chain).message,
        "the body of the answer of `http://app.test` is larger than 8 MiB, the most that is read (after decompression)"
    );
    // Its head came all the same, and a browser keeps the cookie.
    assert_eq!(chain.hops[0].set[0].verdict, SetVerdict::Stored);
}

#[tokio::test]
async fn a_body_without_end_ends_at_the_limit() {
    let world = Arc::new(
        TestWorld::raw(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let chunk = [&b"10000\r\n"[..], &[b'x'; 0x10000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
        })
        .await,
    );
    let begun = Instant::now();
    let chain = run(&world, vec![get("http://app.test/")]).await;
    assert_eq!(failure(&chain).kind, FailureKind::TooLarge);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_gzip_bomb_ends_at_the_limit() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..1024 {
        bomb.write_all(&[0; 64 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1024 * 1024);
    let serve = move || async move { ([(header::CONTENT_ENCODING, "gzip")], Body::from(bomb)) };
    for world in [
        TestWorld::plain(Router::new().route("/", route(serve.clone()))).await,
        TestWorld::secure(Router::new().route("/", route(serve.clone())), &["h2"]).await,
    ] {
        let scheme = if world.roots.is_empty() { "http" } else { "https" };
        let chain = run(&Arc::new(world), vec![get(&format!("{scheme}://app.test/"))]).await;
        assert_eq!(failure(&chain).kind, FailureKind::TooLarge, "{scheme}");
    }
}

#[tokio::test]
async fn a_hundred_thousand_headers_are_too_many() {
    let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
    (0..100_000).for_each(|n| head.push_str(&format!("X-{n}: y\r\n")));
    head.push_str("Content-Length: 0\r\n\r\n");
    let failure = failure_of(head).await;
    assert_eq!(failure.kind, FailureKind::Malformed);
    assert_eq!(failure.message, "the head of the answer of `http://app.test` is over the limit of 100 header fields or 256 KiB");
}

#[tokio::test]
async fn too_many_headers_are_refused_over_http2_as_well() {
    let serve = || async {
        let mut response = axum::response::Response::new(Body::empty());
        let value = header::HeaderValue::from_str(&"y".repeat(1000)).unwrap();
        for _ in 0..400 {
            response.headers_mut().append("x", value.clone());
        }
        response
    };
    let world = Arc::new(TestWorld::secure(Router::new().route("/", route(serve)), &["h2"]).await);
    let chain = run(&world, vec![get("https://app.test/")]).await;
    assert_eq!(failure(&chain).kind, FailureKind::Malformed, "{}", error(&chain));
}

#[tokio::test]
async fn control_bytes_in_a_header_are_no_http() {
    for byte in [0x00, 0x01, 0x0b, 0x7f] {
        let mut head = b"HTTP/1.1 200 OK\r\nX: a".to_vec();
        head.push(byte);
        head.extend_from_slice(b"b\r\nContent-Length: 0\r\n\r\n");
        let failure = failure_of(head).await;
        assert_eq!(failure.kind, FailureKind::Malformed, "{byte}: {}", failure.message);
        assert!(failure.message.contains("control characters"), "{}", failure.message);
    }
    assert_eq!(failure_of("SSH-2.0-OpenSSH_9.9\r\n\r\n").await.kind, FailureKind::Malformed);
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_kept_and_sent_back_as_they_came() {
    let head = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=caf\xe9\xff%3D\"x\"; Path=/\r\nX-Name: \xc3\x28\r\nContent-Length: 0\r\n\r\n";
    let world = Arc::new(TestWorld::bytes(*head).await);
    let chain = run(&world, vec![get("http://app.test/"), get("http://app.test/")]).await;
    let value = &b"caf\xe9\xff%3D\"x\""[..];
    assert_eq!(chain.hops[0].set[0].value, value);
    assert_eq!(chain.hops[0].response().unwrap().headers.get("x-name"), Some(&b"\xc3\x28"[..]));
    assert_eq!(chain.hops[1].sent[0].value, value);
    assert_eq!(chain.hops[1].request.headers.get("cookie"), Some(&b"sid=caf\xe9\xff%3D\"x\""[..]));
}

#[tokio::test]
async fn a_server_that_never_answers_ends_with_the_steps_time() {
    let world = TestWorld::raw(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    });
    let world = Arc::new(world.await);
    let begun = Instant::now();
    let chain = run(&world, vec![get("http://app.test/").within(Duration::from_millis(200))]).await;
    assert_eq!(failure(&chain).kind, FailureKind::Timeout);
    assert_eq!(failure(&chain).message, "no answer came from `http://app.test` within 0.2 s; raise `timeout` if it needs longer");
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(chain.hops[0].timings.total >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_body_that_stalls_is_told_from_an_answer_that_never_began() {
    let world = TestWorld::raw(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        std::future::pending::<()>().await;
    });
    let world = Arc::new(world.await);
    let chain = run(&world, vec![get("http://app.test/").within(Duration::from_millis(200))]).await;
    assert_eq!(failure(&chain).kind, FailureKind::Timeout);
    assert!(failure(&chain).message.starts_with("the body of the answer did not end"), "{}", failure(&chain).message);
}

#[tokio::test]
async fn the_runs_own_time_ends_a_step_that_has_more() {
    let world = TestWorld::raw(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    });
    let world = Arc::new(world.await);
    let policy = Policy { run_timeout: Duration::from_millis(200), ..Policy::default() };
    let begun = Instant::now();
    let chain = run_with(&world, vec![get("http://app.test/"), get("http://app.test/")], policy, Arc::default()).await;
    assert_eq!(failure(&chain).kind, FailureKind::Timeout);
    assert_eq!(chain.hops.len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_connection_that_breaks_says_so() {
    assert_eq!(failure_of("").await.kind, FailureKind::Broken);
    let cut = failure_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert_eq!(cut.kind, FailureKind::Broken);
    assert!(cut.message.contains("http://app.test"), "{}", cut.message);
}

#[tokio::test]
async fn nobody_listening_is_a_failure_to_connect() {
    let mut world = TestWorld::bytes("").await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.endpoint = free.local_addr().unwrap();
    drop(free);
    let chain = run(&Arc::new(world), vec![get("http://app.test/")]).await;
    assert_eq!(failure(&chain).kind, FailureKind::Connect, "{}", error(&chain));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let mut world = TestWorld::secure(Router::new(), &["h2"]).await;
    world.roots = rustls::RootCertStore::empty();
    let chain = run(&Arc::new(world), vec![get("https://app.test/")]).await;
    assert_eq!(failure(&chain).kind, FailureKind::Tls, "{}", error(&chain));
    assert!(error(&chain).contains("app.test"), "{}", error(&chain));
}

#[tokio::test]
async fn an_origin_that_is_not_declared_is_never_asked() {
    let world = Arc::new(TestWorld::plain(Router::new().route("/", route(|| async { "never" }))).await);
    let chain = run(&world, vec![get("http://elsewhere.test/")]).await;
    assert_eq!(failure(&chain).kind, FailureKind::Undeclared);
    assert!(error(&chain).contains("`http://app.test`"), "{}", error(&chain));
    assert_eq!(world.accepted.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_body_of_a_redirect_is_not_waited_for() {
    let world = TestWorld::raw(|mut stream| async move {
        let body = "x".repeat(1024 * 1024);
        let head = format!("HTTP/1.1 302 Found\r\nLocation: alga://done\r\nContent-Length: {}\r\n\r\n", 1u64 << 30);
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(body.as_bytes()).await.is_ok() {}
    });
    let world = Arc::new(world.await);
    let chain = run(&world, vec![open("http://app.test/")]).await;
    assert_eq!(chain.steps[0].deep_link.as_deref(), Some("alga://done"), "{}", error(&chain));
    assert!(chain.hops[0].response().unwrap().body.truncated);
}

#[tokio::test]
async fn dropping_the_run_closes_its_connections() {
    let (closed, mut heard) = tokio::sync::mpsc::channel::<()>(1);
    let (asked, mut was_asked) = tokio::sync::mpsc::channel::<()>(1);
    let world = TestWorld::raw(move |mut stream| {
        let (closed, asked) = (closed.clone(), asked.clone());
        async move {
            let _ = asked.send(()).await;
            let mut rest = Vec::new();
            // Ends when the other side closes.
            let _ = stream.read_to_end(&mut rest).await;
            let _ = closed.send(()).await;
        }
    });
    let world = Arc::new(world.await);
    let run = tokio::spawn(async move { run(&world, vec![get("http://app.test/")]).await });
    was_asked.recv().await.unwrap();
    run.abort();
    tokio::time::timeout(Duration::from_secs(5), heard.recv()).await.unwrap().unwrap();
}
