//! `authchain faults`.

use crate::base::Printer;
use crate::scenario::fault::{CATALOGUE, FaultSpec, SCOPE, Service};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Faults {
    /// Only those of this service.
    #[arg(value_name = "SERVICE", value_parser = ["idp", "gotrue", "otp", "edge"])]
    service: Option<String>,
    /// As a Markdown document.
    #[arg(long)]
    markdown: bool,
}

pub(super) fn faults(command: &Faults, printer: &Printer) -> anyhow::Result<u8> {
    let all = [Service::Idp, Service::Gotrue, Service::Otp, Service::Edge];
    let service = command.service.as_deref().and_then(|name| all.into_iter().find(|service| service.name() == name));
    if command.markdown {
        printer.data(markdown(&known_to(service)).trim_end())?;
        return Ok(0);
    }
    list(service, printer)
}

/// Lists the faults of one service, or all.
pub(super) fn list(service: Option<Service>, printer: &Printer) -> anyhow::Result<u8> {
    for spec in known_to(service) {
        printer.data(&format!("{:<26} {}", spec.name, spec.about))?;
        let arguments = arguments(spec);
        if !arguments.is_empty() {
            printer.data(&format!("{:<26}   {}", "", arguments.join(", ")))?;
        }
    }
    Ok(0)
}

fn known_to(service: Option<Service>) -> Vec<&'static FaultSpec> {
    CATALOGUE.iter().filter(|spec| service.is_none_or(|service| spec.services.contains(&service))).collect()
}

/// The arguments of a fault, those that it can do without in brackets.
fn arguments(spec: &FaultSpec) -> Vec<String> {
    let needed = spec.needs.iter().map(|argument| argument.name().to_owned());
    needed.chain(spec.may.iter().map(|argument| format!("[{}]", argument.name()))).collect()
}

fn markdown(specs: &[&FaultSpec]) -> String {
    let mut text = "\
# What goes wrong when it is told to

Written by `authchain faults --markdown`. A fault of an embedded service stands under its `faults:`, is switched by the
`fault` verb while a scenario runs, by `authchain idp --fault`, or through its admin API. Faults of the `edge` happen on the way to
any origin, whatever stands behind it, and are switched by the `fault` verb:

```yaml
faults:
  - state_altered                                              # every time
  - claim_missing: email                                       # a bare value is the first argument
  - throttled: { endpoint: token, retry_after: 30s, nth: 2 }   # the second call of the token endpoint
  - { when: { case: broken }, token_expired: 90s }             # only in runs whose variable `case` is `broken`
```

Every fault also takes:

| key | what it does |
|---|---|
"
    .to_owned();
    for (name, about) in SCOPE {
        text.push_str(&format!("| `{name}` | {about} |\n"));
    }
    text.push_str(
        "\n## Faults\n\nArguments in brackets may be left out.\n\n| fault | arguments | services | what it does |\n|---|---|---|---|\n",
    );
    for spec in specs {
        let arguments: Vec<_> = arguments(spec).iter().map(|argument| format!("`{argument}`")).collect();
        let services: Vec<_> = spec.services.iter().map(|service| format!("`{}`", service.name())).collect();
        text.push_str(&format!("| `{}` | {} | {} | {} |\n", spec.name, arguments.join(" "), services.join(" "), spec.about));
    }
    text.push_str("\n## Endpoints\n\n| service | `endpoint` |\n|---|---|\n");
    for service in [Service::Idp, Service::Gotrue, Service::Otp] {
        let endpoints: Vec<_> = service.endpoints().iter().map(|endpoint| format!("`{endpoint}`")).collect();
        text.push_str(&format!("| `{}` | {} |\n", service.name(), endpoints.join(" ")));
    }
    text.push_str("| `edge` | any path, with `*` at its end for any rest |\n");
    text
}
