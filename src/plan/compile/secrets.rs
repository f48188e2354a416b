//! Secrets: from the environment, from a file, or by default. One that a run uses must have a value.

use super::compiler::{Compiler, did_you_mean};
use crate::base::{Diagnostic, Secret, Span};
use crate::scenario::file::SecretSource;
use std::path::Path;

/// Largest file that a secret is read from, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

impl Compiler<'_> {
    /// Looks a secret up once; without a value, the ways to give it one are told.
    pub(super) fn use_secret(&mut self, name: &str, at: Span) {
        self.used.secrets.insert(name.to_owned());
        if self.secrets.contains_key(name) {
            return;
        }
        let Some((key, source)) = self.sources.0.iter().find(|(key, _)| key.name == name).cloned() else {
            self.secrets.insert(name.to_owned(), None);
            let mut fault = Diagnostic::error(format!("undefined secret `{name}`")).at(at, "");
            let hint = did_you_mean(name, self.sources.names()).unwrap_or_else(|| "define it under `secrets:`".to_owned());
            fault = fault.hint(hint);
            self.faults.push(fault);
            return;
        };
        let value = self.secret_value(&source);
        if value.is_none() {
            let mut fault = Diagnostic::error(format!("secret `{name}` has no value")).at(key.span, "");
            if at != key.span {
                fault = fault.related(at, "used here");
            }
            self.faults.push(ways(&source).into_iter().fold(fault, Diagnostic::hint));
        }
        let secret = value.map(|value| Secret::new(name, value));
        self.secrets.insert(name.to_owned(), secret);
    }

    fn secret_value(&mut self, source: &SecretSource) -> Option<String> {
        // A CI system sets a secret that is not there to nothing.
        if let Some(env) = &source.env
            && let Some(value) = self.loaded.environment.variable(&env.value).filter(|value| !value.is_empty())
        {
            return Some(value);
        }
        if let Some(file) = &source.file {
            let path = self.beside(file.span).join(&file.value);
            if let Ok(bytes) = self.loaded.environment.read(&path, MAX_SECRET) {
                match String::from_utf8(bytes) {
                    Ok(text) => return Some(text.trim_end_matches(['\n', '\r']).to_owned()),
                    Err(_) => self.fault(file.span, format!("{} is not UTF-8", path.display())),
                }
            }
        }
        source.default.as_ref().map(|text| text.value.clone())
    }

    /// The folder of the file that `span` stands in.
    pub(super) fn beside(&self, span: Span) -> std::path::PathBuf {
        let file = self.loaded.sources.get(span.source).map_or(self.loaded.file.as_path(), |source| source.path.as_path());
        file.parent().unwrap_or(Path::new("")).to_owned()
    }
}

/// How the secret could be given a value.
fn ways(source: &SecretSource) -> Vec<String> {
    let mut ways = Vec::new();
    if let Some(env) = &source.env {
        ways.push(format!("set the environment variable `{}`", env.value));
    }
    if let Some(file) = &source.file {
        ways.push(format!("write it to the file `{}`", file.value));
    }
    if ways.is_empty() {
        ways.push("say where it comes from: `{ env: NAME }` or `{ file: PATH }`".to_owned());
    }
    ways.push("or give it a `default`, if it protects nothing".to_owned());
    ways
}
