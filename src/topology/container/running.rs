//! One container: started, told signals, waited for, and removed.

use super::bridge::INSIDE;
use super::engine::{NoContainer, chain, fetch, named, reach};
use crate::topology::process::End;
use futures_util::StreamExt as _;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::PortBinding;
use testcontainers::bollard::query_parameters::{KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptions};
use testcontainers::core::{ContainerPort, Host};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ContainerRequest, CopyTargetOptions, GenericImage, ImageExt as _};
use tokio::io::AsyncBufRead;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long the engine may take to start a container whose image it has.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// How long the engine may take to remove one when that blocks a thread.
const REMOVED_WITHIN: Duration = Duration::from_secs(10);
/// What marks containers of ours: `docker ps --filter label=authchain`.
const LABEL: &str = "authchain";
/// Shells, and the engine with them, tell the end by a signal as 128 and its number.
const BY_SIGNAL: i64 = 128;

/// Starts that are under way, also those that nobody waits for any more.
static UNDER_WAY: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// What is started. No `Debug`: environment and files may hold secrets.
#[derive(Clone, Default)]
pub(crate) struct Recipe {
    /// The image with its tag.
    pub(crate) image: String,
    /// What is run in it; what the image says when empty.
    pub(crate) command: Vec<String>,
    /// Environment on top of the image's.
    pub(crate) env: Vec<(String, String)>,
    /// Files by their absolute path inside.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// Ports inside, and the port of this machine's 127.0.0.1 that leads to each.
    pub(crate) ports: Vec<(u16, u16)>,
}

/// A container of the run.
pub(crate) struct Container {
    inner: Option<ContainerAsync<GenericImage>>,
    docker: Docker,
    keeper: Keeper,
}

/// Tells a running container signals, and notices its end.
struct Keeper {
    end: watch::Receiver<Option<End>>,
    signals: mpsc::UnboundedSender<i32>,
    task: AbortHandle,
}

/// Returns once no start is under way: those that nobody waits for any more are undone by then.
pub async fn settled() {
    // The sender is never dropped, so waiting cannot fail.
    let _ = UNDER_WAY.subscribe().wait_for(|count| *count == 0).await;
}

/// Counts a start for as long as it is there.
struct UnderWay;

impl UnderWay {
    fn new() -> Self {
        UNDER_WAY.send_modify(|count| *count += 1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.send_modify(|count| *count -= 1);
    }
}

impl Container {
    /// Gets the image, where the engine does not have it, and starts a container.
    ///
    /// # Errors
    /// When no engine answers, or it does not start it. Nothing is left of it then.
    pub(crate) async fn start(recipe: Recipe) -> Result<Self, NoContainer> {
        let docker = reach().await?;
        fetch(&docker, &recipe.image).await?;
        let name = fresh_name()?;
        let (hand, taken) = oneshot::channel();
        let (own, under_way) = (docker.clone(), UnderWay::new());
        // A task of its own: the engine does what it was asked whether or not somebody still waits, so somebody must stay
        // to take it back.
        tokio::spawn(async move {
            let _counted = under_way;
            let late = |_| NoContainer::Failed(format!("it was not started within {} s", STARTED_WITHIN.as_secs()));
            let started = timeout(STARTED_WITHIN, request(recipe, &name).start()).await.map_err(late);
            let started = started.and_then(|started| started.map_err(|error| NoContainer::of(&error)));
            if started.is_err() {
                // It may have been made, and then failed to start.
                remove(&own, &name).await;
            }
            if let Err(Ok(unwanted)) = hand.send(started) {
                let _ = unwanted.rm().await;
            }
        });
        let gone = |_| NoContainer::Failed("the start was given up".to_owned());
        let inner = taken.await.map_err(gone)??;
        let keeper = Keeper::new(&docker, inner.id());
        Ok(Self { inner: Some(inner), docker, keeper })
    }

    /// Starts it again after its end, with what is in it.
    ///
    /// # Errors
    /// When the engine does not.
    pub(crate) async fn again(&mut self) -> Result<(), NoContainer> {
        let Some(inner) = &self.inner else { return Err(NoContainer::Failed("it was removed".to_owned())) };
        inner.start().await.map_err(|error| NoContainer::of(&error))?;
        self.keeper = Keeper::new(&self.docker, inner.id());
        Ok(())
    }

    /// What it prints, from its first line on: standard output, and standard error.
    pub(crate) fn output(&self) -> Vec<Pin<Box<dyn AsyncBufRead + Send>>> {
        self.inner.as_ref().map_or_else(Vec::new, |inner| vec![inner.stdout(true), inner.stderr(true)])
    }

    /// Sends its first process a signal.
    pub(crate) fn signal(&self, number: i32) {
        // Fails when it has ended, and then nobody is there to be told.
        let _ = self.keeper.signals.send(number);
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<End> {
        self.keeper.end.borrow().clone()
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&self) -> End {
        let mut end = self.keeper.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        ended.ok().and_then(|end| end.clone()).unwrap_or_else(|| End { text: "status unknown".to_owned(), code: None, signal: None })
    }

    /// Ends and removes it.
    pub(crate) async fn remove(mut self) {
        if let Some(inner) = &self.inner {
            remove(&self.docker, inner.id()).await;
        }
        // Gone already: its own way of going would ask once more.
        std::mem::forget(self.inner.take());
    }
}

impl Drop for Container {
    /// The last resort, when nobody can wait any more: removes it, and blocks for the moment that this takes, so that a
    /// program which ends right after this leaves nothing behind.
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let (docker, id) = (self.docker.clone(), inner.id().to_owned());
        // It would wait without a limit, and only within a runtime.
        std::mem::forget(inner);
        let removing = std::thread::spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(async { timeout(REMOVED_WITHIN, remove(&docker, &id)).await.ok() });
            }
        });
        let _ = removing.join();
    }
}

impl Keeper {
    fn new(docker: &Docker, id: &str) -> Self {
        let (told, end) = watch::channel(None);
        let (signals, mut sent) = mpsc::unbounded_channel();
        let (docker, id) = (docker.clone(), id.to_owned());
        let task = tokio::spawn(async move {
            let mut waiting = std::pin::pin!(docker.wait_container(&id, None::<WaitContainerOptions>));
            loop {
                tokio::select! {
                    ended = waiting.next() => {
                        told.send_replace(Some(end_of(ended)));
                        return;
                    }
                    Some(number) = sent.recv() => {
                        let number: i32 = number;
                        let options = KillContainerOptionsBuilder::new().signal(&number.to_string()).build();
                        // Fails when it ended in this very moment.
                        let _ = docker.kill_container(&id, Some(options)).await;
                    }
                }
            }
        });
        Self { end, signals, task: task.abort_handle() }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What waiting came to. A program that ends with a code beyond 128 by itself cannot be told from one that a signal ended.
fn end_of(ended: Option<Result<testcontainers::bollard::models::ContainerWaitResponse, Error>>) -> End {
    let code = match ended {
        Some(Ok(ended)) => ended.status_code,
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(error)) => return End { text: format!("status unknown: {}", chain(&error)), code: None, signal: None },
        None => return End { text: "status unknown".to_owned(), code: None, signal: None },
    };
    let signal = i32::try_from(code - BY_SIGNAL).ok().filter(|number| (1..=64).contains(number));
    match signal {
        Some(number) => End { text: format!("signal: {number}"), code: None, signal },
        None => End { text: format!("exit status: {code}"), code: i32::try_from(code).ok(), signal: None },
    }
}

fn request(recipe: Recipe, name: &str) -> ContainerRequest<GenericImage> {
    let Recipe { image, command, env, files, ports } = recipe;
    let mut image = named(&image);
    for (inside, _) in &ports {
        image = image.with_exposed_port(ContainerPort::Tcp(*inside));
    }
    let mut request = image.with_container_name(name).with_label(LABEL, "run").with_startup_timeout(STARTED_WITHIN);
    request = request.with_host(INSIDE, Host::HostGateway);
    if !command.is_empty() {
        request = request.with_cmd(command);
    }
    for (name, value) in env {
        request = request.with_env_var(name, value);
    }
    for (path, bytes) in files {
        // For whatever user the image runs as; nobody else looks into a container.
        request = request.with_copy_to(CopyTargetOptions::new(path).with_mode(0o644), bytes);
    }
    // On loopback alone: what a run starts is nobody else's on the network.
    request.with_host_config_modifier(move |config| {
        let bound =
            |outside: u16| vec![PortBinding { host_ip: Some(Ipv4Addr::LOCALHOST.to_string()), host_port: Some(outside.to_string()) }];
        let bindings: HashMap<_, _> = ports.iter().map(|(inside, outside)| (format!("{inside}/tcp"), Some(bound(*outside)))).collect();
        config.publish_all_ports = Some(false);
        config.port_bindings = Some(bindings.into_iter().collect());
    })
}

async fn remove(docker: &Docker, name: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    // What is not there need not be removed; and should the engine be gone, there is nobody to ask.
    let _ = docker.remove_container(name, Some(options)).await;
}

fn fresh_name() -> Result<String, NoContainer> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| NoContainer::Failed(error.to_string()))?;
    Ok(format!("authchain-{:016x}", u64::from_ne_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testcontainers::bollard::models::ContainerWaitResponse;

    #[test]
    fn an_end_is_a_code_or_a_signal() {
        let of = |code| {
            let end = end_of(Some(Err(Error::DockerContainerWaitError { error: String::new(), code })));
            (end.code, end.signal)
        };
        assert_eq!((of(1), of(137), of(255)), ((Some(1), None), (None, Some(9)), (Some(255), None)));
        assert_eq!(end_of(Some(Ok(ContainerWaitResponse { status_code: 0, error: None }))).text, "exit status: 0");
        assert_eq!(end_of(None).text, "status unknown");
    }

    #[test]
    fn ports_lead_in_from_loopback_alone() {
        let recipe = Recipe { image: "redis:7".into(), ports: vec![(6379, 12345)], ..Recipe::default() };
        let request = request(recipe, "authchain-1");
        let mut config = testcontainers::bollard::models::HostConfig::default();
        let modifier = request.host_config_modifier().expect("one is set");
        modifier(&mut config);
        let binding = config.port_bindings.expect("bindings").remove("6379/tcp").flatten().expect("a binding").remove(0);
        assert_eq!((binding.host_ip.as_deref(), binding.host_port.as_deref()), (Some("127.0.0.1"), Some("12345")));
    }
}
