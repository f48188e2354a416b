//! Three hundred scenario files of three requests each in one run, beside Hurl when it is on the path.
//!
//! `cargo xtask bench files [--json]`. Every file gets what it gets in real life: its own topology with an edge of its own.

use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 300;
const SAMPLES: usize = 5;

/// What one command took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    time: Duration,
    /// Peak resident memory in MiB.
    memory: f64,
}

fn main() -> Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let port = serve()?;
    let folder = tempfile::tempdir()?;
    write(folder.path(), port)?;
    let hurl = Command::new("hurl").arg("--version").output().is_ok_and(|output| output.status.success());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        ours.push(measure(Command::new(executable()?).args(["run", "--jobs", "2", "--quiet"]).arg(folder.path().join("authchain")))?);
        if hurl {
            let files = (0..FILES).map(|at| folder.path().join(format!("hurl/{at}.hurl")));
            theirs.push(measure(Command::new("hurl").args(["--test", "--jobs", "2"]).args(files))?);
        }
    }
    let theirs = (!theirs.is_empty()).then(|| median(theirs));
    report(json, median(ours), theirs);
    Ok(())
}

#[allow(clippy::print_stdout)]
fn report(json: bool, ours: Cost, theirs: Option<Cost>) {
    let per_second = |cost: Cost| FILES as f64 / cost.time.as_secs_f64();
    let ratio = theirs.map(|theirs| ours.time.as_secs_f64() / theirs.time.as_secs_f64());
    if json {
        let seconds = |cost: Cost| cost.time.as_secs_f64();
        let line = serde_json::json!({
            "name": "files", "ours": seconds(ours), "theirs": theirs.map(seconds), "unit": "s for 300 files of 3 requests, two jobs",
            "ratio": ratio, "ours_mib": ours.memory, "theirs_mib": theirs.map(|cost| cost.memory),
        });
        println!("{line}");
        return;
    }
    let row = |name: &str, cost: Cost| {
        println!("{name:<12} {:>7.2} s {:>8.0} files/s {:>7.0} MiB", cost.time.as_secs_f64(), per_second(cost), cost.memory)
    };
    row("authchain", ours);
    match theirs {
        Some(theirs) => row("hurl", theirs),
        None => println!("hurl         not on the path, not measured"),
    }
    if let Some(ratio) = ratio {
        println!("{:<12} {ratio:>7.2}", "ratio");
    }
}

/// The release build that `cargo xtask bench` made.
fn executable() -> Result<std::path::PathBuf> {
    let bench = std::env::current_exe()?;
    let folder = bench.parent().and_then(Path::parent).context("benchmarks lie in target/release/deps")?;
    Ok(folder.join("authchain"))
}

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
    ensure!(status.success(), "{:?} ended with {status}", command.get_program());
    Ok(Cost { time, memory })
}

/// The high-water mark of resident memory in MiB.
fn peak(status: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn write(folder: &Path, port: u16) -> Result<()> {
    for name in ["authchain", "hurl"] {
        std::fs::create_dir(folder.join(name))?;
    }
    for at in 0..FILES {
        let mut scenario = format!(
            "scenario: file {at}\nsettings: {{ snapshot: false }}\norigins: {{ http://app.example.test: {{ upstream: \"http://127.0.0.1:{port}\" }} }}\nsteps:\n"
        );
        let mut hurl = String::new();
        for request in 0..3 {
            scenario.push_str(&format!(
                "  - get: http://app.example.test/{at}/{request}\n    expect: {{ status: 200, json: {{ ok: true }} }}\n"
            ));
            hurl.push_str(&format!("GET http://127.0.0.1:{port}/{at}/{request}\nHTTP 200\n[Asserts]\njsonpath \"$.ok\" == true\n\n"));
        }
        std::fs::write(folder.join(format!("authchain/{at}.yaml")), scenario)?;
        std::fs::write(folder.join(format!("hurl/{at}.hurl")), hurl)?;
    }
    Ok(())
}

/// A small keep-alive server that answers every request with the same JSON.
fn serve() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let Ok(mut writer) = stream.try_clone() else { return };
                let mut lines = BufReader::new(stream).lines();
                while let Some(Ok(line)) = lines.next() {
                    if line.is_empty()
                        && writer
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}")
                            .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    Ok(port)
}

fn median(mut samples: Vec<Cost>) -> Cost {
    samples.sort_by_key(|cost| cost.time);
    samples[samples.len() / 2]
}
