//! `authchain explain`.

use crate::base::diagnostic::nearest;
use crate::base::{Diagnostic, Printer};
use crate::report::rules;
use clap::Args;

#[derive(Debug, Args)]
#[command(override_usage = "authchain explain <RULE>\n       authchain explain --list")]
pub(super) struct Explain {
    /// The rule, as findings name it.
    #[arg(value_name = "RULE", required_unless_present = "list")]
    rule: Option<String>,
    /// List all rules instead.
    #[arg(long, conflicts_with = "rule")]
    list: bool,
}

pub(super) fn explain(command: &Explain, printer: &Printer) -> anyhow::Result<u8> {
    let Some(id) = command.rule.as_deref() else {
        for rule in rules() {
            printer.data(&format!("{:<32} {}", rule.id, rule.summary))?;
        }
        return Ok(0);
    };
    let Some(rule) = rules().iter().find(|rule| rule.id == id) else {
        let near = nearest(id, rules().iter().map(|rule| rule.id)).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| "`authchain explain --list` shows them all".to_owned());
        return Ok(super::wrong(&Diagnostic::error(format!("there is no rule `{id}`")).hint(hint), printer));
    };
    printer.data(&format!(
        "{} ({})\n{}\n\ncause  {}\nfix    {}\nsee    {}",
        rule.id, rule.severity, rule.summary, rule.cause, rule.fix, rule.reference
    ))?;
    Ok(0)
}
