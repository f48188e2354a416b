//! What `--probe` adds to a run: what is asked of each actor's session when all steps are done, or one of them failed.

use crate::plan::{Backend, Plan, ProbePlan, Step, StepId, Verb, each_step};
use crate::web::origin::Origin;
use std::sync::Arc;

/// Most actors whose session is asked about.
const MOST_ACTORS: usize = 8;

/// Adds the probes. Real origins are left alone unless the command line allows them: what is asked there is asked of people's
/// own servers.
pub(super) fn add(plan: &mut Plan, live: bool) {
    let spares: Vec<Origin> =
        plan.origins.iter().filter(|origin| !live && is_real(&origin.backend)).map(|origin| origin.origin.clone()).collect();
    let mut actors: Vec<&Step> = Vec::new();
    each_step(&plan.steps, &mut |step| {
        if actors.len() < MOST_ACTORS && !actors.iter().any(|known| known.actor == step.actor) {
            actors.push(step);
        }
    });
    let probes = actors.into_iter().flat_map(|first| ProbePlan::added(&spares).map(|probe| (first, probe)));
    let steps = probes.zip(StepId::ADDED..).map(|((first, probe), number)| Step {
        number: StepId(number),
        id: None,
        label: probe.label(),
        span: first.span,
        actor: Arc::clone(&first.actor),
        verb: Verb::Probe(Box::new(probe)),
        expect: Vec::new(),
        capture: Vec::new(),
        needs: Vec::new(),
        timeout: plan.policy.step_timeout,
    });
    plan.after = steps.collect();
}

fn is_real(backend: &Backend) -> bool {
    matches!(backend, Backend::Upstream(upstream) if !upstream.local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Sources;
    use crate::plan::ProbeAbout;
    use crate::scenario::{environment::Fixed, load_from};
    use std::path::Path;

    #[test]
    fn every_actor_is_asked_about_and_real_origins_are_spared() {
        let text = "scenario: s\norigins: { https://a.test: { stub: [] }, https://b.test: { upstream: https://b.test } }\n\
                    steps: [{ open: https://a.test/ }, { open: https://a.test/, as: eve }]\n";
        let world = Arc::new(Fixed::default().file("a.yaml", text));
        let loaded = load_from(Path::new("a.yaml"), &mut Sources::default(), world).unwrap();
        let mut plan = crate::plan::compile(&loaded, None).unwrap().plans.remove(0);
        for (live, spared) in [(false, 1), (true, 0)] {
            add(&mut plan, live);
            let about: Vec<_> = plan
                .after
                .iter()
                .map(|step| match &step.verb {
                    Verb::Probe(probe) => (&*step.actor, matches!(probe.about, ProbeAbout::Session(_)), probe.spares.len()),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(about, [("user", true, spared), ("user", false, spared), ("eve", true, spared), ("eve", false, spared)]);
            assert!(plan.after.iter().all(|step| step.number.is_added()));
        }
    }
}
