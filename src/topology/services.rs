//! Starting and stopping what processes need and the processes themselves, in their order.

use super::container::{self, Bridge};
use super::context::Context;
use super::error::{Declared, TopologyError};
use super::process::Ports;
use super::redis::{Proxy, RedisAccess, RedisService, Server};
use super::running::{Backing, Slot, Told, of_end};
use crate::plan::backing::{Deed, RedisPlan, RedisSource};
use crate::plan::{Backend, OriginPlan, ProcessPlan, ServiceKind, ServicePlan};
use crate::web::origin::is_loopback;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

const SIGTERM: i32 = 15;

/// What each origin and service stands on here: containers where a Docker engine answers, and what is written beside them
/// where none does. With containers comes the way that they reach this machine by.
///
/// # Errors
/// When something stands on a container alone, and no engine answers; or when the clock is moved, which containers cannot follow.
pub(super) async fn with_or_without_containers(
    origins: &[OriginPlan],
    context: &mut Context,
) -> Result<(Vec<OriginPlan>, Option<Bridge>), TopologyError> {
    let image = |backend: &Backend| if let Backend::Process(process) = backend { process.image.clone() } else { None };
    let mut origins = origins.to_vec();
    let contained = origins.iter().find(|plan| image(&plan.backend).is_some()).map(Declared::of);
    let service = context.services.iter().find(|service| matches!(service.kind, ServiceKind::Container(_))).map(Declared::service);
    let Some(at) = contained.or(service) else { return Ok((origins, None)) };
    let why = match container::reach().await {
        Ok(_) if context.moves_clock => return Err(TopologyError::ContainerClock { at }),
        Ok(docker) => {
            let bridge = Bridge::new(&docker).await;
            let bridge = bridge.map_err(|cause| TopologyError::system("asking the Docker engine for its bridge", cause))?;
            return Ok((origins, Some(bridge)));
        }
        Err(why) => why,
    };
    for plan in &mut origins {
        let Some(image) = image(&plan.backend) else { continue };
        plan.backend = image.otherwise.ok_or_else(|| why.clone().error(&Declared::of(plan), &image.name))?;
    }
    for service in &mut context.services {
        let at = Declared::service(service);
        let ServiceKind::Container(plan) = &mut service.kind else { continue };
        let Some(image) = plan.image.take() else { continue };
        match image.otherwise {
            Some(Backend::Process(process)) => **plan = process,
            _ => return Err(why.error(&at, &image.name)),
        }
    }
    Ok((origins, None))
}

/// A service from an image that will be started, with its ports by name.
pub(super) type Beside = (Declared, ProcessPlan, Vec<(String, u16)>);

/// Finds ports for services from images, and lets templates know them.
pub(super) fn contained(context: &mut Context, ports: &mut Ports) -> Result<Vec<Beside>, TopologyError> {
    let mut found = Vec::new();
    for service in context.services.clone() {
        let ServiceKind::Container(plan) = &service.kind else { continue };
        let at = Declared::service(&service);
        let first = ports.take(&at, plan.port)?;
        let mut own = vec![("main".to_owned(), first)];
        for name in &plan.ports {
            own.push((name.clone(), ports.take(&at, None)?));
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, first));
        announce(context, &service.name, address, "tcp");
        found.push((*at, (**plan).clone(), own));
    }
    Ok(found)
}

/// Lets templates know where a service is.
fn announce(context: &mut Context, name: &str, address: SocketAddr, scheme: &str) {
    let url = format!("{scheme}://{address}");
    for (field, value) in [("host", Value::from(address.ip().to_string())), ("port", address.port().into()), ("url", url.into())] {
        context.scope.captures.insert(format!("service.{name}.{field}"), value);
    }
}

/// Starts the Redis servers, and lets templates know where their proxies are.
pub(super) async fn redis(context: &mut Context, ports: &mut Ports) -> Result<Vec<RedisService>, TopologyError> {
    let mut services = Vec::new();
    for service in context.services.clone() {
        let ServiceKind::Redis(plan) = &service.kind else { continue };
        let service = one(&service, plan, context, ports).await?;
        announce(context, &service.name, service.proxy.address(), "redis");
        services.push(service);
    }
    Ok(services)
}

async fn one(service: &ServicePlan, plan: &RedisPlan, context: &Context, ports: &mut Ports) -> Result<RedisService, TopologyError> {
    let name = service.name.as_str();
    let port = match &plan.source {
        RedisSource::Process | RedisSource::Container { .. } => ports.any()?,
        RedisSource::Elsewhere { port, .. } => *port,
    };
    let image = match &plan.source {
        RedisSource::Container { image, or_process } => match container::reach().await {
            Ok(_) => Some(image.as_str()),
            Err(_) if *or_process => None,
            Err(why) => return Err(why.error(&Declared::service(service), image)),
        },
        RedisSource::Process | RedisSource::Elsewhere { .. } => None,
    };
    let (host, server) = match &plan.source {
        RedisSource::Elsewhere { host, .. } => {
            let near = url::Host::parse(host).is_ok_and(|host| is_loopback(&host));
            if !near && !context.live {
                return Err(TopologyError::RedisNeedsLive { name: name.to_owned(), host: host.clone() });
            }
            (host.clone(), None)
        }
        RedisSource::Process | RedisSource::Container { .. } => {
            let server = Server::start(*Declared::service(service), port, plan.password.clone(), image).await?;
            (server.address().ip().to_string(), Some(server))
        }
    };
    let proxy = Proxy::start((host.clone(), port), context.clock.clone()).await;
    let proxy = proxy.map_err(|cause| TopologyError::system("listening before a Redis server", cause))?;
    let own = !matches!(plan.source, RedisSource::Elsewhere { .. });
    plan.faults.iter().for_each(|fault| proxy.disturb(fault.clone()));
    let access = RedisAccess { host, port, password: plan.password.clone(), own };
    Ok(RedisService { name: name.to_owned(), proxy, server, access })
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

/// Starts services from images, and then every process that does not wait for a step.
pub(super) async fn start_all(
    beside: &[Arc<Slot>],
    slots: &[Arc<Slot>],
    backing: Backing<'_>,
    context: &Context,
) -> Result<(), TopologyError> {
    start(beside, backing, context).await?;
    let started = start(slots, backing, context).await;
    if started.is_err() {
        stop_all(beside).await;
    }
    started
}

/// Starts every process that is not started later: all at the same time, but for those that wait for others. After the
/// first failure the others are stopped: those that serve already in peace, those on their way at once.
pub(super) async fn start(slots: &[Arc<Slot>], backing: Backing<'_>, context: &Context) -> Result<(), TopologyError> {
    let mut launches = Vec::with_capacity(slots.len());
    for slot in slots {
        // Also of those that are started later: what is wrong with them is known now.
        let launch = slot.launch(&[], backing, context)?;
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
    }
}
