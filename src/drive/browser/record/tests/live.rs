//! Real browsers against a server that notes what it did.

use super::super::{Settled, Tape};
use super::Nobody;
use super::server::{Answer, Log, Noted, serve};
use crate::base::Clock;
use crate::drive::browser::launch::{BrowserKind, BrowserOptions, Browsers, Device, DeviceOptions};
use crate::drive::recorder::Recorder;
use crate::plan::{Policy, Scope};
use crate::trace::{BrowserEventKind, Cause, Chain, Resource, SetVerdict};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A browser, one actor's place in it, and what is recorded of it.
struct Stage {
    browsers: Browsers,
    device: Device,
    tape: Tape,
    recorder: Arc<Recorder>,
    log: Log,
}

impl Stage {
    async fn new(kind: BrowserKind, respond: impl Fn(&str, &Url, &str) -> Answer + Send + Sync + 'static) -> Self {
        let (proxy, log) = serve(respond).await;
        let browsers = Browsers::new(BrowserOptions { kind, ..BrowserOptions::default() });
        let recorder = Arc::new(Recorder::new(Scope::default(), Clock::default(), Arc::new(Nobody)));
        let options = DeviceOptions::new(proxy, &Policy::default());
        let device = browsers.device(&options).await.expect("the browser and its driver are installed");
        let tape = Tape::start(&device, &options, "jarvis".into(), recorder.clone()).await.unwrap();
        Self { browsers, device, tape, recorder, log }
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    async fn open(&self, url: &str) -> Settled {
        self.tape.enter(0, Some(Cause::Open));
        let params = json!({ "context": self.device.tab, "url": url, "wait": "none" });
        // A navigation that comes to nothing is an error here, and a fact in the chain.
        let _ = self.device.bidi.send("browsingContext.navigate", params, Self::deadline()).await;
        self.tape.settle(&self.device.tab, Self::deadline()).await
    }

    async fn run(&self, script: &str) -> Settled {
        self.tape.enter(0, None);
        self.evaluate(script).await;
        self.tape.settle(&self.device.tab, Self::deadline()).await
    }

    async fn evaluate(&self, script: &str) -> Value {
        let target = json!({ "context": self.device.tab });
        let params = json!({ "expression": script, "target": target, "awaitPromise": false, "userActivation": true });
        self.device.bidi.send("script.evaluate", params, Self::deadline()).await.unwrap()["result"]["value"].clone()
    }

    /// A real click in the middle of the page.
    async fn press(&self) {
        let moves = [
            json!({ "type": "pointerMove", "x": 50, "y": 50 }),
            json!({ "type": "pointerDown", "button": 0 }),
            json!({ "type": "pointerUp", "button": 0 }),
        ];
        let pointer = json!({ "type": "pointer", "id": "mouse", "actions": moves });
        let params = json!({ "context": self.device.tab, "actions": [pointer] });
        self.device.bidi.send("input.performActions", params, Self::deadline()).await.unwrap();
    }

    fn noted(&self) -> Vec<Noted> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn end(self) -> Chain {
        let Self { browsers, device, tape, recorder, .. } = self;
        drop(tape);
        device.close().await;
        browsers.stop().await;
        recorder.finish()
    }
}

/// Lines that a browser refuses over plain http, and its words for it.
const REFUSED: [(&str, &str); 5] = [
    ("; Secure", "SecureOnly"),
    ("; SameSite=None", "SameSiteNoneInsecure"),
    ("; Domain=elsewhere.test", "InvalidDomain"),
    ("; Path=/\u{1}", "DisallowedCharacter"),
    ("", "InvalidPrefix"),
];

/// Hop `n` of a journey over two sites sets a cookie that is kept and one that is refused, and leads to the next.
fn journey(url: &Url) -> Answer {
    let mut numbers = url.path_segments().unwrap().filter_map(|part| part.parse::<usize>().ok());
    let (Some(n), Some(left)) = (numbers.next(), numbers.next()) else { return Answer::page("<title>no journey</title>") };
    let (attributes, _) = REFUSED[n % REFUSED.len()];
    let prefix = if attributes.is_empty() { "__Host-" } else { "" };
    let answer = if left == 0 {
        Answer::page("<title>there</title>")
    } else {
        let site = if n.is_multiple_of(2) { "two.test" } else { "one.test" };
        Answer::redirect([301, 302, 303, 307, 308][n % 5], &format!("http://{site}/go/{}/{}", n + 1, left - 1))
    };
    answer
        .with("Set-Cookie", &format!("kept{}={n}; Path=/go/{}", n % 7, n + 2))
        .with("Set-Cookie", &format!("{prefix}bad{n}=x{attributes}"))
}

/// Compares what was recorded with what the server did, hop by hop.
fn compare(chain: &Chain, noted: &[Noted], has_reasons: bool) {
    assert_eq!(chain.hops.len(), noted.len());
    for (hop, noted) in chain.hops.iter().zip(noted) {
        assert_eq!((&hop.request.method, &hop.request.url), (&noted.method, &noted.url));
        let response = hop.outcome.as_ref().unwrap();
        assert_eq!(response.status, noted.answer.status, "{}", hop.request.url);
        let lines: Vec<_> = hop.set.iter().map(|set| String::from_utf8_lossy(&set.raw).into_owned()).collect();
        assert_eq!(lines, noted.answer.header("set-cookie").collect::<Vec<_>>(), "{}", hop.request.url);
        let header: Vec<_> = noted.headers.iter().filter(|(name, _)| name == "Cookie").map(|(_, value)| value.as_bytes()).collect();
        assert_eq!(hop.request.headers.get_all("cookie").collect::<Vec<_>>(), header, "{}", hop.request.url);
        assert_eq!(hop.sent.len(), header.first().map_or(0, |header| header.split(|byte| *byte == b';').count()));
        let n: usize = hop.request.url.path_segments().unwrap().nth(1).unwrap().parse().unwrap();
        assert!(hop.set[0].verdict.is_stored(), "{}: {:?}", hop.request.url, hop.set[0].verdict);
        let SetVerdict::Blocked(reasons) = &hop.set[1].verdict else { panic!("{}: {:?}", hop.request.url, hop.set[1]) };
        if has_reasons {
            assert_eq!(reasons[0].code, REFUSED[n % REFUSED.len()].1, "{}", hop.request.url);
        }
        let location = noted.answer.header("location").next();
        assert_eq!(hop.redirect_target().as_deref(), location);
    }
}

async fn many_redirects(kind: BrowserKind, journeys: usize, length: usize) {
    let stage = Stage::new(kind, |_, url, _| journey(url)).await;
    for at in 0..journeys {
        let settled = stage.open(&format!("http://one.test/go/{}/{length}", at * (length + 1))).await;
        assert_eq!(settled.busy, None);
    }
    let noted = stage.noted();
    let chain = stage.end().await;
    assert_eq!(noted.len(), journeys * (length + 1));
    compare(&chain, &noted, kind == BrowserKind::Chromium);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_redirects_of_chromium_lose_no_cookie_no_status_and_no_reason() {
    many_redirects(BrowserKind::Chromium, 53, 18).await;
}

/// A login in an app: a form to another site, a redirect back, a page that fetches, an answer that the app gets.
fn app(method: &str, url: &Url, body: &str) -> Answer {
    let json =
        || Answer { status: 200, headers: vec![("Content-Type".into(), "application/json".into())], body: r#"{"user":"jarvis"}"#.into() };
    match (method, url.path()) {
        ("GET", "/login") => {
            Answer::page(r#"<form method=post action="http://idp.test/login"><input name=user value=jarvis><button>go</button></form>"#)
        }
        ("POST", "/login") if body == "user=jarvis" => Answer::redirect(303, "http://app.test/callback?code=1").with("Set-Cookie", "idp=1"),
        ("GET", "/callback") => Answer::redirect(302, "/home").with("Set-Cookie", "sid=1; HttpOnly"),
        ("GET", "/home") => Answer::page(
            r#"<script>
                setTimeout(() => fetch("/api/me", { method: "POST", body: '{"a":1}' }).then(answer => answer.json()).then(me => {
                    document.title = me.user;
                    console.error("odd");
                }), 0);
            </script><a id=leave href="/leave" style="position:fixed;inset:0">leave</a>"#,
        ),
        ("POST", "/api/me") => json().with("Set-Cookie", "fresh=1"),
        ("GET", "/leave") => Answer::redirect(302, "alga://auth?ott=1").with("Set-Cookie", "left=1"),
        _ => Answer { status: 404, ..Answer::default() },
    }
}

async fn a_login(kind: BrowserKind) {
    let stage = Stage::new(kind, app).await;
    stage.open("http://app.test/login").await;
    let began = Instant::now();
    let settled = stage.run("document.querySelector('button').click()").await;
    assert_eq!(settled, Settled::default());
    let took = began.elapsed();
    assert_eq!(stage.evaluate("document.title").await, "jarvis", "settled before the page had done its work ({took:?})");
    stage.tape.enter(0, None);
    stage.press().await;
    let settled = stage.tape.settle(&stage.device.tab, Stage::deadline()).await;
    assert_eq!(settled.deep_link.as_deref(), Some("alga://auth?ott=1"));
    let settled = stage.run("setTimeout(() => alert('hello'), 0)").await;
    assert!(settled.dialog);
    let noted = stage.noted();
    let chain = stage.end().await;

    let asked: Vec<_> = noted.iter().map(|noted| (noted.method.as_str(), noted.url.path())).collect();
    let told: Vec<_> = chain.hops.iter().map(|hop| (hop.request.method.as_str(), hop.request.url.path())).collect();
    assert_eq!(told, asked);
    let [login, post, callback, home, me, leave] = &chain.hops[..] else { panic!("{told:?}") };
    assert_eq!((&login.cause, &post.cause, &callback.cause), (&Cause::Open, &Cause::Form, &Cause::Redirect(post.id)));
    assert_eq!((&me.cause, me.resource, &leave.cause), (&Cause::Subresource, Resource::Fetch, &Cause::Link));
    assert_eq!((&*post.request.body, &*me.request.body), (&b"user=jarvis"[..], &br#"{"a":1}"#[..]));
    assert_eq!(me.response().unwrap().body.json(), Some(json!({ "user": "jarvis" })));
    assert!(home.response().unwrap().body.text().contains("fetch("));
    assert_eq!(leave.redirect_target().as_deref(), Some("alga://auth?ott=1"));
    let events: Vec<_> = chain.events.iter().map(|event| (event.kind, event.text.as_str())).collect();
    assert_eq!(events, [(BrowserEventKind::ConsoleError, "odd"), (BrowserEventKind::Dialog, "alert: hello")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_chromium_is_told_whole_and_waited_for_as_long_as_it_takes() {
    a_login(BrowserKind::Chromium).await;
}
