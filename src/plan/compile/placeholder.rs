//! The grammar of `${name | filter}` in text; what the names mean is decided elsewhere.

use std::ops::Range;

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text as it stands.
    Text(&'a str),
    /// A place for a value.
    Place(Placeholder<'a>),
}

/// A place for a value, with where its parts stand in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placeholder<'a> {
    /// All of it, from `$` to `}`.
    pub(super) range: Range<usize>,
    /// The name.
    pub(super) name: &'a str,
    /// The filters in order.
    pub(super) filters: Vec<(&'a str, Range<usize>)>,
}

/// Text that does not follow the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) range: Range<usize>,
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

/// Takes `text` apart. `$${` stands for `${`.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Malformed> {
    let mut pieces = Vec::new();
    let mut rest = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("${") {
        let start = from + found;
        if text[rest..start].ends_with('$') {
            // The first `$` of `$${` goes; `${` stays text.
            push_text(&mut pieces, &text[rest..start - 1]);
            push_text(&mut pieces, "${");
            rest = start + 2;
            from = rest;
            continue;
        }
        push_text(&mut pieces, &text[rest..start]);
        let Some(length) = text[start..].find('}') else {
            return Err(Malformed {
                range: start..text.len(),
                message: "`${` without `}`",
                hint: "close it, or write `$${` for the characters themselves",
            });
        };
        let end = start + length + 1;
        pieces.push(Piece::Place(placeholder(text, start..end)?));
        rest = end;
        from = end;
    }
    push_text(&mut pieces, &text[rest..]);
    Ok(pieces)
}

fn push_text<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

fn placeholder(text: &str, range: Range<usize>) -> Result<Placeholder<'_>, Malformed> {
    let inner = range.start + 2..range.end - 1;
    let mut words = Vec::new();
    let mut start = inner.start;
    for word in text[inner].split('|') {
        let trimmed = word.trim();
        let at = start + (word.len() - word.trim_start().len());
        words.push((trimmed, at..at + trimmed.len()));
        start += word.len() + 1;
    }
    if words.iter().any(|(word, _)| word.is_empty()) {
        return Err(Malformed { range, message: "a placeholder without a name", hint: "write `${name}` or `${name | filter}`" });
    }
    let bad = words.iter().find(|(word, _)| !word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
    if let Some((_, at)) = bad {
        return Err(Malformed {
            range: at.clone(),
            message: "not a name",
            hint: "names have letters, digits, `_`, `-` and `.`; write `$${` for the characters themselves",
        });
    }
    let mut words = words.into_iter();
    let (name, _) = words.next().unwrap_or(("", range.clone()));
    Ok(Placeholder { range, name, filters: words.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let pieces = pieces(text).unwrap();
        let shown = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => format!("[{text}]"),
            Piece::Place(place) => {
                let filters: String = place.filters.iter().map(|(name, _)| format!("|{name}")).collect();
                format!("<{}{filters}>", place.name)
            }
        });
        shown.collect()
    }

    #[test]
    fn text_and_places_follow_each_other() {
        assert_eq!(shown("a ${b}c${ d | x|y }"), "[a ]<b>[c]<d|x|y>");
        assert_eq!(shown("$5 $$ ${secret.a-b}"), "[$5 $$ ]<secret.a-b>");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn a_doubled_dollar_is_text() {
        assert_eq!(shown("$${a}${b}"), "[${][a}]<b>");
        assert_eq!(shown("x$${"), "[x][${]");
    }

    #[test]
    fn what_is_malformed_knows_its_place() {
        assert_eq!(pieces("ab ${c").unwrap_err().range, 3..6);
        assert_eq!(pieces("ab ${}").unwrap_err().message, "a placeholder without a name");
        assert_eq!(pieces("${a b}").unwrap_err().message, "not a name");
        assert_eq!(pieces("${a|}").unwrap_err().message, "a placeholder without a name");
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[$\\{\\}|a é.]{0,24}") {
            let _ = pieces(&text);
        }
    }
}
