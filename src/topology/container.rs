//! Programs from images, where a Docker engine answers.

use super::TopologyError;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use testcontainers::core::{ContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _, TestcontainersError};

/// How long an image may take to be there and serve. It may have to come over the network first.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A container that goes when this value does.
pub(crate) struct Container {
    inner: ContainerAsync<GenericImage>,
    address: SocketAddr,
}

/// Why there is no container.
pub(crate) enum NoContainer {
    /// No engine answers: whatever was to be done without one can be done.
    NoEngine(String),
    /// The engine does not start it.
    Failed(String),
}

impl Container {
    /// Starts a Redis image and waits until it serves.
    pub(crate) async fn redis(image: &str, password: Option<&str>) -> Result<Self, NoContainer> {
        let (name, tag) = match image.rsplit_once(':') {
            // A colon before a slash belongs to a registry's port.
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (image, "latest"),
        };
        let port = ContainerPort::Tcp(6379);
        let image =
            GenericImage::new(name, tag).with_exposed_port(port).with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"));
        let mut words = vec!["redis-server".to_owned(), "--appendonly".to_owned(), "yes".to_owned()];
        if let Some(password) = password {
            words.extend(["--requirepass".to_owned(), password.to_owned()]);
        }
        let started = image.with_cmd(words).with_startup_timeout(READY_WITHIN).start().await;
        let inner = started.map_err(|error| NoContainer::of(&error))?;
        let port = inner.get_host_port_ipv4(port).await.map_err(|error| NoContainer::of(&error))?;
        Ok(Self { inner, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    /// Where it is reached from this machine.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends and removes it.
    pub(crate) async fn stop(self) {
        // What cannot be removed now is removed when the value goes.
        let _ = self.inner.rm().await;
    }
}

impl NoContainer {
    fn of(error: &TestcontainersError) -> Self {
        let text = chain(error);
        // An engine that is there says why it refuses; one that is not is an error of the connection to it.
        let unreachable =
            ["client error (Connect)", "No such file or directory", "Connection refused", "failed to initialize", "Socket not found"];
        if unreachable.iter().any(|part| text.contains(part)) { Self::NoEngine(text) } else { Self::Failed(text) }
    }

    /// As an error of the run.
    pub(crate) fn error(self, name: &str, image: &str) -> TopologyError {
        let (name, image) = (name.to_owned(), image.to_owned());
        match self {
            Self::NoEngine(why) => TopologyError::NoEngine { name, image, why },
            Self::Failed(why) => TopologyError::ContainerFailed { name, image, why },
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    crate::base::escape::line(&text).into_owned()
}
