//! The Docker engine: whether it answers, and whether it has an image.

use crate::base::escape;
use crate::topology::TopologyError;
use crate::topology::error::Declared;
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, TestcontainersError};
use tokio::time::timeout;

/// How long an engine may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How long an image may take to come over the network.
const FETCHED_WITHIN: Duration = Duration::from_secs(600);

/// Why there is no container.
#[derive(Debug, Clone)]
pub(crate) enum NoContainer {
    /// No engine answers: whatever was to be done without one can be done.
    NoEngine(String),
    /// The engine does not start it.
    Failed(String),
}

/// The engine that `DOCKER_HOST` names, or the usual one.
///
/// # Errors
/// [`NoContainer::NoEngine`] when it does not answer.
pub(crate) async fn reach() -> Result<Docker, NoContainer> {
    let silent = |_| NoContainer::NoEngine(format!("no answer within {} s", ANSWERS_WITHIN.as_secs()));
    let docker = docker_client_instance().await.map_err(|error| NoContainer::NoEngine(chain(&error)))?;
    let answered = timeout(ANSWERS_WITHIN, docker.ping()).await.map_err(silent)?;
    answered.map_err(|error| NoContainer::NoEngine(chain(&error)))?;
    Ok(docker)
}

/// What the engine says of itself.
///
/// # Errors
/// Why none answers.
pub async fn version() -> Result<String, String> {
    let of = |error| match error {
        NoContainer::NoEngine(why) | NoContainer::Failed(why) => why,
    };
    let docker = reach().await.map_err(of)?;
    let version = timeout(ANSWERS_WITHIN, docker.version()).await.map_err(|_| "it does not say its version".to_owned())?;
    let version = version.map_err(|error| chain(&error))?;
    Ok(escape::line(&version.version.unwrap_or_else(|| "of unknown version".to_owned())).into_owned())
}

/// Makes sure that the engine has an image: where it does not, it gets it from its registry.
///
/// # Errors
/// When there is no such image to be had.
pub(crate) async fn fetch(docker: &Docker, image: &str) -> Result<(), NoContainer> {
    match docker.inspect_image(image).await {
        Ok(_) => return Ok(()),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
        Err(error) => return Err(NoContainer::Failed(chain(&error))),
    }
    let pulled = timeout(FETCHED_WITHIN, named(image).pull_image()).await;
    let late = |_| NoContainer::Failed(format!("the image did not come within {} minutes", FETCHED_WITHIN.as_secs() / 60));
    pulled.map_err(late)?.map(drop).map_err(|error| NoContainer::of(&error))
}

/// An image by its name, with the tag or digest that it has.
pub(super) fn named(image: &str) -> GenericImage {
    match image.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((name, tag)) if !tag.contains('/') => GenericImage::new(name, tag),
        _ => GenericImage::new(image, "latest"),
    }
}

impl NoContainer {
    pub(super) fn of(error: &TestcontainersError) -> Self {
        Self::Failed(chain(error))
    }

    /// As an error of the run.
    pub(crate) fn error(self, at: &Declared, image: &str) -> TopologyError {
        let (at, image) = (Box::new(at.clone()), image.to_owned());
        match self {
            Self::NoEngine(why) => TopologyError::NoEngine { at, image, why },
            Self::Failed(why) => TopologyError::ContainerFailed { at, image, why },
        }
    }
}

/// An error and everything beneath it, without what is said twice.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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
    escape::line(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testcontainers::Image as _;

    #[test]
    fn an_image_has_a_registry_a_tag_or_a_digest() {
        let parts = |image| {
            let image = named(image);
            (image.name().to_owned(), image.tag().to_owned())
        };
        let is = |name: &str, tag: &str| (name.to_owned(), tag.to_owned());
        assert_eq!(parts("redis"), is("redis", "latest"));
        assert_eq!(parts("redis:7"), is("redis", "7"));
        assert_eq!(parts("registry.test:5000/team/redis"), is("registry.test:5000/team/redis", "latest"));
        assert_eq!(parts("registry.test:5000/redis:7"), is("registry.test:5000/redis", "7"));
        assert_eq!(parts("redis@sha256:0123"), is("redis@sha256", "0123"));
    }
}
