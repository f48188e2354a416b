//! `authchain explain`.

use crate::base::diagnostic::nearest;
use crate::base::{Diagnostic, Printer};
use crate::report::{Family, Rule, rules};
use clap::Args;

#[derive(Debug, Args)]
#[command(override_usage = "authchain explain <RULE>\n       authchain explain --list [--markdown]")]
pub(super) struct Explain {
    /// The rule, as findings name it.
    #[arg(value_name = "RULE", required_unless_present = "list")]
    rule: Option<String>,
    /// List all rules instead.
    #[arg(long, conflicts_with = "rule")]
    list: bool,
    /// The list as a Markdown document.
    #[arg(long, requires = "list")]
    markdown: bool,
}

pub(super) fn explain(command: &Explain, printer: &Printer) -> anyhow::Result<u8> {
    let Some(id) = command.rule.as_deref() else {
        if command.markdown {
            printer.data(markdown().trim_end())?;
            return Ok(0);
        }
        for rule in rules() {
            let severity = rule.severity.to_string();
            printer.data(&format!("{:<32} {:<9} {severity:<7} {:<7} {}", rule.id, rule.family.name(), rule.needs.name(), rule.summary))?;
        }
        return Ok(0);
    };
    let Some(rule) = rules().iter().find(|rule| rule.id == id) else {
        let near = nearest(id, rules().iter().map(|rule| rule.id)).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| "`authchain explain --list` shows them all".to_owned());
        return Ok(super::wrong(&Diagnostic::error(format!("there is no rule `{id}`")).hint(hint), printer));
    };
    let needs = rule.needs.missing().map(|missing| format!("\nneeds  {missing}")).unwrap_or_default();
    printer.data(&format!(
        "{} ({})\n{}\n\ncause  {}\nfix    {}\nsee    {}{needs}",
        rule.id, rule.severity, rule.summary, rule.cause, rule.fix, rule.reference
    ))?;
    Ok(0)
}

fn markdown() -> String {
    let mut text = "\
# What the diagnosis can find

Written by `authchain explain --list --markdown`. Every finding names its rule; `authchain explain RULE` tells its cause and how to
mend it, `finds` of a variant says that a run reproduces it on purpose, and `allow` silences it with a reason.

The column *needs* says what a rule must see: `chain` is any run and any recording that kept its cookies, `browser` what only a real
browser tells, `probe` a request beyond the login itself, and `deploy` what is known of the deployment. A rule whose need a chain
does not meet says nothing about it.
"
    .to_owned();
    for family in Family::ALL {
        let own: Vec<&Rule> = rules().iter().copied().filter(|rule| rule.family == family).collect();
        if own.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "\n## {}: {}\n\n| rule | severity | needs | what it finds | see |\n|---|---|---|---|---|\n",
            family.name(),
            family.about()
        ));
        for rule in own {
            text.push_str(&format!(
                "| `{}` | {} | {} | {} | {} |\n",
                rule.id,
                rule.severity,
                rule.needs.name(),
                rule.summary,
                rule.reference
            ));
        }
    }
    text
}
