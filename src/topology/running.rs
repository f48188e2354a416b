//! The processes of an origin while the run lasts: started with it or by a step, ended, signalled, and started again.

use super::container::Bridge;
use super::context::Context;
use super::error::{Declared, TopologyError};
use super::process::{Casualty, End, FakeTime, Launch, Listener, Outward, Process, Station, Surroundings};
use super::redis::RedisService;
use crate::plan::backing::{Deed, ProcessAct, Signal};
use crate::plan::{ProcessPlan, Scope, Template};
use crate::web::origin::Origin;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause between two looks at what is still open: nobody tells.
const PAUSE: Duration = Duration::from_millis(5);
/// How long one look may take.
const LOOK_WITHIN: Duration = Duration::from_millis(250);
/// How long a process that was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take until the end of a process is seen on its connections.
const NOTICED_WITHIN: Duration = Duration::from_millis(300);
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// One process of an origin, running or not.
pub(super) struct Slot {
    pub(super) declared: Declared,
    plan: ProcessPlan,
    /// Its ports: the first is the origin's, the others have names.
    ports: Vec<(String, u16)>,
    station: Arc<Station>,
    outward: Outward,
    current: Mutex<Option<Arc<Process>>>,
    /// What those before it printed.
    earlier: Mutex<Vec<String>>,
    /// Whether its end was asked for.
    asked: Mutex<bool>,
    /// How its last start ended, when it never served.
    failed: Mutex<Option<End>>,
    ever: Mutex<bool>,
}

/// What all processes of a run share.
#[derive(Clone, Copy)]
pub(super) struct Backing<'a> {
    /// Their clock, where it is moved.
    pub(super) fake_time: Option<&'a FakeTime>,
    /// How containers reach this machine, where there are any.
    pub(super) bridge: Option<&'a Bridge>,
}

/// What a step came to, and why it could not be done.
pub(super) type Told = Result<Value, String>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    pub(super) fn new(declared: Declared, plan: ProcessPlan, ports: Vec<(String, u16)>, station: Arc<Station>, outward: Outward) -> Self {
        let (current, earlier, asked, failed, ever) = Default::default();
        Self { declared, plan, ports, station, outward, current, earlier, asked, failed, ever }
    }

    /// Whether a step starts it, and not the run.
    pub(super) fn is_later(&self) -> bool {
        self.plan.later
    }

    pub(super) fn after(&self) -> &[Origin] {
        &self.plan.after
    }

    /// Fills its templates, so that what is wrong with them is known before anything starts.
    pub(super) fn launch(
        &self,
        over: &[(String, Option<Template>)],
        backing: Backing<'_>,
        context: &Context,
    ) -> Result<Launch, TopologyError> {
        let Backing { fake_time, bridge } = backing;
        let surroundings = Surroundings { outward: &self.outward, fake_time, bridge };
        Launch::new(&self.declared, &self.plan, over, &self.ports, &surroundings, context)
    }

    /// Starts it and waits until it serves.
    pub(super) async fn start(&self, launch: Launch, within: Option<Duration>, context: &Context) -> Result<(), TopologyError> {
        let mut plan = self.plan.clone();
        plan.ready_within = within.unwrap_or(plan.ready_within);
        self.station.begin();
        *lock(&self.asked) = false;
        *lock(&self.failed) = None;
        *lock(&self.ever) = true;
        match Process::start(self.declared.clone(), &plan, launch, self.station.clone(), context).await {
            Ok(process) => {
                *lock(&self.current) = Some(Arc::new(process));
                Ok(())
            }
            Err(error) => {
                *lock(&self.failed) = self.station.end();
                if let TopologyError::DiedEarly { lines, .. } | TopologyError::NotReady { lines, .. } = &error {
                    lock(&self.earlier).extend(lines.iter().cloned());
                }
                Err(error)
            }
        }
    }

    fn process(&self) -> Option<Arc<Process>> {
        lock(&self.current).clone()
    }

    fn runs(&self) -> bool {
        self.process().is_some() && self.station.end().is_none()
    }

    /// Ends it within its limit, and keeps how it ended.
    async fn end(&self, signal: i32, within: Duration) -> bool {
        let Some(process) = self.process() else { return true };
        *lock(&self.asked) = true;
        process.signal(signal);
        let in_time = process.until_ended(within).await;
        if !in_time {
            process.signal(SIGKILL);
            process.until_ended(GONE_WITHIN).await;
        }
        // A container leaves something, and its port with it.
        process.stop().await;
        self.put_away(&process);
        in_time
    }

    fn put_away(&self, process: &Process) {
        lock(&self.earlier).extend(process.lines());
        *lock(&self.current) = None;
    }

    /// Takes it down with the run.
    pub(super) async fn stop(&self) {
        if let Some(process) = self.process() {
            process.stop().await;
        }
    }

    /// How it ended, if it did and nobody asked for it.
    pub(super) fn casualty(&self) -> Option<Casualty> {
        if *lock(&self.asked) { None } else { self.process()?.casualty() }
    }

    /// What it printed last, those before it included.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = lock(&self.earlier).clone();
        lines.extend(self.process().map(|process| process.lines()).unwrap_or_default());
        lines
    }

    async fn accepts(&self, port: u16) -> bool {
        let listener = Listener { port, beyond_proxy: self.plan.image.is_some() };
        listener.accepts(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), LOOK_WITHIN).await
    }

    /// Its state as a step sees it.
    async fn value(&self) -> Value {
        let end = self.station.end().or_else(|| lock(&self.failed).clone());
        let state = match (self.runs(), &end, *lock(&self.asked), *lock(&self.ever)) {
            (true, ..) => "running",
            (_, _, _, false) => "waiting",
            (_, _, true, _) => "stopped",
            _ => "ended",
        };
        let mut listens = serde_json::Map::new();
        for (name, port) in &self.ports {
            listens.insert(name.clone(), self.accepts(*port).await.into());
        }
        let mut value = of_end(state, end.as_ref().filter(|_| state != "running"));
        value["log"] = self.lines().join("\n").into();
        value["listens"] = listens.into();
        value
    }
}

/// State, code and signal.
pub(super) fn of_end(state: &str, end: Option<&End>) -> Value {
    let signal = end.and_then(|end| end.signal);
    let signal = signal.map(|number| {
        Signal::ALL.iter().find(|signal| signal.number == number).map_or_else(|| number.to_string(), |signal| signal.name.to_owned())
    });
    json!({ "state": state, "code": end.and_then(|end| end.code), "signal": signal })
}

/// Does to a process what a step asks for.
pub(super) async fn act(
    slot: &Slot,
    act: &ProcessAct,
    scope: Scope,
    backing: Backing<'_>,
    redis: &[RedisService],
    context: &Context,
) -> Told {
    let mut context = context.clone();
    // What the run knows by now, and where its services are.
    context.scope.captures.extend(scope.captures);
    let launch = || slot.launch(&act.env, backing, &context).map_err(|error| error.to_string());
    let stop_within = act.within.unwrap_or(slot.plan.stop_within);
    match act.deed {
        Deed::Look => Ok(slot.value().await),
        Deed::Start if slot.runs() => Err("it runs already".to_owned()),
        Deed::Start => {
            slot.start(launch()?, act.within, &context).await.map_err(|error| error.to_string())?;
            Ok(slot.value().await)
        }
        Deed::StartInVain if slot.runs() => Err("it runs already".to_owned()),
        Deed::StartInVain => {
            let began = Instant::now();
            match slot.start(launch()?, act.within, &context).await {
                Ok(()) => {
                    slot.end(SIGTERM, slot.plan.stop_within).await;
                    Err("it serves, and it was to end instead".to_owned())
                }
                Err(error @ TopologyError::DiedEarly { .. }) => {
                    let mut value = slot.value().await;
                    value["took"] = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).into();
                    drop(error);
                    Ok(value)
                }
                Err(error) => Err(error.to_string()),
            }
        }
        Deed::Stop => ended(slot, SIGTERM, stop_within, redis).await,
        Deed::Restart => {
            // First, so that what cannot be started is not stopped.
            let launch = launch()?;
            slot.end(SIGTERM, slot.plan.stop_within).await;
            slot.start(launch, act.within, &context).await.map_err(|error| error.to_string())?;
            Ok(slot.value().await)
        }
        Deed::Signal(signal) if signal.ends => ended(slot, signal.number, stop_within, redis).await,
        Deed::Signal(signal) => {
            let process = slot.process().ok_or("it does not run")?;
            process.signal(signal.number);
            Ok(slot.value().await)
        }
    }
}

/// Ends a process and watches what closes in which order: its listeners, and the connections to Redis.
async fn ended(slot: &Slot, signal: i32, within: Duration, redis: &[RedisService]) -> Told {
    if !slot.runs() {
        return Err("it does not run".to_owned());
    }
    let began = Instant::now();
    let open: Vec<_> = redis.iter().filter(|service| service.proxy.open().0 > 0).collect();
    let mut listening: Vec<(String, u16)> = Vec::new();
    for port in &slot.ports {
        if slot.accepts(port.1).await {
            listening.push(port.clone());
        }
    }
    let mut closed: Vec<(Instant, String)> = Vec::new();
    let watching = async {
        loop {
            let mut still = Vec::new();
            for (name, port) in listening.drain(..) {
                if slot.accepts(port).await {
                    still.push((name, port));
                } else {
                    closed.push((Instant::now(), name));
                }
            }
            listening = still;
            tokio::time::sleep(PAUSE).await;
        }
    };
    let in_time = tokio::select! {
        in_time = slot.end(signal, within) => in_time,
        () = watching => false,
    };
    let took = began.elapsed();
    for (name, _) in listening {
        closed.push((Instant::now(), name));
    }
    let noticed = Instant::now() + NOTICED_WITHIN;
    for service in open {
        // The proxy hears of the end by its sockets, a moment after the process is gone.
        while service.proxy.open().0 > 0 && Instant::now() < noticed {
            tokio::time::sleep(PAUSE).await;
        }
        if let (0, Some(quiet)) = service.proxy.open() {
            closed.push((quiet, service.name.clone()));
        }
    }
    closed.sort();
    let mut value = slot.value().await;
    value["took"] = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into();
    value["in_time"] = in_time.into();
    value["closed"] = closed.into_iter().map(|(_, name)| name).collect();
    Ok(value)
}
