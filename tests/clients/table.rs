//! `docs/clients.md`, written from what was observed.

use crate::driver::Outcome;
use crate::expectations::{Expectations, Must};
use crate::install::root;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fmt::Write as _;

/// What one client made of every row.
pub(crate) struct Column {
    pub(crate) client: &'static str,
    pub(crate) outcomes: Vec<Outcome>,
}

pub(crate) fn page(expectations: &Expectations, openid: &[Column]) -> Result<String> {
    let mut page = String::from(
        "<!-- Written by the tests: `cargo xtask generate clients`. -->\n\n\
         # What clients make of the faults\n\n\
         Each fault of the embedded providers against clients that nobody here wrote, used as their documentation recommends and with \
         every check that they have turned on (state, nonce, PKCE, issuer, signature). A client that refuses is named with the step at \
         which it did and its own error. **Bold** marks what a client should have refused, and did not.\n\n",
    );
    versions(&mut page)?;
    page.push_str("\n## OpenID provider\n\n");
    let names: Vec<_> = openid.iter().map(|column| column.client).collect();
    let _ = writeln!(page, "| fault | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    let mut notes: Vec<&str> = Vec::new();
    for (at, row) in expectations.idp.iter().enumerate() {
        let _ = write!(page, "| `{}` |", row.fault);
        for column in openid {
            let mark = row.excuse(column.client).map(|note| {
                let known = notes.iter().position(|known| *known == note);
                known.unwrap_or_else(|| {
                    notes.push(note);
                    notes.len() - 1
                }) + 1
            });
            let _ = write!(page, " {} |", cell(&column.outcomes[at], row.must, mark));
        }
        page.push('\n');
    }
    for (at, note) in notes.iter().enumerate() {
        let _ = write!(page, "\n[^{}]: {}", at + 1, expectations.notes[*note].trim());
    }
    page.push_str("\n\n## Not tried\n\n");
    for (name, why) in &expectations.untried {
        let _ = writeln!(page, "- `{name}`: {why}.");
    }
    Ok(page)
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
    for name in ["openid-client", "oauth4webapi", "express-openid-connect"] {
        let version = package["dependencies"][name].as_str().with_context(|| format!("package.json does not pin {name}"))?;
        let _ = writeln!(page, "- {name} {version}");
    }
    let requirements = read("requirements.txt")?;
    let authlib = requirements.lines().find_map(|line| line.strip_prefix("Authlib==")).context("requirements.txt does not pin Authlib")?;
    let _ = writeln!(page, "- Authlib {authlib}, with its Flask integration");
    Ok(())
}
