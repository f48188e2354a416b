//! A proxy before a Redis server: it knows each command, and does to some of them what a step asks for.
//!
//! One command at a time on each connection: its reply is passed on before the next is looked at, so that what is done to a
//! command is done to that command. Clients that send several in a row get their replies in order, as ever.

use super::resp::{Scan, like, words};
use crate::base::Clock;
use crate::plan::backing::{RedisFault, RedisFaultKind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Most commands that are remembered one by one.
const REMEMBERED: usize = 1_000;
/// Commands after which a connection no longer answers one by one.
const STREAMING: [&str; 6] = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"];
/// Longest name of a command that is remembered, in bytes.
const LONGEST_NAME: usize = 32;

/// A proxy while it listens. Dropping it ends every connection.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

struct Shared {
    upstream: (String, u16),
    clock: Clock,
    state: Mutex<State>,
    /// Counts how often disturbances were cleared: what is held waits for the next.
    cleared: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    faults: Vec<Active>,
    connections: u64,
    open: u64,
    /// When the last connection was closed.
    quiet: Option<Instant>,
    counts: BTreeMap<String, u64>,
    faulted: u64,
    held: u64,
    seen: VecDeque<Value>,
}

/// A disturbance and how often it was met.
struct Active {
    fault: RedisFault,
    met: u64,
    done: u64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a command; says what is done to it.
    fn meet(&self, name: &str, words: &[&[u8]]) -> Option<RedisFaultKind> {
        let mut state = self.state();
        *state.counts.entry(name.to_owned()).or_default() += 1;
        let found = state.faults.iter_mut().find_map(|active| active.strikes(name, words));
        if found.is_some() {
            state.faulted += 1;
        }
        if state.seen.len() == REMEMBERED {
            state.seen.pop_front();
        }
        let done = found.as_ref().map(kind_name);
        let at = self.clock.now().unix_timestamp_nanos() / 1_000_000;
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        state.seen.push_back(json!({ "command": name, "at": at, "fault": done }));
        found
    }
}

impl Active {
    fn strikes(&mut self, name: &str, words: &[&[u8]]) -> Option<RedisFaultKind> {
        let fault = &self.fault;
        let meant = (fault.commands.is_empty() || fault.commands.iter().any(|command| command == name))
            && fault.keys.as_ref().is_none_or(|keys| words.iter().skip(1).any(|word| like(keys, word)));
        if !meant {
            return None;
        }
        self.met += 1;
        if self.met < fault.nth || fault.times.is_some_and(|times| self.done >= times) {
            return None;
        }
        self.done += 1;
        Some(fault.kind.clone())
    }
}

fn kind_name(kind: &RedisFaultKind) -> &'static str {
    match kind {
        RedisFaultKind::Refuse(_) => "refuse",
        RedisFaultKind::Delay(_) => "delay",
        RedisFaultKind::Hold => "hold",
        RedisFaultKind::Reset => "reset",
        RedisFaultKind::Drop => "drop",
    }
}

impl Proxy {
    /// Listens on a free port and passes commands on to `upstream`.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) async fn start(upstream: (String, u16), clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { upstream, clock, state: Mutex::default(), cleared: watch::Sender::new(0) });
        let listening = tokio::spawn(accept(listener, shared.clone())).abort_handle();
        Ok(Self { address, shared, listening })
    }

    /// Where servers under test find Redis.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a disturbance.
    pub(crate) fn disturb(&self, fault: RedisFault) {
        self.shared.state().faults.push(Active { fault, met: 0, done: 0 });
    }

    /// Ends all disturbances, and lets go what is held.
    pub(crate) fn clear(&self) {
        self.shared.state().faults.clear();
        self.shared.cleared.send_modify(|count| *count += 1);
    }

    /// Connections that are open, and when the last one was closed.
    pub(crate) fn open(&self) -> (u64, Option<Instant>) {
        let state = self.shared.state();
        (state.open, state.quiet)
    }

    /// What came so far: all commands, or those of one name.
    pub(crate) fn traffic(&self, name: Option<&str>) -> Value {
        let state = self.shared.state();
        let count = name.map_or_else(|| state.counts.values().sum(), |name| state.counts.get(name).copied().unwrap_or_default());
        let entries: Vec<&Value> = state.seen.iter().filter(|seen| name.is_none_or(|name| seen["command"] == name)).collect();
        json!({
            "count": count, "connections": state.connections, "open": state.open,
            "faulted": state.faulted, "held": state.held, "entries": entries,
        })
    }

    /// Ends every connection and listens no more.
    pub(crate) fn stop(&self) {
        self.listening.abort();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Takes connections; they end with this task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let shared = shared.clone();
                connections.spawn(async move {
                    let _counted = Counted::new(&shared);
                    // A connection that breaks is what both sides see; there is nobody else to tell.
                    let _ = serve(client, &shared).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Counts a connection while it is there, however it ends.
struct Counted<'a>(&'a Shared);

impl<'a> Counted<'a> {
    fn new(shared: &'a Shared) -> Self {
        let mut state = shared.state();
        state.connections += 1;
        state.open += 1;
        Self(shared)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open -= 1;
        state.quiet = Some(Instant::now());
    }
}

/// One side of a connection, with what was read of the next message.
struct Side {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Side {
    fn new(stream: TcpStream) -> Self {
        // Commands are small, and each waits for its reply.
        let _ = stream.set_nodelay(true);
        Self { stream, buffer: Vec::new() }
    }

    /// The next message; `None` at the end. Dropping the future loses nothing.
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut scan = Scan::new();
        loop {
            let malformed = |_| io::Error::from(io::ErrorKind::InvalidData);
            if let Some(length) = scan.message(&self.buffer).map_err(malformed)? {
                let rest = self.buffer.split_off(length);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

async fn serve(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut client = Side::new(client);
    let (host, port) = &shared.upstream;
    let mut server = Side::new(TcpStream::connect((host.as_str(), *port)).await?);
    loop {
        let command = tokio::select! {
            command = client.message() => command?,
            unasked = server.message() => {
                // The server ends, or tells something by itself (RESP3 push).
                let Some(message) = unasked? else { return Ok(()) };
                client.stream.write_all(&message).await?;
                continue;
            }
        };
        let Some(command) = command else { return Ok(()) };
        let words = words(&command);
        let name: String = words.first().map(|name| String::from_utf8_lossy(name).to_ascii_uppercase()).unwrap_or_default();
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let mut silent = false;
        match shared.meet(&name, &words) {
            None => {}
            Some(RedisFaultKind::Refuse(error)) => {
                client.stream.write_all(format!("-{error}\r\n").as_bytes()).await?;
                continue;
            }
            Some(RedisFaultKind::Delay(by)) => tokio::time::sleep(by).await,
            Some(RedisFaultKind::Hold) => {
                let mut cleared = shared.cleared.subscribe();
                shared.state().held += 1;
                // The sender lives as long as the proxy, and this task with it.
                let _ = cleared.changed().await;
                shared.state().held -= 1;
            }
            Some(RedisFaultKind::Reset) => {
                // What is not sent when the socket closes is thrown away, and the client is told so by RST.
                return client.stream.set_zero_linger();
            }
            Some(RedisFaultKind::Drop) => silent = true,
        }
        server.stream.write_all(&command).await?;
        if STREAMING.contains(&name.as_str()) {
            client.stream.write_all(&server.buffer).await?;
            server.stream.write_all(&client.buffer).await?;
            tokio::io::copy_bidirectional(&mut client.stream, &mut server.stream).await?;
            return Ok(());
        }
        loop {
            let Some(reply) = server.message().await? else { return Ok(()) };
            let pushed = reply.first() == Some(&b'>');
            if !silent {
                client.stream.write_all(&reply).await?;
            }
            if !pushed {
                break;
            }
        }
    }
}
