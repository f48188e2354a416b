//! Standing everything up, and taking it down again.

use super::calls::{Call, Refusal};
use super::container::Bridge;
use super::context::Context;
use super::edge::{Authority, Edge, Target, UpstreamTarget};
use super::error::{Declared, TopologyError};
use super::inbox::Inbox;
use super::process::{Casualty, FakeTime, Ports, Station};
use super::provider::gotrue::egress;
use super::provider::{Gotrue, Hook, Idp, OtpVendor, Surroundings};
use super::redis::{RedisAccess, RedisService};
use super::replay::{Recording, Replay};
use super::running::{self, Backing, Slot, Told};
use super::services;
use super::smtp::SmtpServer;
use super::stub::{Stub, StubServer};
use super::switchboard::Switchboard;
use crate::base::Clock;
use crate::plan::backing::{ProcessAct, ProcessOf, RedisFaultPlan};
use crate::plan::{
    Backend, Clear, Fault, FaultsPlan, IdpPlan, OriginPlan, ProcessPlan, ReplayPlan, Scope, Service, ServiceKind, UpstreamPlan,
};
use crate::web::origin::{Origin, is_loopback};
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Everything that a run's origins stand on, while the run lasts.
///
/// Dropping it ends everything at once; [`stop`](Self::stop) lets processes end in peace.
pub struct Topology {
    processes: Vec<Arc<Slot>>,
    /// Services from images.
    beside: Vec<Arc<Slot>>,
    redis: Vec<RedisService>,
    context: Context,
    edge: Edge,
    inbox: Inbox,
    switchboards: Vec<(Origin, Service, Switchboard)>,
    stubs: Mutex<Vec<StubServer>>,
    mail: Mutex<Vec<SmtpServer>>,
    clock: Clock,
    /// The clock of processes, where it is moved.
    fake_time: Option<FakeTime>,
    /// How containers reach this machine, where there are any.
    bridge: Option<Bridge>,
    /// Held until the processes are gone.
    _ports: Ports,
}

impl Topology {
    /// Stands up every origin. What can be checked is checked before anything starts; processes start at the same time, and
    /// after everything else, so that they can call other origins from the beginning.
    ///
    /// # Errors
    /// When something cannot stand. Whatever was started by then is stopped.
    pub async fn start(origins: &[OriginPlan], mut context: Context) -> Result<Self, TopologyError> {
        let (origins, bridge) = services::with_or_without_containers(origins, &mut context).await?;
        let origins = origins.as_slice();
        let mut ports = Ports::default();
        let inbox = Inbox::new(context.clock.clone());
        let surroundings = Surroundings { clock: context.clock.clone(), inbox: inbox.clone() };
        let library = fake_time_library(origins, &context)?;
        let fake_time = library.map(|library| FakeTime::new(library, context.clock.ahead())).transpose();
        let fake_time = fake_time.map_err(|cause| TopologyError::system("writing the clock of processes", cause))?;
        let mail = mail_servers(&mut context, &inbox).await?;
        let redis = services::redis(&mut context, &mut ports).await?;
        let contained = services::contained(&mut context, &mut ports)?;
        let plans = check(origins, &mut ports, &context, &surroundings)?;
        let mut routes = Vec::with_capacity(plans.len());
        let mut stubs = Vec::new();
        let mut switchboards = Vec::new();
        let mut callers = Vec::new();
        let mut waiting = Vec::new();
        for (plan, base) in origins.iter().zip(plans) {
            let target = match base {
                Base::Upstream(upstream) => Target::Upstream(Arc::new(upstream)),
                Base::Replay(replay) => Target::Service(replay.router()),
                Base::Service(router, switchboard) => {
                    switchboards.extend(plan.backend.service().map(|service| (plan.origin.clone(), service, switchboard)));
                    Target::Service(router)
                }
                Base::Gotrue(gotrue) => {
                    switchboards.push((plan.origin.clone(), Service::Gotrue, gotrue.switchboard().clone()));
                    let target = Target::Service(gotrue.router());
                    callers.push((plan.origin.clone(), gotrue));
                    target
                }
                Base::Stub(stub) => {
                    let server = stub.serve().await;
                    let address = server.address();
                    stubs.push(server);
                    Target::Stub(address)
                }
                Base::Process(process, members, station) => {
                    for (ports, member) in members {
                        waiting.push((*Declared::of(plan), process, ports, member));
                    }
                    Target::Process(station)
                }
                Base::PortOf(station) => Target::Process(station),
            };
            routes.push((plan.origin.clone(), target));
        }
        let edge = Edge::new(routes, context.clock.clone(), context.max_body, context.edge)?;
        for (origin, gotrue) in callers {
            let client = egress::client(edge.authority().roots(), Some(edge.outward(&origin)?.proxy));
            gotrue.reach_through(client.map_err(|cause| TopologyError::system("giving an embedded service its way out", cause))?);
        }
        for plan in origins {
            let service = switchboards.iter().find(|(origin, ..)| *origin == plan.origin).map(|(_, service, board)| (*service, board));
            edge.faults(&plan.origin).iter().for_each(|edge| turn_on(&plan.faults, service, edge));
        }
        let mut processes = Vec::with_capacity(waiting.len());
        for (declared, plan, ports, station) in waiting {
            let outward = edge.outward(&declared.origin)?;
            processes.push(Arc::new(Slot::new(declared, plan.clone(), ports, station, outward)));
        }
        let backing = Backing { fake_time: fake_time.as_ref(), bridge: bridge.as_ref() };
        let mut beside = Vec::with_capacity(contained.len());
        for (declared, plan, ports) in contained {
            let outward = edge.outward(&declared.origin)?;
            let station = Station::new(ports.first().map_or(0, |(_, port)| *port));
            beside.push(Arc::new(Slot::new(declared, plan, ports, station, outward)));
        }
        services::start_all(&beside, &processes, backing, &context).await?;
        let (stubs, mail) = (Mutex::new(stubs), Mutex::new(mail));
        let clock = context.clock.clone();
        Ok(Self { processes, beside, redis, context, edge, inbox, switchboards, stubs, mail, clock, fake_time, bridge, _ports: ports })
    }

    /// Where `actor` reaches every declared origin: as a proxy, or directly under an origin's name. Each actor has a listener
    /// of their own, opened on first use; should the system give no more, they share one.
    #[must_use]
    pub fn endpoint(&self, actor: &str) -> SocketAddr {
        self.edge.actor_endpoint(actor)
    }

    /// Where `actor` reaches what stands behind `origin`, past the faults of its edge.
    ///
    /// # Errors
    /// Why nobody knows what stands there, as a fragment.
    pub fn direct(&self, actor: &str, origin: &Origin) -> Result<SocketAddr, String> {
        self.edge.direct_endpoint(actor, origin)
    }

    /// Who signs the certificates of the run's origins.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        self.edge.authority()
    }

    /// Every call to a declared origin so far, in the order they arrived (the first hundred thousand).
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.edge.log().calls()
    }

    /// The same without the first `from`.
    #[must_use]
    pub fn calls_from(&self, from: usize) -> Vec<Call> {
        self.edge.log().calls_from(from)
    }

    /// Changes with each answer to a call.
    #[must_use]
    pub fn answered(&self) -> watch::Receiver<u64> {
        self.edge.log().answered()
    }

    /// Every undeclared origin that was asked for.
    #[must_use]
    pub fn refused(&self) -> Vec<Refusal> {
        self.edge.log().refused()
    }

    /// Where the mail and text messages of the run arrive.
    #[must_use]
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Moves the clock of processes to where the run's clock is now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn clock_moved(&self) -> io::Result<()> {
        self.fake_time.as_ref().map_or(Ok(()), |fake_time| fake_time.set(self.clock.ahead()))
    }

    /// Changes what goes wrong at an origin, from the next call on: in the embedded service behind it, where one stands there
    /// and can do it, and on the way to it otherwise.
    pub fn switch_faults(&self, change: &FaultsPlan) {
        let plan = self.switchboards.iter().find(|(origin, ..)| *origin == change.origin);
        let service = plan.map(|(_, service, board)| (*service, board));
        let Some(edge) = self.edge.faults(&change.origin) else { return };
        for board in service.iter().map(|(_, board)| *board).chain([edge]) {
            match &change.clear {
                Clear::All => {
                    board.clear(None);
                }
                Clear::Kinds(kinds) => kinds.iter().for_each(|kind| {
                    board.clear(Some(*kind));
                }),
            }
        }
        turn_on(&change.add, service, edge);
    }

    /// Connects to what stands behind an origin, and sends nothing.
    ///
    /// # Errors
    /// Why nothing listens there, as a fragment.
    pub async fn knock(&self, origin: &Origin) -> Result<(), String> {
        self.edge.knock(origin).await
    }

    /// How steps reach a Redis service.
    #[must_use]
    pub fn redis(&self, name: &str) -> Option<RedisAccess> {
        self.redis.iter().find(|service| service.name == name).map(|service| service.access.clone())
    }

    /// Every Redis server that the run started.
    #[must_use]
    pub fn own_redis(&self) -> Vec<RedisAccess> {
        self.redis.iter().map(|service| service.access.clone()).filter(|access| access.own).collect()
    }

    /// What commands came to a Redis service: all, or those of one name.
    #[must_use]
    pub fn redis_traffic(&self, name: &str, command: Option<&str>) -> Value {
        self.redis.iter().find(|service| service.name == name).map_or(Value::Null, |service| service.proxy.traffic(command))
    }

    /// Changes what happens to commands on their way to a Redis service.
    pub fn switch_redis(&self, change: &RedisFaultPlan) {
        self.redis.iter().filter(|service| service.name == change.service).for_each(|service| service.switch(change));
    }

    /// Does to a process what a step asks for, and says how it is then.
    ///
    /// # Errors
    /// Why that could not be done.
    pub async fn process(&self, act: &ProcessAct, scope: Scope) -> Told {
        let backing = Backing { fake_time: self.fake_time.as_ref(), bridge: self.bridge.as_ref() };
        match &act.of {
            ProcessOf::Origin(origin) => {
                let slots: Vec<_> = self.processes.iter().filter(|slot| slot.declared.origin == *origin).collect();
                let mut last = Err(format!("no process stands behind {origin}"));
                // All that take turns, one after another: there is always one left to answer.
                for slot in slots {
                    last = Ok(running::act(slot, act, scope.clone(), backing, &self.redis, &self.context).await?);
                }
                last
            }
            ProcessOf::Service(name) => {
                if let Some(slot) = self.beside.iter().find(|slot| slot.declared.service.as_ref() == Some(name)) {
                    return running::act(slot, act, scope, backing, &self.redis, &self.context).await;
                }
                let service = self.redis.iter().find(|service| service.name == *name).ok_or("there is no such service")?;
                services::act(service, act.deed).await
            }
        }
    }

    /// Processes that ended although nobody asked them to.
    #[must_use]
    pub fn casualties(&self) -> Vec<Casualty> {
        let redis = self.redis.iter().filter_map(|service| {
            let server = service.server.as_ref()?;
            Some(Casualty { of: service.name.clone(), status: server.casualty()?, lines: server.lines() })
        });
        self.all().filter_map(|process| process.casualty()).chain(redis).collect()
    }

    /// The last lines that each process printed, redacted, by the origin that it stands for or the service that it is.
    #[must_use]
    pub fn logs(&self) -> Vec<(String, Vec<String>)> {
        self.all().map(|process| (process.declared.to_string(), process.lines())).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.processes.iter().chain(&self.beside)
    }

    /// Takes everything down: processes first (all at the same time, each within its own limit), because they may still call
    /// other origins while they end; then the edge, then the stubs. What is known of the run stays.
    pub async fn stop(&self) {
        services::stop_all(&self.processes).await;
        services::stop_all(&self.beside).await;
        services::stop_redis(&self.redis).await;
        self.edge.stop();
        self.stubs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.mail.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Turns faults on: in the embedded service of an origin what that can do, and the others on the way to it.
fn turn_on(faults: &[Fault], service: Option<(Service, &Switchboard)>, edge: &Switchboard) {
    for fault in faults {
        let able = service.filter(|(service, _)| fault.kind.spec().services.contains(service));
        able.map_or(edge, |(_, board)| board).add(fault.clone());
    }
}

/// A process with its ports by name; the first is the origin's.
type Member = (Vec<(String, u16)>, Arc<Station>);

/// What an origin will stand on, checked but not started.
enum Base<'a> {
    /// Each with its ports, and what requests go to.
    Process(&'a ProcessPlan, Vec<Member>, Arc<Station>),
    PortOf(Arc<Station>),
    Stub(Stub),
    Service(axum::Router, Switchboard),
    Gotrue(Gotrue),
    Replay(Replay),
    Upstream(UpstreamTarget),
}

/// Everything that can be found wrong before anything is started.
fn check<'a>(
    origins: &'a [OriginPlan],
    ports: &mut Ports,
    context: &Context,
    surroundings: &Surroundings,
) -> Result<Vec<Base<'a>>, TopologyError> {
    let mut bases = Vec::with_capacity(origins.len());
    let mut recordings = HashMap::new();
    for (nth, plan) in origins.iter().enumerate() {
        let at = Declared::of(plan);
        if let Some(before) = origins[..nth].iter().find(|before| before.origin == plan.origin) {
            return Err(TopologyError::DeclaredTwice { at, before: Declared::of(before) });
        }
        bases.push(match &plan.backend {
            Backend::Process(process) => process_base(&at, process, ports)?,
            // Put in its place once all processes are known.
            Backend::PortOf(_) => Base::PortOf(Station::new(0)),
            Backend::Stub(stub) => Base::Stub(Stub::new(&at, stub, context)?),
            Backend::Otp(otp) => {
                let vendor = OtpVendor::new(otp, surroundings.clone());
                Base::Service(vendor.router(), vendor.switchboard().clone())
            }
            Backend::Inbox(hook) => {
                let reply = hook.reply.render(&context.scope);
                let what = "the reply of the message hook".to_owned();
                let reply = reply.map_err(|cause| TopologyError::Template { at: at.clone(), what, cause })?;
                Base::Service(Hook::new(hook, reply, surroundings.inbox.clone()).router(), Switchboard::default())
            }
            Backend::Idp(idp) => idp_service(idp, &plan.origin, surroundings),
            Backend::Gotrue(gotrue) => Base::Gotrue(Gotrue::new(gotrue, url_of(&plan.origin), surroundings.clone())),
            Backend::Replay(plan) => Base::Replay(replay(at, plan, &mut recordings, context)?),
            Backend::Upstream(upstream) => Base::Upstream(upstream_target(at, upstream, context.live)?),
        });
    }
    for (nth, plan) in origins.iter().enumerate() {
        let Backend::PortOf(of) = &plan.backend else { continue };
        let process = origins.iter().position(|plan| plan.origin == of.process);
        let Some(Base::Process(_, members, _)) = process.and_then(|nth| bases.get(nth)) else { continue };
        let all: Vec<_> = members
            .iter()
            .filter_map(|(ports, station)| {
                let (_, port) = ports.iter().find(|(name, _)| *name == of.port)?;
                Some(Station::beside(station, *port))
            })
            .collect();
        bases[nth] = Base::PortOf(Station::in_turn(&all));
    }
    Ok(bases)
}

/// What a recording has of an origin. Origins of one recording share it, and what it learns of this run's values.
fn replay<'a>(
    at: Box<Declared>,
    plan: &'a ReplayPlan,
    recordings: &mut HashMap<&'a Path, Arc<Recording>>,
    context: &Context,
) -> Result<Replay, TopologyError> {
    let file = || plan.file.clone();
    let recording = match recordings.get(plan.file.as_path()) {
        Some(recording) => recording.clone(),
        None => match Recording::read(&plan.file) {
            Ok(recording) => recordings.entry(&plan.file).or_insert(recording).clone(),
            Err(error) => return Err(TopologyError::RecordingInvalid { at, file: file(), reason: error.to_string() }),
        },
    };
    let replay = Replay::new(&recording, &at.origin, context.clock.clone(), context.max_body);
    replay.ok_or_else(|| TopologyError::NotRecorded { at, file: file(), origins: recording.origins() })
}

/// The processes of an origin, each with ports of its own.
fn process_base<'a>(at: &Declared, process: &'a ProcessPlan, ports: &mut Ports) -> Result<Base<'a>, TopologyError> {
    if process.replicas > 1 && process.port.is_some() {
        return Err(TopologyError::PortOfReplicas { at: Box::new(at.clone()), replicas: process.replicas });
    }
    let mut members = Vec::with_capacity(process.replicas);
    for _ in 0..process.replicas.max(1) {
        let first = ports.take(at, process.port)?;
        let mut own = vec![("main".to_owned(), first)];
        for name in &process.ports {
            own.push((name.clone(), ports.take(at, None)?));
        }
        members.push((own, Station::new(first)));
    }
    let stations: Vec<_> = members.iter().map(|(_, station)| station.clone()).collect();
    Ok(Base::Process(process, members, Station::in_turn(&stations)))
}

/// The library that gives processes the run's clock, when there are processes and the clock will be moved.
fn fake_time_library(origins: &[OriginPlan], context: &Context) -> Result<Option<PathBuf>, TopologyError> {
    if !context.moves_clock {
        return Ok(None);
    }
    let Some(plan) = origins.iter().find(|plan| matches!(plan.backend, Backend::Process(_))) else { return Ok(None) };
    FakeTime::library().map(Some).ok_or_else(|| TopologyError::NoFakeTime { at: Declared::of(plan) })
}

/// Starts the mail servers, and lets templates know where they are.
async fn mail_servers(context: &mut Context, inbox: &Inbox) -> Result<Vec<SmtpServer>, TopologyError> {
    let mut servers = Vec::new();
    for service in &context.services {
        let ServiceKind::Smtp(smtp) = &service.kind else { continue };
        let server = SmtpServer::start(smtp.clone(), inbox.clone()).await;
        let server = server.map_err(|cause| TopologyError::system("starting a mail server", cause))?;
        let address = server.address();
        let known =
            [("host", Value::from(address.ip().to_string())), ("port", address.port().into()), ("url", format!("smtp://{address}").into())];
        for (field, value) in known {
            context.scope.captures.insert(format!("service.{}.{field}", service.name), value);
        }
        servers.push(server);
    }
    Ok(servers)
}

/// A real upstream needs permission; one on this machine does not, and is recognised by its host and not by what the plan says.
fn upstream_target(at: Box<Declared>, plan: &UpstreamPlan, live: bool) -> Result<UpstreamTarget, TopologyError> {
    let target = |plan: &UpstreamPlan| {
        let near = plan.local && plan.url.host().is_some_and(|host| is_loopback(&host));
        if !near && !live {
            return Err(TopologyError::NeedsLive { at: at.clone(), upstream: origin_of(&plan.url) });
        }
        UpstreamTarget::new(&plan.url, &at.origin, plan.keep_host, near).map_err(|reason| TopologyError::UpstreamInvalid {
            at: at.clone(),
            upstream: origin_of(&plan.url),
            reason,
        })
    };
    let direct = plan.direct.as_deref().map(target).transpose()?;
    Ok(target(plan)?.with_direct(direct))
}

/// A URL without user name, password and query, which may be secret.
fn origin_of(url: &url::Url) -> String {
    Origin::of(url).map_or_else(|_| format!("a `{}:` URL", url.scheme()), |origin| origin.to_string())
}

/// The embedded provider of an origin, which is also its issuer's.
fn idp_service<'a>(plan: &IdpPlan, origin: &Origin, surroundings: &Surroundings) -> Base<'a> {
    let idp = Idp::new(plan, url_of(origin), surroundings.clone());
    Base::Service(idp.router(), idp.switchboard().clone())
}

fn url_of(origin: &Origin) -> url::Url {
    origin.to_string().parse().expect("an origin is a URL")
}
