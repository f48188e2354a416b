//! Values that are more than text: durations, expressions, JSONPaths, locators, URLs, origins.

use super::compiler::{Compiler, did_you_mean};
use crate::base::{Diagnostic, Span};
use crate::plan::{Part, Template, duration};
use crate::scenario::read::Text;
use crate::web::html::Locator;
use crate::web::origin::Origin;
use regex::RegexBuilder;
use serde_json_path::JsonPath;
use std::time::Duration;
use url::Url;

/// Largest compiled size of an expression, in bytes.
const MAX_REGEX: usize = 1 << 20;

impl Compiler<'_> {
    /// Notes that `name` is no such `what`.
    pub(super) fn unknown<'n>(&mut self, at: Span, what: &str, name: &str, known: impl IntoIterator<Item = &'n str>) {
        let fault = Diagnostic::error(format!("unknown {what} `{name}`")).at(at, "");
        let hint = self.worth_a_hint().then(|| did_you_mean(name, known)).flatten();
        self.faults.push(match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        });
    }

    pub(super) fn duration(&mut self, text: &Text) -> Option<Duration> {
        let known = self.known(text, "a duration");
        let parsed = duration(&known);
        if parsed.is_none() && !known.is_empty() {
            self.fault_with(
                text.span,
                format!("`{known}` is not a duration"),
                "write a number and a unit: `250ms`, `10s`, `5m`, `1h`, `7d`",
            );
        }
        parsed
    }

    pub(super) fn duration_or(&mut self, text: Option<&Text>, default: Duration) -> Duration {
        text.and_then(|text| self.duration(text)).unwrap_or(default)
    }

    pub(super) fn regex(&mut self, text: &Text) -> Option<regex::Regex> {
        let pattern = self.known(text, "an expression");
        match RegexBuilder::new(&pattern).size_limit(MAX_REGEX).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.bad_regex(text.span, &pattern, &error);
                None
            }
        }
    }

    pub(super) fn regex_of_bytes(&mut self, text: &Text) -> Option<regex::bytes::Regex> {
        let pattern = self.known(text, "an expression");
        match regex::bytes::RegexBuilder::new(&pattern).size_limit(MAX_REGEX).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.bad_regex(text.span, &pattern, &error);
                None
            }
        }
    }

    fn bad_regex(&mut self, span: Span, pattern: &str, error: &regex::Error) {
        let (why, at) = match error {
            regex::Error::Syntax(told) => regex_fault(told),
            regex::Error::CompiledTooBig(_) => ("it is too large".to_owned(), None),
            other => (other.to_string(), None),
        };
        let whole = self.place(span, pattern);
        let exact = self.loaded.sources.get(whole.source).and_then(|source| source.text.get(whole.range())) == Some(pattern);
        let at = at.filter(|_| exact).map_or(span, |(from, length)| {
            let bytes = |count: usize| pattern.chars().take(count).map(char::len_utf8).sum::<usize>();
            let start = whole.range().start;
            let end = (start + bytes(from + length)).clamp(start + bytes(from), whole.range().end);
            Span::new(whole.source, start + bytes(from)..end)
        });
        self.faults.push(Diagnostic::error(format!("not a regular expression: {why}")).at(at, ""));
    }

    /// A path into JSON: `user.email` is short for `$.user.email`.
    pub(super) fn json_path(&mut self, written: &str, span: Span) -> Option<JsonPath> {
        let path = if written.starts_with('$') { Some(written.to_owned()) } else { full_path(written) };
        let parsed = path.as_deref().map(JsonPath::parse);
        match parsed {
            Some(Ok(path)) => Some(path),
            Some(Err(error)) => {
                let exact = self.loaded.sources.get(span.source).and_then(|source| source.text.get(span.range())) == Some(written);
                let offset = error.position().saturating_sub(1).min(written.len());
                let at = if exact && written.starts_with('$') && written.is_char_boundary(offset) {
                    let start = (span.range().start + offset).min(span.range().end.saturating_sub(1));
                    Span::new(span.source, start..start + 1)
                } else {
                    span
                };
                let why = error.message().to_owned();
                self.fault_with(
                    at,
                    format!("not a JSONPath: {why}"),
                    "write `user.email`, `items[0].id`, or a JSONPath that begins with `$` (RFC 9535)",
                );
                None
            }
            None => {
                self.fault_with(
                    span,
                    format!("`{written}` is not a path into JSON"),
                    "write `user.email`, `items[0].id`, or a JSONPath that begins with `$` (RFC 9535)",
                );
                None
            }
        }
    }

    pub(super) fn locator(&mut self, text: &Text) -> Option<Locator> {
        let known = self.known(text, "a locator");
        match Locator::parse(&known) {
            Ok(locator) => Some(locator),
            Err(error) => {
                self.fault(text.span, error.to_string());
                None
            }
        }
    }

    /// An origin by itself.
    pub(super) fn origin(&mut self, text: &Text) -> Option<Origin> {
        let known = self.known(text, "an origin");
        match known.parse() {
            Ok(origin) => Some(origin),
            Err(error) => {
                let error: crate::web::origin::OriginError = error;
                self.fault_with(
                    text.span,
                    error.to_string(),
                    "write scheme, host and, if it is not the usual one, port: `https://app.mosaic.test`",
                );
                None
            }
        }
    }

    /// A URL to go to: on a declared origin, or relative to the actor's page.
    pub(super) fn url(&mut self, text: &Text) -> Template {
        let template = self.template(text);
        let Some(Part::Text(start)) = template.parts.first() else { return template };
        let complete = template.parts.len() == 1;
        let Some((_, after)) = start.split_once("://") else {
            let relative = start.starts_with(['/', '?', '#', '.']);
            if !relative {
                self.fault_with(
                    text.span,
                    format!("`{}` is not a URL", template.display()),
                    "write all of it, `https://…`, or a path that begins with `/`",
                );
            }
            return template;
        };
        let authority_ends = after.find(['/', '?', '#']);
        if authority_ends.is_none() && !complete {
            return template; // Host and port are only known in the run.
        }
        let end = authority_ends.map_or(start.len(), |at| start.len() - after.len() + at);
        let literal = if complete { start.as_str() } else { &start[..end] };
        match Url::parse(literal) {
            Ok(url) => match Origin::of(&url) {
                Ok(origin) => self.declared(&origin, text.span),
                Err(error) => self.fault(text.span, error.to_string()),
            },
            Err(error) => self.fault(text.span, format!("`{literal}` is not a URL: {error}")),
        }
        template
    }

    /// Notes a fault unless something stands behind `origin`.
    pub(super) fn declared(&mut self, origin: &Origin, span: Span) {
        if self.origins.iter().any(|known| known.origin == *origin) || self.broken.contains(origin) {
            return;
        }
        let names = crate::plan::origin_names(&self.origins);
        let name = origin.to_string();
        let hint = match crate::base::diagnostic::nearest(&name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "declare it under `origins:`, with what stands behind it".to_owned(),
            None => format!("declare it under `origins:`, with what stands behind it; declared are {}", names.join(", ")),
        };
        self.fault_with(span, format!("origin {name} is not declared"), hint);
    }
}

/// Why an expression is refused, and where: the crate tells it as a drawing with carets under the pattern.
fn regex_fault(told: &str) -> (String, Option<(usize, usize)>) {
    let why = told.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it cannot be read").to_owned();
    let caret = told.lines().nth(2).filter(|line| line.trim_start().starts_with('^'));
    let at = caret.map(|line| {
        let indent = line.chars().take_while(|c| *c == ' ').count();
        (indent.saturating_sub(4), line.trim().chars().take_while(|c| *c == '^').count())
    });
    (why, at)
}

/// `user.id`, `items[0].id`, `[0]` and `x-y.z` as a full JSONPath; names that need it are quoted.
fn full_path(short: &str) -> Option<String> {
    let mut path = "$".to_owned();
    let mut rest = short;
    let mut first = true;
    while !rest.is_empty() {
        if rest.starts_with('[') {
            let end = rest.find(']')? + 1;
            path.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            let name = if first { rest } else { rest.strip_prefix('.')? };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            if name.is_empty() {
                return None;
            }
            if name == "*" {
                path.push_str(".*");
            } else {
                path.push_str(&format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")));
            }
            rest = after;
        }
        first = false;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_paths_become_full_ones() {
        for (short, full) in [
            ("user.email", "$['user']['email']"),
            ("items[0].id", "$['items'][0]['id']"),
            ("[0]", "$[0]"),
            ("a.*", "$['a'].*"),
            ("x-y.it's", "$['x-y']['it\\'s']"),
        ] {
            assert_eq!(full_path(short).as_deref(), Some(full), "{short}");
            assert!(JsonPath::parse(full).is_ok(), "{full}");
        }
        for bad in ["a..b", ".a", "a.", "a[0"] {
            assert_eq!(full_path(bad), None, "{bad}");
        }
    }
}
