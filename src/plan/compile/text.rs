//! Text with placeholders: what a name stands for, and what is folded in before the run.

use super::compiler::{Compiler, MAX_CHAIN, MAX_EXPANDED, did_you_mean};
use super::placeholder::{Piece, Placeholder, pieces};
use crate::base::{Diagnostic, Secret, Span};
use crate::plan::{Filter, JsonTemplate, Part, Scope, Template};
use crate::scenario::node::{Kind, Node};
use crate::scenario::read::Text;
use time::OffsetDateTime;

impl Compiler<'_> {
    /// Compiles text; what is wrong with it is noted, and the place left empty.
    pub(super) fn template(&mut self, text: &Text) -> Template {
        self.template_of(&text.value, text.span)
    }

    pub(super) fn template_of(&mut self, text: &str, span: Span) -> Template {
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(malformed) => {
                let at = self.place(span, &text[malformed.range]);
                self.fault_with(at, malformed.message, malformed.hint);
                return Template::default();
            }
        };
        let mut parts = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => push(&mut parts, Part::Text(text.to_owned())),
                Piece::Place(place) => {
                    let at = self.place(span, &text[place.range.clone()]);
                    let values = self.resolve(&place, at);
                    if !self.fits(&values, at) {
                        return Template::default();
                    }
                    for part in values {
                        push(&mut parts, part);
                    }
                }
            }
        }
        Template { parts }
    }

    /// Counts what a placeholder brings; templates of templates may double with every step.
    fn fits(&mut self, values: &[Part], at: Span) -> bool {
        let size = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Capture(name, filters) | Part::Secret(name, filters) => name.len() + filters.len(),
        };
        let before = self.expanded;
        self.expanded = before.saturating_add(values.iter().map(size).sum());
        if self.expanded > MAX_EXPANDED && before <= MAX_EXPANDED {
            self.fault(at, format!("templates expand to too much: at most {} MiB in one run", MAX_EXPANDED / (1024 * 1024)));
        }
        self.expanded <= MAX_EXPANDED
    }

    /// Text that must be known before the run: variables and environment values only.
    pub(super) fn known(&mut self, text: &Text, what: &str) -> String {
        let template = self.template(text);
        if let Some(known) = template.as_text() {
            return known.into_owned();
        }
        let why = match template.parts.iter().find(|part| !matches!(part, Part::Text(_))) {
            Some(Part::Secret(name, _)) => format!("secret `{name}` cannot stand in {what}"),
            Some(Part::Capture(name, _)) => format!("{what} is fixed before the run, and `{name}` is captured in it"),
            _ => return String::new(),
        };
        self.fault(text.span, why);
        String::new()
    }

    /// Text that is secret: what stands there, kept out of sight under `name` unless it is one of the scenario's secrets.
    pub(super) fn secret(&mut self, text: &Text, name: &str) -> Secret {
        let template = self.template(text);
        if let [Part::Secret(known, filters)] = template.parts.as_slice()
            && filters.is_empty()
            && let Some(Some(secret)) = self.secrets.get(known)
        {
            return secret.clone();
        }
        if let Some(Part::Capture(capture, _)) = template.parts.iter().find(|part| matches!(part, Part::Capture(..))) {
            self.fault(text.span, format!("this is fixed before the run, and `{capture}` is captured in it"));
        }
        let secrets = self.secrets.iter().filter_map(|(name, secret)| Some((name.clone(), secret.clone()?))).collect();
        // What could not be rendered has a fault already, so the empty value is never used.
        let value = template.render(&Scope { secrets, ..Scope::default() }).unwrap_or_default();
        let secret = Secret::new(name, value);
        self.unnamed.push(secret.clone());
        secret
    }

    /// JSON whose strings are templates.
    pub(super) fn json(&mut self, node: &Node) -> JsonTemplate {
        match &node.kind {
            Kind::Text(text) => JsonTemplate::Text(self.template_of(text, node.span)),
            Kind::List(items) => JsonTemplate::List(items.iter().map(|item| self.json(item)).collect()),
            Kind::Map(entries) => JsonTemplate::Map(entries.iter().map(|(key, value)| (key.name.clone(), self.json(value))).collect()),
            _ => JsonTemplate::Plain(crate::scenario::node::to_json(node)),
        }
    }

    /// JSON that must be known before the run.
    pub(super) fn known_json(&mut self, node: &Node, what: &str) -> serde_json::Value {
        match &node.kind {
            Kind::Text(value) => self.known(&Text { value: value.clone(), span: node.span }, what).into(),
            Kind::List(items) => items.iter().map(|item| self.known_json(item, what)).collect(),
            Kind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.name.clone(), self.known_json(value, what)));
                serde_json::Value::Object(entries.collect())
            }
            _ => crate::scenario::node::to_json(node),
        }
    }

    /// What a placeholder stands for.
    fn resolve(&mut self, place: &Placeholder<'_>, at: Span) -> Vec<Part> {
        let mut filters = Vec::new();
        for (name, _) in &place.filters {
            match Filter::named(name) {
                Some(filter) => filters.push(filter),
                None => {
                    let known = Filter::ALL.map(|(name, _)| name);
                    self.unknown(self.place(at, name), "filter", name, known);
                }
            }
        }
        let parts = self.named(place.name, at);
        match self.filtered(parts, &filters) {
            Ok(parts) => parts,
            Err((message, hint)) => {
                self.fault_with(at, message, hint);
                Vec::new()
            }
        }
    }

    fn named(&mut self, name: &str, at: Span) -> Vec<Part> {
        if let Some(variable) = name.strip_prefix("env.") {
            return match self.loaded.environment.variable(variable) {
                Some(value) => vec![Part::Text(value)],
                None => {
                    self.fault_with(
                        at,
                        format!("environment variable `{variable}` is not set"),
                        "set it, or use a variable with a value of its own",
                    );
                    Vec::new()
                }
            };
        }
        if let Some(secret) = name.strip_prefix("secret.") {
            self.use_secret(secret, at);
            return vec![Part::Secret(secret.to_owned(), Vec::new())];
        }
        if let Some(asked) = name.strip_prefix("service.") {
            return self.service_address(asked, at).map(|address| Part::Capture(address, Vec::new())).into_iter().collect();
        }
        if let Some(argument) = self.args.get(name) {
            return argument.parts.clone();
        }
        if self.captured.contains(name) {
            self.used.captures.insert(name.to_owned());
            self.needs.insert(crate::plan::Need::Capture(name.to_owned()));
            return vec![Part::Capture(name.to_owned(), Vec::new())];
        }
        if self.written.contains_key(name) {
            return vec![Part::Text(self.variable(name).unwrap_or_default())];
        }
        if self.ever_captured.contains(name) {
            self.used.captures.insert(name.to_owned());
            self.fault_with(at, format!("`{name}` is captured by no step before this one"), "move the step that captures it up");
            return Vec::new();
        }
        let secret = self.sources.get(name).is_some();
        let known: Vec<String> = self.written.keys().chain(self.args.keys()).chain(&self.captured).cloned().collect();
        let mut fault = Diagnostic::error(format!("undefined variable `{name}`")).at(at, "");
        let elsewhere = self.loaded.scenario.variants.0.iter().find(|(_, variant)| variant.with.get(name).is_some());
        if secret {
            fault = fault.hint(format!("a secret of that name is written `${{secret.{name}}}`"));
        } else if let Some((variant, _)) = elsewhere {
            fault = fault.hint(format!("only some variants give it (`{}` does); give it a value under `variables:`", variant.name));
        } else if !self.worth_a_hint() {
            // Enough has been told.
        } else if let Some(hint) = did_you_mean(name, known.iter().map(String::as_str)) {
            fault = fault.hint(hint);
        } else {
            fault = fault.hint("define it under `variables:`");
        }
        self.faults.push(fault);
        Vec::new()
    }

    /// The value of a variable, itself a template of other variables.
    pub(super) fn variable(&mut self, name: &str) -> Option<String> {
        self.used.variables.insert(name.to_owned());
        if let Some(known) = self.variables.get(name) {
            return Some(known.clone());
        }
        let text = self.written.get(name)?.clone();
        if self.resolving.iter().any(|open| open == name) {
            self.fault(text.span, format!("variable `{name}` is made of itself"));
            return None;
        }
        if self.resolving.len() >= MAX_CHAIN {
            self.fault(text.span, format!("variables are made of variables more than {MAX_CHAIN} deep"));
            return None;
        }
        // Variables are the same wherever they are used: no arguments, no captures.
        let args = std::mem::take(&mut self.args);
        let captured = std::mem::take(&mut self.captured);
        self.resolving.push(name.to_owned());
        let value = self.known(&text, "a variable");
        self.resolving.pop();
        self.args = args;
        self.captured = captured;
        self.variables.insert(name.to_owned(), value.clone());
        Some(value)
    }

    /// `parts` after `filters`. Filters on text are applied now; on one run-time value they wait for it.
    fn filtered(&self, parts: Vec<Part>, filters: &[Filter]) -> Result<Vec<Part>, (&'static str, &'static str)> {
        if filters.is_empty() {
            return Ok(parts);
        }
        // What is known now is filtered now; only the code of an app waits for its moment.
        let apply = |text: String| {
            let now = OffsetDateTime::UNIX_EPOCH;
            let filtered = filters.iter().try_fold(text, |text, filter| match filter {
                Filter::Totp => None,
                filter => filter.apply(&text, now).ok(),
            });
            filtered.ok_or(("`totp` makes its code while the run is under way", "give it a secret or a capture: `${secret.seed | totp}`"))
        };
        match <[Part; 1]>::try_from(parts) {
            Ok([Part::Text(text)]) => Ok(vec![Part::Text(apply(text)?)]),
            Ok([Part::Capture(name, mut known)]) => {
                known.extend(filters);
                Ok(vec![Part::Capture(name, known)])
            }
            Ok([Part::Secret(name, mut known)]) => {
                known.extend(filters);
                Ok(vec![Part::Secret(name, known)])
            }
            Err(parts) if parts.is_empty() => Ok(vec![Part::Text(apply(String::new())?)]),
            Err(_) => Err(("a filter cannot be applied to an argument of several parts", "put the filter where the argument is given")),
        }
    }
}

/// Adds a part, joining text with text.
fn push(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
        (_, Part::Text(text)) if text.is_empty() => {}
        (_, part) => parts.push(part),
    }
}
