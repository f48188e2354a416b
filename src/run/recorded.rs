//! From what a person did to the text of a scenario.

use crate::base::Secret;
use crate::drive::browser::page::{Deed, Heard};
use std::collections::BTreeMap;
use url::Url;

/// A scenario while it is written down. Values that are secret never become part of it.
pub(super) struct Script {
    head: String,
    known: BTreeMap<String, Secret>,
    /// Secrets of its own, by name: the environment variable of each.
    secrets: BTreeMap<String, String>,
    steps: Vec<Step>,
    tab: usize,
    /// Where the last deed led to, so far.
    arrived: Option<String>,
}

enum Step {
    Fill(Vec<(String, String)>),
    Other(String, String),
}

impl Script {
    /// A scenario that begins with `head` and opens `url`. `known` are the secrets that it has already.
    pub(super) fn new(head: String, known: BTreeMap<String, Secret>, url: &str) -> Self {
        let steps = vec![Step::Other("open".to_owned(), quoted(&escaped(url)))];
        Self { head, known, secrets: BTreeMap::new(), steps, tab: 1, arrived: None }
    }

    /// Writes down a deed.
    pub(super) fn take(&mut self, heard: Heard) {
        let Heard { tab, deed } = heard;
        if let Deed::Arrived { url } = deed {
            // The first page is the one that was opened; others are waited for once it is known which was the last.
            if tab == self.tab && self.steps.len() > 1 {
                self.arrived = Some(url);
            }
            return;
        }
        if let Deed::Answered { kind, accepted, text } = deed {
            self.answer(&kind, accepted, text.as_deref());
            return;
        }
        self.steps.extend(self.arrival());
        self.arrived = None;
        if tab != self.tab {
            self.tab = tab;
            self.push("tab", tab.to_string());
        }
        match deed {
            Deed::Click { locator } => self.push("click", quoted(&escaped(&locator))),
            Deed::Press { key } => self.push("press", quoted(&key)),
            Deed::Select { locator, value } => {
                self.push("select", format!("{{ {}: {} }}", quoted(&locator), quoted(&escaped(&value))));
            }
            Deed::Fill { locator, value, secret, label } => {
                let value = self.value(&value, secret, &label);
                self.fill(locator, value);
            }
            Deed::Arrived { .. } | Deed::Answered { .. } => {}
        }
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len() + usize::from(self.arrival().is_some())
    }

    /// The names of its own secrets' environment variables.
    pub(super) fn variables(&self) -> Vec<String> {
        self.secrets.values().cloned().collect()
    }

    /// The scenario's text.
    pub(super) fn text(&self) -> String {
        let mut text = self.head.clone();
        if !self.secrets.is_empty() {
            text.push_str("secrets:\n");
            for (name, variable) in &self.secrets {
                text.push_str(&format!("  {name}: {{ env: {variable} }}\n"));
            }
        }
        text.push_str("steps:\n");
        let arrived = self.arrival();
        for step in self.steps.iter().chain(&arrived) {
            match step {
                Step::Fill(fields) => {
                    let fields = fields.iter().map(|(field, value)| format!("{}: {value}", quoted(field))).collect::<Vec<_>>();
                    text.push_str(&format!("  - fill: {{ {} }}\n", fields.join(", ")));
                }
                Step::Other(verb, argument) => text.push_str(&format!("  - {verb}: {argument}\n")),
            }
        }
        text
    }

    fn push(&mut self, verb: &str, argument: String) {
        self.steps.push(Step::Other(verb.to_owned(), argument));
    }

    /// Fields in a row are one step; a field that is filled again holds what it was given last.
    fn fill(&mut self, field: String, value: String) {
        let Some(Step::Fill(fields)) = self.steps.last_mut() else {
            self.steps.push(Step::Fill(vec![(field, value)]));
            return;
        };
        match fields.iter_mut().find(|(other, _)| *other == field) {
            Some((_, old)) => *old = value,
            None => fields.push((field, value)),
        }
    }

    /// A wait for where the last deed led to. Values in a URL are chance; its path is not.
    fn arrival(&self) -> Option<Step> {
        let mut parsed = Url::parse(self.arrived.as_deref()?).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let has_more = parsed.query().is_some() || parsed.fragment().is_some();
        parsed.set_query(None);
        parsed.set_fragment(None);
        let bare = quoted(&escaped(parsed.as_str()));
        let url = if has_more { format!("{{ url: {{ starts_with: {bare} }} }}") } else { format!("{{ url: {bare} }}") };
        Some(Step::Other("wait".to_owned(), url))
    }

    /// A question is answered as it is asked: how, must be said before the deed that brings it up.
    fn answer(&mut self, kind: &str, accepted: bool, text: Option<&str>) {
        let answer = match (kind, accepted, text) {
            ("alert" | "beforeunload", ..) => return,
            ("prompt", true, Some(text)) => format!("{{ text: {} }}", quoted(&escaped(text))),
            (_, true, _) => "accept".to_owned(),
            (_, false, _) => "dismiss".to_owned(),
        };
        let last = self.steps.len().saturating_sub(1).max(1).min(self.steps.len());
        self.steps.insert(last, Step::Other("dialog".to_owned(), answer));
    }

    /// What is written for a value: itself, or the name of a secret.
    fn value(&mut self, value: &str, secret: bool, label: &str) -> String {
        if let Some((name, _)) = self.known.iter().find(|(_, known)| !value.is_empty() && known.expose() == value) {
            return quoted(&format!("${{secret.{name}}}"));
        }
        if !secret || value.is_empty() {
            return if matches!(value, "true" | "false") { value.to_owned() } else { quoted(&escaped(value)) };
        }
        let name = name_of(label);
        self.secrets.insert(name.clone(), name.to_uppercase());
        quoted(&format!("${{secret.{name}}}"))
    }
}

/// A secret's name after the field that takes it.
fn name_of(label: &str) -> String {
    let words: String =
        label.trim_start_matches("name=").chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let name = words.split_whitespace().take(4).collect::<Vec<_>>().join("_");
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("secret_{name}").trim_end_matches('_').to_owned() }
}

/// Text in which nothing is a placeholder.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A YAML scalar: plain where it reads as text in any case, else in double quotes, whose escapes are JSON's.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/'))
        && !text.ends_with(' ')
        && !matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(locator: &str, value: &str, secret: bool) -> Deed {
        Deed::Fill { locator: locator.into(), value: value.into(), secret, label: locator.into() }
    }

    fn written(deeds: impl IntoIterator<Item = (usize, Deed)>) -> String {
        let known = [("ada".to_owned(), Secret::new("ada", "known-value"))].into();
        let mut script = Script::new("scenario: x\n".to_owned(), known, "https://app.test/login");
        deeds.into_iter().for_each(|(tab, deed)| script.take(Heard { tab, deed }));
        script.text()
    }

    #[test]
    fn deeds_become_steps_and_secrets_stay_out() {
        let text = written([
            (1, Deed::Arrived { url: "https://app.test/login".into() }),
            (1, fill("User: name", "ada ${x}", false)),
            (1, fill("Password", "hunter2", true)),
            (1, fill("Again", "known-value", true)),
            (1, fill("Stay", "true", false)),
            (1, Deed::Press { key: "Enter".into() }),
            (1, Deed::Arrived { url: "https://app.test/between".into() }),
            (1, Deed::Arrived { url: "https://app.test/home?code=1".into() }),
            (2, Deed::Click { locator: "Allow \"all\"".into() }),
            (2, Deed::Answered { kind: "confirm".into(), accepted: true, text: None }),
            (2, Deed::Select { locator: "name=country".into(), value: "no".into() }),
        ]);
        let expected = "scenario: x\nsecrets:\n  password: { env: PASSWORD }\nsteps:\n  - open: \"https://app.test/login\"\n  - fill: { \
                        \"User: name\": \"ada $${x}\", Password: \"${secret.password}\", Again: \"${secret.ada}\", Stay: true }\n  - press: Enter\n  \
                        - wait: { url: { starts_with: \"https://app.test/home\" } }\n  - tab: 2\n  - dialog: accept\n  - click: \"Allow \\\"all\\\"\"\n  \
                        - select: { \"name=country\": \"no\" }\n";
        assert_eq!(text, expected);
        assert!(!text.contains("hunter2") && !text.contains("known-value"));
    }
}
