//! What changes between a client and what stands behind an origin, and what does not.

use super::*;
use http_body_util::Empty;
use hyper::body::{Bytes, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

const PLAIN: &str = "http://plain.test";

async fn ask(topology: &Topology, fields: &str) -> String {
    let request = format!("GET /a%2Fb//%7E?x=%E4%BD&y={{z}} HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n{fields}\r\n");
    text(&raw(topology.endpoint("jarvis"), request.as_bytes()).await)
}

#[tokio::test]
async fn the_target_arrives_byte_for_byte_with_forwarded_fields() {
    let echo = echo_server().await;
    let topology = start(&[on(PLAIN, echo, true)]).await;
    let seen = ask(&topology, "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: gopher\r\nCookie: a=\"b c\"; d\r\nX-CaSe: 1\r\n").await;
    for line in [
        "GET /a%2Fb//%7E?x=%E4%BD&y={z} HTTP/1.1\r\n",
        "x-forwarded-for: 203.0.113.9, 127.0.0.1\r\n",
        "x-forwarded-proto: http\r\n",
        "x-forwarded-host: plain.test\r\n",
        "x-forwarded-port: 80\r\n",
        "Host: plain.test\r\n",
        "Cookie: a=\"b c\"; d\r\n",
        "X-CaSe: 1\r\n",
    ] {
        assert!(seen.to_ascii_lowercase().contains(&line.to_ascii_lowercase()), "{line} is missing in\n{seen}");
    }
    assert!(seen.contains("X-CaSe: 1"), "names keep their case\n{seen}");

    let topology = start(&[on(PLAIN, echo, false)]).await;
    let seen = ask(&topology, "").await.to_ascii_lowercase();
    assert!(seen.contains(&format!("host: {echo}\r\n")) && seen.contains("x-forwarded-host: plain.test\r\n"), "{seen}");
}

#[tokio::test]
async fn set_cookie_keeps_its_bytes_and_order() {
    let cookies: &[&[u8]] =
        &[b"Set-Cookie: z=%C3%A9; Path=/", b"set-cookie: b=\xff\xfe\x80; x", b"Set-Cookie: a=\"q\\\";\tSameSite=LAX", b"Set-Cookie: z=2"];
    let head = b"HTTP/1.1 302 Moved Temporarily\r\nLocation: /n%2f\r\nContent-Length: 0\r\n\
        Keep-Alive: timeout=5\r\nX-Hop: 1\r\nConnection: close, X-Hop\r\n";
    let answer = [head.as_slice(), &cookies.join(&b"\r\n"[..]), b"\r\n\r\n"].concat();
    let topology = start(&[on(PLAIN, raw_server(answer).await, true)]).await;
    let seen = raw(topology.endpoint("jarvis"), b"GET / HTTP/1.1\r\nHost: plain.test\r\nConnection: close\r\n\r\n").await;
    let lines: Vec<&[u8]> = seen.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    let value = |line: &[u8]| line[line.iter().position(|&byte| byte == b':').unwrap()..].to_vec();
    let set: Vec<_> = lines.iter().filter(|line| line.to_ascii_lowercase().starts_with(b"set-cookie")).map(|line| value(line)).collect();
    assert_eq!(set, cookies.iter().map(|line| value(line)).collect::<Vec<_>>());
    let head = text(&seen);
    assert!(head.starts_with("HTTP/1.1 302 Moved Temporarily\r\n") && head.contains("Location: /n%2f\r\n"), "{head}");
    for gone in ["keep-alive", "x-hop", "date:", "via:"] {
        assert!(!head.to_ascii_lowercase().contains(gone), "{gone} is in\n{head}");
    }
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let topology = start(&[on("https://app.test", listener.local_addr().unwrap(), true)]).await;
    let (first_seen, first) = oneshot::channel::<Vec<u8>>();
    let (go_on, going) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        // The first part of the request's body is here although the second was not sent yet.
        let mut part = vec![0; 10];
        stream.read_exact(&mut part).await.unwrap();
        first_seen.send(part).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
        going.await.unwrap();
        stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
    });
    let (parts, pieces) = tokio::sync::mpsc::channel(1);
    parts.send(Bytes::from_static(b"hello")).await.unwrap();
    let response = over_h2(&topology, "app.test", Request::post("https://app.test/").body(Pieces(pieces)).unwrap()).await;
    assert_eq!(soon(first).await.unwrap(), b"5\r\nhello\r\n");
    let mut body = response.into_body();
    assert_eq!(soon(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "one");
    drop(parts);
    go_on.send(()).unwrap();
    assert_eq!(soon(body.frame()).await.unwrap().unwrap().into_data().unwrap(), "two");
}

/// A body that is sent piece by piece.
struct Pieces(tokio::sync::mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[tokio::test]
async fn an_upgrade_is_passed_through() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let topology = start(&[on(PLAIN, listener.local_addr().unwrap(), true)]).await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = text(&read_head(&mut stream).await).to_ascii_lowercase();
        assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi").await.unwrap();
        let mut said = [0; 4];
        stream.read_exact(&mut said).await.unwrap();
        stream.write_all(&said).await.unwrap();
    });
    let mut stream = TcpStream::connect(topology.endpoint("jarvis")).await.unwrap();
    let request = b"GET /ws HTTP/1.1\r\nHost: plain.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let head = text(&soon(read_head(&mut stream)).await);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut greeting = [0; 2];
    soon(stream.read_exact(&mut greeting)).await.unwrap();
    stream.write_all(b"\x81\x00ab").await.unwrap();
    let mut back = [0; 4];
    soon(stream.read_exact(&mut back)).await.unwrap();
    assert_eq!((&greeting, &back), (b"hi", b"\x81\x00ab"));
}

#[tokio::test]
async fn a_server_that_is_down_is_named() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let topology = start(&[on(PLAIN, gone, true)]).await;
    let answer = ask(&topology, "").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains(&format!("http://plain.test: its upstream http://{gone} cannot be reached")), "{answer}");
    let call = topology.calls().remove(0);
    assert_eq!(call.status, Some(502));
    assert!(call.note.unwrap().contains("cannot be reached"));
}

#[tokio::test]
async fn a_hostile_answer_is_an_answer_of_502() {
    let mut many = b"HTTP/1.1 200 OK\r\n".to_vec();
    for n in 0..100_000 {
        many.extend_from_slice(format!("x-{n}: y\r\n").as_bytes());
    }
    many.extend_from_slice(b"\r\n");
    for answer in [many, b"\x00\x01\x02 not http\r\n\r\n".to_vec(), Vec::new(), b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()] {
        let topology = start(&[on(PLAIN, raw_server(answer).await, true)]).await;
        let seen = soon(ask(&topology, "")).await;
        assert!(seen.starts_with("HTTP/1.1 502 "), "{seen}");
    }
}

#[tokio::test]
async fn a_head_request_keeps_the_length_it_is_told() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n".to_vec();
    let topology = start(&[on("https://app.test", raw_server(answer).await, true)]).await;
    let response = over_h2(&topology, "app.test", Request::head("https://app.test/").body(Empty::<Bytes>::new()).unwrap()).await;
    assert_eq!((response.status().as_u16(), &response.headers()["content-length"]), (200, &"1234".parse().unwrap()));
}
