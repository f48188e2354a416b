//! A Redis server of the run's own, from this machine or from an image.
//!
//! It lives in a folder of its own, which goes with it. Every write is kept there before it is answered (`appendonly`), so that
//! a server which is killed and started again knows what it said it knew.
//!
//! It lives by the real time: its allocator and libfaketime wait for each other for ever. Where a step moves the clock, the
//! times to live of its keys are made shorter instead.

use crate::base::Secret;
use crate::topology::container::{Container, NoContainer, Recipe};
use crate::topology::process::{Body, End, Group};
use crate::topology::{Declared, TopologyError};
use process_wrap::tokio::CommandWrap;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How it is installed.
pub(crate) const INSTALL: &str = "sudo apt-get install -y redis-server";
/// How long it may take until it serves.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long it has to end by itself.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Pause between two looks whether it serves: nobody tells.
const PAUSE: Duration = Duration::from_millis(5);
/// Lines that are kept of what it prints.
const LINES: usize = 40;

/// Where a container finds its configuration, and the port it listens on.
const INSIDE: (&str, u16) = ("/authchain/redis.conf", 6379);

/// A Redis server that the run starts, stops and starts again.
pub(crate) struct Server {
    at: Declared,
    port: u16,
    image: Option<String>,
    password: Option<Secret>,
    lines: Arc<Mutex<VecDeque<String>>>,
    running: tokio::sync::Mutex<Running>,
    folder: TempDir,
}

struct Running {
    body: Option<Body>,
    /// A container that ended, with all that it kept.
    kept: Option<Container>,
    /// How it ended last.
    end: Option<End>,
    /// Whether that was asked for.
    asked: bool,
}

impl Server {
    /// Starts a server and waits until it serves.
    ///
    /// # Errors
    /// When there is no `redis-server` or no such image, or it ends or stays silent instead of serving.
    pub(crate) async fn start(at: Declared, port: u16, password: Option<Secret>, image: Option<&str>) -> Result<Self, TopologyError> {
        let folder = tempfile::Builder::new().prefix("authchain-redis-").tempdir();
        let folder = folder.map_err(|cause| TopologyError::system("making a folder for redis-server", cause))?;
        let running = tokio::sync::Mutex::new(Running { body: None, kept: None, end: None, asked: false });
        let server = Self { at, port, image: image.map(str::to_owned), password, lines: Arc::default(), running, folder };
        server.start_again().await?;
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Starts it, unless it runs, with what it kept.
    pub(crate) async fn start_again(&self) -> Result<(), TopologyError> {
        let mut running = self.running.lock().await;
        running.look();
        if running.body.is_some() {
            return Ok(());
        }
        let mut body = match &self.image {
            None => Body::Group(self.spawn().await.map_err(|cause| self.not_started(cause))?),
            Some(image) => {
                let started = self.contained(image, running.kept.take()).await;
                Body::Container(Box::new(started.map_err(|why| why.error(&self.at, image))?))
            }
        };
        self.follow(&mut body);
        running.body = Some(body);
        let ready = tokio::time::timeout(READY_WITHIN, async {
            while !self.answers().await {
                if running.look().is_some() {
                    return Err(());
                }
                tokio::time::sleep(PAUSE).await;
            }
            Ok(())
        });
        match ready.await {
            Ok(Ok(())) => {
                running.end = None;
                Ok(())
            }
            late => {
                let why = if late.is_err() { "it never answered PING".to_owned() } else { running.told() };
                running.body = None;
                running.kept = None;
                Err(TopologyError::Redis { name: self.at.service.clone().unwrap_or_default(), why, lines: self.lines() })
            }
        }
    }

    fn not_started(&self, cause: io::Error) -> TopologyError {
        if cause.kind() == io::ErrorKind::NotFound {
            return TopologyError::NoRedis { name: self.at.service.clone().unwrap_or_default() };
        }
        TopologyError::Redis { name: self.at.service.clone().unwrap_or_default(), why: cause.to_string(), lines: Vec::new() }
    }

    async fn spawn(&self) -> io::Result<Group> {
        let command = CommandWrap::with_new("redis-server", |command| {
            // The configuration comes by standard input: arguments, and with them a password, are for all to see.
            command.arg("-").current_dir(self.folder.path());
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        });
        let mut group = Group::of(command)?;
        if let Some(mut input) = group.input() {
            input.write_all(self.configuration().as_bytes()).await?;
        }
        Ok(group)
    }

    /// Starts it from an image; one that is there already with what it kept.
    async fn contained(&self, image: &str, kept: Option<Container>) -> Result<Container, NoContainer> {
        if let Some(mut container) = kept {
            container.again().await?;
            return Ok(container);
        }
        let (file, port) = INSIDE;
        let recipe = Recipe {
            image: image.to_owned(),
            command: vec!["redis-server".to_owned(), file.to_owned()],
            files: vec![(file.to_owned(), self.configuration().into_bytes())],
            ports: vec![(port, self.port)],
            ..Recipe::default()
        };
        Container::start(recipe).await
    }

    /// Keeps what it prints.
    fn follow(&self, body: &mut Body) {
        if self.image.is_some() {
            // An engine tells it all again.
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        for pipe in body.output() {
            let lines = self.lines.clone();
            tokio::spawn(async move {
                let mut reader = BufReader::new(pipe).lines();
                while let Ok(Some(line)) = reader.next_line().await {
                    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                    if lines.len() == LINES {
                        lines.pop_front();
                    }
                    lines.push_back(crate::base::escape::line(&line).into_owned());
                }
            });
        }
    }

    fn configuration(&self) -> String {
        // What is published of a container is on loopback alone, and its own loopback is nobody's.
        let (bind, port) = if self.image.is_some() { ("0.0.0.0\nprotected-mode no", INSIDE.1) } else { ("127.0.0.1", self.port) };
        let mut text = format!(
            "bind {bind}\nport {port}\ndaemonize no\nsave \"\"\nappendonly yes\nappendfsync no\nauto-aof-rewrite-percentage 0\nloglevel notice\n"
        );
        if let Some(password) = &self.password {
            let quoted = password.expose().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            text.push_str(&format!("requirepass \"{quoted}\"\n"));
        }
        text
    }

    /// Whether it answers PING with all it kept at hand. It is asked with the password: without one it refuses even while it
    /// still reads what it kept, and nobody could tell whether it is done.
    async fn answers(&self) -> bool {
        let asked = async {
            let mut stream = TcpStream::connect(self.address()).await?;
            let mut question = Vec::new();
            let mut reply = b"+PONG\r\n".to_vec();
            if let Some(password) = &self.password {
                let password = password.expose();
                question.extend(format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{password}\r\n", password.len()).into_bytes());
                reply.splice(0..0, *b"+OK\r\n");
            }
            question.extend(b"*1\r\n$4\r\nPING\r\n");
            stream.write_all(&question).await?;
            let mut got = vec![0; reply.len()];
            stream.read_exact(&mut got).await?;
            io::Result::Ok(got == reply)
        };
        asked.await.unwrap_or(false)
    }

    /// What it printed last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Sends a signal; one that `ends` it is waited for.
    pub(crate) async fn signal(&self, number: i32, ends: bool) {
        let mut running = self.running.lock().await;
        running.asked = ends;
        let Some(mut body) = running.body.take() else { return };
        body.signal(number);
        if !ends {
            running.body = Some(body);
            return;
        }
        let end = match tokio::time::timeout(STOP_WITHIN, body.wait()).await {
            Ok(end) => end,
            Err(_) => {
                body.kill();
                body.wait().await
            }
        };
        running.end = Some(end);
        running.put_away(body);
    }

    /// `running` or `ended`, and how it ended.
    pub(crate) async fn state(&self) -> (bool, Option<End>) {
        let mut running = self.running.lock().await;
        let end = running.look().cloned();
        (running.body.is_some(), end)
    }

    /// How it ended, if it did and nobody asked for it.
    pub(crate) fn casualty(&self) -> Option<String> {
        let mut running = self.running.try_lock().ok()?;
        running.look();
        let end = running.end.as_ref().filter(|_| !running.asked && running.body.is_none())?;
        Some(end.text.clone())
    }

    /// Ends it.
    pub(crate) async fn stop(&self) {
        self.signal(15, true).await;
        if let Some(container) = self.running.lock().await.kept.take() {
            container.remove().await;
        }
    }
}

impl Running {
    /// Keeps what is worth keeping of a server that ended.
    fn put_away(&mut self, body: Body) {
        match body {
            Body::Container(container) => self.kept = Some(*container),
            Body::Group(mut group) => group.gone(),
        }
    }

    /// Takes note of an end that nobody waited for.
    fn look(&mut self) -> Option<&End> {
        if let Some(end) = self.body.as_mut().and_then(Body::ended) {
            (self.end, self.asked) = (Some(end), false);
            if let Some(body) = self.body.take() {
                self.put_away(body);
            }
        }
        if self.body.is_some() { None } else { self.end.as_ref() }
    }

    fn told(&self) -> String {
        self.end.as_ref().map_or_else(|| "it ended".to_owned(), |end| format!("it ended ({})", end.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::declared;

    #[tokio::test]
    async fn a_killed_server_is_told_and_knows_what_it_knew_when_it_is_back() {
        let port = crate::topology::process::Ports::default().any().unwrap();
        let server = Server::start(declared("http://store.test"), port, Some(Secret::new("p", "a \"quoted\" word")), None).await.unwrap();
        let say = async |text: &str| {
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            stream.write_all(format!("AUTH \"a \\\"quoted\\\" word\"\r\n{text}\r\nQUIT\r\n").as_bytes()).await.unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await.unwrap();
            reply
        };
        assert_eq!(say("SET a 1").await, "+OK\r\n+OK\r\n+OK\r\n");
        server.signal(9, true).await;
        let (running, end) = server.state().await;
        assert!(!running && end.is_some_and(|end| end.signal == Some(9)) && server.casualty().is_none());
        server.start_again().await.unwrap();
        assert_eq!(say("GET a").await, "+OK\r\n$1\r\n1\r\n+OK\r\n");
        let folder = server.folder.path().to_owned();
        server.stop().await;
        drop(server);
        assert!(!folder.exists());
    }
}
