//! Ctrl-C: everything that was started is gone afterwards.

use crate::world::{World, binary};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

#[test]
fn an_interrupt_ends_every_process_and_leaves_no_file() {
    let world = World::with(
        "scenario: case\nsettings: { snapshot: false }\norigins:\n  https://app.example.test:\n    process:\n      run: [sh, -c, \"echo $$ > pid; sleep 600 & echo $! > child; exec sleep 600\"]\n      ready: { log: never }\n      ready_within: 60s\nsteps:\n  - get: https://app.example.test/\n",
    );
    let temporary = world.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut child = Command::new(binary())
        .args(["run", "case.yaml"])
        .current_dir(world.path())
        .env("TMPDIR", &temporary)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let pids = wait_for_pids(&world, &mut child);
    signal(child.id(), "INT");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let text: Vec<_> = lines.by_ref().map_while(Result::ok).collect();
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{text:?}");
    for pid in pids {
        assert!(!alive(pid), "process {pid} is still there");
    }
    let left: Vec<_> = std::fs::read_dir(&temporary).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Waits until the scenario's process and its child have written their ids.
fn wait_for_pids(world: &World, child: &mut std::process::Child) -> Vec<u32> {
    let read = |name: &str| std::fs::read_to_string(world.path().join(name)).ok()?.trim().parse().ok();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        if let (Some(parent), Some(grandchild)) = (read("pid"), read("child")) {
            return vec![parent, grandchild];
        }
        assert!(child.try_wait().expect("a child").is_none(), "it ended before the process was up");
        assert!(std::time::Instant::now() < deadline, "the process did not start");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

/// Whether a process is there and no zombie.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}
