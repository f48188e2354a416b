//! A proxy that is every plain-http server there is: it answers by path, and notes what it was asked and what it answered.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A request, and the answer to it.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) answer: Answer,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn page(html: &str) -> Self {
        Self { status: 200, headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())], body: html.into() }
    }

    pub(super) fn redirect(status: u16, to: &str) -> Self {
        Self { status, headers: vec![("Location".into(), to.into())], body: String::new() }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn header(&self, wanted: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
    }
}

/// Who answers: the method, the URL and the body.
pub(super) type Respond = Arc<dyn Fn(&str, &Url, &str) -> Answer + Send + Sync>;

/// What was asked so far, icons aside.
pub(super) type Log = Arc<Mutex<Vec<Noted>>>;

/// Listens on loopback.
pub(super) async fn serve(respond: impl Fn(&str, &Url, &str) -> Answer + Send + Sync + 'static) -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (respond, log): (Respond, Log) = (Arc::new(respond), Log::default());
    let noted = log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, respond.clone(), noted.clone()));
        }
    });
    (address, log)
}

async fn converse(stream: TcpStream, respond: Respond, log: Log) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        stream.read_line(&mut first).await.ok()?;
        let mut words = first.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        if method == "CONNECT" {
            // The browser's own errands.
            return None;
        }
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
        stream.read_exact(&mut body).await.ok()?;
        let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.clone())?;
        let url = Url::parse(&target).or_else(|_| Url::parse(&format!("http://{host}{target}"))).ok()?;
        let icon = url.path() == "/favicon.ico";
        let answer =
            if icon { Answer { status: 404, ..Answer::default() } } else { respond(&method, &url, &String::from_utf8_lossy(&body)) };
        let mut out = format!("HTTP/1.1 {} Said\r\n", answer.status);
        for (name, value) in &answer.headers {
            out += &format!("{name}: {value}\r\n");
        }
        out += &format!("Content-Length: {}\r\n\r\n{}", answer.body.len(), answer.body);
        if !icon {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(Noted { method, url, headers, answer });
        }
        stream.write_all(out.as_bytes()).await.ok()?;
    }
}
