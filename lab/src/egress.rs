//! The outgoing HTTP client of an app, set up as a production process behind an egress proxy is.
//!
//! | variable | meaning |
//! |---|---|
//! | `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` (or in lower case) | the proxy for each scheme, and who is reached without one |
//! | `SSL_CERT_FILE` | PEM bundle of the roots to trust; as in OpenSSL it replaces those of the machine |

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::LabError;
use super::env::Env;

/// How long an app waits for a neighbour, from the first byte out to the last byte in.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most an app reads of a neighbour's answer; discovery documents and token answers are a few KiB.
const ANSWER_LIMIT: usize = 256 * 1024;

/// An answer that could not be had or was too much.
#[derive(Debug, thiserror::Error)]
pub(super) enum EgressError {
    #[error("no answer: {}", chain(.0))]
    Transport(#[from] reqwest::Error),
    #[error("the answer is longer than {ANSWER_LIMIT} bytes")]
    TooLong,
}

/// Builds the client: proxies and roots from the environment, no redirects, ten seconds.
pub(super) fn client(env: &Env<'_>) -> Result<reqwest::Client, LabError> {
    let either = |upper: &str, lower: &str| env.get(upper).or_else(|| env.get(lower));
    // `no_proxy()` first: the proxies are those of `env`, never those of whatever process this runs in.
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .tls_backend_preconfigured(tls(env)?);
    let exempt = either("NO_PROXY", "no_proxy").and_then(|list| reqwest::NoProxy::from_string(&list));
    if let Some(proxy) = either("HTTP_PROXY", "http_proxy") {
        builder = builder.proxy(reqwest::Proxy::http(&proxy)?.no_proxy(exempt.clone()));
    }
    if let Some(proxy) = either("HTTPS_PROXY", "https_proxy") {
        builder = builder.proxy(reqwest::Proxy::https(&proxy)?.no_proxy(exempt));
    }
    Ok(builder.build()?)
}

/// The body of an answer, read no further than a bound.
pub(super) async fn body(mut answer: reqwest::Response) -> Result<Vec<u8>, EgressError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_LIMIT {
            return Err(EgressError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn tls(env: &Env<'_>) -> Result<rustls::ClientConfig, LabError> {
    let mut roots = RootCertStore::empty();
    match env.get("SSL_CERT_FILE") {
        Some(path) => {
            roots.add_parsable_certificates(bundle(Path::new(&path))?);
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn bundle(path: &Path) -> Result<Vec<CertificateDer<'static>>, LabError> {
    let refused = |why: String| LabError::Roots { path: path.to_owned(), why };
    let certificates =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| refused(error.to_string()))?;
    if certificates.is_empty() { Err(refused("it holds none".to_owned())) } else { Ok(certificates) }
}

/// reqwest keeps the reason in the sources; the log needs all of it (`certificate has expired`, `refused`, …).
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        let path = file.path().to_str().expect("utf-8 path").to_owned();
        let lookup = |name: &str| (name == "SSL_CERT_FILE").then(|| path.clone());
        let error = client(&Env::new(&lookup)).expect_err("an empty bundle trusts nobody").to_string();
        assert!(error.contains(&path) && error.contains("it holds none"), "{error}");
    }

    /// A TLS server for `idp.test` behind a CONNECT proxy, each good for one connection; its CA in a file, and the
    /// proxy's address. The proxy connects wherever it stands, whatever it is asked for: the name resolves nowhere.
    async fn tls_behind_proxy() -> (tempfile::NamedTempFile, String) {
        let issued = rcgen::generate_simple_self_signed(["idp.test".to_owned()]).expect("a certificate");
        let bundle = tempfile::NamedTempFile::new().expect("temporary file");
        std::fs::write(bundle.path(), issued.cert.pem()).expect("written");
        let key = rustls::pki_types::PrivateKeyDer::try_from(issued.signing_key.serialize_der()).expect("a key");
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![issued.cert.der().clone()], key))
            .expect("a server");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move {
            let (mut tunnel, _) = listener.accept().await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(tunnel.read_u8().await?);
            }
            assert!(head.starts_with(b"CONNECT idp.test:443 HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
            tunnel.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            let mut stream = acceptor.accept(tunnel).await?;
            let mut byte = [0];
            stream.read_exact(&mut byte).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
            stream.shutdown().await
        });
        (bundle, proxy)
    }

    async fn through(proxy: &str, roots: Option<&Path>) -> Result<Vec<u8>, EgressError> {
        let lookup = |name: &str| match name {
            "HTTPS_PROXY" => Some(proxy.to_owned()),
            "SSL_CERT_FILE" => roots.map(|path| path.to_str().expect("utf-8 path").to_owned()),
            _ => None,
        };
        let client = client(&Env::new(&lookup)).expect("a client");
        body(client.get("https://idp.test/").send().await?).await
    }

    #[tokio::test]
    async fn a_neighbour_is_reached_through_the_proxy_and_trusted_by_the_bundle() {
        let (bundle, proxy) = tls_behind_proxy().await;
        assert_eq!(through(&proxy, Some(bundle.path())).await.expect("answered"), b"ok");
    }

    #[tokio::test]
    async fn a_neighbour_whose_issuer_is_unknown_is_refused_and_the_reason_kept() {
        let (_, proxy) = tls_behind_proxy().await;
        let (other, _) = tls_behind_proxy().await;
        let error = through(&proxy, Some(other.path())).await.expect_err("another issuer").to_string();
        assert!(error.contains("certificate"), "{error}");
    }
}
