//! Why an app could not be started or had to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

/// An app of the lab could not start or could not go on. Each text completes "failed to serve the app: …".
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A variable that the app cannot do without is not set.
    #[error("environment variable `{name}` is not set; it is {meaning}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it holds, in a few words.
        meaning: &'static str,
    },
    /// A variable is set to something the app does not understand. The value itself is not repeated: it may be a secret.
    #[error("environment variable `{name}` is not {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What would have been right.
        expected: String,
    },
    /// The file that `SSL_CERT_FILE` names gave no certificates.
    #[error("no certificate could be read from `{}` (`SSL_CERT_FILE`): {why}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// The outgoing HTTP client could not be built.
    #[error("the outgoing HTTP client could not be built")]
    Client(#[from] reqwest::Error),
    /// The TLS configuration of the outgoing client was refused.
    #[error("the TLS configuration of the outgoing HTTP client was refused")]
    Tls(#[from] rustls::Error),
    /// Redis gave no sign of life when the app was started.
    #[error("the {adapter} could not reach Redis: {why}")]
    Redis {
        /// Who asked.
        adapter: &'static str,
        /// What came instead.
        why: String,
    },
    /// The port could not be listened on.
    #[error("cannot listen on {address}; is something else using the port?")]
    Bind {
        /// The address that was tried.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The system refused something else: a signal handler, or the listener after it was open.
    #[error("the listener failed")]
    Io(#[from] std::io::Error),
}
