//! Who performs the pages of a run.

use super::BrowserKind;
use crate::base::{Diagnostic, Sources};
use crate::plan::{Browser, Engine, Plan};
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
            // Without pages there is nothing that a browser could do otherwise.
            (Self::Both, None) if !plan.has_pages() => vec![Engine::Http],
            (Self::Both, None) => Engine::ALL.to_vec(),
            (Self::Http, needs) => needs.is_none_or(|needs| needs == Engine::Http).then_some(Engine::Http).into_iter().collect(),
            (Self::Browser, needs) => needs.is_none_or(|needs| needs == Engine::Browser).then_some(Engine::Browser).into_iter().collect(),
        }
    }
}

/// Plans with the files they come from.
type Plans = Vec<(Arc<Plan>, Arc<Sources>)>;

/// One run for each engine that is asked for, those of one plan together; and a word on what is left out.
pub(super) fn assign(plans: Plans, engines: Engines, kind: BrowserKind) -> (Plans, Vec<Diagnostic>) {
    let (mut left_out, mut elsewhere) = (0, 0);
    let mut assigned = Vec::with_capacity(plans.len());
    for (plan, sources) in plans {
        let mut performers = engines.of(&plan);
        left_out += usize::from(performers.is_empty());
        let asked = performers.len();
        performers.retain(|engine| is_about(&plan, *engine, kind));
        elsewhere += usize::from(performers.len() < asked);
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
    let other = (elsewhere > 0).then(|| {
        let runs = if elsewhere == 1 { "1 run is".to_owned() } else { format!("{elsewhere} runs are") };
        Diagnostic::warning(format!("{runs} about another browser than {} and left out", browser_of(kind).name()))
            .hint("`browser:` in the scenario says which; `--browser` chooses it")
    });
    (assigned, word.into_iter().chain(other).collect())
}

/// Whether a plan is about what this engine shows.
fn is_about(plan: &Plan, engine: Engine, kind: BrowserKind) -> bool {
    let performer = if engine == Engine::Browser { browser_of(kind) } else { Browser::Chromium };
    plan.browser.is_none_or(|browser| browser == performer)
}

fn browser_of(kind: BrowserKind) -> Browser {
    match kind {
        BrowserKind::Chromium => Browser::Chromium,
        BrowserKind::Firefox => Browser::Firefox,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{environment::Fixed, load_from};
    use std::path::Path;

    /// Names of the runs of three scenarios: one for any engine, one that needs a real browser, one that must not have one.
    fn runs(engines: Engines) -> (Vec<String>, Vec<String>) {
        runs_in(engines, BrowserKind::Chromium)
    }

    fn runs_in(engines: Engines, kind: BrowserKind) -> (Vec<String>, Vec<String>) {
        let made = |engine: &str, verb: &str| {
            format!("scenario: s\n{engine}origins: {{ https://a.test: {{ stub: [] }} }}\nsteps: [{{ {verb} }}]\n")
        };
        let scenario = |engine: &str| made(engine, "open: https://a.test/");
        let world = Fixed::default()
            .file("api.yaml", made("", "get: https://a.test/"))
            .file("any.yaml", scenario(""))
            .file("real.yaml", scenario("engine: browser\n"))
            .file("plain.yaml", scenario("engine: http\n"))
            .file("one.yaml", scenario("engine: browser\nbrowser: chromium\n"));
        let world = Arc::new(world);
        let plans = ["api.yaml", "any.yaml", "real.yaml", "plain.yaml", "one.yaml"].map(|file| {
            let loaded = load_from(Path::new(file), &mut Sources::default(), world.clone()).unwrap();
            (Arc::new(crate::plan::compile(&loaded, None).unwrap().plans.remove(0)), Arc::default())
        });
        let (assigned, word) = assign(plans.to_vec(), engines, kind);
        let named = |plan: &Plan| format!("{} {}", plan.id(), plan.engine.name());
        (assigned.iter().map(|(plan, _)| named(plan)).collect(), word.into_iter().map(|word| word.message).collect())
    }

    #[test]
    fn each_scenario_is_run_by_who_can_and_may() {
        assert_eq!(runs(Engines::Auto), (names(&["api http", "any http", "real browser", "plain http", "one browser"]), vec![]));
        assert_eq!(
            runs(Engines::Both),
            (names(&["api http", "any http", "any@browser browser", "real browser", "plain http", "one browser"]), vec![])
        );
    }

    #[test]
    fn what_is_left_out_is_told() {
        let word = "2 runs need a real browser and are left out";
        assert_eq!(runs(Engines::Http), (names(&["api http", "any http", "plain http"]), names(&[word])));
        let word = "1 run needs the http engine and is left out";
        assert_eq!(
            runs(Engines::Browser),
            (names(&["api@browser browser", "any@browser browser", "real browser", "one browser"]), names(&[word]))
        );
        let (runs, words) = runs_in(Engines::Auto, BrowserKind::Firefox);
        assert_eq!(runs, names(&["api http", "any http", "real browser", "plain http"]));
        assert_eq!(words, names(&["1 run is about another browser than firefox and left out"]));
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }
}
