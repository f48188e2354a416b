//! A site for tests: a proxy that answers every plain request itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A proxy, and the heads of the requests that it got.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// `answer` makes the body from a request's head; lines before the first `<` are header fields.
    pub(super) async fn open(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let (heads, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (heads, answer) = (heads.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let text = answer(&head);
                    heads.lock().unwrap().push(head);
                    let (fields, body) = text.split_at(text.find('<').unwrap_or(0));
                    let length = body.len();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n");
                    let _ = stream.write_all(format!("{head}{fields}\r\n{body}").as_bytes()).await;
                });
            }
        });
        Self { address, asked }
    }
}

/// A deadline that a loaded machine keeps.
pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}
