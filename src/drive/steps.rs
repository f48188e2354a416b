//! The step loop: steps in order, at the same time, again and again; each within its time, each leaving a record.

use super::actor::Actor;
use super::browser::launch::Browsers;
use super::error::StepError;
use super::recorder::{Ended, Recorder};
use super::{Observer, World, capture, cookies, http};
use crate::base::Clock;
use crate::plan::{Plan, Scope, Step, Verb, each_step};
use crate::trace::Chain;
use crate::web::origin::Origin;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// What a run is performed with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose certificates the http engine trusts.
    pub roots: rustls::RootCertStore,
    /// The run's clock.
    pub clock: Clock,
    /// Where real browsers come from; a plan for one needs it.
    pub browsers: Option<Browsers>,
    /// How long to rest after each step in a real browser, for people who look on.
    pub slow_mo: Duration,
    /// Where pictures go; a step that fails is photographed when there is such a place.
    pub pictures: Option<PathBuf>,
    /// Whether windows stay open after a step that failed, until somebody closes them.
    pub keep_open: bool,
}

impl Setup {
    /// A run without a real browser.
    #[must_use]
    pub fn new(roots: rustls::RootCertStore, clock: Clock) -> Self {
        Self { roots, clock, browsers: None, slow_mo: Duration::ZERO, pictures: None, keep_open: false }
    }
}

/// Performs `plan` and hands back what happened.
///
/// Each actor has its own jar, connections and page. Connections go to the edge's listener of the actor, and those of the
/// http engine trust the setup's roots alone. A step that cannot be done, or whose expectations do not hold, ends the run.
/// Dropping the future closes every connection.
pub async fn drive(plan: &Plan, world: Arc<dyn World>, setup: Setup, observer: Arc<dyn Observer>) -> Chain {
    let Setup { roots, clock, browsers, slow_mo, pictures, keep_open } = setup;
    let scope = Scope { secrets: plan.secrets.clone(), clock: clock.clone(), ..Scope::default() };
    let tls = http::tls_config(roots);
    let mut actors = BTreeMap::new();
    each_step(&plan.steps, &mut |step| {
        let name = &step.actor;
        actors
            .entry(name.clone())
            .or_insert_with(|| Actor::new(name.clone(), world.endpoint(name), tls.clone(), &plan.policy, world.declared()));
    });
    let session = Session {
        plan,
        declared: world.declared().to_vec(),
        recorder: Arc::new(Recorder::new(scope, clock, observer)),
        actors,
        tls,
        browsers,
        slow_mo,
        pictures,
        ends: Instant::now() + plan.policy.run_timeout,
        world,
    };
    let frame = Frame { depth: 0, concurrent: false, announced: true, later: None };
    let went = session.whole(frame).await;
    // Whatever became of the others.
    for step in &plan.after {
        session.perform(step, frame).await;
    }
    session.recorder.set_calls(session.world.calls());
    session.recorder.set_messages(session.world.messages());
    let screens: Vec<_> = session.actors.into_values().filter_map(|actor| actor.screen.into_inner()).collect();
    for screen in screens {
        if keep_open && !went {
            screen.until_closed().await;
        }
        screen.close();
    }
    session.recorder.finish()
}

/// Everything that the steps of one run share.
pub(crate) struct Session<'a> {
    pub(super) plan: &'a Plan,
    pub(super) declared: Vec<Origin>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) world: Arc<dyn World>,
    actors: BTreeMap<Arc<str>, Actor>,
    /// How certificates are checked by whoever acts.
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) browsers: Option<Browsers>,
    /// How long to rest after each step in a real browser.
    pub(super) slow_mo: Duration,
    /// Where pictures go.
    pub(super) pictures: Option<PathBuf>,
    /// When the whole run must be over.
    pub(super) ends: Instant,
}

/// Steps of a try that may not be the last: they wait for their verdict.
pub(super) type Later<'p> = Mutex<Vec<(&'p Step, usize)>>;

/// Where a step stands among others.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a, 'p> {
    depth: usize,
    concurrent: bool,
    /// Whether the observer hears of its begin: not for further tries of a poll.
    announced: bool,
    /// Where verdicts have to wait, within a poll.
    later: Option<&'a Later<'p>>,
}

impl Frame<'_, '_> {
    /// The frame of the steps within a step.
    fn within(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

/// A step under way. It yields whether the run goes on.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

impl<'p> Session<'p> {
    /// Steps one after another, until one fails.
    pub(super) async fn in_order(&self, steps: &'p [Step], frame: Frame<'_, 'p>) -> bool {
        for step in steps {
            if !self.perform(step, frame).await {
                return false;
            }
        }
        true
    }

    pub(super) fn perform<'a>(&'a self, step: &'p Step, frame: Frame<'a, 'p>) -> Running<'a>
    where
        'p: 'a,
    {
        Box::pin(async move {
            let index = self.recorder.begin_step(step, frame.depth, frame.concurrent);
            if frame.announced {
                self.recorder.observer().step_began(step, frame.depth);
            }
            let begun = Instant::now();
            let outcome = self.act(step, index, frame).await;
            let went = self.close(step, index, begun, outcome, frame);
            // Not of tries that may be superseded, and of a step that failed because of one within, only that one.
            if !went
                && frame.later.is_none()
                && is_single(&step.verb)
                && let Some(actor) = self.actors.get(&step.actor)
            {
                self.photograph_failure(actor, index).await;
            }
            went
        })
    }

    /// Does what the verb says. `Ok(false)` when a step within failed, whose record says why.
    async fn act(&self, step: &'p Step, index: usize, frame: Frame<'_, 'p>) -> Result<bool, StepError> {
        if Instant::now() >= self.ends {
            return Err(StepError::RunTimeout(self.plan.policy.run_timeout));
        }
        let inner = frame.within();
        match &step.verb {
            Verb::Flow { steps, .. } => return Ok(self.in_order(steps, inner).await),
            Verb::Repeat(plan) => {
                for _ in 0..plan.times {
                    if !self.in_order(&plan.steps, inner).await {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            Verb::Race(steps) => {
                let inner = Frame { concurrent: true, ..inner };
                return Ok(all(steps.iter().map(|step| self.perform(step, inner)).collect()).await);
            }
            Verb::Poll { step, every, within } => return Ok(self.poll(step, *every, *within, frame).await),
            Verb::Boundary(plan) => return self.boundary(plan, inner).await,
            Verb::Limit(plan) => return self.limit(plan, index, inner).await,
            _ => {}
        }
        self.act_alone(step, index).await.map(|()| true)
    }

    /// The verbs without steps within.
    async fn act_alone(&self, step: &Step, index: usize) -> Result<(), StepError> {
        let Some(actor) = self.actors.get(&step.actor) else { return Err(StepError::NoPage(None)) };
        let deadline = self.ends.min(Instant::now() + step.timeout);
        if self.is_for_a_browser(&step.verb) {
            return self.act_in_browser(actor, index, step, deadline).await;
        }
        match &step.verb {
            Verb::Open(url) => self.open(actor, index, url, deadline).await,
            Verb::Click(locator) => self.click(actor, index, locator, deadline).await,
            Verb::Fill(fields) => self.fill(actor, fields),
            Verb::Press(key) => self.press(actor, index, key, deadline).await,
            Verb::Select(fields) => self.select(actor, fields),
            Verb::Wait(plan) => self.wait(actor, plan),
            Verb::Reload => self.reload(actor, index, deadline).await,
            Verb::Back => self.back(actor, index, deadline).await,
            Verb::Request(plan) => self.with_browser_cookies(actor, self.request(actor, index, plan, deadline)).await,
            Verb::Replay(plan) => self.with_browser_cookies(actor, self.replay(actor, index, plan, deadline)).await,
            Verb::Cookies(plan) => self.with_browser_cookies(actor, async { cookies::edit(&mut actor.jar(), plan, &self.recorder) }).await,
            Verb::Sleep(time) => self.sleep(*time).await,
            Verb::Calls(_) => {
                self.recorder.set_calls(self.world.calls());
                Ok(())
            }
            Verb::Probe(plan) => self.probe(actor, index, plan, step.timeout).await,
            Verb::Tcp(origin) => self.world.knock(origin).await.map_err(StepError::Knock),
            Verb::Inbox(plan) => self.inbox(index, plan).await,
            Verb::Clock(by) => self.advance(*by).await,
            Verb::Fault(change) => {
                self.world.switch_faults(change);
                Ok(())
            }
            Verb::RedisFault(change) => {
                self.world.switch_redis(change);
                Ok(())
            }
            Verb::Redis(plan) => self.look_into_redis(index, plan, deadline).await,
            Verb::Process(act) => {
                let scope = self.recorder.with_scope(Clone::clone);
                let done = tokio::time::timeout_at(deadline, self.world.process(act, scope)).await;
                let value =
                    done.map_err(|_| StepError::Process(format!("it took longer than {:?}", step.timeout)))?.map_err(StepError::Process)?;
                self.recorder.set_value(index, value);
                Ok(())
            }
            // Both look at what is there; the observer judges it.
            Verb::Expect | Verb::DeepLink(_) => Ok(()),
            Verb::Fetch(plan) => self.fetch(actor, index, plan, deadline).await,
            Verb::Tab(_) | Verb::Script(_) | Verb::Screenshot(_) | Verb::Dialog(_) | Verb::Passkey(_) => Err(StepError::NeedsBrowser),
            Verb::Race(_) | Verb::Repeat(_) | Verb::Poll { .. } | Verb::Flow { .. } | Verb::Boundary(_) | Verb::Limit(_) => Ok(()),
        }
    }

    /// Does what changes cookies outside of a real browser, with those that the actor's browser has, if there is one.
    async fn with_browser_cookies(&self, actor: &Actor, work: impl Future<Output = Result<(), StepError>>) -> Result<(), StepError> {
        let Some(screen) = actor.screen.get() else { return work.await };
        screen.pull(actor.jar_lock(), self.recorder.clock()).await?;
        let done = work.await;
        screen.push(actor.jar_lock(), self.recorder.clock()).await?;
        done
    }

    /// Moves the run's clock for everything that lives by it.
    pub(super) async fn advance(&self, by: Duration) -> Result<(), StepError> {
        self.recorder.clock().advance(by);
        self.world.clock_moved().map_err(StepError::Clock)?;
        self.age_redis(by).await?;
        for screen in self.actors.values().filter_map(|actor| actor.screen.get()) {
            screen.clock_moved(by, self.recorder.clock().ahead(), self.ends).await?;
        }
        Ok(())
    }

    async fn sleep(&self, time: Duration) -> Result<(), StepError> {
        let until = Instant::now() + time;
        tokio::time::sleep_until(until.min(self.ends)).await;
        if until > self.ends { Err(StepError::RunTimeout(self.plan.policy.run_timeout)) } else { Ok(()) }
    }

    /// Tries a step until it goes well or `within` has passed, the last time at that very moment. Only the last try gets
    /// verdicts.
    async fn poll(&self, step: &'p Step, every: Duration, within: Duration, frame: Frame<'_, 'p>) -> bool {
        let until = self.ends.min(Instant::now() + within);
        let mut announced = frame.announced;
        loop {
            let last = Instant::now() >= until;
            let tried = Later::default();
            let inner = Frame { announced, later: Some(&tried), ..frame.within() };
            let went = self.perform(step, inner).await;
            if went || last {
                let tried = tried.into_inner().unwrap_or_else(PoisonError::into_inner);
                // Every step gets its verdict, also behind one that failed.
                return tried.into_iter().fold(went, |holds, (step, index)| self.rule(step, index, frame) && holds);
            }
            announced = false;
            tokio::time::sleep_until(until.min(Instant::now() + every)).await;
        }
    }

    /// Fills a step's record, keeps its captures, and has it judged. Says whether the run goes on.
    fn close(&self, step: &'p Step, index: usize, begun: Instant, outcome: Result<bool, StepError>, frame: Frame<'_, 'p>) -> bool {
        let (mut went, mut captured) = (matches!(outcome, Ok(true)) || outcome.is_err() && step.is_meant_to_fail(), Vec::new());
        if let Err(error) = &outcome
            && error.is_of_the_environment()
        {
            self.recorder.observer().lost(&error.to_string());
        }
        let error = outcome.err().map(|error| error.to_string());
        let Some(actor) = self.actors.get(&step.actor) else { return false };
        let (page, title, text, deep_link) = actor.tab().shown();
        let jar = cookies::snapshot(&actor.jar(), self.recorder.clock().now());
        self.recorder.end_step(index, Ended { took: begun.elapsed(), page, deep_link, title, text, jar, error });
        if went && !step.capture.is_empty() {
            let jar = actor.jar();
            let read = self.recorder.with_chain(|chain, _| capture::read(&step.capture, chain, index, &jar));
            match read.and_then(|values| self.recorder.compare(&step.capture, &values).map(|()| values)) {
                Ok(values) => captured = values,
                Err(error) => {
                    went = false;
                    // Where an expectation fails, that is the story, and the missing value its consequence.
                    if self.recorder.would_hold(step, index) {
                        self.recorder.set_error(index, error.to_string());
                    }
                }
            }
        }
        let holds = self.rule(step, index, frame);
        if went && holds {
            self.recorder.capture(step.id.as_deref(), captured);
        }
        went && holds
    }

    /// A verdict now or, for a try, when it is clear that it is the last.
    fn rule(&self, step: &'p Step, index: usize, frame: Frame<'_, 'p>) -> bool {
        match frame.later {
            None => self.recorder.judge(step, index),
            Some(later) => {
                later.lock().unwrap_or_else(PoisonError::into_inner).push((step, index));
                self.recorder.would_hold(step, index)
            }
        }
    }
}

/// Whether a step has no steps within.
fn is_single(verb: &Verb) -> bool {
    !matches!(verb, Verb::Flow { .. } | Verb::Repeat(_) | Verb::Race(_) | Verb::Poll { .. } | Verb::Boundary(_) | Verb::Limit(_))
}

/// Runs all at the same time, to their ends, and says whether all went well. They begin in their order.
async fn all(mut running: Vec<Running<'_>>) -> bool {
    let mut results: Vec<Option<bool>> = vec![None; running.len()];
    poll_fn(|context| {
        for (running, result) in running.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(went) = running.as_mut().poll(context)
            {
                *result = Some(went);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().all(|went| went == Some(true))
}
