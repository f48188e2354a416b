//! The proxy before a Redis server, and what it does to commands.

use super::*;
use crate::plan::backing::{RedisFault, RedisFaultKind};
use crate::topology::process::Ports;
use crate::topology::redis::{Proxy, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

struct Setup {
    _server: Server,
    proxy: Proxy,
    _ports: Ports,
}

async fn setup() -> Setup {
    let mut ports = Ports::default();
    let server = Server::start(declared("http://store.test"), ports.any().unwrap(), None, None).await.unwrap();
    let address = server.address();
    let proxy = Proxy::start((address.ip().to_string(), address.port()), crate::base::Clock::default()).await.unwrap();
    Setup { _server: server, proxy, _ports: ports }
}

fn fault(kind: RedisFaultKind, commands: &[&str], keys: Option<&str>) -> RedisFault {
    let commands = commands.iter().map(|name| (*name).to_owned()).collect();
    RedisFault { kind, commands, keys: keys.map(str::to_owned), nth: 1, times: Some(1) }
}

/// Sends a command and reads a reply of a known length.
async fn say(stream: &mut TcpStream, command: &str, reply: &str) {
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    hear(stream, reply).await;
}

async fn hear(stream: &mut TcpStream, reply: &str) {
    let mut heard = vec![0; reply.len()];
    soon(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), reply);
}

#[tokio::test]
async fn only_the_chosen_commands_are_refused_and_only_so_often() {
    let setup = setup().await;
    setup.proxy.disturb(fault(RedisFaultKind::Refuse("ERR no".into()), &["SET"], Some("a:*")));
    let mut stream = TcpStream::connect(setup.proxy.address()).await.unwrap();
    say(&mut stream, "SET b:1 x", "+OK\r\n").await;
    say(&mut stream, "GET a:1", "$-1\r\n").await;
    say(&mut stream, "SET a:1 x", "-ERR no\r\n").await;
    say(&mut stream, "SET a:1 x", "+OK\r\n").await;
    // Several in a row get their replies in order.
    say(&mut stream, "SET a:1 y\r\nGET a:1\r\nDEL a:1", "+OK\r\n$1\r\ny\r\n:1\r\n").await;
    let traffic = setup.proxy.traffic(Some("SET"));
    assert_eq!((&traffic["count"], &traffic["faulted"], &traffic["open"]), (&4.into(), &1.into(), &1.into()));
}

#[tokio::test]
async fn a_reply_that_is_dropped_was_of_a_command_that_was_done() {
    let setup = setup().await;
    setup.proxy.disturb(fault(RedisFaultKind::Drop, &["SET"], None));
    let mut stream = TcpStream::connect(setup.proxy.address()).await.unwrap();
    // What is heard is the answer to the second.
    say(&mut stream, "SET a 1\r\nGET a", "$1\r\n1\r\n").await;
}

#[tokio::test]
async fn a_reset_comes_before_the_command_is_done() {
    let setup = setup().await;
    setup.proxy.disturb(fault(RedisFaultKind::Reset, &[], None));
    let mut stream = TcpStream::connect(setup.proxy.address()).await.unwrap();
    stream.write_all(b"SET a 1\r\n").await.unwrap();
    let error = soon(stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let mut stream = TcpStream::connect(setup.proxy.address()).await.unwrap();
    say(&mut stream, "GET a", "$-1\r\n").await;
}

#[tokio::test]
async fn what_is_held_waits_for_its_release_and_holds_up_nobody_else() {
    let setup = setup().await;
    setup.proxy.disturb(fault(RedisFaultKind::Hold, &["SET"], None));
    let mut held = TcpStream::connect(setup.proxy.address()).await.unwrap();
    held.write_all(b"SET a 1\r\n").await.unwrap();
    soon(async {
        while setup.proxy.traffic(None)["held"] != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut other = TcpStream::connect(setup.proxy.address()).await.unwrap();
    say(&mut other, "SET a 2", "+OK\r\n").await;
    setup.proxy.clear();
    hear(&mut held, "+OK\r\n").await;
    say(&mut other, "GET a", "$1\r\n1\r\n").await;
}

#[tokio::test]
async fn what_is_subscribed_to_streams_through() {
    let setup = setup().await;
    let mut listener = TcpStream::connect(setup.proxy.address()).await.unwrap();
    say(&mut listener, "SUBSCRIBE news", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n").await;
    let mut other = TcpStream::connect(setup.proxy.address()).await.unwrap();
    say(&mut other, "PUBLISH news hot", ":1\r\n").await;
    hear(&mut listener, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\nhot\r\n").await;
}
