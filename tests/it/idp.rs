//! `authchain idp`: the provider alone, as a real process on real sockets.

use crate::world::{World, binary};
use regex::Regex;
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect::Policy};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::{JoinSet, LocalSet};

const CALLBACK: &str = "http://localhost:3000/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running provider, killed with the test.
struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What was printed so far.
    seen: Vec<String>,
    issuer: String,
    base: String,
    _world: World,
}

impl Running {
    fn new(arguments: &[&str]) -> Self {
        Self::within(World::new(), arguments)
    }

    fn within(world: World, arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["idp", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(world.path())
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut running = Self { child, lines, seen: Vec::new(), issuer: String::new(), base: String::new(), _world: world };
        running.base = running.says("listening on ").trim_start_matches("listening on ").to_owned();
        running.issuer = running.says("  issuer ").split_whitespace().nth(1).expect("a URL").to_owned();
        running
    }

    /// Waits for a line with `text`.
    fn says(&mut self, text: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("it never said {text:?}: {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn admin(&mut self) -> String {
        self.says("  admin ").split_whitespace().nth(1).expect("a URL").trim_end_matches('/').to_owned()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    }

    fn authorize(&self, more: &str) -> String {
        let callback: String = url::form_urlencoded::byte_serialize(CALLBACK.as_bytes()).collect();
        format!(
            "{}/application/o/authorize/?response_type=code&client_id=app&redirect_uri={callback}&scope=openid+email&state=s&nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256{more}",
            self.base
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests at once: systems allow a process a thousand open files or so, and provider and test need one each.
static AT_ONCE: Semaphore = Semaphore::const_new(200);

/// A browser with one cookie.
struct Browser {
    client: Client,
    cookie: Option<String>,
}

impl Browser {
    fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().expect("a client");
        Self { client, cookie: None }
    }

    async fn get(&mut self, url: &str) -> Response {
        let request = self.client.get(url);
        self.send(request).await
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder) -> Response {
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let _line = AT_ONCE.acquire().await.expect("it is never closed");
        let response = request.send().await.expect("an answer");
        if let Some(set) = response.headers().get(SET_COOKIE) {
            self.cookie = set.to_str().expect("text").split(';').next().map(str::to_owned);
        }
        response
    }

    /// Logs in for an authorization request, and returns where the client is sent.
    async fn log_in(&mut self, running: &Running, name: &str, password: &str) -> url::Url {
        let login = format!("{}{}", running.base, location(&self.get(&running.authorize("")).await));
        let page = self.get(&login).await.text().await.expect("a page");
        let transaction =
            Regex::new(r#"name="transaction" value="([^"]+)""#).expect("fixed").captures(&page).expect("a form")[1].to_owned();
        let form = [("transaction", transaction.as_str()), ("uid_field", name), ("password", password)];
        let request = self.client.post(&login).form(&form);
        let back = location(&self.send(request).await);
        let sent = self.get(&format!("{}{back}", running.base)).await;
        url::Url::parse(&location(&sent)).expect("the callback")
    }

    /// The token response for the code in `callback`.
    async fn redeem(&self, running: &Running, callback: &url::Url, secret: Option<&str>) -> Value {
        let code = callback.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", "app"),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let request = self.client.post(format!("{}/application/o/token/", running.base)).form(&form);
        let _line = AT_ONCE.acquire().await.expect("it is never closed");
        request.send().await.expect("an answer").json().await.expect("JSON")
    }
}

fn location(response: &Response) -> String {
    let location = response.headers().get(LOCATION).unwrap_or_else(|| panic!("no redirect: {response:?}"));
    location.to_str().expect("text").to_owned()
}

fn client_flag() -> String {
    format!("app={CALLBACK}")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    // Any TLS provider will do for a client that speaks none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

#[test]
fn with_one_flag_the_built_in_user_logs_in_and_every_request_is_a_line() {
    let mut running = Running::new(&["--client", &client_flag()]);
    assert!(running.says("  user ").contains("user with the password password"));
    assert!(running.says("  client ").contains(&format!("app (public) → {CALLBACK}")));
    block_on(async {
        let mut browser = Browser::new();
        let callback = browser.log_in(&running, "user", "password").await;
        assert!(callback.as_str().starts_with(CALLBACK));
        let tokens = browser.redeem(&running, &callback, None).await;
        let userinfo = browser.client.get(format!("{}/application/o/userinfo/", running.base));
        let userinfo = userinfo.bearer_auth(tokens["access_token"].as_str().expect("a token")).send().await.expect("an answer");
        assert_eq!(userinfo.json::<Value>().await.expect("JSON")["email"], "user@example.test");
        let discovery = browser.get(&format!("{}.well-known/openid-configuration", running.issuer)).await;
        assert_eq!(discovery.json::<Value>().await.expect("JSON")["issuer"], running.issuer);
    });
    assert!(running.says("/if/flow/default-authentication-flow/ 303").contains("login: `user` logged in"));
    let token = running.says("POST /application/o/token/ 200");
    assert!(token.contains("token: ") && token.contains("(client app)"), "{token}");
}

#[test]
fn a_thousand_people_log_in_at_the_same_time() {
    const MANY: usize = 1000;
    let running = Rc::new(Running::new(&["--client", &client_flag(), "--quiet"]));
    block_on(LocalSet::new().run_until(async {
        let client = Browser::new().client;
        let together = Rc::new(Barrier::new(MANY));
        let mut logins = JoinSet::new();
        for _ in 0..MANY {
            let (running, together, mut browser) = (running.clone(), together.clone(), Browser { client: client.clone(), cookie: None });
            logins.spawn_local(async move {
                let callback = browser.log_in(&running, "user", "password").await;
                // Nobody is done before everybody is under way.
                together.wait().await;
                let tokens = browser.redeem(&running, &callback, None).await;
                let token = tokens["access_token"].as_str().unwrap_or_else(|| panic!("no token: {tokens}")).to_owned();
                let userinfo = browser.client.get(format!("{}/application/o/userinfo/", running.base)).bearer_auth(&token);
                assert_eq!(browser.send(userinfo).await.status(), 200);
                token
            });
        }
        let tokens: BTreeSet<_> = logins.join_all().await.into_iter().collect();
        assert_eq!(tokens.len(), MANY, "everybody got a token of their own");
    }));
}

#[test]
fn a_file_says_everything_and_flags_add_to_it() {
    let world = World::new();
    world.write("secret.txt", "from-a-file\n");
    world.write(
        "idp.yaml",
        format!(
            "slug: mine\nsecrets: {{ client: {{ file: secret.txt }} }}\nusers: {{ ada: {{ password: lovelace }} }}\n\
             clients: {{ app: {{ secret: \"${{secret.client}}\", redirect_uris: [\"{CALLBACK}\"] }} }}\n"
        ),
    );
    let running = Running::within(world, &["idp.yaml", "--user", "grace:ho${pper", "--quiet"]);
    assert!(running.issuer.ends_with("/application/o/mine/"));
    block_on(async {
        for (name, password) in [("ada", "lovelace"), ("grace", "ho${pper")] {
            let mut browser = Browser::new();
            let callback = browser.log_in(&running, name, password).await;
            assert_eq!(browser.redeem(&running, &callback, None).await["error"], "invalid_client");
            let mut browser = Browser::new();
            let callback = browser.log_in(&running, name, password).await;
            assert!(browser.redeem(&running, &callback, Some("from-a-file")).await["id_token"].is_string());
        }
    });
}

#[test]
fn faults_come_from_flags_and_change_through_the_admin_api() {
    let mut running = Running::new(&["--client", &client_flag(), "--fault", "token_error=invalid_grant", "--admin", "127.0.0.1:0"]);
    let admin = running.admin();
    block_on(async {
        let mut browser = Browser::new();
        let callback = browser.log_in(&running, "user", "password").await;
        assert_eq!(browser.redeem(&running, &callback, None).await["error"], "invalid_grant");
        let client = browser.client.clone();
        let faults: Value = client.get(format!("{admin}/faults")).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(faults, json!([{ "fault": { "token_error": { "error": "invalid_grant" } }, "struck": 1 }]));

        let put = client.put(format!("{admin}/faults")).body(json!(["code_missing"]).to_string());
        assert_eq!(put.send().await.expect("an answer").status(), 200);
        let callback = Browser::new().log_in(&running, "user", "password").await;
        assert!(callback.query_pairs().all(|(name, _)| name != "code"));

        client.delete(format!("{admin}/faults")).send().await.expect("an answer");
        let mut browser = Browser::new();
        let callback = browser.log_in(&running, "user", "password").await;
        let moved = client.post(format!("{admin}/clock")).body(json!({ "advance": "61s" }).to_string());
        assert_eq!(moved.send().await.expect("an answer").status(), 200);
        let late = browser.redeem(&running, &callback, None).await;
        assert_eq!(late["error"], "invalid_grant", "the code is a minute old: {late}");

        let calls: Value = client.get(format!("{admin}/calls?limit=1")).send().await.expect("an answer").json().await.expect("JSON");
        assert!(calls[0]["note"].as_str().expect("a note").contains("expired"), "{calls}");
        let foreign = client.get(format!("{admin}/faults")).header("origin", "http://evil.test");
        assert_eq!(foreign.send().await.expect("an answer").status(), 403);
        let rebound = client.get(format!("{admin}/faults")).header("host", "evil.test");
        assert_eq!(rebound.send().await.expect("an answer").status(), 403);
        let nothing = client.get(format!("{}/faults", running.base)).send().await.expect("an answer");
        assert_eq!(nothing.status(), 404, "the admin API is on its own port alone");
    });
}

#[test]
fn codes_by_mail_can_be_read() {
    let world = World::new();
    let user = "{ password: p, mfa: mail, claims: { email: ada@example.test } }";
    world.write("idp.yaml", format!("users: {{ ada: {user} }}\nclients: {{ app: {{ redirect_uris: [\"{CALLBACK}\"] }} }}\n"));
    let mut running = Running::within(world, &["idp.yaml", "--admin", "127.0.0.1:0"]);
    let admin = running.admin();
    block_on(async {
        let mut browser = Browser::new();
        let uri = format!("{}/api/v3/flows/executor/default-authentication-flow/", running.base);
        for body in
            [json!({ "uid_field": "ada" }), json!({ "password": "p" }), json!({ "selected_challenge": { "device_class": "email" } })]
        {
            let request = browser.client.post(&uri).json(&body);
            browser.send(request).await;
        }
        let inbox: Value = browser.client.get(format!("{admin}/inbox")).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(inbox[0]["to"], json!(["ada@example.test"]));
        let text = inbox[0]["text"].as_str().expect("text");
        let code = Regex::new(r"\b\d{6}\b").expect("fixed").find(text).expect("a code").as_str().to_owned();
        let request = browser.client.post(&uri).json(&json!({ "code": code }));
        let end: Value = browser.send(request).await.json().await.expect("JSON");
        assert_eq!(end, json!({ "component": "xak-flow-redirect", "to": "/if/user/" }));
    });
    let log = running.says("logged in");
    assert!(!log.contains("uid_field"), "{log}");
}

#[test]
fn behind_a_proxy_it_goes_by_the_name_that_it_is_told() {
    let running = Running::new(&["--client", &client_flag(), "--issuer", "https://auth.example.test"]);
    assert_eq!(running.issuer, "https://auth.example.test/application/o/app/");
    block_on(async {
        let login = location(&Browser::new().get(&running.authorize("")).await);
        let page = Browser::new().get(&format!("{}{login}", running.base)).await;
        assert!(page.headers()[SET_COOKIE].to_str().expect("text").contains("Secure"));
    });
}

#[test]
fn an_interrupt_stops_it_at_once_even_while_somebody_waits() {
    for signal in ["INT", "TERM"] {
        let mut running = Running::new(&["--client", &client_flag(), "--fault", "blackhole"]);
        let address = running.base.trim_start_matches("http://").to_owned();
        let mut waiting = std::net::TcpStream::connect(&address).expect("it listens");
        std::io::Write::write_all(&mut waiting, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        running.says("never answered");
        let began = Instant::now();
        running.signal(signal);
        assert_eq!(running.child.wait().expect("it ends").code(), Some(0), "{signal}");
        assert!(began.elapsed() < Duration::from_secs(20), "{signal}: nobody is waited for");
    }
}

#[test]
fn a_port_in_use_is_the_environments_fault_and_told_with_a_mend() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    World::new().run(&["idp", "--listen", &address]).says(3, &[&address, "in use", "hint: stop what listens there"]);
    World::new().run(&["idp", "--listen", "127.0.0.1:0", "--admin", &address]).says(3, &[&address, "in use"]);
}

#[test]
fn bad_flags_and_files_are_told_with_their_place() {
    let world = World::new();
    world.write("typo.yaml", "clients:\n  app: { redirect_uri: [http://a.test/] }\n");
    world.write("secret.yaml", "users: { a: { password: \"${secret.nowhere}\" } }\n");
    world.write("taken.yaml", "users: { a: { password: p } }\n");
    for (arguments, told) in [
        (vec!["typo.yaml"], ["typo.yaml:2:10", "did you mean `redirect_uris`?"]),
        (vec!["secret.yaml"], ["secret.yaml:1:", "undefined secret `nowhere`"]),
        (vec!["nowhere.yaml"], ["nowhere.yaml", "no such file"]),
        (vec!["taken.yaml", "--user", "a:p"], ["taken.yaml:1:10", "in the file and on the command line"]),
        (vec!["--client", "app"], ["--client", "ID=REDIRECT_URI"]),
        (vec!["--client", "app=/callback"], ["--client", "not a URL"]),
        (vec!["--client", "a:x=http://a.test/", "--client", "a:y=http://a.test/b"], ["two secrets", "same secret each time"]),
        (vec!["--user", "a:p", "--user", "a:q"], ["`--user` names `a` twice", "keep one"]),
        (vec!["--fault", "alg_nne"], ["--fault", "did you mean `alg_none`?"]),
        (vec!["--fault", "otp_unsent"], ["--fault", "not of `idp`"]),
        (vec!["--issuer", "https://auth.test/realms/x"], ["always at `/application/o/app/`", "--issuer https://auth.test/"]),
        (vec!["--listen", "9000"], ["--listen", "127.0.0.1:9000"]),
    ] {
        world.run(&[vec!["idp"], arguments.clone()].concat()).says(2, &told);
    }
}

#[test]
fn faults_are_listed_with_their_arguments_and_help_has_examples() {
    let ran = World::new().run(&["idp", "--list-faults"]);
    ran.says(0, &["claim_value", "claim, value", "throttled", "[endpoint], [retry_after], [status]", "Leaves a claim out"]);
    assert!(!ran.out.contains("otp_unsent"));
    World::new()
        .run(&["idp", "--help"])
        .says(0, &["Examples:", "authchain idp --client app=http://localhost:3000/callback", "--list-faults"]);
}

#[test]
fn what_is_most_likely_not_meant_is_told() {
    let world = World::new();
    let mut child = Command::new(binary())
        .args(["idp", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0"])
        .current_dir(world.path())
        .env("NO_COLOR", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("no client is registered")));
    assert!(lines.any(|line| line.contains("asks nobody for a password")));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
