//! `authchain explain`.

use crate::base::Printer;
use crate::base::diagnostic::nearest;
use crate::report::rules;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The rule, as findings name it.
    #[arg(value_name = "RULE", required_unless_present = "list")]
    rule: Option<String>,
    /// List all rules.
    #[arg(long)]
    list: bool,
}

pub(super) fn explain(command: &Explain, printer: &Printer) -> anyhow::Result<u8> {
    let Some(id) = command.rule.as_deref().filter(|_| !command.list) else {
        for rule in rules() {
            printer.data(&format!("{:<32} {}", rule.id, rule.summary))?;
        }
        return Ok(0);
    };
    let Some(rule) = rules().iter().find(|rule| rule.id == id) else {
        let hint = nearest(id, rules().iter().map(|rule| rule.id)).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        printer.talk(&format!("error: there is no rule `{id}`.{hint} `authchain explain --list` shows them all."));
        return Ok(2);
    };
    printer.data(&format!(
        "{} ({})\n{}\n\ncause  {}\nfix    {}\nsee    {}",
        rule.id, rule.severity, rule.summary, rule.cause, rule.fix, rule.reference
    ))?;
    Ok(0)
}
