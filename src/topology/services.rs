//! Starting and stopping what processes need and the processes themselves, in their order.

use super::container::{Container, NoContainer};
use super::context::Context;
use super::error::TopologyError;
use super::process::{FakeTime, Ports};
use super::redis::{Proxy, RedisAccess, RedisService, Server};
use super::running::{Slot, Told, of_end};
use crate::plan::ServiceKind;
use crate::plan::backing::{Deed, RedisPlan, RedisSource};
use crate::web::origin::is_loopback;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

const SIGTERM: i32 = 15;

/// Starts the Redis servers, and lets templates know where their proxies are.
pub(super) async fn redis(context: &mut Context, ports: &mut Ports) -> Result<Vec<RedisService>, TopologyError> {
    let mut services = Vec::new();
    for service in context.services.clone() {
        let ServiceKind::Redis(plan) = &service.kind else { continue };
        let service = one(&service.name, plan, context, ports).await?;
        let address = service.proxy.address();
        let url = format!("redis://{address}");
        for (field, value) in [("host", Value::from(address.ip().to_string())), ("port", address.port().into()), ("url", url.into())] {
            context.scope.captures.insert(format!("service.{}.{field}", service.name), value);
        }
        services.push(service);
    }
    Ok(services)
}

async fn one(name: &str, plan: &RedisPlan, context: &Context, ports: &mut Ports) -> Result<RedisService, TopologyError> {
    let (mut server, mut container) = (None, None);
    let by_process = match &plan.source {
        RedisSource::Process => true,
        RedisSource::Container { image, or_process } => {
            match Container::redis(image, plan.password.as_ref().map(|password| password.expose())).await {
                Ok(started) => {
                    container = Some(started);
                    false
                }
                Err(NoContainer::NoEngine(_)) if *or_process => true,
                Err(why) => return Err(why.error(name, image)),
            }
        }
        RedisSource::Elsewhere { host, .. } => {
            let near = url::Host::parse(host).is_ok_and(|host| is_loopback(&host));
            if !near && !context.live {
                return Err(TopologyError::RedisNeedsLive { name: name.to_owned(), host: host.clone() });
            }
            false
        }
    };
    if by_process {
        server = Some(Server::start(name, ports.any()?, plan.password.clone()).await?);
    }
    let address = server.as_ref().map(Server::address).or_else(|| container.as_ref().map(Container::address));
    let (host, port) = match (&plan.source, address) {
        (_, Some(address)) => (address.ip().to_string(), address.port()),
        (RedisSource::Elsewhere { host, port }, None) => (host.clone(), *port),
        // A server or a container was started above.
        (RedisSource::Process | RedisSource::Container { .. }, None) => return Err(TopologyError::NoRedis { name: name.to_owned() }),
    };
    let proxy = Proxy::start((host.clone(), port), context.clock.clone()).await;
    let proxy = proxy.map_err(|cause| TopologyError::system("listening before a Redis server", cause))?;
    let own = !matches!(plan.source, RedisSource::Elsewhere { .. });
    let access = RedisAccess { host, port, password: plan.password.clone(), own };
    Ok(RedisService { name: name.to_owned(), proxy, server, container: tokio::sync::Mutex::new(container), access })
}

/// Does to a Redis server what a step asks for.
pub(super) async fn act(service: &RedisService, deed: Deed) -> Told {
    let server = service.server.as_ref().ok_or("it is not this run that started it")?;
    match deed {
        Deed::Look => {}
        Deed::Start => server.start_again().await.map_err(|error| error.to_string())?,
        Deed::StartInVain => return Err("a Redis server has no start that must fail".to_owned()),
        Deed::Stop => server.signal(SIGTERM, true).await,
        Deed::Restart => {
            server.signal(SIGTERM, true).await;
            server.start_again().await.map_err(|error| error.to_string())?;
        }
        Deed::Signal(signal) => server.signal(signal.number, signal.ends).await,
    }
    let (runs, end) = server.state().await;
    let mut value = of_end(if runs { "running" } else { "ended" }, end.as_ref().filter(|_| !runs));
    value["log"] = server.lines().join("\n").into();
    Ok(value)
}

/// Starts every process that is not started later: all at the same time, but for those that wait for others. After the
/// first failure the others are stopped: those that serve already in peace, those on their way at once.
pub(super) async fn start(slots: &[Arc<Slot>], fake_time: Option<&FakeTime>, context: &Context) -> Result<(), TopologyError> {
    let mut launches = Vec::with_capacity(slots.len());
    for slot in slots {
        // Also of those that are started later: what is wrong with them is known now.
        let launch = slot.launch(&[], fake_time, context)?;
        if !slot.is_later() {
            launches.push((slot.clone(), launch, watch::Sender::new(false)));
        }
    }
    let mut starting = JoinSet::new();
    let ready: Vec<_> = launches.iter().map(|(slot, _, ready)| (slot.declared.origin.clone(), ready.subscribe())).collect();
    for (slot, launch, told) in launches {
        let context = context.clone();
        let before: Vec<_> = ready.iter().filter(|(origin, _)| slot.after().contains(origin)).map(|(_, ready)| ready.clone()).collect();
        starting.spawn(async move {
            for mut ready in before {
                // One that fails ends this task as well.
                if ready.wait_for(|ready| *ready).await.is_err() {
                    return Ok(());
                }
            }
            slot.start(launch, None, &context).await?;
            told.send_replace(true);
            Ok(())
        });
    }
    let mut failure = None;
    while let Some(joined) = starting.join_next().await {
        match joined {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                failure.get_or_insert(error);
                starting.abort_all();
            }
            Err(cause) if cause.is_cancelled() => {}
            Err(cause) => {
                failure.get_or_insert(TopologyError::system("starting a process", cause));
                starting.abort_all();
            }
        }
    }
    let Some(error) = failure else { return Ok(()) };
    stop_all(slots).await;
    Err(error)
}

/// Stops processes at the same time, each within its own limit.
pub(super) async fn stop_all(slots: &[Arc<Slot>]) {
    let mut stopping = JoinSet::new();
    for slot in slots {
        let slot = slot.clone();
        stopping.spawn(async move { slot.stop().await });
    }
    while stopping.join_next().await.is_some() {}
}

/// Stops Redis servers, after whoever uses them.
pub(super) async fn stop_redis(services: &[RedisService]) {
    for service in services {
        service.proxy.stop();
        if let Some(server) = &service.server {
            server.stop().await;
        }
        if let Some(container) = service.container.lock().await.take() {
            container.stop().await;
        }
    }
}
