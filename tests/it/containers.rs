//! Programs from images. Where a Docker engine answers, they are started from images made here of this machine's programs,
//! for no registry is in reach of a test; where none does, each of these tests holds what is said and done without one.

use crate::world::{Ran, World, binary};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes no time on an idle machine.
const SOON: Duration = Duration::from_secs(60);
/// A socket that nobody listens on.
const NOBODY: &str = "unix:///nonexistent/docker.sock";

fn docker(args: &[&str]) -> std::process::Output {
    Command::new("docker").args(args).output().expect("the docker program starts")
}

/// Whether an engine answers, asked by Docker's own program.
fn engine_answers() -> bool {
    let asked = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// An image of one program of this machine with its libraries; it goes with this value.
struct Image(String);

impl Image {
    fn of(program: &Path, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let libraries = Command::new("ldd").arg(program).output().expect("ldd runs");
        let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
        let files = libraries.split_whitespace().filter(|word| word.starts_with('/')).map(|file| (Path::new(file), file.to_owned()));
        let inside = format!("/usr/local/bin/{}", program.file_name().expect("a file").to_string_lossy());
        for (file, inside) in files.chain([(program, inside)]) {
            let target = folder.path().join(inside.trim_start_matches('/'));
            std::fs::create_dir_all(target.parent().expect("a parent")).expect("a folder");
            std::fs::copy(file, target).expect("a copy");
        }
        // Without it, names are asked of the network before they are looked up in the container's own list.
        std::fs::create_dir_all(folder.path().join("etc")).expect("a folder");
        std::fs::write(folder.path().join("etc/nsswitch.conf"), "hosts: files dns\n").expect("a file");
        let tag = format!("authchain-test-{}/{name}:1", std::process::id());
        let mut tar = Command::new("tar").arg("-C").arg(folder.path()).args(["-c", "."]).stdout(Stdio::piped()).spawn().expect("tar runs");
        let from = tar.stdout.take().expect("piped");
        let imported = Command::new("docker").args(["import", "-", &tag]).stdin(from).output().expect("docker runs");
        assert!(tar.wait().expect("tar ends").success() && imported.status.success(), "{imported:?}");
        Self(tag)
    }

    fn redis(name: &str) -> Self {
        let found = Command::new("sh").args(["-c", "command -v redis-server"]).output().expect("sh runs");
        let path = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        assert!(!path.is_empty(), "redis-server is missing; install it with: sudo apt-get install -y redis-server");
        // The package has a link in its place.
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(path, folder.path().join("redis-server")).expect("a copy");
        Self::of(&folder.path().join("redis-server"), name)
    }

    /// Containers of this image, running or not.
    fn containers(&self) -> Vec<String> {
        let listed = docker(&["ps", "-aq", "--no-trunc", "--filter", &format!("ancestor={}", self.0)]);
        String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        docker(&["image", "rm", "-f", &self.0]);
    }
}

/// The image where an engine answers; the name of none where it does not.
fn image(make: impl FnOnce() -> Image) -> (Option<Image>, String) {
    let image = engine_answers().then(make);
    let name = image.as_ref().map_or_else(|| "authchain-test/none:1".to_owned(), |image| image.0.clone());
    (image, name)
}

/// The binary in a world, with the engine that this test was told of.
fn run(world: &World) -> Ran {
    let mut command = world.command();
    if let Some(host) = std::env::var_os("DOCKER_HOST") {
        command.env("DOCKER_HOST", host);
    }
    Ran::of(command.args(["run", "case.yaml"]))
}

fn says_that_no_engine_answers(ran: &Ran, of: &str) {
    ran.says(3, &[&format!("{of} is to be started from image"), "no Docker engine answers", "hint: start the engine", "otherwise"]);
}

#[test]
fn redis_from_an_image_is_killed_knows_what_it_knew_and_leaves_nothing() {
    let (image, name) = image(|| Image::redis("redis"));
    let world = World::with(&format!(
        r#"scenario: case
settings: {{ snapshot: false }}
secrets: {{ store: {{ default: a-password-in-no-list }} }}
services:
  store: {{ redis: {{ container: "{name}", password: "${{secret.store}}" }} }}
steps:
  - redis: {{ service: store, send: [SET, a, "1"], key: a }}
    expect: {{ json: {{ value: "1" }} }}
  - process: {{ service: store, signal: KILL }}
    expect: {{ json: {{ state: ended, signal: KILL }} }}
  - process: {{ service: store, start: true }}
    expect: {{ json: {{ state: running }} }}
  - redis: {{ service: store, key: a }}
    expect: {{ json: {{ value: "1" }} }}
"#
    ));
    let Some(image) = image else {
        says_that_no_engine_answers(&run(&world), "service `store`");
        return;
    };
    let mut command = Command::new(binary());
    let mut child =
        command.args(["run", "case.yaml"]).current_dir(world.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut seen_running = false;
    while child.try_wait().expect("it can be waited for").is_none() {
        for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words);
            // It gives itself another title, with where it listens inside.
            seen_running |= words.contains("/authchain/redis.conf") || words.contains("redis-server 0.0.0.0:6379");
            assert!(!words.contains("a-password-in-no-list"), "the password stands in a list of processes: {words:?}");
        }
    }
    let output = child.wait_with_output().expect("it ended");
    assert!(output.status.success(), "{output:?}");
    assert!(seen_running, "the container's program was never seen");
    assert_eq!(image.containers(), [""; 0]);
}

#[test]
fn an_origin_from_an_image_is_reached_and_reaches_others_and_its_log_is_shown_when_it_dies() {
    let (image, name) = image(|| Image::of(binary(), "lab"));
    let world = World::with(&format!(
        r#"scenario: case
settings: {{ snapshot: false }}
origins:
  https://vendor.test:
    stub: [ {{ path: "/*", reply: {{ json: {{ success: true }} }} }} ]
  https://api.test:
    container:
      image: "{name}"
      port: 8080
      command: [authchain, lab, salon-api]
      env: {{ HOST: 0.0.0.0, OTP_PROVIDER: authentica, AUTHENTICA_API_KEY: k, DJANGO_SECRET_KEY: s, STAFF_TOKEN: t, AUTHENTICA_BASE_URL: "https://vendor.test" }}
      files: {{ /etc/app/note.txt: "port ${{port}}" }}
      ready: {{ log: listening on }}
steps:
  - post: {{ url: https://api.test/api/auth/phone/request/, json: {{ phone_number: "+966512345678", channel: sms }} }}
    expect: {{ status: 200 }}
  - calls: {{ origin: https://vendor.test, count: 1, status: 200 }}
  - process: {{ origin: https://api.test, stop: true }}
    expect: {{ json: {{ state: stopped, code: 0, log: {{ contains: salon-api stopped }} }} }}
  - process: {{ origin: https://api.test, start: true, fails: true, env: {{ HOST: nowhere }} }}
    expect: {{ json: {{ state: ended, code: 3, log: {{ contains: "`HOST`" }} }} }}
  - process: {{ origin: https://api.test, start: true }}
    expect: {{ json: {{ state: running, listens.main: true }} }}
"#
    ));
    let Some(image) = image else {
        says_that_no_engine_answers(&run(&world), "https://api.test");
        return;
    };
    run(&world).says(0, &["1 passed"]);
    assert_eq!(image.containers(), [""; 0]);
    let text = std::fs::read_to_string(world.path().join("case.yaml")).expect("the case");
    world.write("case.yaml", text.replace("HOST: 0.0.0.0", "HOST: nowhere"));
    run(&world).says(3, &["the process of https://api.test ended before it was ready", "`HOST` is not an IP address"]);
    world.write("case.yaml", text.replace("[authchain, lab", "[no-such-program, lab"));
    run(&world).says(3, &["https://api.test cannot be started from image", "no-such-program"]);
    assert_eq!(image.containers(), [""; 0]);
}

#[test]
fn any_server_from_an_image_is_a_service_and_an_interrupt_removes_it() {
    let (image, name) = image(|| Image::redis("service"));
    let case = |ready: &str| {
        format!(
            r#"scenario: case
settings: {{ snapshot: false }}
services:
  cache: {{ container: {{ image: "{name}", port: 6379, command: [redis-server, --protected-mode, "no"], ready: {ready}, ready_within: 60s }} }}
origins:
  https://api.test:
    stub: [ {{ path: /, reply: {{ body: "${{service.cache.url}}" }} }} ]
steps:
  - get: https://api.test/
    expect: {{ body: {{ matches: "^tcp://127.0.0.1:[0-9]+$" }} }}
  - process: {{ service: cache }}
    expect: {{ json: {{ state: running, listens.main: true, log: {{ contains: Ready to accept }} }} }}
"#
        )
    };
    let world = World::with(&case("{ tcp: true }"));
    let Some(image) = image else {
        says_that_no_engine_answers(&run(&world), "service `cache`");
        return;
    };
    run(&world).says(0, &["1 passed"]);
    assert_eq!(image.containers(), [""; 0]);

    world.write("case.yaml", case("{ log: never }"));
    let mut child = Command::new(binary()).args(["run", "case.yaml"]).current_dir(world.path()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while image.containers().is_empty() {
        assert!(began.elapsed() < SOON && child.try_wait().unwrap().is_none(), "its container was never seen");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(image.containers(), [""; 0]);
}

#[test]
fn where_no_engine_answers_what_is_written_beside_is_used() {
    let world = World::with(
        r#"scenario: case
settings: { snapshot: false }
services:
  store: { redis: { container: "redis:7", otherwise: process } }
origins:
  https://api.test:
    container:
      image: "api:1"
      port: 80
      otherwise: { stub: [ { path: /, reply: { body: beside } } ] }
steps:
  - get: https://api.test/
    expect: { body: beside }
  - redis: { service: store, send: [PING] }
"#,
    );
    let ran = Ran::of(world.command().env("DOCKER_HOST", NOBODY).args(["run", "case.yaml"]));
    ran.says(0, &["1 passed"]);
    let text = std::fs::read_to_string(world.path().join("case.yaml")).expect("the case");
    world.write("case.yaml", text.replace(", otherwise: process", ""));
    let ran = Ran::of(world.command().env("DOCKER_HOST", NOBODY).args(["run", "case.yaml"]));
    says_that_no_engine_answers(&ran, "service `store`");
}

#[test]
fn the_examination_tells_of_the_engine() {
    let world = World::new();
    let ran = Ran::of(world.command().env("DOCKER_HOST", NOBODY).args(["doctor", "--engine", "http"]));
    assert!(ran.out.contains("Docker engine (`container`)"), "{}", ran.out);
    assert!(ran.out.contains("no engine answers") || ran.out.contains("install"), "{}", ran.out);
    if engine_answers() {
        let host = std::env::var_os("DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".into());
        let ran = Ran::of(world.command().env("DOCKER_HOST", host).args(["doctor", "--engine", "http"]));
        assert!(ran.out.lines().any(|line| line.contains("ok") && line.contains("Docker engine")), "{}", ran.out);
    }
}
