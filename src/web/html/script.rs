//! Just enough of JavaScript's surface to tell what runs while a page loads: comments, strings, braces, and the text
//! before a brace.

use std::sync::LazyLock;

use regex::Regex;

/// How many functions may call one another on the way to a submit.
const MAX_CALL_DEPTH: usize = 4;
/// Uses of one function name that are looked at.
const MAX_USES: usize = 32;

/// A script with a second copy in which strings and comments are blank. Both have the same length, byte for byte.
pub(super) struct Script<'a> {
    pub(super) code: &'a str,
    pub(super) masked: String,
}

/// Blanks out strings and comments. Regular expression literals are not recognised; a quote in one may hide what follows,
/// which errs on the side of "no call seen".
pub(super) fn mask(code: &str) -> Script<'_> {
    let bytes = code.as_bytes();
    let mut masked = String::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'/')) => find(bytes, at, |rest| rest[0] == b'\n').unwrap_or(bytes.len()),
            (b'/', Some(b'*')) => find(bytes, at + 2, |rest| rest.starts_with(b"*/")).map_or(bytes.len(), |end| end + 2),
            (quote @ (b'"' | b'\'' | b'`'), _) => end_of_string(bytes, at, quote),
            (byte, _) => {
                // Outside of strings only ASCII matters.
                masked.push(if byte.is_ascii() { char::from(byte) } else { '_' });
                at += 1;
                continue;
            }
        };
        masked.extend(std::iter::repeat_n(' ', end - at));
        at = end;
    }
    Script { code, masked }
}

fn find(bytes: &[u8], from: usize, is_there: impl Fn(&[u8]) -> bool) -> Option<usize> {
    (from..bytes.len()).find(|&at| is_there(&bytes[at..]))
}

/// One past the closing quote; a `'` or `"` string also ends with its line.
fn end_of_string(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' if quote != b'`' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

impl<'a> Script<'a> {
    /// Whether the code at a place runs while the page loads.
    pub(super) fn runs_on_load(&self, at: usize, all: &[Script]) -> bool {
        self.runs(at, all, MAX_CALL_DEPTH)
    }

    fn runs(&self, at: usize, all: &[Script], depth: usize) -> bool {
        // The statement itself counts for arrow functions without braces.
        let statement = self.statement_before(at);
        if statement.contains("=>") && !starts_on_load(statement) && !is_called_at_once(statement) {
            return false;
        }
        self.enclosing_braces(at).into_iter().all(|brace| {
            let header = self.statement_before(brace);
            let is_function = header.contains("function") || header.contains("=>") || is_method(header);
            !is_function
                || starts_on_load(header)
                || is_called_at_once(header)
                || function_name(header).is_some_and(|name| depth > 0 && is_used_on_load(name, all, depth - 1))
        })
    }

    /// The text of the statement before a place, from the last `;`, `{` or `}` on.
    fn statement_before(&self, at: usize) -> &str {
        let start = self.masked[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
        self.code.get(start..at).unwrap_or_default()
    }

    /// The braces that are open at a place, outermost first.
    fn enclosing_braces(&self, at: usize) -> Vec<usize> {
        let mut open = Vec::new();
        for (index, byte) in self.masked.bytes().enumerate().take(at) {
            match byte {
                b'{' => open.push(index),
                b'}' => {
                    open.pop();
                }
                _ => {}
            }
        }
        open
    }

    /// Strings that `setTimeout` is given as code, with the place of the call.
    pub(super) fn delayed_code(&self) -> impl Iterator<Item = (usize, &'a str)> {
        static DELAYED: LazyLock<Regex> = LazyLock::new(|| literal(r#"\bsetTimeout\s*\(\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)')"#));
        let masked = &self.masked;
        DELAYED.captures_iter(self.code).filter_map(move |found| {
            let call = found.get(0)?.start();
            let code = found.get(1).or_else(|| found.get(2))?;
            // Not inside of a comment or another string.
            masked[call..].starts_with("setTimeout").then_some((call, code.as_str()))
        })
    }
}

/// Whether a function with this text before its body is handed to something that runs it on load.
fn starts_on_load(header: &str) -> bool {
    static LOADING: LazyLock<Regex> = LazyLock::new(|| {
        literal(
            r#"(?x) \bonload\s*= | \bonpageshow\s*= | \bonreadystatechange\s*=
            | addEventListener\s*\(\s*["'](?:load|DOMContentLoaded|pageshow|readystatechange)["']
            | \.\s*ready\s*\( | (?:\$|\bjQuery)\s*\(\s*(?:function|\(?\s*\w*\s*\)?\s*=>|\w+\s*\)?\s*$)
            | \b(?:setTimeout|setImmediate|requestAnimationFrame|queueMicrotask)\s*\("#,
        )
    });
    LOADING.is_match(header)
}

/// `(function () {`, `(() => {`, `!function () {`: a function expression that begins a statement is one that is called.
fn is_called_at_once(header: &str) -> bool {
    let start = header.trim_start();
    ["(function", "(async", "(()", "( function", "( ()", "!function", "+function", "void function"]
        .iter()
        .any(|prefix| start.starts_with(prefix))
}

/// `go() {` in a class or an object, unlike `if (…) {`.
fn is_method(header: &str) -> bool {
    static METHOD: LazyLock<Regex> = LazyLock::new(|| literal(r"^\s*(?:[\w$]+\s*[:,]\s*)?(?:async\s+)?([\w$]+)\s*\([^()]*\)\s*$"));
    let Some(name) = METHOD.captures(header).and_then(|found| found.get(1)) else { return false };
    !matches!(name.as_str(), "if" | "for" | "while" | "switch" | "catch" | "with")
}

/// The name in `function go(` or `go = function` or `const go = () =>`.
fn function_name(header: &str) -> Option<&str> {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| literal(r"function\s+([\w$]+)\s*\(|([\w$]+)\s*=\s*(?:async\s*)?(?:function|\(|[\w$]+\s*=>)"));
    let found = NAMED.captures(header)?;
    found.get(1).or_else(|| found.get(2)).map(|name| name.as_str())
}

/// Whether a function is called, or handed over as a load handler, in code that runs on load.
fn is_used_on_load(name: &str, all: &[Script], depth: usize) -> bool {
    all.iter().any(|script| {
        let uses = script.masked.match_indices(name).map(|(at, _)| at).filter(|&at| {
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.'));
            let before = &script.masked[..at];
            let after = &script.masked[at + name.len()..];
            let is_whole = !is_word(before.chars().next_back()) && !is_word(after.chars().next());
            let is_call = after.trim_start().starts_with('(') && !before.trim_end().ends_with("function");
            is_whole && (is_call || starts_on_load(script.statement_before(at)))
        });
        uses.take(MAX_USES).any(|at| script.runs(at, all, depth))
    })
}

fn literal(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant, and the tests use each")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_and_comments_are_blank_and_nothing_moves() {
        let code = "a('it\\'s {'); // }\nb(`x\n}`) /* { */ é";
        let masked = mask(code).masked;
        assert_eq!(masked.len(), code.len());
        assert_eq!(masked.replace(' ', ""), "a();\nb()__");
    }

    proptest! {
        #[test]
        fn no_code_makes_it_panic(code: String, at: usize) {
            let script = mask(&code);
            prop_assert_eq!(script.masked.len(), code.len());
            let at = at % (code.len() + 1);
            let _ = script.runs_on_load(at, std::slice::from_ref(&script));
            prop_assert!(script.delayed_code().count() <= code.len());
        }
    }
}
