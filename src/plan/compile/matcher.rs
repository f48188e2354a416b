//! Matchers: what a plain value means where it stands, and what each matcher key takes.

use super::compiler::Compiler;
use crate::base::Diagnostic;
use crate::base::diagnostic::nearest;
use crate::plan::{JsonTemplate, JsonType, Matcher};
use crate::scenario::expect::MATCHERS;
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::read::Text;

/// What a matcher is asked of, which decides what plain values in it mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A JSON value: plain values are compared as JSON.
    Json,
    /// Text, such as a header or a URL: plain values are text as written.
    Text,
    /// The text of a page: plain text is looked for anywhere in it.
    Visible,
    /// A status: classes such as `4xx`, and lists of which one will do.
    Status,
    /// A header, which `present` and `absent` say all about.
    Presence,
    /// Milliseconds, where durations such as `2s` are understood.
    Time,
    /// A number, such as a count or a length.
    Number,
}

impl Compiler<'_> {
    /// Compiles what `node` asks of `subject`; `None` after noting what is wrong.
    pub(super) fn matcher(&mut self, node: &Node, subject: Subject) -> Option<Matcher> {
        let Kind::Map(entries) = &node.kind else { return self.plain(node, subject) };
        let known: Vec<&str> = keys(subject).collect();
        let meant = |key: &Key| known.contains(&key.name.as_str());
        if entries.is_empty() || !entries.iter().all(|(key, _)| meant(key) || nearest(&key.name, known.iter().copied()).is_some()) {
            return self.object(node, entries, subject, &known);
        }
        if let Some((key, _)) = entries.iter().find(|(key, _)| !meant(key)) {
            let near = nearest(&key.name, known.iter().copied()).unwrap_or_default();
            let fault = Diagnostic::error(format!("unknown matcher `{}`", key.name)).at(key.span, "");
            let fault = fault.hint(format!("did you mean `{near}`?"));
            self.faults.push(fault.hint("to compare with an object that has this key, write `equals: { … }`"));
            return None;
        }
        let mut all: Vec<_> =
            entries.iter().map(|(key, value)| self.test(key, value, subject)).collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
        if all.len() == 1 { all.pop() } else { Some(Matcher::All(all)) }
    }

    pub(super) fn optional(&mut self, matcher: Option<&crate::scenario::expect::Matcher>, subject: Subject) -> Option<Matcher> {
        matcher.and_then(|matcher| self.matcher(&matcher.0, subject))
    }

    /// A mapping that is no matcher: an object to compare with, where objects can occur.
    fn object(&mut self, node: &Node, entries: &[(Key, Node)], subject: Subject, known: &[&str]) -> Option<Matcher> {
        if subject == Subject::Json {
            return Some(Matcher::Equals(self.json(node)));
        }
        match entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
            Some((key, _)) => self.unknown(key.span, "matcher", &key.name, known.iter().copied()),
            None => self.fault_with(node.span, "a matcher without a condition", format!("one of: {}", known.join(", "))),
        }
        None
    }

    /// What a value without matcher keys means.
    fn plain(&mut self, node: &Node, subject: Subject) -> Option<Matcher> {
        match subject {
            Subject::Json => Some(Matcher::Equals(self.json(node))),
            Subject::Text => self.text_value(node).map(Matcher::Equals),
            Subject::Visible => self.text_value(node).map(Matcher::Contains),
            Subject::Presence => match &node.kind {
                Kind::Text(text) if text == "absent" => Some(Matcher::Exists(false)),
                Kind::Text(text) if text == "present" => Some(Matcher::Exists(true)),
                _ => self.text_value(node).map(Matcher::Equals),
            },
            Subject::Status => self.status(node),
            Subject::Time | Subject::Number => {
                let number = self.number(node, subject)?;
                Some(Matcher::Equals(JsonTemplate::Plain(as_json(number))))
            }
        }
    }

    /// A scalar as text with templates.
    fn text_value(&mut self, node: &Node) -> Option<JsonTemplate> {
        match node.scalar() {
            Some(text) => Some(JsonTemplate::Text(self.template_of(&text, node.span))),
            None => {
                self.fault(node.span, format!("expected text or a matcher, found {}", node.describe()));
                None
            }
        }
    }

    /// A value to compare with, as JSON or as text, whichever the subject is.
    fn value(&mut self, node: &Node, subject: Subject) -> Option<JsonTemplate> {
        match subject {
            Subject::Json => Some(self.json(node)),
            Subject::Text | Subject::Visible | Subject::Presence => self.text_value(node),
            Subject::Status | Subject::Time | Subject::Number => {
                self.number(node, subject).map(|number| JsonTemplate::Plain(as_json(number)))
            }
        }
    }

    fn status(&mut self, node: &Node) -> Option<Matcher> {
        if let Kind::List(items) = &node.kind {
            let each = items.iter().map(|item| self.status(item)).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
            let codes: Option<Vec<_>> = each
                .iter()
                .map(|matcher| match matcher {
                    Matcher::Equals(code) => Some(code.clone()),
                    _ => None,
                })
                .collect();
            return match codes {
                Some(codes) if !codes.is_empty() => Some(Matcher::OneOf(codes)),
                Some(_) => {
                    self.fault(node.span, "a list of no status");
                    None
                }
                // With classes among them: not none of them.
                None => {
                    let none = each.into_iter().map(|matcher| Matcher::Not(Box::new(matcher))).collect();
                    Some(Matcher::Not(Box::new(Matcher::All(none))))
                }
            };
        }
        let written = node.scalar().unwrap_or_default();
        let text = self.known(&Text { value: written, span: node.span }, "a status");
        if let [first @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] = text.as_bytes() {
            return Some(Matcher::StatusClass(u16::from(first - b'0')));
        }
        match text.parse::<u16>() {
            Ok(code @ 100..=599) => Some(Matcher::Equals(JsonTemplate::Plain(code.into()))),
            _ => {
                self.fault_with(node.span, "not a status", "write `200`, a class such as `4xx`, or a list of which one will do");
                None
            }
        }
    }

    fn number(&mut self, node: &Node, subject: Subject) -> Option<f64> {
        let Some(value) = node.scalar() else {
            self.fault(node.span, format!("expected a number, found {}", node.describe()));
            return None;
        };
        let text = self.known(&Text { value, span: node.span }, "a number");
        if let Some(number) = text.trim().parse().ok().filter(|number: &f64| number.is_finite()) {
            return Some(number);
        }
        if subject == Subject::Time {
            return self.duration(&Text { value: text, span: node.span }).map(|duration| duration.as_secs_f64() * 1000.0);
        }
        self.fault(node.span, format!("`{text}` is not a number"));
        None
    }

    /// One matcher key and its value.
    fn test(&mut self, key: &Key, value: &Node, subject: Subject) -> Option<Matcher> {
        Some(match key.name.as_str() {
            "equals" if subject == Subject::Visible => Matcher::Equals(self.text_value(value)?),
            "equals" => match subject {
                Subject::Status => self.status(value)?,
                _ => Matcher::Equals(self.value(value, subject)?),
            },
            "not" => Matcher::Not(Box::new(self.matcher(value, subject)?)),
            "contains" => Matcher::Contains(self.value(value, subject)?),
            "matches" => Matcher::Matches(self.scalar(value).and_then(|text| self.regex(&text))?),
            "starts_with" => Matcher::StartsWith(self.scalar(value).map(|text| self.template(&text))?),
            "ends_with" => Matcher::EndsWith(self.scalar(value).map(|text| self.template(&text))?),
            "exists" => Matcher::Exists(self.boolean(value)?),
            "empty" => Matcher::Empty(self.boolean(value)?),
            "type" => Matcher::Type(self.json_type(value)?),
            "one_of" => {
                let Kind::List(items) = &value.kind else {
                    self.fault(value.span, format!("expected a list, found {}", value.describe()));
                    return None;
                };
                Matcher::OneOf(items.iter().map(|item| self.value(item, subject)).collect::<Vec<_>>().into_iter().collect::<Option<_>>()?)
            }
            "gt" => Matcher::Above(self.bound(value, subject)?),
            "gte" => Matcher::AtLeast(self.bound(value, subject)?),
            "lt" | "under" => Matcher::Below(self.bound(value, subject)?),
            "lte" => Matcher::AtMost(self.bound(value, subject)?),
            "length" => Matcher::Length(Box::new(self.matcher(value, Subject::Number)?)),
            "each" => Matcher::Each(Box::new(self.matcher(value, subject)?)),
            other => {
                self.unknown(key.span, "matcher", other, keys(subject));
                return None;
            }
        })
    }

    fn bound(&mut self, node: &Node, subject: Subject) -> Option<f64> {
        let subject = if subject == Subject::Time { Subject::Time } else { Subject::Number };
        self.number(node, subject)
    }

    fn scalar(&mut self, node: &Node) -> Option<Text> {
        let text = node.scalar().map(|value| Text { value, span: node.span });
        if text.is_none() {
            self.fault(node.span, format!("expected text, found {}", node.describe()));
        }
        text
    }

    fn boolean(&mut self, node: &Node) -> Option<bool> {
        match node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                self.fault(node.span, format!("expected `true` or `false`, found {}", node.describe()));
                None
            }
        }
    }

    fn json_type(&mut self, node: &Node) -> Option<JsonType> {
        const TYPES: [(&str, JsonType); 6] = [
            ("null", JsonType::Null),
            ("boolean", JsonType::Boolean),
            ("number", JsonType::Number),
            ("string", JsonType::String),
            ("array", JsonType::Array),
            ("object", JsonType::Object),
        ];
        let written = if node.kind == Kind::Null { "null".to_owned() } else { self.scalar(node)?.value };
        let found = TYPES.iter().find(|(name, _)| *name == written).map(|(_, kind)| *kind);
        if found.is_none() {
            self.unknown(node.span, "type", &written, TYPES.map(|(name, _)| name));
        }
        found
    }
}

/// The matcher keys that can be asked of `subject`.
fn keys(subject: Subject) -> impl Iterator<Item = &'static str> {
    let under = (subject == Subject::Time).then_some("under");
    MATCHERS.iter().map(|(name, _)| *name).chain(under)
}

/// Whole numbers as integers, so that they equal what JSON says.
#[allow(clippy::cast_possible_truncation)] // Only whole numbers within the range of doubles that are exact.
fn as_json(number: f64) -> serde_json::Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { (number as i64).into() } else { number.into() }
}
