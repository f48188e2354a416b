//! Reads a scenario file and the files it uses, and lays them together.

use super::environment::{Diagnostics, Environment};
use super::file::{Profile, Scenario};
use super::node;
use super::read::{FromYaml, Map, Reader, Text};
use crate::base::{Diagnostic, Sources, Span};
use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// Files that use files that use files …
const MAX_DEPTH: usize = 16;

/// A scenario with all that it uses.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The scenario, with what it uses laid beneath it.
    pub scenario: Scenario,
    /// The file, as it was asked for.
    pub file: PathBuf,
    /// Every file that was read, for messages.
    pub sources: Sources,
    /// Where secrets and `${env.X}` come from.
    pub environment: Arc<dyn Environment>,
}

/// The files and variables of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Environment for System {
    #[allow(clippy::disallowed_methods, clippy::disallowed_types)] // The one place that reads scenario files.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[allow(clippy::disallowed_methods)] // The one place that reads the environment for scenarios.
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Reads the scenario at `path` with the files and variables of this process; what is read goes to `sources`.
///
/// # Errors
/// Everything that is wrong in the files, as far as it shows without compiling: unreadable, no YAML, unknown keys, include cycles.
pub fn load(path: &Path, sources: &mut Sources) -> Result<Loaded, Diagnostics> {
    load_from(path, sources, Arc::new(System))
}

/// [`load`] with files and variables from `environment`.
///
/// # Errors
/// As [`load`].
pub fn load_from(path: &Path, sources: &mut Sources, environment: Arc<dyn Environment>) -> Result<Loaded, Diagnostics> {
    let mut loading = Loading { environment: &*environment, sources, diagnostics: Vec::new(), chain: Vec::new(), done: HashMap::new() };
    let scenario = loading.file(path, None);
    let mut diagnostics = loading.diagnostics;
    if let Some(scenario) = &scenario {
        diagnostics.extend(incomplete(scenario, sources, path));
    }
    match scenario {
        Some(scenario) if diagnostics.is_empty() => Ok(Loaded { scenario, file: path.to_owned(), sources: sources.clone(), environment }),
        _ => Err(Diagnostics::in_order(diagnostics)),
    }
}

/// The YAML of the file at `path`; what is read goes to `sources`. `begin` says how such a file begins.
pub(super) fn read_node(
    environment: &dyn Environment,
    sources: &mut Sources,
    path: &Path,
    begin: &str,
) -> Result<node::Node, Box<Diagnostic>> {
    let shown = path.display();
    let bytes = environment.read(path, MAX_BYTES + 1).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Diagnostic::error(format!("cannot read {shown}: {why}"))
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        let told = Diagnostic::error(format!("{shown} is too large: at most {} KiB", MAX_BYTES / 1024));
        return Err(Box::new(told.hint("split the file and join it with `use:`")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let id = sources.add(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
        let told = Diagnostic::error(format!("{shown} is not UTF-8: byte {at} does not belong"));
        told.hint("save the file as UTF-8").at(Span::new(id, at..at + 1), "")
    })?;
    let id = sources.add(path, text.clone());
    match node::parse(id, &text)? {
        Some(node) => Ok(node),
        None => Err(Box::new(Diagnostic::error(format!("{shown} is empty")).hint(begin))),
    }
}

/// What a file that is run must say.
fn incomplete(scenario: &Scenario, sources: &Sources, path: &Path) -> Vec<Diagnostic> {
    let top = sources.find(&normal(path)).map(|id| Span::new(id, 0..0));
    let at = |diagnostic: Diagnostic| match top {
        Some(span) => diagnostic.at(span, ""),
        None => diagnostic,
    };
    let mut found = Vec::new();
    if scenario.scenario.is_none() {
        found.push(at(Diagnostic::error("`scenario` is missing")).hint("begin with `scenario: what this shows, in one sentence`"));
    }
    match &scenario.steps {
        None => found.push(at(Diagnostic::error("`steps` is missing")).hint("add `steps:` with what is done, in order")),
        Some(steps) if steps.is_empty() => found.push(at(Diagnostic::error("`steps` is empty")).hint("add what is done, in order")),
        Some(_) => {}
    }
    found
}

struct Loading<'a> {
    environment: &'a dyn Environment,
    sources: &'a mut Sources,
    diagnostics: Vec<Diagnostic>,
    /// The files that are being read now, outermost first.
    chain: Vec<PathBuf>,
    /// Files that were read already: a file that two others use is read once.
    done: HashMap<PathBuf, Option<Scenario>>,
}

impl Loading<'_> {
    fn fault(&mut self, diagnostic: Diagnostic, asked: Option<Span>) {
        self.diagnostics.push(match asked {
            Some(span) => diagnostic.at(span, ""),
            None => diagnostic,
        });
    }

    /// The file at `path` with what it uses, for the `use` at `asked`.
    fn file(&mut self, path: &Path, asked: Option<Span>) -> Option<Scenario> {
        let path = normal(path);
        if let Some(start) = self.chain.iter().position(|open| *open == path) {
            let cycle = self.chain[start..].iter().chain([&path]).map(|path| path.display().to_string()).collect::<Vec<_>>();
            let told = Diagnostic::error(format!("files use each other in a cycle: {}", cycle.join(" → ")));
            self.fault(told.hint("move what both need into a third file"), asked);
            return None;
        }
        if let Some(done) = self.done.get(&path) {
            return done.clone();
        }
        if self.chain.len() >= MAX_DEPTH {
            self.fault(Diagnostic::error(format!("files use files more than {MAX_DEPTH} deep")), asked);
            return None;
        }
        self.chain.push(path.clone());
        let scenario = self.read(&path, asked).map(|scenario| self.with_used(scenario, &path));
        self.chain.pop();
        self.done.insert(path, scenario.clone());
        scenario
    }

    /// One file by itself.
    fn read(&mut self, path: &Path, asked: Option<Span>) -> Option<Scenario> {
        let node = match read_node(self.environment, self.sources, path, "begin with `scenario: what this shows`") {
            Ok(node) => node,
            Err(diagnostic) if diagnostic.at.is_none() => {
                self.fault(*diagnostic, asked);
                return None;
            }
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                return None;
            }
        };
        if node.entries().is_none() {
            let told = Diagnostic::error(format!("a scenario is a mapping, this is {}", node.describe()));
            self.fault(told.hint("begin with `scenario: what this shows`"), Some(node.span));
            return None;
        }
        let mut reader = Reader::default();
        let scenario = Scenario::read(&node, &mut reader);
        let failed = !reader.diagnostics.is_empty();
        self.diagnostics.append(&mut reader.diagnostics);
        if asked.is_some() {
            self.only_shared(&node);
        }
        scenario.filter(|_| !failed)
    }

    /// A file that others use holds shared parts, and no run of its own.
    fn only_shared(&mut self, node: &node::Node) {
        const OWN: [&str; 6] = ["scenario", "steps", "variants", "tags", "covers", "finds"];
        for (key, _) in node.entries().unwrap_or_default() {
            if OWN.contains(&key.name.as_str()) {
                let told = Diagnostic::error(format!("`{}` has no meaning in a file that others use", key.name));
                self.fault(told.hint("keep shared parts in a file of their own"), Some(key.span));
            }
        }
    }

    /// `scenario` over the files it uses, the later of them over the earlier.
    fn with_used(&mut self, mut scenario: Scenario, path: &Path) -> Scenario {
        let used = std::mem::take(&mut scenario.r#use).0;
        let mut below: Option<Scenario> = None;
        for Text { value, span } in used {
            let beside = path.parent().unwrap_or(Path::new("")).join(&value);
            if let Some(other) = self.file(&beside, Some(span)) {
                below = Some(match below {
                    Some(first) => over(other, first),
                    None => other,
                });
            }
        }
        match below {
            Some(below) => over(scenario, below),
            None => scenario,
        }
    }
}

/// `above` laid over `below`: what both say is said by `above`.
fn over(above: Scenario, below: Scenario) -> Scenario {
    let mut profiles = below.profiles;
    for (key, profile) in above.profiles.0 {
        match profiles.0.iter_mut().find(|(known, _)| known.name == key.name) {
            Some((_, known)) => overlay_profile(known, profile),
            None => profiles.0.push((key, profile)),
        }
    }
    let settings = match (above.settings, below.settings) {
        (Some(above), Some(below)) => Some(above.over(below)),
        (above, below) => above.or(below),
    };
    let mut transitions = below.transitions;
    transitions.extend(above.transitions);
    Scenario {
        variables: laid(below.variables, above.variables),
        secrets: laid(below.secrets, above.secrets),
        flows: laid(below.flows, above.flows),
        allow: laid(below.allow, above.allow),
        origins: laid(below.origins, above.origins),
        services: laid(below.services, above.services),
        profiles,
        settings,
        engine: above.engine.or(below.engine),
        smoke: above.smoke.or(below.smoke),
        differs: above.differs.or(below.differs),
        transitions,
        ..above
    }
}

fn laid<T>(mut below: Map<T>, above: Map<T>) -> Map<T> {
    below.overlay(above);
    below
}

fn overlay_profile(below: &mut Profile, above: Profile) {
    below.origins.overlay(above.origins);
    below.variables.overlay(above.variables);
    below.secrets.overlay(above.secrets);
    below.live = above.live.or(below.live);
}

/// `path` without `.` and, where they can be told from the text alone, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::environment::Fixed;

    const STEPS: &str = "scenario: s\nsteps: [{ sleep: 1s }]\n";

    fn loaded(world: Fixed) -> Result<Loaded, Diagnostics> {
        load_from(Path::new("a/main.yaml"), &mut Sources::default(), Arc::new(world))
    }

    #[test]
    fn what_the_file_says_wins_over_what_it_uses() {
        let world = Fixed::default()
            .file("a/main.yaml", format!("{STEPS}use: [_one.yaml, ../b/_two.yaml]\nvariables: {{ c: main }}\n"))
            .file("a/_one.yaml", "variables: { a: one, b: one, c: one }")
            .file("b/_two.yaml", "variables: { b: two, c: two }");
        let scenario = loaded(world).unwrap().scenario;
        let all: Vec<_> = scenario.variables.0.iter().map(|(key, text)| (key.name.as_str(), text.value.as_str())).collect();
        assert_eq!(all, [("a", "one"), ("b", "two"), ("c", "main")]);
    }

    #[test]
    fn profiles_of_the_same_name_are_laid_over_each_other() {
        let world = Fixed::default()
            .file("a/main.yaml", format!("{STEPS}use: _one.yaml\nprofiles: {{ p: {{ variables: {{ y: 2 }} }} }}\n"))
            .file("a/_one.yaml", "profiles: { p: { live: true, variables: { x: 1, y: 1 } } }");
        let scenario = loaded(world).unwrap().scenario;
        let profile = scenario.profiles.get("p").unwrap();
        assert_eq!(profile.live, Some(true));
        assert_eq!(profile.variables.get("x").unwrap().value, "1");
        assert_eq!(profile.variables.get("y").unwrap().value, "2");
    }

    #[test]
    fn a_file_used_twice_is_no_cycle() {
        let world = Fixed::default()
            .file("a/main.yaml", format!("{STEPS}use: [_one.yaml, _two.yaml]\n"))
            .file("a/_one.yaml", "use: _base.yaml")
            .file("a/_two.yaml", "use: ./_base.yaml")
            .file("a/_base.yaml", "variables: { a: base }");
        let loaded = loaded(world).unwrap();
        assert_eq!(loaded.scenario.variables.get("a").unwrap().value, "base");
    }

    #[test]
    fn using_files_too_deep_is_refused() {
        let mut world = Fixed::default().file("a/main.yaml", format!("{STEPS}use: f0.yaml\n"));
        for n in 0..20 {
            world = world.file(format!("a/f{n}.yaml"), format!("use: f{}.yaml", n + 1));
        }
        assert!(loaded(world).unwrap_err().to_string().contains("more than 16 deep"));
    }

    #[test]
    fn a_file_of_more_than_a_mebibyte_is_refused() {
        let world = Fixed::default().file("a/main.yaml", vec![b'#'; 1024 * 1024 + 1]);
        assert!(loaded(world).unwrap_err().to_string().contains("too large: at most 1024 KiB"));
    }

    #[test]
    fn a_shared_file_has_no_steps() {
        let world = Fixed::default().file("a/main.yaml", format!("{STEPS}use: o.yaml\n")).file("a/o.yaml", STEPS);
        let text = loaded(world).unwrap_err().to_string();
        assert!(text.contains("`steps` has no meaning in a file that others use"), "{text}");
    }
}
