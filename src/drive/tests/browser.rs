//! Both engines on the same hops: what the server gets of each.

use super::support::*;
use crate::base::Clock;
use crate::drive::browser::launch::{BrowserOptions, Browsers};
use crate::drive::{self, Setup};
use crate::plan::{Engine, Policy, Step, Verb};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What differs by nature, as `http/headers.rs` says.
const BY_NATURE: [&str; 9] = [
    "user-agent",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "connection",
    "proxy-connection",
    "host",
    "content-length",
    "cookie",
];

/// A request as it came over the wire.
type Asked = (String, Vec<(String, String)>);
type Log = Arc<Mutex<Vec<Asked>>>;

/// Pages with links and forms to the own and another site, redirects to both, and an API for both.
fn answer(method: &str, url: &Url) -> (u16, Vec<(&'static str, String)>, &'static str) {
    let html = || vec![("Content-Type", "text/html".to_owned())];
    match (method, url.path()) {
        ("GET", "/page") => (
            200,
            html(),
            r#"<a href="/next">own</a> <a href="http://idp.localhost/next">other</a> <a href="/to-other">over</a>
               <form method=post action="/post"><input name=a value=b><button>save</button></form>
               <form method=post action="http://idp.localhost/post"><input name=a value=b><button>log in</button></form>"#,
        ),
        ("POST", "/post") => (303, vec![("Location", "/next".to_owned())], ""),
        ("GET", "/to-own") => (302, vec![("Location", "/next".to_owned())], ""),
        ("GET", "/to-other") => (302, vec![("Location", "http://idp.localhost/back".to_owned())], ""),
        ("GET", "/back") => (302, vec![("Location", "http://app.localhost/next".to_owned())], ""),
        (_, "/api") => {
            let allow = |name, value: &str| (name, value.to_owned());
            let headers = vec![
                ("Content-Type", "application/json".to_owned()),
                allow("Access-Control-Allow-Origin", "http://app.localhost"),
                allow("Access-Control-Allow-Credentials", "true"),
                allow("Access-Control-Allow-Headers", "content-type"),
            ];
            (200, headers, "{}")
        }
        _ => (200, html(), "<p>next</p>"),
    }
}

async fn serve() -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::default();
    let noted = log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, noted.clone()));
        }
    });
    (address, log)
}

async fn converse(stream: TcpStream, log: Log) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        stream.read_line(&mut first).await.ok()?;
        let (method, rest) = first.split_once(' ')?;
        let target = rest.split(' ').next()?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let named = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let mut body = vec![0; named("content-length").map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.ok()?;
        // The browser's own errands go elsewhere, and icons are its own affair.
        let url = Url::parse(target).or_else(|_| Url::parse(&format!("http://{}{target}", named("host").unwrap_or_default()))).ok()?;
        if url.host_str()?.ends_with(".localhost") && url.path() != "/favicon.ico" && method != "OPTIONS" {
            let fields = headers.iter().filter(|(name, _)| !BY_NATURE.contains(&name.as_str())).cloned().collect();
            log.lock().unwrap_or_else(PoisonError::into_inner).push((format!("{method} {url}"), fields));
        }
        let (status, fields, text) = answer(method, &url);
        let mut out = format!("HTTP/1.1 {status} Said\r\n");
        for (name, value) in fields {
            out += &format!("{name}: {value}\r\n");
        }
        out += &format!("Content-Length: {}\r\n\r\n{text}", text.len());
        stream.write_all(out.as_bytes()).await.ok()?;
    }
}

fn journey() -> Vec<Step> {
    let page = || open("http://app.localhost/page");
    vec![
        page(),
        click("own"),
        step(Verb::Reload),
        page(),
        click("other"),
        page(),
        click("save"),
        page(),
        click("log in"),
        open("http://app.localhost/to-own"),
        open("http://app.localhost/to-other"),
    ]
}

/// What a server gets of the journey by one engine.
async fn asked(engine: Engine, browsers: Option<Browsers>) -> Vec<Asked> {
    let (address, log) = serve().await;
    let world = Arc::new(TestWorld::new(address));
    // A browser that starts takes its time from the first step.
    let steps = journey().into_iter().map(|step| step.within(Duration::from_secs(90))).collect();
    let plan = crate::plan::Plan { engine, ..plan(steps, Policy { run_timeout: Duration::from_secs(300), ..Policy::default() }) };
    let setup = Setup { browsers, ..Setup::new(world.roots.clone(), Clock::default()) };
    let chain = drive::drive(&plan, world, setup, Arc::<Watcher>::default()).await;
    for step in &chain.steps {
        assert_eq!(step.error, None, "{engine:?}: step {}", step.number);
    }
    let log = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // What the engine says that it sent is what came.
    let hops: Vec<_> = chain.hops.iter().filter(|hop| hop.request.method != "OPTIONS").collect();
    assert_eq!(hops.len(), log.len(), "{engine:?}");
    for (hop, (line, fields)) in hops.into_iter().zip(&log) {
        let told = hop.request.headers.iter().map(|header| (header.name.to_lowercase(), header.text().into_owned()));
        let told: Vec<_> = told.filter(|(name, _)| !BY_NATURE.contains(&name.as_str())).collect();
        assert_eq!(&told, fields, "{engine:?}: {line}");
    }
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gets_the_same_headers_in_the_same_order_of_both_engines() {
    let browsers = Browsers::new(BrowserOptions::default());
    let real = asked(Engine::Browser, Some(browsers.clone())).await;
    browsers.stop().await;
    let own = asked(Engine::Http, None).await;
    for (real, own) in real.iter().zip(&own) {
        assert_eq!(real, own);
    }
    assert_eq!(real.len(), own.len());
}
