//! Runs in a real browser as processes: however they end, nothing of them is left.

use crate::world::{World, binary};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A run that waits for what never comes, so that it can be broken off, and one behind it that is well.
fn two_runs(address: SocketAddr) -> String {
    format!(
        "\
scenario: case
engine: browser
settings: {{ snapshot: false }}
variants: {{ a-waits: {{ with: {{ text: never }} }}, b-is-well: {{ with: {{ text: It works }} }} }}
origins: {{ https://app.example.test: {{ upstream: \"http://{address}\" }} }}
steps:
  - open: https://app.example.test/
  - wait: {{ text: \"${{text}}\" }}
    timeout: 60s
"
    )
}

/// A server that shows a page, and tells of each request that it answered.
fn server() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (answered, answers) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let page = "<!DOCTYPE html><title>well</title><p>It works";
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", page.len());
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
            let _ = answered.send(());
        }
    });
    (address, answers)
}

/// Longest that anything may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

#[test]
fn a_browser_that_dies_is_told_and_the_other_runs_go_on() {
    let broken = Broken::start();
    broken.kill("--remote-debugging-port");
    let said = broken.ends(Some(3));
    assert!(said.contains("ENV") && said.contains("the browser ended while its driver went on"), "{said}");
    assert!(said.contains("PASS") && said.contains("case#b-is-well"), "{said}");
}

#[test]
fn a_driver_that_dies_is_told_and_the_other_runs_go_on() {
    let broken = Broken::start();
    broken.kill("chromedriver");
    let said = broken.ends(Some(3));
    assert!(said.contains("ENV") && said.contains("its driver ended"), "{said}");
    assert!(said.contains("PASS") && said.contains("case#b-is-well"), "{said}");
}

#[test]
fn an_interrupt_leaves_no_browser() {
    let broken = Broken::start();
    signal("INT", broken.child.id());
    broken.ends(Some(130));
}

#[test]
fn a_program_that_is_killed_leaves_no_browser() {
    let broken = Broken::start();
    signal("KILL", broken.child.id());
    broken.ends(None);
}

#[test]
fn without_a_browser_a_run_says_how_to_get_one() {
    let world = World::with(&two_runs(server().0));
    let ran = crate::world::Ran::of(world.command().env("PATH", world.path()).args(["run", "case.yaml"]));
    ran.says(3, &["`chromedriver` is not on this machine", "authchain doctor"]);
}

/// A run whose browser shows the page of the first variant.
struct Broken {
    world: World,
    child: Child,
    /// The process group of the driver and all that it started.
    group: u32,
}

impl Broken {
    fn start() -> Self {
        let (address, answers) = server();
        let world = World::with(&two_runs(address));
        std::fs::create_dir(world.path().join("tmp")).expect("a folder");
        let out = std::fs::File::create(world.path().join("said")).expect("a file");
        let mut command = Command::new(binary());
        command.args(["run", "case.yaml", "--jobs", "1"]).current_dir(world.path()).env("TMPDIR", world.path().join("tmp"));
        let child = command.stdout(Stdio::null()).stderr(out).spawn().expect("the binary starts");
        let mut broken = Self { world, child, group: 0 };
        if answers.recv_timeout(LONGEST).is_err() {
            let _ = broken.child.kill();
            panic!("the page was never asked for: {}", broken.said());
        }
        let marker = format!("TMPDIR={}/authchain-browser-", broken.world.path().join("tmp").display());
        let driver = pids().find(|pid| read(*pid, "cmdline").contains("chromedriver") && read(*pid, "environ").contains(&marker));
        broken.group = driver.expect("a driver");
        assert!(broken.processes().len() > 4, "{:?}", broken.processes());
        broken
    }

    /// Everything that belongs to the driver and is no zombie: process ids and command lines.
    fn processes(&self) -> Vec<(u32, String)> {
        let group = self.group.to_string();
        let belongs = |pid: &u32| {
            let stat = read(*pid, "stat");
            // proc(5): behind the name in parentheses stand state, parent and group.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            !matches!(fields.next(), None | Some("Z" | "X")) && fields.nth(1) == Some(group.as_str())
        };
        pids().filter(belongs).map(|pid| (pid, read(pid, "cmdline"))).collect()
    }

    /// Kills the process whose command line has `sign`, not one of its helpers.
    fn kill(&self, sign: &str) {
        let found = self.processes().into_iter().find(|(_, line)| line.contains(sign) && !line.contains("--type="));
        let (pid, _) = found.unwrap_or_else(|| panic!("no {sign} among {:?}", self.processes()));
        signal("KILL", pid);
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.world.path().join("said")).expect("a file")
    }

    /// Asserts how it ends and that no process and no file of it is left; what it said.
    fn ends(mut self, code: Option<i32>) -> String {
        let status = self.child.wait().expect("it ends");
        let said = self.said();
        assert_eq!(status.code(), code, "{said}");
        let deadline = Instant::now() + LONGEST;
        let left = || -> (Vec<_>, Vec<PathBuf>) {
            let files = std::fs::read_dir(self.world.path().join("tmp")).expect("a folder").flatten();
            (self.processes(), files.map(|entry| entry.path()).collect())
        };
        loop {
            let (processes, files) = left();
            if processes.is_empty() && files.is_empty() {
                return said;
            }
            assert!(Instant::now() < deadline, "left: {processes:?}, {files:?}\n{said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn pids() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc").expect("a Linux").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A file of a process, its zeros as spaces; empty when it is gone.
fn read(pid: u32, what: &str) -> String {
    let bytes = std::fs::read(Path::new("/proc").join(pid.to_string()).join(what)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}
