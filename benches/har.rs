//! Diagnosis of a large HAR, beside `jq '.log.entries | length'` on the same file when it is on the path; then how the time
//! grows with the number of hops.
//!
//! `cargo xtask bench har [--mb N] [--json]`. The file is what production gives: logins, API calls that are refused, and
//! large scripts between them.

use anyhow::{Context as _, Result};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Size of the large file in megabytes.
const MEGABYTES: u64 = 500;
/// Numbers of hops for the growth.
const HOPS: [usize; 3] = [1_000, 10_000, 100_000];

/// What one command took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    time: Duration,
    /// Peak resident memory in MiB.
    memory: f64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let megabytes = arguments.iter().position(|argument| argument == "--mb").and_then(|at| arguments.get(at + 1)?.parse().ok());
    let megabytes: u64 = megabytes.unwrap_or(MEGABYTES);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("large.har");
    write(&file, usize::MAX, megabytes * 1_000_000, 100_000)?;
    let ours = measure(Command::new(executable()?).args(["diagnose", "--quiet"]).arg(&file))?;
    let jq = Command::new("jq").arg("--version").output().is_ok_and(|output| output.status.success());
    let theirs = jq.then(|| measure(Command::new("jq").arg(".log.entries | length").arg(&file))).transpose()?;
    let mut growth = Vec::new();
    for hops in HOPS {
        let file = folder.path().join(format!("{hops}.har"));
        write(&file, hops, u64::MAX, 200)?;
        growth.push((hops, measure(Command::new(executable()?).args(["diagnose", "--quiet"]).arg(&file))?));
    }
    report(json, megabytes as f64, ours, theirs, &growth);
    Ok(())
}

#[allow(clippy::print_stdout)]
fn report(json: bool, megabytes: f64, ours: Cost, theirs: Option<Cost>, growth: &[(usize, Cost)]) {
    let throughput = |cost: Cost| megabytes / cost.time.as_secs_f64();
    if json {
        let growth: Vec<_> =
            growth.iter().map(|(hops, cost)| json!({ "hops": hops, "s": cost.time.as_secs_f64(), "mib": cost.memory })).collect();
        let line = json!({
            "name": "har", "ours": throughput(ours), "theirs": theirs.map(throughput), "unit": "MB/s", "megabytes": megabytes,
            "ours_mib": ours.memory, "theirs_mib": theirs.map(|cost| cost.memory), "growth": growth,
        });
        println!("{line}");
        return;
    }
    let row = |name: &str, cost: Cost| {
        println!("{name:<12} {:>7.2} s {:>8.0} MB/s {:>7.0} MiB", cost.time.as_secs_f64(), throughput(cost), cost.memory);
    };
    row("authchain", ours);
    match theirs {
        Some(theirs) => row("jq", theirs),
        None => println!("jq           not on the path, not measured (apt install jq)"),
    }
    for (hops, cost) in growth {
        let each = cost.time.as_secs_f64() * 1e6 / *hops as f64;
        println!("{hops:>7} hops {:>7.2} s {each:>8.1} µs/hop {:>5.0} MiB", cost.time.as_secs_f64(), cost.memory);
    }
}

/// The build that `cargo xtask bench` made.
fn executable() -> Result<std::path::PathBuf> {
    let bench = std::env::current_exe()?;
    let folder = bench.parent().and_then(Path::parent).context("benchmarks lie in target/release/deps")?;
    Ok(folder.join("authchain"))
}

/// A HAR of so many hops, or so many bytes, with scripts of `script` bytes.
fn write(path: &Path, hops: usize, bytes: u64, script: usize) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(br#"{"log":{"version":"1.2","creator":{"name":"WebInspector","version":"537.36"},"pages":[],"entries":["#)?;
    let mut written = 0;
    for hop in 0..hops {
        if written >= bytes {
            break;
        }
        let line = serde_json::to_vec(&entry(hop, script))?;
        if hop > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(&line)?;
        written += line.len() as u64;
    }
    out.write_all(b"]}}")?;
    out.flush()?;
    Ok(())
}

/// One of a round of five: a page's redirect to the provider, the callback, the page, an API call that is refused, a script.
fn entry(hop: usize, script: usize) -> serde_json::Value {
    let (round, part) = (hop / 5, hop % 5);
    let session = format!("sid=s{round:08}aZ9kQ2mX7pL4");
    let field = |name: &str, value: &str| json!({ "name": name, "value": value });
    let back = "https%3A%2F%2Fapp.test%2Fcb";
    let authorize = format!("https://idp.test/authorize?client_id=m&response_type=code&redirect_uri={back}&state=st{round:08}");
    let (url, kind, status, location, set, body) = match part {
        0 => ("https://app.test/".to_owned(), "document", 302, Some(authorize), None, String::new()),
        1 => (
            format!("https://app.test/cb?code=c{round:08}&state=st{round:08}"),
            "document",
            302,
            Some("/home".to_owned()),
            Some(format!("{session}; Path=/; Secure; HttpOnly")),
            String::new(),
        ),
        2 => ("https://app.test/home".to_owned(), "document", 200, None, None, "<title>home</title>".to_owned()),
        3 => (format!("https://app.test/api/{round}"), "fetch", 401, None, None, r#"{"message":"no session"}"#.to_owned()),
        _ => ("https://app.test/app.js".to_owned(), "script", 200, None, None, "let a = \"x\";\n".repeat(script / 13)),
    };
    let mut headers = vec![field("Content-Type", "text/plain")];
    headers.extend(location.map(|to| field("Location", &to)));
    headers.extend(set.map(|line| field("Set-Cookie", &line)));
    let second = hop / 10;
    let time =
        format!("2026-03-{:02}T{:02}:{:02}:{:02}.{}00Z", 1 + second / 86_400, second / 3600 % 24, second / 60 % 60, second % 60, hop % 10);
    json!({
        "startedDateTime": time, "time": 20, "_resourceType": kind,
        "request": { "method": "GET", "url": url, "headers": [field("Cookie", &session), field("Sec-Fetch-Mode", "navigate"), field("Sec-Fetch-Site", "none")] },
        "response": { "status": status, "headers": headers, "content": { "size": body.len(), "mimeType": "text/plain", "text": body } },
        "timings": { "wait": 10, "receive": 5 },
    })
}

/// Runs a command to its end. Findings are no failure here.
fn measure(command: &mut Command) -> Result<Cost> {
    let began = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to start {:?}", command.get_program()))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory: f64 = 0.0;
    let status = loop {
        if let Some(peak) = std::fs::read_to_string(&status_file).ok().as_deref().and_then(peak) {
            memory = memory.max(peak);
        }
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let time = began.elapsed();
    anyhow::ensure!(matches!(status.code(), Some(0 | 1)), "{:?} ended with {status}", command.get_program());
    Ok(Cost { time, memory })
}

/// The high-water mark of resident memory in MiB.
fn peak(status: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
