//! What a person did, as far as it can be told from what was asked for.

use super::form::{followed, secret, submitted};
use crate::report::Finished;
use crate::run::recorded::{escaped, quoted};
use crate::trace::{Cause, Chain, FailureKind, Hop, HopId, Resource};
use crate::web::har::redact::is_password;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// Most things done by scripts that are told.
const MOST_TOLD: usize = 20;
/// What a step must show that ends in a loop of redirects: browsers and the standard disagree by one (Fetch §4.4).
const ENDLESS: &str = "    expect: { failure: { matches: more than (19|20) redirects } }";

/// The steps of a scenario.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Lines of YAML, and comments among them.
    pub(super) lines: Vec<String>,
    /// How many steps they are.
    pub(super) count: usize,
    /// Passwords, each with the environment variable that has it.
    pub(super) secrets: BTreeMap<String, String>,
    /// What scripts sent for a person.
    pub(super) by_scripts: Vec<String>,
    /// Whether some step ends in a loop of redirects.
    pub(super) is_endless: bool,
    /// Requests beside pages that are steps of their own.
    asked: HashSet<HopId>,
}

/// The steps that lead to this chain.
pub(super) fn of(chain: &Chain) -> Steps {
    let mut steps = Steps::default();
    let mut seen = HashSet::new();
    let mut endless: HashSet<usize> = chain.hops.iter().filter(|hop| gave_up(hop)).map(|hop| hop.step).collect();
    endless.extend(chain.steps.iter().enumerate().filter(|(_, step)| step.error.is_some()).map(|(at, _)| at));
    let mut page: Option<&Hop> = None;
    let mut has_scripts = true;
    for hop in &chain.hops {
        if seen.insert(hop.step) {
            let before = steps.count;
            steps.begin(page, hop);
            if steps.count > before && endless.contains(&hop.step) {
                steps.lines.push(ENDLESS.to_owned());
                steps.is_endless = true;
            }
        }
        if hop.cause == Cause::Subresource && hop.resource == Resource::Fetch && !has_scripts {
            steps.request(hop);
            steps.asked.insert(hop.id);
        }
        steps.tell(hop);
        if hop.resource == Resource::Document && hop.redirect_target().is_none() && hop.outcome.is_ok() {
            page = Some(hop);
            has_scripts = may_ask(hop);
        }
    }
    steps
}

/// Whether a page may ask for something by itself. One without any script cannot: somebody did so beside it.
fn may_ask(page: &Hop) -> bool {
    let Some(response) = page.response() else { return true };
    let text = response.body.text();
    let has = |mark: &str| text.as_bytes().windows(mark.len()).any(|part| part.eq_ignore_ascii_case(mark.as_bytes()));
    text.is_empty() || response.body.truncated || has("<script") || has(" onload") || has("<iframe") || has("serviceworker")
}

/// Whether what was found needs pages whose scripts run.
pub(super) fn needs_browser(finished: &Finished, finds: &[String], steps: &Steps) -> bool {
    let by_script = |hop: &Hop| matches!(hop.cause, Cause::Script | Cause::Subresource) && hop.resource != Resource::Asset;
    let found = finished.findings.iter().filter(|judged| finds.iter().any(|rule| rule == judged.finding.rule));
    let shown = found.flat_map(|judged| &judged.finding.evidence).filter_map(|evidence| finished.chain.hop(evidence.hop?));
    let navigated = finished.chain.hops.iter().filter(|hop| hop.resource == Resource::Document);
    shown.chain(navigated).filter(|hop| !steps.asked.contains(&hop.id)).any(by_script)
}

/// Whether the browser gave up following redirects.
fn gave_up(hop: &Hop) -> bool {
    hop.outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::Redirect)
}

impl Steps {
    /// The step that a request begins, if a person did.
    fn begin(&mut self, page: Option<&Hop>, hop: &Hop) {
        let is_page = hop.resource == Resource::Document;
        let url = quoted(&escaped(hop.request.url.as_str()));
        match hop.cause {
            Cause::Reload => self.push("- reload: true"),
            Cause::Form => match page.and_then(|page| submitted(page, hop, &mut self.secrets)) {
                Some(lines) => lines.into_iter().for_each(|line| self.push(line)),
                None => self.request(hop),
            },
            Cause::Link => match page.and_then(|page| followed(page, hop)) {
                Some(line) => self.push(line),
                // A button of a form without fields goes to its target as a link does.
                None => match page.and_then(|page| submitted(page, hop, &mut self.secrets)) {
                    Some(lines) => lines.into_iter().for_each(|line| self.push(line)),
                    None => self.push(format!("- open: {url}")),
                },
            },
            Cause::Open if is_page && hop.request.method == "GET" => self.push(format!("- open: {url}")),
            Cause::Open | Cause::Api => self.request(hop),
            // The page before it does this by itself; where there is none, the recording began in the middle.
            _ if page.is_none() && self.count == 0 && is_page && hop.request.method == "GET" => self.push(format!("- open: {url}")),
            _ if page.is_none() && self.count == 0 => self.request(hop),
            _ => {}
        }
    }

    /// A request without a page.
    fn request(&mut self, hop: &Hop) {
        let verb = hop.request.method.to_ascii_lowercase();
        let url = quoted(&escaped(hop.request.url.as_str()));
        if !["get", "post", "put", "patch", "delete", "head", "options"].contains(&verb.as_str()) {
            self.lines.push(format!("  # {} {} is left out: no step sends this method", escaped(&verb), hop.request.url.path()));
            return;
        }
        let mut parts = vec![format!("url: {url}")];
        if let Some(authorization) = hop.request.headers.get_str("authorization") {
            parts.push(format!("headers: {{ Authorization: {} }}", quoted(&escaped(authorization))));
        }
        parts.extend(self.body(hop));
        if parts.len() == 1 {
            self.push(format!("- {verb}: {url}"));
        } else {
            self.push(format!("- {verb}: {{ {} }}", parts.join(", ")));
        }
    }

    /// The body as a form or as JSON, passwords by name.
    fn body(&mut self, hop: &Hop) -> Option<String> {
        let kind = hop.request.headers.content_type()?;
        if kind.essence == "application/x-www-form-urlencoded" {
            let fields = url::form_urlencoded::parse(&hop.request.body).map(|(name, value)| {
                let value = if is_password(&name) { secret(&name, &mut self.secrets) } else { quoted(&escaped(&value)) };
                format!("{}: {value}", quoted(&name))
            });
            let fields: Vec<_> = fields.collect();
            return (!fields.is_empty()).then(|| format!("form: {{ {} }}", fields.join(", ")));
        }
        let mut json: Value = kind.is_json().then(|| serde_json::from_slice(&hop.request.body).ok())??;
        if let Value::Object(map) = &mut json {
            for (name, value) in map.iter_mut().filter(|(name, value)| is_password(name) && value.is_string()) {
                // A placeholder is not escaped below.
                *value = Value::from(secret(name, &mut self.secrets).trim_matches('"').replace("${", "\u{0}"));
            }
        }
        Some(format!("json: {}", escaped(&json.to_string()).replace("\\u0000", "${")))
    }

    /// What a script sent for a person, where that holds a password: nobody can tell from requests which fields it was typed into.
    fn tell(&mut self, hop: &Hop) {
        if hop.cause != Cause::Subresource || hop.request.body.is_empty() || self.by_scripts.len() >= MOST_TOLD {
            return;
        }
        let text = String::from_utf8_lossy(&hop.request.body);
        let has_password = match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(map)) => map.keys().any(|name| is_password(name)),
            _ => url::form_urlencoded::parse(text.as_bytes()).any(|(name, _)| is_password(&name)),
        };
        if has_password {
            let what = format!("{} {}", hop.request.method, &hop.request.url[..url::Position::AfterPath]);
            self.lines
                .push(format!("  # a script sent {} here: add the `fill` and `click` that made it", crate::base::escape::line(&what)));
            self.by_scripts.push(what);
        }
    }

    fn push(&mut self, line: impl AsRef<str>) {
        self.lines.push(format!("  {}", line.as_ref()));
        self.count += 1;
    }
}
