//! What went wrong, where, and how to mend it; rendered with the source line and a caret.

use super::span::{Sources, Span};
use annotate_snippets::{AnnotationKind, Group, Renderer, Snippet};

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; nothing fails.
    Warning,
    /// The command cannot go on.
    Error,
}

/// One message for a person: a lower-case sentence, the place, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub level: Level,
    /// What is wrong, as a lower-case fragment without a final stop.
    pub message: String,
    /// Where, and a few words that stand beside the caret.
    pub at: Option<(Span, String)>,
    /// Other places that belong to it, with words for each.
    pub related: Vec<(Span, String)>,
    /// How to mend it, one sentence each.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self { level: Level::Error, message: message.into(), at: None, related: Vec::new(), hints: Vec::new() }
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(message) }
    }

    /// Points at `span`, with `label` beside the caret (may be empty).
    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.at = Some((span, label.into()));
        self
    }

    /// Points at another place that belongs to the same fault.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// Adds a sentence on how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The message with its source lines and carets; `styled` adds colour, which never carries meaning alone.
    #[must_use]
    pub fn render(&self, sources: &Sources, styled: bool) -> String {
        let level = match self.level {
            Level::Warning => annotate_snippets::Level::WARNING,
            Level::Error => annotate_snippets::Level::ERROR,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        let places = self.at.iter().map(|place| (place, true)).chain(self.related.iter().map(|place| (place, false)));
        let paths: Vec<_> = places
            .filter_map(|((span, label), primary)| {
                let source = sources.get(span.source)?;
                Some((source, source.path.display().to_string(), *span, label, primary))
            })
            .collect();
        for (source, path, span, label, primary) in &paths {
            let length = source.text.len();
            let start = floor_char(&source.text, span.range().start.min(length));
            let end = floor_char(&source.text, span.range().end.clamp(start, length));
            let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let mut annotation = kind.span(start..end);
            if !label.is_empty() {
                annotation = annotation.label(label.as_str());
            }
            group = group.element(Snippet::source(&*source.text).path(path.as_str()).annotation(annotation));
        }
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        if paths.is_empty() {
            // Without a source line there is no gutter for the hints to hang on.
            let hints = self.hints.iter().map(|hint| format!("\n  hint: {hint}"));
            return renderer.render(&[group]) + &hints.collect::<String>();
        }
        for hint in &self.hints {
            group = group.element(annotate_snippets::Level::HELP.with_name("hint").message(hint.as_str()));
        }
        renderer.render(&[group])
    }
}

fn floor_char(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The candidate nearest to `typed`, if it is near enough to have been meant.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&typed.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_the_caret_and_the_hint() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "steps:\n  - opne: x\n");
        let text = Diagnostic::error("unknown verb `opne`")
            .at(Span::new(id, 11..15), "not a verb")
            .hint("did you mean `open`?")
            .render(&sources, false);
        assert!(text.contains("error: unknown verb `opne`"), "{text}");
        assert!(text.contains("a.yaml:2:5"), "{text}");
        assert!(text.contains("^^^^ not a verb"), "{text}");
        assert!(text.contains("hint: did you mean `open`?"), "{text}");
    }

    #[test]
    fn without_a_place_there_is_no_gutter() {
        let text = Diagnostic::error("no scenario is left").hint("look at `--tag`").render(&Sources::default(), false);
        assert_eq!(text, "error: no scenario is left\n  hint: look at `--tag`");
    }

    #[test]
    fn the_nearest_word_must_be_near() {
        assert_eq!(nearest("opne", ["open", "click"]), Some("open"));
        assert_eq!(nearest("exepct", ["expect", "capture"]), Some("expect"));
        assert_eq!(nearest("zzz", ["open", "click"]), None);
    }
}
