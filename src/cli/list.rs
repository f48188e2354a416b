//! `authchain list`.

use crate::base::Printer;
use crate::run::{self, Request, Selection};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct List {
    /// Scenario files and folders.
    #[arg(default_value = "scenarios", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only runs with this tag; `!tag` means without it.
    #[arg(long, short, value_name = "TAG")]
    tag: Vec<String>,
    /// Print a line for each requirement id with the scenarios that cover it; optionally only ids with these prefixes.
    #[arg(long, value_name = "PREFIX", num_args = 0.., value_delimiter = ',', require_equals = true)]
    covers: Option<Vec<String>>,
}

pub(super) fn list(command: &List, printer: &Printer) -> anyhow::Result<u8> {
    let selection = Selection { tags: command.tag.clone(), filters: Vec::new() };
    let request = Request { paths: command.paths.clone(), selection, ..Request::default() };
    let prepared = match run::prepare(&request) {
        Ok(prepared) => prepared,
        Err(unusable) => return Ok(super::refuse(&unusable, printer)),
    };
    let plans = prepared.plans.iter().map(|(plan, _)| plan);
    let Some(prefixes) = &command.covers else {
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
