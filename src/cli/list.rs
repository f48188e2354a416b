//! `authchain list`.

use crate::base::Printer;
use crate::run::{self, Request, Selection};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct List {
    /// Scenario files and folders.
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only runs with this tag; `!tag` means without it.
    #[arg(long, short, value_name = "TAG")]
    tag: Vec<String>,
    /// Print a line for each requirement id with the scenarios that cover it; optionally only ids with these prefixes.
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, value_delimiter = ',')]
    covers: Option<Vec<String>>,
}

pub(super) fn list(command: &List, printer: &Printer) -> anyhow::Result<u8> {
    let selection = Selection { tags: command.tag.clone(), filters: Vec::new() };
    let (paths, prefixes) = paths_and_prefixes(command);
    let request = Request { paths, selection, ..Request::default() };
    let prepared = match run::prepare(&request) {
        Ok(prepared) => prepared,
        Err(unusable) => return Ok(super::refuse(&unusable, printer)),
    };
    let plans = prepared.plans.iter().map(|(plan, _)| plan);
    let Some(prefixes) = prefixes else {
        for plan in plans {
            let tags = if plan.tags.is_empty() { String::new() } else { format!("  [{}]", plan.tags.join(", ")) };
            printer.data(&format!("{}  {}{tags}", plan.id(), plan.title))?;
        }
        return Ok(0);
    };
    let mut covered: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for plan in plans {
        for id in &plan.covers {
            covered.entry(id).or_default().insert(plan.id());
        }
    }
    for (id, runs) in covered {
        if prefixes.is_empty() || prefixes.iter().any(|prefix| id.starts_with(prefix.as_str())) {
            printer.data(&format!("{id}  {}", runs.into_iter().collect::<Vec<_>>().join("  ")))?;
        }
    }
    Ok(0)
}

/// What is listed, and the prefixes of requirements. `--covers scenarios/shop` names a folder, no prefix.
fn paths_and_prefixes(command: &List) -> (Vec<PathBuf>, Option<Vec<String>>) {
    let Some(covers) = &command.covers else { return (command.paths.clone(), None) };
    let (folders, prefixes): (Vec<_>, Vec<_>) = covers.iter().cloned().partition(|covers| Path::new(covers).exists());
    let paths = if folders.is_empty() { command.paths.clone() } else { folders.into_iter().map(PathBuf::from).collect() };
    (paths, Some(prefixes))
}
