//! `docs/clients.md`, written from what was observed.

use crate::driver::Outcome;
use crate::expectations::{Faults, Must};
use crate::install::root;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const INTRODUCTION: &str = "\
<!-- Written by the tests: `cargo xtask generate clients`. -->

# What clients make of the faults

Each fault of the embedded providers ([what they do](faults.md)), written as a flag takes it, against clients that nobody here wrote. They are used as their
documentation recommends, with every check that they have turned on (state, nonce, PKCE, issuer, signature, subject). Where a client
refuses, the table names the step at which it did and the client's own error. **Bold** marks what a client should have refused and
did not.

";

/// What one client made of every row.
pub(crate) struct Column {
    pub(crate) client: &'static str,
    pub(crate) outcomes: Vec<Outcome>,
}

/// What clients made of the faults of one service.
pub(crate) struct Section<'a> {
    pub(crate) title: &'static str,
    pub(crate) faults: &'a Faults,
    pub(crate) columns: &'a [Column],
}

/// The whole page; `notes` by name.
pub(crate) fn page(notes: &BTreeMap<String, String>, sections: &[Section<'_>]) -> Result<String> {
    let mut page = String::from(INTRODUCTION);
    versions(&mut page)?;
    let mut used: Vec<&str> = Vec::new();
    for section in sections {
        let _ = writeln!(page, "\n## {}\n", section.title);
        table(&mut page, section, &mut used);
        page.push_str("\nNot tried:\n\n");
        for (name, why) in &section.faults.untried {
            let _ = writeln!(page, "- `{name}`: {why}.");
        }
    }
    for (at, name) in used.iter().enumerate() {
        let note = notes.get(*name).with_context(|| format!("there is no note `{name}`"))?;
        let _ = write!(page, "\n[^{}]: {}\n", at + 1, note.trim());
    }
    Ok(page)
}

/// `used` are the notes so far, by their numbers.
fn table<'a>(page: &mut String, section: &Section<'a>, used: &mut Vec<&'a str>) {
    let clients: Vec<_> = section.columns.iter().map(|column| column.client).collect();
    let _ = writeln!(page, "| fault | {} |\n|---|{}", clients.join(" | "), "---|".repeat(clients.len()));
    for (at, row) in section.faults.tried.iter().enumerate() {
        let _ = write!(page, "| `{}` |", row.fault);
        for column in section.columns {
            let mark = row.excuse(column.client).map(|note| {
                used.iter().position(|known| *known == note).unwrap_or_else(|| {
                    used.push(note);
                    used.len() - 1
                }) + 1
            });
            let _ = write!(page, " {} |", cell(&column.outcomes[at], row.must, mark));
        }
        page.push('\n');
    }
}

fn cell(outcome: &Outcome, must: Must, note: Option<usize>) -> String {
    let mark = note.map(|note| format!("[^{note}]")).unwrap_or_default();
    match outcome {
        Outcome::Accepted(_) if must == Must::Refuse => format!("**accepted**{mark}"),
        Outcome::Accepted(_) => format!("accepted{mark}"),
        Outcome::Refused { stage, error } => format!("{stage}: `{error}`{mark}"),
    }
}

/// The releases that were tried, from the files that pin them.
fn versions(page: &mut String) -> Result<()> {
    let read =
        |name: &str| std::fs::read_to_string(root().join("tests/clients").join(name)).with_context(|| format!("failed to read {name}"));
    let package: Value = serde_json::from_str(&read("package.json")?)?;
    for name in ["openid-client", "oauth4webapi", "express-openid-connect", "@supabase/supabase-js"] {
        let version = package["dependencies"][name].as_str().with_context(|| format!("package.json does not pin {name}"))?;
        let _ = writeln!(page, "- {name} {version}");
    }
    let requirements = read("requirements.txt")?;
    let authlib = requirements.lines().find_map(|line| line.strip_prefix("Authlib==")).context("requirements.txt does not pin Authlib")?;
    let _ = writeln!(page, "- Authlib {authlib}, with its Flask integration");
    Ok(())
}
