//! Start, both listeners, and the end in its order: listeners, then Redis and clients, then telemetry.

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::config::Config;
use super::service::Service;
use super::{internal, public};
use crate::LabError;
use crate::env::Env;
use crate::serve::{Log, logged};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A variable that is missing or wrong, Redis that does not answer, a port that is taken.
pub(crate) async fn serve(env: &dyn Fn(&str) -> Option<String>, log: Log) -> Result<(), LabError> {
    let env = Env::new(env);
    let config = Config::read(&env)?;
    let client = crate::egress::client(&env)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let deaf = config.has("no-signals");
    let service = Service::new(config, client, log.clone());
    service.ping().await?;
    let (told, stop) = watch::channel(false);
    let config = &service.config;
    // Both are open before either is told of.
    let mut bound = Vec::new();
    for (name, address, router) in
        [("public", config.public, public::router(service.clone())), ("internal", config.internal, internal::router(service.clone()))]
    {
        let listener = TcpListener::bind(address).await.map_err(|source| LabError::Bind { address, source })?;
        bound.push((name, listener, router));
    }
    let mut listeners = Vec::new();
    for (name, listener, router) in bound {
        if name == "public" || !config.has("one-listener-log") {
            log(&format!("authsession {name} http listening on http://{}", listener.local_addr()?));
        }
        listeners.push(tokio::spawn(listen(listener, logged(router, &log), stop.clone())));
    }
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => if !deaf { break },
        }
    }
    log("authsession stopping");
    if config.has("clients-first") {
        service.close().await;
        log("redis client closed");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    // Nobody may have to hear it: a listener that failed is gone already.
    let _ = told.send(true);
    for mut listener in listeners {
        if tokio::time::timeout(config.shutdown, &mut listener).await.is_err() {
            log("a listener was cut off: requests took longer than AUTHSESSION_SHUTDOWN_TIMEOUT");
            listener.abort();
        }
    }
    log("listeners closed");
    service.close().await;
    log("redis client closed");
    log("telemetry flushed");
    Ok(())
}

async fn listen(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let stopped = async move {
        // An error means that the sender is gone, and everything with it.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}
