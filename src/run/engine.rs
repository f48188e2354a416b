//! Who performs the pages of a run.

use crate::base::{Diagnostic, Sources};
use crate::plan::{Engine, Plan};
use std::sync::Arc;

/// Which engines a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Engines {
    /// `http`, but a real browser for scenarios that need one.
    #[default]
    Auto,
    /// Forms and links from HTML, no script, a jar that acts as a browser's.
    Http,
    /// A real browser.
    Browser,
    /// One after the other, and where they differ.
    Both,
}

impl Engines {
    /// Who performs `plan`, in order; nobody when it needs what is not asked for.
    fn of(self, plan: &Plan) -> Vec<Engine> {
        match (self, plan.needs) {
            (Self::Auto | Self::Both, Some(needs)) => vec![needs],
            (Self::Auto, None) => vec![Engine::Http],
            (Self::Both, None) => Engine::ALL.to_vec(),
            (Self::Http, needs) => needs.is_none_or(|needs| needs == Engine::Http).then_some(Engine::Http).into_iter().collect(),
            (Self::Browser, needs) => needs.is_none_or(|needs| needs == Engine::Browser).then_some(Engine::Browser).into_iter().collect(),
        }
    }
}

/// One run for each engine that is asked for, those of one plan together; and a word on what is left out.
pub(super) fn assign(plans: Vec<(Arc<Plan>, Arc<Sources>)>, engines: Engines) -> (Vec<(Arc<Plan>, Arc<Sources>)>, Option<Diagnostic>) {
    let mut left_out = 0;
    let mut assigned = Vec::with_capacity(plans.len());
    for (plan, sources) in plans {
        let performers = engines.of(&plan);
        left_out += usize::from(performers.is_empty());
        for engine in performers {
            let plan = if engine == plan.engine { plan.clone() } else { Arc::new(Plan { engine, ..(*plan).clone() }) };
            assigned.push((plan, sources.clone()));
        }
    }
    let needed = if engines == Engines::Http { "a real browser" } else { "the http engine" };
    let word = (left_out > 0).then(|| {
        let runs = if left_out == 1 { "1 run needs".to_owned() } else { format!("{left_out} runs need") };
        Diagnostic::warning(format!("{runs} {needed} and {} left out", if left_out == 1 { "is" } else { "are" }))
            .hint("leave out `--engine`, or write `--engine both`")
    });
    (assigned, word)
}
