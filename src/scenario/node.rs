//! YAML as it was written: every value and every key with its place.
//!
//! serde-saphyr scans, expands aliases under limits and refuses duplicate keys; what it finds wrong is told here in the
//! words of this program. Types are read from the tree by [`read`](super::read).

use crate::base::span::SourceId;
use crate::base::{Diagnostic, Span};
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, Spanned};
use std::fmt;

/// Deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 48;
/// Most values in one file.
const MAX_NODES: usize = 100_000;
/// Most parser events that aliases may replay, which is what an alias bomb makes many of.
const MAX_REPLAYED: usize = 20_000;

/// One value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it stands; for a mapping its first key, so that a caret has something to point at.
    pub span: Span,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, with the text it was written as.
    Number(Number, String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// What it is, in the words of messages: `a list`, `nothing`.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(..) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The text of a scalar as it was written (`1.10` stays `1.10`); `None` for lists, mappings and nothing.
    #[must_use]
    pub fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Number(_, written) => Some(written.clone()),
            Kind::Text(text) => Some(text.clone()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[(Key, Self)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }
}

/// Reads one YAML document. `Ok(None)` when the text holds no value at all.
///
/// # Errors
/// One diagnostic, since a scanner that lost its place finds nothing more that is worth saying.
pub fn parse(source: SourceId, text: &str) -> Result<Option<Node>, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, flow_nesting_limit: MAX_DEPTH, max_nodes: MAX_NODES, max_documents: 1 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        strict_booleans: true,
        with_snippet: false,
    };
    let place = Place { source, text };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => {
            let node = place.node(raw);
            Ok((node.kind != Kind::Null).then_some(node))
        }
        Err(error) if matches!(error.without_snippet(), Error::Eof { .. }) && is_blank(text) => Ok(None),
        Err(error) => Err(Box::new(place.explain(&error))),
    }
}

/// Whether `text` has nothing but comments and white space.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// A value as the YAML crate hands it over, with its own locations.
enum Raw {
    Null,
    Bool(bool),
    Number(Option<Number>, String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(Some(value.into()), value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(Some(value.into()), value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(Number::from_i128(value), value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(Number::from_u128(value), value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(Number::from_f64(value), value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// The file that locations point into.
struct Place<'a> {
    source: SourceId,
    text: &'a str,
}

impl Place<'_> {
    fn node(&self, raw: Spanned<Raw>) -> Node {
        let span = self.span(raw.defined);
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Number(Some(number), shown) => Kind::Number(number, self.written(span).unwrap_or(shown)),
            Raw::Number(None, shown) => Kind::Text(self.written(span).unwrap_or(shown)),
            Raw::Text(text) => Kind::Text(text),
            Raw::List(items) => Kind::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let key = Key { span: self.span(key.defined), name: key.value };
                    (key, self.node(value))
                });
                Kind::Map(entries.collect())
            }
        };
        let span = match &kind {
            Kind::Map(entries) => entries.first().map_or(span, |(key, _)| key.span),
            Kind::List(items) => items.first().map_or(span, |item| item.span),
            _ => span,
        };
        Node { kind, span }
    }

    /// The characters of a plain scalar as they stand in the file.
    fn written(&self, span: Span) -> Option<String> {
        let written = self.text.get(span.range())?.trim();
        let numeric = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte));
        numeric.then(|| written.to_owned())
    }

    fn span(&self, location: Location) -> Span {
        let span = location.span();
        let (start, length) = match (span.byte_offset(), span.byte_len()) {
            (Some(start), Some(length)) => (index(start), index(length)),
            _ => (self.offset_of(location), 1),
        };
        let start = start.min(self.text.len());
        let end = start.saturating_add(length).min(self.text.len());
        let trimmed = self.text.get(start..end).map_or(end, |slice| start + slice.trim_end().len());
        Span::new(self.source, start..trimmed.max(start))
    }

    /// The byte at which a line and column stand, for locations that bring no byte offset.
    fn offset_of(&self, location: Location) -> usize {
        let line = index(location.line().saturating_sub(1));
        let start: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = self.text.get(start..).unwrap_or_default();
        let column = index(location.column().saturating_sub(1));
        start + rest.chars().take(column).take_while(|&ch| ch != '\n').map(char::len_utf8).sum::<usize>()
    }

    fn explain(&self, error: &Error) -> Diagnostic {
        let mut error = error.without_snippet();
        while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
            error = inner;
        }
        let location = error.location().filter(|location| *location != Location::UNKNOWN);
        let at = location.map(|location| {
            let span = self.span(location);
            let end = if span.end > span.start { span.end } else { span.start + 1 };
            Span { end, ..span }
        });
        let (message, label, mut hint) = wording(error);
        if hint.is_some() && message.starts_with("not valid YAML") && at.is_some_and(|span| self.is_placeholder(span)) {
            hint = Some("a template wants quotes inside `{ }` and `[ ]`: \"${name}\"".to_owned());
        }
        let tab = at.and_then(|span| self.tab_near(span));
        let diagnostic = match tab {
            Some(tab) => Diagnostic::error("a tab where YAML wants spaces")
                .at(tab, "a tab")
                .hint("indent with spaces; YAML does not allow tabs there (YAML 1.2 §6.1)"),
            None => {
                let diagnostic = Diagnostic::error(message);
                match at {
                    Some(span) => diagnostic.at(span, label),
                    None => diagnostic,
                }
            }
        };
        match hint {
            Some(hint) if tab.is_none() => diagnostic.hint(hint),
            _ => diagnostic,
        }
    }

    /// Whether `span` begins at `${`, or within one character of it.
    fn is_placeholder(&self, span: Span) -> bool {
        let start = span.range().start.saturating_sub(1);
        self.text
            .as_bytes()
            .get(start..)
            .is_some_and(|rest| rest.starts_with(b"${") || rest.get(1..).is_some_and(|rest| rest.starts_with(b"${")))
    }

    /// A tab in the indentation of the line of `span`, or of the line before it, where scanners notice it late.
    fn tab_near(&self, span: Span) -> Option<Span> {
        let at = span.range().start.min(self.text.len());
        let before = self.text.as_bytes().get(..at)?;
        let this = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let previous = before[..this.saturating_sub(1)].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        [this, previous].into_iter().find_map(|start| {
            let line = self.text.as_bytes().get(start..)?;
            let indent = line.iter().take_while(|&&byte| byte == b' ' || byte == b'\t').count();
            let tab = line[..indent].iter().position(|&byte| byte == b'\t')?;
            Some(Span::new(self.source, start + tab..start + tab + 1))
        })
    }
}

fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// What went wrong in our words: message, words beside the caret, hint.
fn wording(error: &Error) -> (String, String, Option<String>) {
    let told = |message: &str, label: &str, hint: &str| (message.to_owned(), label.to_owned(), (!hint.is_empty()).then(|| hint.to_owned()));
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let name = key.as_deref().map_or_else(|| "a key".to_owned(), |key| format!("key `{key}`"));
            (format!("{name} is given twice"), "the second one".to_owned(), Some("keep one of them".to_owned()))
        }
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => {
                (format!("nested too deeply: at most {MAX_DEPTH} levels"), String::new(), Some("move inner parts into a `flow`".to_owned()))
            }
            BudgetBreach::Documents { .. } => told("more than one YAML document", "", "keep one scenario in a file; split at `---`"),
            BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => (
                format!("too large: at most {MAX_NODES} values in one file"),
                String::new(),
                Some("split the file and join it with `use:`".to_owned()),
            ),
            BudgetBreach::Aliases { .. }
            | BudgetBreach::Anchors { .. }
            | BudgetBreach::AliasAnchorRatio { .. }
            | BudgetBreach::RecordedAnchorEvents { .. } => alias_bomb(),
            _ => told("too large to be a scenario", "", "split the file and join it with `use:`"),
        },
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => alias_bomb(),
        Error::MultipleDocuments { .. } => told("more than one YAML document", "", "keep one scenario in a file; split at `---`"),
        Error::UnknownAnchor { .. } => {
            told("an alias without an anchor", "no `&` of this name comes before", "text that begins with `*` wants quotes")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => told("an alias inside its own anchor", "", "an anchor cannot contain itself"),
        Error::InvalidUtf8Input => told("not UTF-8", "", "save the file as UTF-8"),
        Error::Eof { .. } => told("the file ends in the middle of a value", "", ""),
        Error::NonFiniteFloat { .. } => told("not a finite number", "", "quote it to mean text"),
        other => scan_error(other),
    }
}

fn alias_bomb() -> (String, String, Option<String>) {
    (
        format!("aliases expand to too much: at most {MAX_REPLAYED} repeated parts"),
        String::new(),
        Some("use a `flow` or a variable instead of nested aliases".to_owned()),
    )
}

fn scan_error(error: &Error) -> (String, String, Option<String>) {
    let said = error.render_with_formatter(&serde_saphyr::DefaultMessageFormatter);
    let said = said.split(" at line ").next().unwrap_or(&said).trim().trim_end_matches('.');
    let mut chars = said.chars();
    let fragment: String = chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default();
    let nesting = fragment.contains("recursion limit") || fragment.contains("nesting") || fragment.contains("depth");
    if nesting {
        return (
            format!("nested too deeply: at most {MAX_DEPTH} levels"),
            String::new(),
            Some("move inner parts into a `flow`".to_owned()),
        );
    }
    let hint = "text with `: `, ` #`, `{`, `[`, `*`, `&` or a leading `%`, `@` or backquote wants quotes";
    (format!("not valid YAML: {fragment}"), String::new(), Some(hint.to_owned()))
}

/// The JSON that a node stands for; templates in it stay text.
#[must_use]
pub fn to_json(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Number(number, _) => Value::Number(number.clone()),
        Kind::Text(text) => Value::String(text.clone()),
        Kind::List(items) => Value::Array(items.iter().map(to_json).collect()),
        Kind::Map(entries) => Value::Object(entries.iter().map(|(key, value)| (key.name.clone(), to_json(value))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Sources;

    fn read(text: &str) -> (Sources, Result<Option<Node>, Box<Diagnostic>>) {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", text);
        let node = parse(id, text);
        (sources, node)
    }

    fn good(text: &str) -> Node {
        read(text).1.unwrap().unwrap()
    }

    #[test]
    fn keys_and_values_know_their_place() {
        let text = "a: ö\nb:\n  - \"x y\"\n  - {c: 200}\n";
        let node = good(text);
        let entries = node.entries().unwrap();
        let slice = |span: Span| &text[span.range()];
        assert_eq!((slice(entries[0].0.span), slice(entries[0].1.span)), ("a", "ö"));
        let Kind::List(items) = &entries[1].1.kind else { panic!("a list") };
        assert_eq!(slice(items[0].span), "\"x y\"");
        let inner = items[1].entries().unwrap();
        assert_eq!((slice(inner[0].0.span), slice(inner[0].1.span)), ("c", "200"));
        assert_eq!(slice(items[1].span), "c");
    }

    #[test]
    fn scalars_keep_the_text_they_were_written_as() {
        let node = good("- 1.10\n- 0x1F\n- yes\n- '7'\n- true\n- 007\n");
        let Kind::List(items) = &node.kind else { panic!("a list") };
        let texts: Vec<_> = items.iter().map(|item| item.scalar().unwrap()).collect();
        assert_eq!(texts, ["1.10", "0x1F", "yes", "7", "true", "007"]);
    }

    #[test]
    fn numbers_may_be_keys() {
        let node = good("200: ok\n");
        assert_eq!(node.entries().unwrap()[0].0.name, "200");
    }

    #[test]
    fn merge_keys_and_aliases_point_at_what_they_stand_for() {
        let text = "base: &b {x: 1}\nuse:\n  <<: *b\n  y: 2\nagain: *b\n";
        let node = good(text);
        let used = node.entries().unwrap()[1].1.entries().unwrap();
        let mut names: Vec<_> = used.iter().map(|(key, _)| key.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["x", "y"]);
    }

    #[test]
    fn a_text_without_a_value_is_none() {
        assert!(read("").1.unwrap().is_none());
        assert!(read("# only this\n\n").1.unwrap().is_none());
    }

    #[test]
    fn unfinished_yaml_is_told_with_its_place() {
        let (sources, result) = read("a: [1, 2\nb: 3\n");
        let text = result.unwrap_err().render(&sources, false);
        assert!(text.contains("a.yaml:"), "{text}");
        assert!(text.contains("not valid YAML"), "{text}");
    }
}
