//! Reaching a WebDriver server: the driver on this machine, or one that somebody else runs.
//!
//! A Selenium Grid names the socket of a session under a host, port and path of its own (`webSocketUrl`), which is used as
//! given. Credentials in the server's URL go along to the socket, if that is on the same host.

use super::error::BrowserError;
use crate::drive::browser::bidi::{Bidi, BidiError};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// How commands of the classic protocol reach a server, over `http:` and `https:`.
pub(super) fn connector() -> HttpsConnector<HttpConnector> {
    HttpsConnectorBuilder::new().with_tls_config(tls().as_ref().clone()).https_or_http().enable_http1().build()
}

/// Opens the socket of a session at `server`.
pub(super) async fn socket(server: &Url, socket: &str) -> Result<Bidi, BrowserError> {
    let unreachable = |url: &str, why: String| BidiError::Unreachable { url: url.to_owned(), why };
    let mut url = Url::parse(socket).map_err(|error| unreachable("the session's `webSocketUrl`", error.to_string()))?;
    if url.username().is_empty() && url.host() == server.host() {
        // A URL with a host takes them.
        let _ = url.set_username(server.username());
        let _ = url.set_password(server.password());
    }
    if url.scheme() != "wss" {
        return Ok(Bidi::connect(url.as_str()).await?);
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let shown = format!("wss://{host}/");
    let failed = |why: String| unreachable(&shown, why);
    let name = ServerName::try_from(host.clone()).map_err(|error| failed(error.to_string()))?;
    let port = url.port_or_known_default().unwrap_or(443);
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| failed(error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
    let stream = TlsConnector::from(tls()).connect(name, stream).await.map_err(|error| failed(error.to_string()))?;
    Ok(Bidi::over(stream, url.as_str()).await?)
}

/// TLS that trusts whom this machine trusts.
fn tls() -> Arc<rustls::ClientConfig> {
    static TLS: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let make = || {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(versions.expect("ring has suites for TLS 1.2 and 1.3").with_root_certificates(roots).with_no_client_auth())
    };
    TLS.get_or_init(make).clone()
}
