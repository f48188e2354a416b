//! Logins a second and start-up of the embedded OpenID provider, beside two providers that people run for tests.
//!
//! `cargo xtask bench idp [--json]`. Each provider is a process of its own, reached over real sockets by the same generator: as
//! many browsers as [`BROWSERS`], each with one connection that is kept open for a round, in turns. A login is three requests; every answer
//! is read, and a status or a content that is not right fails the benchmark. All sign ES256, none logs.
//!
//! | | authorize | token | userinfo |
//! |---|---|---|---|
//! | authchain | session cookie, registered redirect URI, PKCE S256, consent implied | secret, code once, PKCE, one JWT signed, opaque access token, refresh token as its rules say | access token looked up |
//! | oidc-provider | the same, with a grant that was given before (`benches/peers/oidc-provider.mjs`) | the same | the same |
//! | oauth2-mock-server | nothing is asked or checked, anybody gets a code | PKCE; neither secret nor code, two JWTs signed | a fixed answer, no token is looked at |
//!
//! So the last one does far less than a provider must. Of both the better counts: `ratio` is the time of a login with
//! authchain divided by the better one's.

use anyhow::{Context as _, Result, bail, ensure};
use authchain::web::html::{Locator, Page, Wanted};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use url::Url;

/// Browsers that log in at the same time.
const BROWSERS: usize = 16;
/// Logins of each browser in a round.
const LOGINS: usize = 40;
/// Rounds that count; before them come [`WARM_UP`] that do not, in which Node compiles what it runs.
const ROUNDS: usize = 9;
const WARM_UP: usize = 3;
/// Starts of each provider.
const STARTS: usize = 7;
/// Longest that a provider may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

const REDIRECT_URI: &str = "http://127.0.0.1:4999/callback";
const CLIENT: &str = "app";
const SECRET: &str = "bench-only-secret";
const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";

fn main() -> Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(interruptible(json))
}

/// No provider outlives this, whoever ends it.
async fn interruptible(json: bool) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        measured = measure(json) => measured,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn measure(json: bool) -> Result<()> {
    let contenders = contenders()?;
    let mut starts = vec![Vec::new(); contenders.len()];
    // Turn and turn about, so that a busy moment hits all of them.
    for _ in 0..STARTS {
        for (contender, took) in contenders.iter().zip(&mut starts) {
            took.push(Running::start(contender).await?.started);
        }
    }
    let mut fields = Vec::new();
    for contender in &contenders {
        let running = Running::start(contender).await?;
        let browsers = running.browsers().await?;
        fields.push((running, browsers));
    }
    let mut rounds = vec![Vec::new(); contenders.len()];
    for round in 0..WARM_UP + ROUNDS {
        for ((_, browsers), took) in fields.iter_mut().zip(&mut rounds) {
            let elapsed = logins(browsers).await?;
            if round >= WARM_UP {
                took.push(elapsed);
            }
        }
    }
    let results: Vec<_> = contenders
        .iter()
        .zip(starts.into_iter().zip(rounds))
        .map(|(contender, (starts, rounds))| Measured { name: contender.name, start: median(starts), login: median(rounds) / TOTAL })
        .collect();
    report(json, &results)
}

const TOTAL: u32 = (BROWSERS * LOGINS) as u32;

/// What was measured of one provider.
struct Measured {
    name: &'static str,
    start: Duration,
    login: Duration,
}

#[allow(clippy::print_stdout)]
fn report(json: bool, results: &[Measured]) -> Result<()> {
    let [ours, peers @ ..] = results else { bail!("nothing was measured") };
    let best = |of: fn(&Measured) -> Duration| peers.iter().map(of).min().unwrap_or_default().as_secs_f64();
    let ratio = ours.login.as_secs_f64() / best(|peer| peer.login);
    let start_ratio = ours.start.as_secs_f64() / best(|peer| peer.start);
    if json {
        let each: Vec<_> = results
            .iter()
            .map(|one| {
                json!({
                    "name": one.name,
                    "logins_per_second": 1.0 / one.login.as_secs_f64(),
                    "requests_per_second": 3.0 / one.login.as_secs_f64(),
                    "start_ms": one.start.as_secs_f64() * 1e3,
                })
            })
            .collect();
        println!("{}", json!({ "name": "idp", "providers": each, "ratio": ratio, "start_ratio": start_ratio }));
        return Ok(());
    }
    println!("{:<20} {:>12} {:>12} {:>12}", "", "logins/s", "requests/s", "start-up");
    for one in results {
        let rate = 1.0 / one.login.as_secs_f64();
        println!("{:<20} {:>12.0} {:>12.0} {:>9.1} ms", one.name, rate, rate * 3.0, one.start.as_secs_f64() * 1e3);
    }
    println!("{:<20} {ratio:>12.2} {:>12} {start_ratio:>12.2}", "ratio", "");
    Ok(())
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

/// A provider and how it is started.
struct Contender {
    name: &'static str,
    program: PathBuf,
    /// With `PORT` where the port belongs.
    arguments: Vec<String>,
    discovery: &'static str,
}

fn contenders() -> Result<[Contender; 3]> {
    let folder =
        PathBuf::from(std::env::var_os("AUTHCHAIN_CLIENTS").context("run it as `cargo xtask bench idp`, which installs the peers")?);
    let node = PathBuf::from(std::env::var_os("AUTHCHAIN_NODE").context("AUTHCHAIN_NODE is not set")?);
    let peer = |name: &'static str| Contender {
        name,
        program: node.clone(),
        arguments: vec![folder.join("peers").join(format!("{name}.mjs")).display().to_string(), "PORT".to_owned(), REDIRECT_URI.to_owned()],
        discovery: "/.well-known/openid-configuration",
    };
    let client = format!("{CLIENT}:{SECRET}={REDIRECT_URI}");
    let ours = ["--quiet", "idp", "--listen", "127.0.0.1:PORT", "--user", "jarvis:bench-only-password", "--client", &client];
    let ours = Contender {
        name: "authchain",
        program: env!("CARGO_BIN_EXE_authchain").into(),
        arguments: ours.map(str::to_owned).to_vec(),
        discovery: "/.well-known/openid-configuration",
    };
    Ok([ours, peer("oidc-provider"), peer("oauth2-mock-server")])
}

/// A provider that runs. It ends with this.
struct Running {
    _child: Box<dyn ChildWrapper>,
    address: SocketAddr,
    metadata: Metadata,
    /// From the start of the process to its first answer.
    started: Duration,
}

/// Where the endpoints are.
#[derive(Clone)]
struct Metadata {
    authorize: String,
    token: String,
    userinfo: String,
}

impl Running {
    async fn start(contender: &Contender) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut command = CommandWrap::with_new(&contender.program, |command| {
            let port = address.port().to_string();
            command.args(contender.arguments.iter().map(|argument| argument.replace("PORT", &port))).env("NODE_ENV", "production");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        });
        command.wrap(KillOnDrop);
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("failed to start {}", contender.name))?;
        let answer = loop {
            match discover(address, contender.discovery).await {
                Ok(answer) => break answer,
                Err(error) if began.elapsed() > PATIENCE => return Err(error.context(format!("{} does not answer", contender.name))),
                Err(_) => {}
            }
            if let Some(status) = child.try_wait()? {
                bail!("{} ended with {status}", contender.name);
            }
            // Nothing tells when a foreign process listens.
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let started = began.elapsed();
        let path = |name: &str| -> Result<String> {
            let url: Url = answer[name].as_str().with_context(|| format!("{}: no {name}", contender.name))?.parse()?;
            Ok(url.path().to_owned())
        };
        let metadata =
            Metadata { authorize: path("authorization_endpoint")?, token: path("token_endpoint")?, userinfo: path("userinfo_endpoint")? };
        Ok(Self { _child: child, address, metadata, started })
    }

    /// Browsers whose users are logged in.
    async fn browsers(&self) -> Result<Vec<Browser>> {
        let mut browsers = Vec::new();
        for _ in 0..BROWSERS {
            let mut browser = Browser::open(self).await?;
            browser.sign_in().await?;
            browsers.push(browser);
        }
        Ok(browsers)
    }
}

async fn discover(address: SocketAddr, path: &str) -> Result<Value> {
    let mut connection = connect(address).await?;
    let request = Request::get(path).header(HOST, address.to_string()).body(Full::default())?;
    let response = connection.send_request(request).await?;
    ensure!(response.status() == StatusCode::OK, "discovery answers {}", response.status());
    Ok(serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// All browsers log in [`LOGINS`] times; how long that takes.
async fn logins(browsers: &mut Vec<Browser>) -> Result<Duration> {
    // Node closes a connection that was idle for five seconds, as it is while the others have their turn.
    for browser in browsers.iter_mut() {
        browser.connection = connect(browser.address).await?;
    }
    let began = Instant::now();
    let mut running = JoinSet::new();
    for mut browser in browsers.drain(..) {
        running.spawn(async move {
            for _ in 0..LOGINS {
                browser.log_in().await?;
            }
            anyhow::Ok(browser)
        });
    }
    while let Some(browser) = running.join_next().await {
        browsers.push(browser??);
    }
    Ok(began.elapsed())
}

/// One browser with one connection, and the client that it logs in to.
struct Browser {
    connection: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    host: String,
    metadata: Metadata,
    /// The authorization request.
    authorize: String,
    authorization: String,
    /// Name → value and path.
    cookies: BTreeMap<String, (String, String)>,
}

/// One answer, read whole.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Bytes,
}

impl Browser {
    async fn open(running: &Running) -> Result<Self> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", CLIENT),
                ("redirect_uri", REDIRECT_URI),
                ("response_type", "code"),
                ("scope", "openid email profile"),
                ("state", "a-state-that-nobody-could-guess"),
                ("nonce", "a-nonce-that-nobody-could-guess"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        Ok(Self {
            connection: connect(running.address).await?,
            address: running.address,
            host: running.address.to_string(),
            metadata: running.metadata.clone(),
            authorize: format!("{}?{query}", running.metadata.authorize),
            authorization: format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}"))),
            cookies: BTreeMap::new(),
        })
    }

    /// The first login, through whatever pages there are.
    async fn sign_in(&mut self) -> Result<()> {
        let base: Url = format!("http://{}/", self.host).parse()?;
        let mut url = base.join(&self.authorize)?;
        let mut form: Option<(String, Bytes)> = None;
        for _ in 0..12 {
            if url.as_str().starts_with(REDIRECT_URI) {
                return Ok(());
            }
            let path = url[url::Position::BeforePath..].to_owned();
            let answer = match form.take() {
                Some((kind, body)) => self.send(Method::POST, &path, &[(CONTENT_TYPE, &kind)], body).await?,
                None => self.send(Method::GET, &path, &[], Bytes::new()).await?,
            };
            if let Some(location) = answer.location {
                url = url.join(&location)?;
                continue;
            }
            ensure!(answer.status == StatusCode::OK, "the login page answers {}", answer.status);
            let mut page = Page::parse(std::str::from_utf8(&answer.body)?, &url);
            let password = Locator::parse("css=input[type=password]")?;
            if let Ok(field) = page.find(&password, Wanted::Field) {
                page.fill(&Locator::parse("css=input[type=text]")?, "jarvis")?;
                page.fill_at(field, "bench-only-password")?;
            }
            let submission = page.submit(None)?;
            url = submission.url;
            form = Some((submission.content_type.context("the form is posted")?, submission.body.into()));
        }
        bail!("the login at {} does not end", self.host)
    }

    /// One login of a user who is known already: authorize, token, userinfo.
    async fn log_in(&mut self) -> Result<()> {
        let authorize = self.authorize.clone();
        let answer = self.send(Method::GET, &authorize, &[], Bytes::new()).await?;
        let location = answer.location.with_context(|| format!("authorize answers {}", answer.status))?;
        ensure!(location.starts_with(REDIRECT_URI), "authorize at {} leads to {location}", self.host);
        let location: Url = location.parse()?;
        let code = location.query_pairs().find(|(name, _)| name == "code").context("authorize gives no code")?.1.into_owned();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", REDIRECT_URI),
                ("code_verifier", VERIFIER),
            ])
            .finish();
        let (path, authorization) = (self.metadata.token.clone(), self.authorization.clone());
        let fields = [(CONTENT_TYPE, "application/x-www-form-urlencoded"), (AUTHORIZATION, authorization.as_str())];
        let answer = self.send(Method::POST, &path, &fields, form.into()).await?;
        ensure!(answer.status == StatusCode::OK, "token answers {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        let tokens: Tokens = serde_json::from_slice(&answer.body)?;
        ensure!(tokens.id_token.split('.').count() == 3, "token gives no ID token");
        let (path, bearer) = (self.metadata.userinfo.clone(), format!("Bearer {}", tokens.access_token));
        let answer = self.send(Method::GET, &path, &[(AUTHORIZATION, &bearer)], Bytes::new()).await?;
        ensure!(answer.status == StatusCode::OK, "userinfo answers {}", answer.status);
        let Claims { sub } = serde_json::from_slice(&answer.body)?;
        ensure!(!sub.is_empty(), "userinfo names nobody");
        Ok(())
    }

    async fn send(&mut self, method: Method, path: &str, fields: &[(hyper::header::HeaderName, &str)], body: Bytes) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        for (name, value) in fields {
            request = request.header(name, *value);
        }
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .filter(|(_, (_, scope))| path.starts_with(scope.as_str()))
            .map(|(name, (value, _))| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        self.connection.ready().await?;
        let response = self.connection.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str()?;
            let mut parts = line.split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).context("a cookie has a name")?;
            let scope = parts.find_map(|part| part.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("path")));
            let scope = scope.map_or("/", |(_, path)| path).to_owned();
            self.cookies.insert(name.to_owned(), (value.to_owned(), scope));
        }
        let location = response.headers().get(LOCATION).map(|to| to.to_str().map(str::to_owned)).transpose()?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, location, body })
    }
}

#[derive(serde::Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}
