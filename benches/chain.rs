//! A chain of twenty hops through the http engine, beside a bare client loop on the same server.
//!
//! `cargo xtask bench chain [--json]`. Both sides open one connection for each chain and read every body; the engine also
//! keeps cookies with reasons, decides each redirect, and records every hop.

use authchain::base::{Clock, Sources};
use authchain::drive::{self, Observer, World};
use authchain::plan::{Matcher, Plan, Scope, Step, compile};
use authchain::scenario;
use authchain::trace::{Chain, Hop, ServerCall};
use authchain::web::origin::Origin;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

const HOPS: usize = 20;
const ROUNDS: usize = 400;
const SAMPLES: usize = 9;

/// What a browser sends when it navigates. The bare loop sends it too, so that the server has the same work with both sides.
const FIELDS: [(&str, &str); 9] = [
    ("host", "app.example.test"),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-US,en;q=0.9"),
];

fn main() -> anyhow::Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let address = serve().await?;
        let plan = plan()?;
        let world = Arc::new(Direct { address, declared: plan.origins.iter().map(|origin| origin.origin.clone()).collect() });
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // One round of each to warm up; then turn and turn about, so that a busy moment hits both.
        for sample in 0..=SAMPLES {
            let engine = engine(&plan, &world).await?;
            let bare = bare(address).await?;
            if sample > 0 {
                ours.push(engine);
                theirs.push(bare);
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let micros = |took: Duration| took.as_secs_f64() * 1e6 / ROUNDS as f64;
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        print(json, "chain", micros(ours), micros(theirs), "µs for a chain of 20 hops", ratio, "bare hyper loop");
        Ok(())
    })
}

#[allow(clippy::print_stdout)]
fn print(json: bool, name: &str, ours: f64, theirs: f64, unit: &str, ratio: f64, other: &str) {
    if json {
        let line = serde_json::json!({ "name": name, "ours": ours, "theirs": theirs, "unit": unit, "ratio": ratio });
        println!("{line}");
    } else {
        println!(
            "{:<24} {:>10.0} {unit}\n{other:<24} {:>10.0} {unit}\n{:<24} {:>10.2}",
            "authchain drive/http", ours, theirs, "ratio", ratio
        );
    }
}

async fn engine(plan: &Plan, world: &Arc<Direct>) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let setup = drive::Setup::new(rustls::RootCertStore::empty(), Clock::default());
        let chain = drive::drive(plan, world.clone(), setup, Arc::new(Silent)).await;
        anyhow::ensure!(chain.hops.len() == HOPS, "{} hops: {:?}", chain.hops.len(), chain.steps.last().map(|step| &step.error));
    }
    Ok(began.elapsed())
}

async fn bare(address: SocketAddr) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let (mut path, mut hops) = ("/0".to_owned(), 0);
        loop {
            let request = FIELDS.iter().fold(Request::get(&path), |request, (name, value)| request.header(*name, *value));
            let request = request.body(Empty::<Bytes>::new())?;
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            hops += 1;
            let next = response.headers().get("location").map(|value| value.to_str().map(str::to_owned)).transpose()?;
            response.into_body().collect().await?;
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        anyhow::ensure!(hops == HOPS, "{hops} hops");
        connection.abort();
    }
    Ok(began.elapsed())
}

/// A server whose page `/n` redirects to `/n+1`, up to the last one. Every fifth sets a cookie, as many as in a real login.
async fn serve() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(async |request: Request<_>| Ok::<_, Infallible>(answer(&request)));
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

fn answer(request: &Request<hyper::body::Incoming>) -> Response<Full<Bytes>> {
    let at: usize = request.uri().path().trim_start_matches('/').parse().unwrap_or(HOPS);
    let mut answer = Response::builder();
    if at.is_multiple_of(5) {
        answer = answer.header("set-cookie", format!("c{at}=value-of-{at}; Path=/; HttpOnly; SameSite=Lax"));
    }
    let last = at + 1 >= HOPS;
    let answer = if last { answer } else { answer.status(302).header("location", format!("/{}", at + 1)) };
    answer.body(Full::from(if last { "done" } else { "" })).expect("a fixed response")
}

fn plan() -> anyhow::Result<Plan> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("chain.yaml");
    std::fs::write(
        &file,
        "scenario: chain\norigins: { http://app.example.test: { upstream: \"http://127.0.0.1:1\" } }\nsteps:\n  - open: http://app.example.test/0\n",
    )?;
    let mut sources = Sources::default();
    let compiled = scenario::load(&file, &mut sources).and_then(|loaded| compile(&loaded, None));
    let compiled = compiled.map_err(|diagnostics| anyhow::anyhow!("{diagnostics:?}"))?;
    compiled.plans.into_iter().next().ok_or_else(|| anyhow::anyhow!("no plan"))
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}

/// A world whose only server is reached directly.
struct Direct {
    address: SocketAddr,
    declared: Vec<Origin>,
}

impl World for Direct {
    fn endpoint(&self, _: &str) -> SocketAddr {
        self.address
    }

    fn declared(&self) -> &[Origin] {
        &self.declared
    }

    fn calls(&self) -> Vec<ServerCall> {
        Vec::new()
    }
}

/// Looks away.
struct Silent;

impl Observer for Silent {
    fn step_began(&self, _: &Step, _: usize) {}

    fn hop(&self, _: &Hop) {}

    fn step_ended(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }

    fn would_hold(&self, _: &Step, _: &Chain, _: usize, _: &Scope) -> bool {
        true
    }

    fn matches(&self, _: &Matcher, _: Option<&serde_json::Value>, _: &Scope) -> bool {
        true
    }
}
