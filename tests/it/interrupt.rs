//! Ctrl-C: everything that was started is gone afterwards.

use crate::world::{World, binary};
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn an_interrupt_ends_every_process_and_leaves_no_file() {
    let interrupted = Interrupted::with("echo $$ > pid; sleep 600 & echo $! > child; exec sleep 600");
    interrupted.signal("INT");
    interrupted.ends(130);
}

#[test]
fn a_second_interrupt_does_not_wait_for_a_process_that_will_not_stop() {
    let began = Instant::now();
    let mut interrupted = Interrupted::with("trap '' TERM; echo $$ > pid; sleep 600 & echo $! > child; while :; do wait; done");
    interrupted.signal("INT");
    interrupted.says("press Ctrl-C again");
    interrupted.signal("INT");
    interrupted.ends(130);
    assert!(began.elapsed() < Duration::from_secs(40), "it has a minute to stop by itself");
}

/// A run whose only process never gets ready.
struct Interrupted {
    world: World,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    pids: Vec<u32>,
}

impl Interrupted {
    fn with(script: &str) -> Self {
        let world = World::with(&format!(
            "scenario: case\nsettings: {{ snapshot: false }}\norigins:\n  https://app.example.test:\n    process:\n      run: [sh, -c, \"{script}\"]\n      ready: {{ log: never }}\n      ready_within: 60s\n      stop_within: 60s\nsteps:\n  - get: https://app.example.test/\n"
        ));
        let temporary = world.path().join("tmp");
        std::fs::create_dir(&temporary).expect("a folder");
        let mut child = Command::new(binary())
            .args(["run", "case.yaml"])
            .current_dir(world.path())
            .env("TMPDIR", &temporary)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let pids = wait_for_pids(&world, &mut child);
        Self { world, child, lines, pids }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits until it prints a line with `text`.
    fn says(&mut self, text: &str) {
        assert!(self.lines.by_ref().map_while(Result::ok).any(|line| line.contains(text)), "it never said {text:?}");
    }

    /// Asserts how it ends, and that nothing of it is left.
    fn ends(mut self, code: i32) {
        let text: Vec<_> = self.lines.by_ref().map_while(Result::ok).collect();
        assert_eq!(self.child.wait().expect("it ends").code(), Some(code), "{text:?}");
        for pid in self.pids {
            // A kill is sent before the program ends; dying takes the system a moment, longer on a busy machine.
            let deadline = Instant::now() + Duration::from_secs(10);
            while alive(pid) {
                assert!(Instant::now() < deadline, "process {pid} is still there");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let left: Vec<_> =
            std::fs::read_dir(self.world.path().join("tmp")).expect("a folder").flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Waits until the scenario's process and its child have written their ids.
fn wait_for_pids(world: &World, child: &mut std::process::Child) -> Vec<u32> {
    let read = |name: &str| std::fs::read_to_string(world.path().join(name)).ok()?.trim().parse().ok();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let (Some(parent), Some(grandchild)) = (read("pid"), read("child")) {
            return vec![parent, grandchild];
        }
        assert!(child.try_wait().expect("a child").is_none(), "it ended before the process was up");
        assert!(Instant::now() < deadline, "the process did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process is there and no zombie.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}
