//! Servers that behave badly: the run ends soon, with a clear message, and without taking the machine along.

use crate::world::{Ran, World};
use std::io::{Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A server that answers every connection with `answer`, after the request's head was read.
fn server(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                    head.push(byte[0]);
                }
                answer(&mut stream);
            });
        }
    });
    port
}

/// Runs one GET against such a server.
fn get(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static, step: &str) -> Ran {
    let port = server(answer);
    let scenario = format!(
        "scenario: case\nsettings: {{ snapshot: false }}\norigins: {{ http://app.example.test: {{ upstream: \"http://127.0.0.1:{port}\" }} }}\nsteps:\n  - {step}\n"
    );
    World::with(&scenario).run_case()
}

fn say(stream: &mut TcpStream, bytes: &[u8]) {
    // The client may hang up first; that is what the test is about.
    let _ = stream.write_all(bytes);
}

#[test]
fn an_endless_redirect_stops_and_is_called_a_loop() {
    let answer = |stream: &mut TcpStream| say(stream, b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n");
    get(answer, "open: http://app.example.test/").says(1, &["20 redirects", "redirect-to-self"]);
}

#[test]
fn a_gibibyte_is_not_read_to_its_end() {
    let answer = |stream: &mut TcpStream| {
        say(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n");
        let block = vec![b'x'; 1 << 20];
        for _ in 0..1024 {
            if stream.write_all(&block).is_err() {
                return;
            }
        }
    };
    let began = Instant::now();
    get(answer, "get: http://app.example.test/").says(1, &["larger than"]);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_gzip_bomb_does_not_go_off() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let block = vec![0; 1 << 20];
    for _ in 0..128 {
        encoder.write_all(&block).expect("memory");
    }
    let bomb = encoder.finish().expect("memory");
    let answer = move |stream: &mut TcpStream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
        say(stream, head.as_bytes());
        say(stream, &bomb);
    };
    get(answer, "get: http://app.example.test/").says(1, &["larger than"]);
}

#[test]
fn a_hundred_thousand_headers_are_refused() {
    let answer = |stream: &mut TcpStream| {
        say(stream, b"HTTP/1.1 200 OK\r\n");
        let lines: String = (0..100_000).map(|n| format!("x-{n}: y\r\n")).collect();
        say(stream, lines.as_bytes());
        say(stream, b"content-length: 0\r\n\r\n");
    };
    get(answer, "get: http://app.example.test/").says(1, &["header"]);
}

#[test]
fn control_bytes_in_a_header_are_named_and_never_printed() {
    let answer = |stream: &mut TcpStream| say(stream, b"HTTP/1.1 200 OK\r\nx-evil: \x1b[2J\x07\r\ncontent-length: 0\r\n\r\n");
    let ran = get(answer, "get: http://app.example.test/");
    ran.says(1, &["header"]);
    assert!(!ran.err.contains('\x1b'));
}

#[test]
fn bytes_that_are_no_utf8_pass_through_and_are_shown_escaped() {
    let answer = |stream: &mut TcpStream| say(stream, b"HTTP/1.1 200 OK\r\nset-cookie: n\xff=v\xfe\r\ncontent-length: 2\r\n\r\nok");
    let port = server(answer);
    let scenario = format!(
        "scenario: case\nsettings: {{ snapshot: false }}\norigins: {{ http://app.example.test: {{ upstream: \"http://127.0.0.1:{port}\" }} }}\nsteps:\n  - get: http://app.example.test/\n"
    );
    let world = World::with(&scenario);
    world.run(&["run", "case.yaml", "--trace"]).says(0, &["n\\xff="]);
}

#[test]
fn a_server_that_never_answers_runs_into_the_deadline() {
    let answer = |stream: &mut TcpStream| {
        // Held open until the client gives up.
        let _ = stream.read(&mut [0; 1]);
    };
    let began = Instant::now();
    get(answer, "get: http://app.example.test/\n    timeout: 1s").says(1, &["within 1.0 s", "`timeout`"]);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn nobody_listening_is_told_apart() {
    let scenario = "scenario: case\nsettings: { snapshot: false }\norigins: { http://app.example.test: { upstream: \"http://127.0.0.1:1\" } }\nsteps:\n  - get: http://app.example.test/\n    expect: { status: 200 }\n";
    World::with(scenario).run_case().says(1, &["127.0.0.1:1"]);
}
