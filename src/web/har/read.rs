//! Entries, pages and what is wrong, in the order of the file.

use super::entry::{Entry, Page};
use super::scan::{Kept, Limits, Place, Scanner, Stop};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

/// Largest member of the log beside entries and pages.
const LARGEST_MEMBER: usize = 16 * 1024 * 1024;

/// What comes out of a HAR.
#[derive(Debug)]
pub enum Item {
    /// An entry; its number is counted from one.
    Entry(u64, Box<Entry>),
    /// A page.
    Page(Page),
    /// Something that could not be read and was passed over.
    Problem(Problem),
}

/// Something in a HAR that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The entry, counted from one, if it is one.
    pub entry: Option<u64>,
    /// Where.
    pub place: Place,
    /// What, as a lower-case fragment.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "entry {entry} at {}: {}", self.place, self.what),
            None => write!(f, "{}: {}", self.place, self.what),
        }
    }
}

/// Why a file cannot be read as a HAR.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// Reading failed.
    #[error("it could not be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("it is no HAR: {why} at {place}")]
    NotHar {
        /// What is there instead.
        why: String,
        /// Where.
        place: Place,
    },
}

/// What a log says about itself.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Name and version of what wrote it: `WebInspector 537.36`.
    pub creator: String,
    /// The browser, where that is another: `Firefox 140.0`.
    pub browser: String,
    /// What authchain told beside the format.
    pub authchain: Option<Value>,
}

/// Reads a HAR in a stream: one entry is in memory at a time.
pub struct Reader<R> {
    scanner: Scanner<R>,
    log: Log,
    state: State,
    entries: u64,
    /// The list that is being read, if there is one, and whether its next element is the first.
    first: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Among the members of the document, before or behind `log`.
    Document,
    Log,
    Entries,
    Pages,
    Over,
}

impl<R: Read> Reader<R> {
    /// A reader with the usual limits.
    pub fn new(input: R) -> Self {
        Self::with_limits(input, Limits::default())
    }

    /// A reader with limits of one's own.
    pub fn with_limits(input: R, limits: Limits) -> Self {
        Self { scanner: Scanner::new(input, limits.entry), log: Log::default(), state: State::Start, entries: 0, first: true }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.scanner.bytes()
    }

    /// What the log says about itself, as far as it was read.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or is no HAR at all.
    pub fn read(&mut self) -> Result<Option<Item>, HarError> {
        match self.advance() {
            Ok(item) => Ok(item),
            Err(Stop::Io(error)) => Err(error.into()),
            // In the middle of a log everything before the fault is worth having.
            Err(stop) if matches!(self.state, State::Log | State::Entries | State::Pages) => {
                let entry = (self.state == State::Entries).then_some(self.entries);
                self.state = State::Over;
                let (place, what) = match stop {
                    Stop::Syntax(place, why) => (place, format!("{why}; the rest of the file cannot be read")),
                    _ => (self.scanner.place(), "the file ends here, in the middle".to_owned()),
                };
                Ok(Some(Item::Problem(Problem { entry, place, what })))
            }
            Err(Stop::Syntax(place, why)) => Err(HarError::NotHar { why: why.to_owned(), place }),
            Err(Stop::End) => Err(HarError::NotHar { why: "the file ends before its log".to_owned(), place: self.scanner.place() }),
        }
    }

    fn advance(&mut self) -> Result<Option<Item>, Stop> {
        loop {
            match self.state {
                State::Start => self.begin()?,
                State::Document => {
                    if !self.scanner.more(b'}', &mut self.first)? {
                        return Err(self.scanner.syntax("it has no `log`"));
                    }
                    if self.scanner.name()? == "log" {
                        self.scanner.expect(b'{', "`log` should be an object")?;
                        (self.state, self.first) = (State::Log, true);
                    } else {
                        self.scanner.skip()?;
                    }
                }
                State::Log => {
                    if !self.scanner.more(b'}', &mut self.first)? {
                        self.state = State::Over;
                    } else if let Some(problem) = self.member()? {
                        return Ok(Some(problem));
                    }
                }
                State::Entries | State::Pages => {
                    if !self.scanner.more(b']', &mut self.first)? {
                        (self.state, self.first) = (State::Log, false);
                        continue;
                    }
                    return self.element().map(Some);
                }
                State::Over => return Ok(None),
            }
        }
    }

    /// The byte order mark that some tools write, and the opening bracket.
    fn begin(&mut self) -> Result<(), Stop> {
        match self.scanner.peek()? {
            Some(0xEF) => (0..3).for_each(|_| self.scanner.take_one()),
            Some(0xFE | 0xFF) => return Err(self.scanner.syntax("it is UTF-16 and not UTF-8")),
            _ => {}
        }
        self.scanner.expect(b'{', "a JSON object should begin")?;
        (self.state, self.first) = (State::Document, true);
        Ok(())
    }

    fn member(&mut self) -> Result<Option<Item>, Stop> {
        let name = self.scanner.name()?;
        let place = {
            let opening = self.scanner.next_token()?;
            if opening == b'[' && matches!(name.as_str(), "entries" | "pages") {
                self.scanner.take();
                (self.state, self.first) = (if name == "entries" { State::Entries } else { State::Pages }, true);
                return Ok(None);
            }
            self.scanner.place()
        };
        let problem = |what: String| Ok(Some(Item::Problem(Problem { entry: None, place, what })));
        match name.as_str() {
            "entries" => {
                self.scanner.skip()?;
                problem("`entries` should be a list".to_owned())
            }
            "creator" | "browser" | "_authchain" => {
                let Kept::Whole = self.scanner.keep(LARGEST_MEMBER)? else {
                    return problem(format!("`{name}` is larger than {LARGEST_MEMBER} bytes"));
                };
                let Ok(value) = parse::<Value>(self.scanner.value()) else { return problem(format!("`{name}` is no JSON")) };
                match name.as_str() {
                    "creator" => self.log.creator = named(&value),
                    "browser" => self.log.browser = named(&value),
                    _ => self.log.authchain = Some(value),
                }
                Ok(None)
            }
            _ => self.scanner.skip().map(|()| None),
        }
    }

    fn element(&mut self) -> Result<Item, Stop> {
        self.scanner.next_token()?;
        let place = self.scanner.place();
        if self.state == State::Pages {
            let kept = self.scanner.keep(LARGEST_MEMBER)?;
            let page = matches!(kept, Kept::Whole).then(|| parse(self.scanner.value()).ok()).flatten();
            let problem = || Item::Problem(Problem { entry: None, place, what: "it should be a page".to_owned() });
            return Ok(page.map_or_else(problem, Item::Page));
        }
        self.entries += 1;
        let number = self.entries;
        let problem = |place, what| Item::Problem(Problem { entry: Some(number), place, what });
        Ok(match self.scanner.keep_entry()? {
            Kept::TooLarge => problem(place, "it is larger than one entry may be".to_owned()),
            Kept::Whole => match parse::<Entry>(self.scanner.value()) {
                Ok(entry) if entry.request.url.is_empty() => problem(place, "it has no request with a URL".to_owned()),
                Ok(entry) => Item::Entry(number, Box::new(entry)),
                Err(error) => problem(place.within(error.line(), error.column()), told(&error)),
            },
        })
    }
}

/// What a parser says, without its own place and without values.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    // A type error quotes what it met, which may be a cookie.
    let text = match text.split_once("invalid type: ").and_then(|(_, rest)| rest.rsplit_once(", expected ")) {
        Some((_, expected)) => format!("a value of the wrong type where {expected} should be"),
        None => text.to_owned(),
    };
    crate::base::escape::shorten(&crate::base::escape::line(&text), 160).into_owned()
}

/// JSON, also with bytes that are not UTF-8 and with halves of surrogate pairs, which some exporters leave in bodies.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| match mended(bytes) {
        Cow::Owned(text) => serde_json::from_str(&text),
        Cow::Borrowed(_) => Err(error),
    })
}

/// The text with U+FFFD in place of what is no Unicode.
fn mended(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    let mut rest = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        let here = at + found;
        let unit = |at: usize| text.get(at..at + 6).and_then(|escape| u16::from_str_radix(escape.strip_prefix("\\u")?, 16).ok());
        match unit(here) {
            Some(0xD800..=0xDBFF) if matches!(unit(here + 6), Some(0xDC00..=0xDFFF)) => at = here + 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[rest..here]);
                out.push_str("\\ufffd");
                (rest, at) = (here + 6, here + 6);
            }
            Some(_) => at = here + 6,
            // An escape of one character, or none at all, which the parser will say.
            None => at = here + 1 + text[here + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    if rest == 0 {
        return text;
    }
    out.push_str(&text[rest..]);
    Cow::Owned(out)
}

/// `Firefox 140.0` of a creator or browser.
fn named(value: &Value) -> String {
    let part = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().chars().take(80).collect::<String>();
    format!("{} {}", part("name"), part("version")).trim().to_owned()
}

#[cfg(test)]
mod tests;
