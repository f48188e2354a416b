//! Pages on loopback and a browser that looks at them.

use crate::drive::browser::launch::{BrowserKind, BrowserOptions, Browsers, Device, DeviceOptions};
use crate::drive::browser::page::Page;
use crate::plan::Policy;
use crate::web::html::Locator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// The animals, by the last part of their path.
const PAGES: [(&str, &str); 9] = [
    ("closing.html", include_str!("../zoo/closing.html")),
    ("login.html", include_str!("../zoo/login.html")),
    ("shadow.html", include_str!("../zoo/shadow.html")),
    ("busy.html", include_str!("../zoo/busy.html")),
    ("frames.html", include_str!("../zoo/frames.html")),
    ("inner.html", include_str!("../zoo/inner.html")),
    ("dialogs.html", include_str!("../zoo/dialogs.html")),
    ("windows.html", include_str!("../zoo/windows.html")),
    ("passkey.html", include_str!("../zoo/passkey.html")),
];

/// A request as the pages' server saw it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Whole: a proxy is asked for whole URLs.
    pub(super) url: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

/// A browser before the pages' server, which is the proxy of its device.
pub(super) struct Zoo {
    browsers: Browsers,
    pub(super) device: Device,
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
    extra: Arc<Mutex<HashMap<String, String>>>,
}

impl Zoo {
    pub(super) async fn open(kind: BrowserKind) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let extra = Arc::<Mutex<HashMap<String, String>>>::default();
        let proxy = serve(asked.clone(), extra.clone()).await;
        let browsers = Browsers::new(BrowserOptions { kind, ..BrowserOptions::default() });
        let device =
            browsers.device(&DeviceOptions::new(proxy, &Policy::default())).await.expect("a browser is installed: see `authchain doctor`");
        Self { browsers, device, asked, extra }
    }

    pub(super) async fn close(self) {
        self.device.close().await;
        self.browsers.stop().await;
    }

    pub(super) fn page(&self) -> Page<'_> {
        Page::new(&self.device.bidi, &self.device.tab)
    }

    /// Puts a page of its own at `http://app.test/NAME`.
    pub(super) fn put(&self, name: &str, html: &str) {
        self.extra.lock().unwrap().insert(name.to_owned(), html.to_owned());
    }

    pub(super) async fn go(&self, url: &str) {
        let go = json!({ "context": self.device.tab, "url": url, "wait": "complete" });
        self.device.bidi.send("browsingContext.navigate", go, soon()).await.unwrap();
    }

    /// What an expression of the page comes to.
    pub(super) async fn eval(&self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "target": { "context": self.device.tab }, "awaitPromise": true });
        let said = self.device.bidi.send("script.evaluate", ask, soon()).await.unwrap();
        said["result"]["value"].clone()
    }
}

pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Long enough for what is there already, on a machine with much to do.
pub(super) fn at_once() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

pub(super) fn at(text: &str) -> Locator {
    Locator::parse(text).unwrap()
}

async fn serve(asked: Arc<Mutex<Vec<Asked>>>, extra: Arc<Mutex<HashMap<String, String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, asked.clone(), extra.clone()));
        }
    });
    address
}

async fn answer(stream: TcpStream, asked: Arc<Mutex<Vec<Asked>>>, extra: Arc<Mutex<HashMap<String, String>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, url) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header).await.ok()? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let asked_now = Asked { method, url: url.clone(), headers, body: String::from_utf8_lossy(&body).into_owned() };
    let origin = asked_now.headers.get("origin").cloned().unwrap_or_default();
    let echo = json!({ "method": asked_now.method, "body": asked_now.body, "type": asked_now.headers.get("content-type") }).to_string();
    asked.lock().unwrap().push(asked_now);
    let path = url.split('/').skip(3).collect::<Vec<_>>().join("/");
    let name = path.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    let page = extra.lock().unwrap().get(&name).cloned();
    let page = page.or_else(|| PAGES.iter().find(|(known, _)| *known == name).map(|(_, html)| (*html).to_owned()));
    let (status, more, text) = match (name.as_str(), page) {
        ("echo", _) => ("200 OK", "content-type: application/json\r\n".to_owned(), echo),
        ("open", _) => ("200 OK", format!("content-type: text/plain\r\naccess-control-allow-origin: {origin}\r\n"), "let in".to_owned()),
        ("moved", _) => ("302 Found", "location: /echo\r\n".to_owned(), String::new()),
        (_, Some(page)) => ("200 OK", "content-type: text/html; charset=utf-8\r\n".to_owned(), page.replace("CROSS", "http://other.test")),
        _ => ("200 OK", "content-type: text/html\r\n".to_owned(), format!("<title>Elsewhere</title><p>at {path}</p>")),
    };
    let head = format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n", text.len());
    stream.write_all(format!("{head}{text}").as_bytes()).await.ok()
}
