//! Listener, request log and graceful shutdown: the same for every app.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::env::Env;
use super::{App, LabError, authsession, codes, cookies, gallery, mosaic, pages, passkeys, salon};

/// Where an app's log lines go, one call a line and no line ending in it. Requests run at the same time, so the
/// sink is shared; the command line passes one that writes to its standard output.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What a handler wants said in its request's log line, beyond method, path, status and time.
#[derive(Clone, Debug)]
pub(super) struct LogNote(pub(super) String);

/// An app that listens and waits to be run.
pub struct Server {
    app: App,
    listener: TcpListener,
    router: Router,
    log: Log,
}

impl Server {
    /// Reads the app's configuration from `env` and opens `$HOST:$PORT`, on loopback unless told
    /// otherwise; with port 0 the system chooses one.
    ///
    /// # Errors
    /// A variable missing or not understood, a certificate bundle that cannot be read, a port in use.
    pub async fn bind(app: App, env: &dyn Fn(&str) -> Option<String>, log: Log) -> Result<Server, LabError> {
        let env = Env::new(env);
        let address = SocketAddr::from((env.host()?, env.port()?));
        let router = router(app, &env, &log)?;
        let listener = TcpListener::bind(address).await.map_err(|source| LabError::Bind { address, source })?;
        Ok(Server { app, listener, router, log })
    }

    /// The app on a listener that is already open, for tests in which two apps must know each other's ports.
    #[cfg(test)]
    pub(super) fn on(listener: TcpListener, app: App, env: &dyn Fn(&str) -> Option<String>, log: Log) -> Result<Server, LabError> {
        Ok(Server { app, listener, router: router(app, &Env::new(env), &log)?, log })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// The system no longer knows the socket.
    pub fn address(&self) -> Result<SocketAddr, LabError> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `stop` is done; requests already begun are answered first.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), LabError> {
        (self.log)(&format!("{} listening on http://{}", self.app, self.address()?));
        let router = logged(self.router, &self.log);
        axum::serve(self.listener, router).with_graceful_shutdown(stop).await?;
        (self.log)(&format!("{} stopped", self.app));
        Ok(())
    }
}

/// Runs `app` with the configuration in `env` until the process is told to stop (SIGTERM or SIGINT). Writes one
/// line to `log` when it is ready (`… listening on …`) and one for each request. The future borrows `env` and is not
/// `Send`: give it to the runtime's `block_on`.
///
/// # Errors
/// As [`Server::bind`] and [`Server::run`], or the signal handlers cannot be installed.
pub async fn serve(app: App, env: &dyn Fn(&str) -> Option<String>, log: Log) -> Result<(), LabError> {
    if app == App::Authsession {
        return authsession::serve(env, log).await;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Server::bind(app, env, log).await?.run(stop).await
}

fn router(app: App, env: &Env<'_>, log: &Log) -> Result<Router, LabError> {
    match app {
        App::MosaicWeb => mosaic::web::router(env, log),
        App::MosaicApi => mosaic::api::router(env, log),
        App::Codes => codes::router(env),
        App::Cookies => cookies::router(env),
        App::Pages => pages::router(env),
        App::Passkeys => passkeys::router(env),
        App::Gallery => gallery::router(env),
        App::SalonApi => salon::router(env, log),
        App::SalonWeb => salon::web_router(env),
        App::Gateway => authsession::gateway(env),
        // It has listeners of its own, and is served before this is asked.
        App::Authsession => {
            Err(LabError::Invalid { name: "PORT", expected: "what `authsession` listens on: it has two addresses".to_owned() })
        }
    }
}

/// One line a request: method, path, status, time, and the handler's note. The query stays out: it carries codes
/// and states, and a log is where those leak.
pub(super) fn logged(router: Router, log: &Log) -> Router {
    let log = log.clone();
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let log = log.clone();
        async move {
            let started = Instant::now();
            let what = format!("{} {}", request.method(), request.uri().path());
            let response: Response = next.run(request).await;
            let note = response.extensions().get::<LogNote>().map(|note| format!(" {}", note.0)).unwrap_or_default();
            let took = started.elapsed().as_millis();
            log(&format!("{what} {} {took}ms{note}", response.status().as_u16()));
            response
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn silent() -> Log {
        Arc::new(|_| {})
    }

    #[tokio::test]
    async fn a_missing_port_is_named() {
        let error = Server::bind(App::MosaicWeb, &|_| None, silent()).await.err().expect("no port, no server");
        assert!(error.to_string().contains("`PORT`"), "{error}");
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_with_its_address() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = taken.local_addr().expect("bound").port().to_string();
        let env = |name: &str| match name {
            "PORT" => Some(port.clone()),
            "API_URL" | "PUBLIC_URL" => Some("https://mosaic.test".to_owned()),
            _ => None,
        };
        let error = Server::bind(App::MosaicWeb, &env, silent()).await.err().expect("the port is taken").to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
    }

    #[tokio::test]
    async fn the_log_tells_ready_request_and_stop_without_the_query() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = lines.clone();
        let log: Log = Arc::new(move |line| sink.lock().expect("no panic holds it").push(line.to_owned()));
        let env = |name: &str| match name {
            "PORT" => Some("0".to_owned()),
            "API_URL" | "PUBLIC_URL" => Some("https://mosaic.test".to_owned()),
            _ => None,
        };
        let server = Server::bind(App::MosaicWeb, &env, log).await.expect("bound");
        let address = server.address().expect("bound");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        let answer = reqwest_plain().get(format!("http://{address}/health?code=secret")).send().await.expect("answered");
        assert!(answer.headers().contains_key("date"));
        drop(answer);
        stop.send(()).expect("still running");
        running.await.expect("no panic").expect("stopped in order");
        let lines = lines.lock().expect("no panic holds it").clone();
        assert_eq!(lines[0], format!("mosaic-web listening on http://{address}"));
        assert!(lines[1].starts_with("GET /health 200 "), "{lines:?}");
        assert_eq!(lines[2], "mosaic-web stopped");
        assert!(!lines.join("\n").contains("secret"));
    }

    fn reqwest_plain() -> reqwest::Client {
        super::super::egress::client(&Env::new(&|_| None)).expect("a client")
    }
}
