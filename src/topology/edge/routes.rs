//! Which origins are declared, and what stands behind each.

use crate::topology::process::Station;
use crate::web::origin::Origin;
use http::Uri;
use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use std::net::SocketAddr;
use std::sync::Arc;
use url::Host;

/// What stands behind an origin, as the edge sees it.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A process that the run started.
    Process(Arc<Station>),
    /// A stub's server.
    Stub(SocketAddr),
    /// A service in this program.
    Service(axum::Router),
    /// A server that somebody else started.
    Upstream(Arc<UpstreamTarget>),
}

/// A server that somebody else started.
#[derive(Debug)]
pub(crate) struct UpstreamTarget {
    scheme: Scheme,
    authority: Authority,
    /// Path before every target, without a slash at its end.
    prefix: String,
    /// Whether the client's `Host` goes on instead of the upstream's.
    pub(super) keep_host: bool,
    /// Whether it is on this machine.
    pub(super) near: bool,
    /// Whether it is the origin itself: then what arrives there is what the client sent, without `X-Forwarded-*`.
    pub(super) same: bool,
    /// The server behind its edge, when the scenario knows it.
    pub(super) direct: Option<Arc<UpstreamTarget>>,
}

impl UpstreamTarget {
    /// The server at `url`, standing for `origin`.
    ///
    /// # Errors
    /// Why `url` cannot be a server, as a fragment.
    pub(crate) fn new(url: &url::Url, origin: &Origin, keep_host: bool, near: bool) -> Result<Self, &'static str> {
        let own = Origin::of(url).map_err(|_| "its scheme is neither `http` nor `https`")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user name or password");
        }
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        Ok(Self {
            scheme: if url.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority.parse().map_err(|_| "its host is not one that HTTP can name")?,
            prefix: url.path().trim_end_matches('/').to_owned(),
            keep_host,
            near,
            same: own == *origin,
            direct: None,
        })
    }

    /// The same, and the server behind its edge.
    pub(crate) fn with_direct(self, direct: Option<Self>) -> Self {
        // What its edge would tell it, it is told: it may well depend on that.
        Self { direct: direct.map(|direct| Arc::new(Self { same: false, ..direct })), ..self }
    }

    /// Whether it, or the server behind its edge, is reached over TLS.
    pub(super) fn needs_roots(&self) -> bool {
        self.secure() || self.direct.as_ref().is_some_and(|direct| direct.secure())
    }

    /// Whether it is reached over TLS.
    pub(super) fn secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The upstream's own `Host`.
    pub(super) fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Host and port to connect to.
    pub(super) fn place(&self) -> String {
        let port = self.authority.port_u16().unwrap_or(if self.secure() { 443 } else { 80 });
        format!("{}:{port}", self.authority.host())
    }

    /// Where `target` lies there, byte for byte behind the prefix.
    pub(super) fn uri(&self, target: &PathAndQuery) -> Result<Uri, http::Error> {
        let target = if self.prefix.is_empty() {
            target.clone()
        } else {
            let joined: Result<PathAndQuery, InvalidUri> = format!("{}{target}", self.prefix).parse();
            joined?
        };
        Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(target).build()
    }
}

impl std::fmt::Display for UpstreamTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

/// Every declared origin in the order of the scenario, with what stands behind it.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<(Origin, Target)>);

impl Routes {
    pub(super) fn new(routes: Vec<(Origin, Target)>) -> Self {
        Self(routes)
    }

    /// What stands behind `origin`. A run has a handful, so looking at each is as fast as anything.
    pub(super) fn get(&self, origin: &Origin) -> Option<&Target> {
        self.0.iter().find(|(known, _)| known == origin).map(|(_, target)| target)
    }

    /// Whether some origin has this host and port, whatever its scheme: a CONNECT does not tell the scheme.
    pub(super) fn has(&self, host: &Host<String>, port: u16) -> bool {
        self.0.iter().any(|(origin, _)| origin.host() == host && origin.port() == port)
    }

    /// The declared origins, for a message.
    pub(super) fn names(&self) -> String {
        if self.0.is_empty() {
            return "none".to_owned();
        }
        self.0.iter().map(|(origin, _)| origin.to_string()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(url: &str) -> Result<UpstreamTarget, &'static str> {
        UpstreamTarget::new(&url.parse().unwrap(), &"https://app.test".parse().unwrap(), false, false)
    }

    #[test]
    fn targets_are_not_encoded_again() {
        let target: PathAndQuery = "/a%2Fb//%7e?x=%E4%BD&y={z}|".parse().unwrap();
        assert_eq!(upstream("https://app.test/").unwrap().uri(&target).unwrap(), "https://app.test/a%2Fb//%7e?x=%E4%BD&y={z}|");
        let prefixed = upstream("http://127.0.0.1:81/base/").unwrap();
        assert_eq!(prefixed.uri(&target).unwrap(), "http://127.0.0.1:81/base/a%2Fb//%7e?x=%E4%BD&y={z}|");
    }

    #[test]
    fn an_upstream_knows_whether_it_is_the_origin_itself() {
        assert!(upstream("https://app.test:443/").unwrap().same);
        assert!(!upstream("https://staging.app.test/").unwrap().same);
        assert!(upstream("ftp://app.test/").is_err());
        assert!(upstream("https://me@app.test/").is_err());
    }
}
