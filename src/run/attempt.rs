//! One try at one plan: stand up, drive, judge, keep.

use super::event::RunId;
use super::observer::Judge;
use super::world::Stage;
use super::{Cancel, Engines, Event, Listener, Request, snapshots};
use crate::base::{Clock, Redactor, Sources, clock};
use crate::drive::{self, Browsers};
use crate::judge::snapshot::Comparison;
use crate::judge::{self, diagnose, snapshot};
use crate::plan::{self, Plan, Scope, StepId};
use crate::report::{self, Beside, Finished, Judged, ProcessLog, SnapshotOutcome, Standing, StepVerdicts, Trouble};
use crate::topology::{self, Topology};
use crate::trace::Chain;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// One try.
pub(super) struct Attempt<'a> {
    pub id: RunId,
    pub plan: &'a Arc<Plan>,
    pub sources: &'a Arc<Sources>,
    pub request: &'a Request,
    pub listener: &'a Arc<dyn Listener>,
    pub cancel: &'a Cancel,
    /// Where real browsers come from.
    pub browsers: &'a Browsers,
    /// What the http engine's chain has in common with any other's, for a run of the same plan in a real browser.
    pub reference: Option<&'a str>,
}

/// What a try came to.
pub(super) struct Made {
    pub finished: Finished,
    /// The chain as text, without what only a real browser asks for; where engines are compared.
    pub common: Option<String>,
}

/// What was driven, before it is judged as a whole.
#[derive(Default)]
struct Driven {
    chain: Chain,
    verdicts: Vec<StepVerdicts>,
    logs: Vec<ProcessLog>,
    trouble: Option<Trouble>,
    interrupted: bool,
}

impl Attempt<'_> {
    /// Makes it. What goes wrong is part of the result.
    pub(super) async fn make(&self) -> Made {
        let (started, began) = (clock::wall(), Instant::now());
        let redactor = Redactor::default();
        self.plan.secrets.values().for_each(|secret| redactor.learn(secret));
        let driven = self.stand_up_and_drive(&redactor).await;
        let mut made = self.judge(driven, redactor);
        (made.finished.started, made.finished.took) = (started, began.elapsed());
        made
    }

    async fn stand_up_and_drive(&self, redactor: &Redactor) -> Driven {
        let clock = Clock::default();
        let context = match self.context(&clock, redactor) {
            Ok(context) => context,
            Err(trouble) => return Driven { trouble: Some(trouble), ..Driven::default() },
        };
        let topology = tokio::select! {
            topology = Topology::start(&self.plan.origins, context) => topology,
            () = self.cancel.cancelled() => {
                topology::settled().await;
                return Driven { interrupted: true, ..Driven::default() };
            }
        };
        let topology = match topology {
            Ok(topology) => Arc::new(topology),
            Err(error) => return Driven { trouble: Some(self.trouble_of(&error)), ..Driven::default() },
        };
        let mut driven = self.drive(&topology, clock, redactor).await;
        driven.logs = topology.logs().into_iter().map(|(origin, lines)| ProcessLog { origin, lines }).collect();
        if let Some(casualty) = topology.casualties().first() {
            let hints = vec!["its last lines are shown below".to_owned()];
            driven.trouble = Some(Trouble { message: casualty.to_string(), hints, usage: false });
        }
        topology.stop().await;
        driven
    }

    fn context(&self, clock: &Clock, redactor: &Redactor) -> Result<topology::Context, Trouble> {
        let exe = self.request.executable.clone().map_or_else(std::env::current_exe, Ok).map_err(|error| Trouble {
            message: format!("failed to find the running executable: {error}"),
            hints: Vec::new(),
            usage: false,
        })?;
        let (id, listener) = (self.id, self.listener.clone());
        Ok(topology::Context {
            clock: clock.clone(),
            redactor: redactor.clone(),
            live: self.request.live || self.plan.policy.live,
            exe,
            scope: Scope { secrets: self.plan.secrets.clone(), clock: clock.clone(), ..Scope::default() },
            services: self.plan.services.clone(),
            moves_clock: self.plan.moves_clock(),
            matches: Arc::new(judge::expect::holds),
            max_body: self.plan.policy.max_body,
            edge: self.request.browser.edge(),
            log: Arc::new(move |event| match event {
                topology::Event::Ready { of, took } => listener.event(Event::Ready(id, &of, took)),
                topology::Event::Log { of, line } => listener.event(Event::Printed(id, &of, &line)),
                topology::Event::Starting { .. } => {}
            }),
        })
    }

    async fn drive(&self, topology: &Arc<Topology>, clock: Clock, redactor: &Redactor) -> Driven {
        let world = Arc::new(Stage::new(topology.clone(), self.plan));
        let judge = Arc::new(Judge::new(self.id, self.listener.clone(), redactor.clone()));
        let setup = drive::Setup {
            roots: topology.authority().roots(),
            clock,
            browsers: Some(self.browsers.clone()),
            slow_mo: self.request.slow_mo,
            pictures: self.pictures(),
            keep_open: self.request.keep_open,
        };
        let drive = drive::drive(self.plan, world, setup, judge.clone());
        let (chain, interrupted) = tokio::select! {
            chain = drive => (chain, false),
            () = self.cancel.cancelled() => (Chain::default(), true),
        };
        let trouble = judge.lost().map(|message| Trouble {
            message,
            hints: vec!["`authchain doctor` says what this machine has for runs in a real browser".to_owned()],
            usage: false,
        });
        Driven { chain, verdicts: judge.verdicts(), interrupted, trouble, ..Driven::default() }
    }

    fn judge(&self, driven: Driven, redactor: Redactor) -> Made {
        let Driven { chain, verdicts, logs, trouble, interrupted } = driven;
        let without_values = report::without_values(&redactor, &chain);
        // Of a service that is down, nothing is known but that.
        let down = self.down(&chain, &verdicts);
        let found = if down.is_some() { Vec::new() } else { judge::hiding(&without_values, || diagnose::diagnose(&**self.plan, &chain)) };
        let trouble = trouble.or(down);
        // A rule about cookies that stayed at home has nothing to go by where the browser does not tell of them.
        let blind = |rule: &str| {
            !chain.visibility.withheld && diagnose::rules().iter().any(|known| known.id == rule && known.family == diagnose::Family::Sent)
        };
        let shown = |rule: &str| found.iter().any(|finding| finding.rule == rule);
        let absent = self.plan.finds.iter().filter(|rule| !shown(rule) && !blind(rule));
        let absent = if trouble.is_none() && !interrupted { absent.cloned().collect() } else { Vec::new() };
        let findings = found.into_iter().map(|finding| {
            let standing = Standing::of(&finding, &self.plan.finds, &self.plan.allow);
            Judged { finding, standing }
        });
        let reached = chain.steps.iter().map(|step| step.number).filter(|number| !StepId(*number).is_added()).max();
        let not_run = self.plan.steps.iter().filter(|step| reached.is_none_or(|reached| step.number.0 > reached));
        let blocked = |step: &&plan::Step| chain.blocked.iter().any(|blocked| blocked.number == step.number.0);
        let mut finished = Finished {
            name: self.plan.id(),
            title: self.plan.title.clone(),
            file: self.plan.file.clone(),
            variant: self.plan.variant.clone(),
            engine: self.plan.engine.name(),
            profile: self.plan.profile.clone(),
            covers: self.plan.covers.clone(),
            attempts: 1,
            started: clock::wall(),
            took: std::time::Duration::ZERO,
            verdicts,
            snapshot: SnapshotOutcome::Off,
            beside: Beside::Alone,
            findings: findings.collect(),
            absent,
            // How far an interrupted run came is not known.
            not_run: not_run.filter(|step| !interrupted && !blocked(step)).map(|step| step.label.clone()).collect(),
            trouble,
            logs,
            interrupted,
            sources: self.sources.clone(),
            redactor,
            chain,
        };
        if self.plan.policy.snapshot && finished.trouble.is_none() && !interrupted {
            let text = snapshot::render(self.plan, &finished.chain, &finished.redactor);
            let sees = finished.chain.visibility.withheld;
            match snapshots::judge(self.plan, &text, self.request.snapshots, finished.steps_hold(), sees) {
                Ok(SnapshotOutcome::Drift { mut diff, pending }) => {
                    diff.find_hop(&snapshot::numbered(self.plan, &finished.chain, &finished.redactor));
                    finished.snapshot = SnapshotOutcome::Drift { diff, pending };
                }
                Ok(outcome) => finished.snapshot = outcome,
                Err(trouble) => finished.trouble = Some(trouble),
            }
        }
        let comparable = self.request.engines == Engines::Both && finished.trouble.is_none() && !interrupted;
        let common = comparable.then(|| snapshot::render_common(self.plan, &finished.chain, &finished.redactor));
        if let (Some(reference), Some(common)) = (self.reference, &common) {
            finished.beside = self.beside(reference, common, finished.chain.visibility.withheld);
        }
        // Only now: a snapshot names values by its own labels, which are the same in every run.
        finished.redactor = without_values;
        Made { finished, common }
    }

    /// What is wrong when a step that only looks whether the services are up did not go well.
    fn down(&self, chain: &Chain, verdicts: &[StepVerdicts]) -> Option<Trouble> {
        let smoke = self.plan.steps.get(..self.plan.smoke)?;
        let behind = self.plan.steps.get(self.plan.smoke).map_or(u32::MAX, |step| step.number.0);
        let failed = chain.steps.iter().enumerate().filter(|(_, step)| step.number < behind && !smoke.is_empty()).find(|(at, step)| {
            let unmet = verdicts.iter().any(|own| own.step == *at && !own.verdicts.iter().all(judge::expect::Verdict::is_met));
            unmet || step.error.is_some() && !step.meant_to_fail
        });
        let (_, step) = failed?;
        Some(Trouble {
            message: format!("the service is down: smoke step `{}` did not go well", step.label),
            hints: vec!["no other step was done: whether auth works is not known".to_owned()],
            usage: false,
        })
    }

    /// How the browser's chain compares with the http engine's.
    fn beside(&self, http: &str, browser: &str, sees: bool) -> Beside {
        let http = if sees { http.to_owned() } else { snapshot::without_withheld(http) };
        match snapshot::compare(&http, browser, &self.plan.transitions) {
            Comparison::Drift(diff) => Beside::Differs { diff, because: self.plan.differs.clone() },
            Comparison::Same | Comparison::Allowed(_) => Beside::Same,
        }
    }

    /// A folder of this run's own for pictures.
    fn pictures(&self) -> Option<PathBuf> {
        let name: String =
            self.plan.id().chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '@') { c } else { '-' }).collect();
        self.request.artifacts.as_ref().map(|folder| folder.join(name.trim_matches('-')))
    }

    fn trouble_of(&self, error: &topology::TopologyError) -> Trouble {
        let place = error.declared().map(|declared| format!("\nat {}", self.sources.place(declared.span))).unwrap_or_default();
        Trouble { message: format!("{error}{place}"), hints: error.hints(), usage: error.is_usage() }
    }
}
