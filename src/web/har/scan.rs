//! Cuts a HAR into its members and entries without parsing them: brackets are counted and strings skipped, and only what
//! is asked for stays in memory.
//!
//! A parser over the whole file would lose everything behind the first fault and hold a megabyte body twice. Here a fault
//! inside an entry is the entry's own, and the next one begins where its brackets close.

use memchr::{memchr_iter, memchr2};
use std::fmt;
use std::io::{self, Read};

/// How much is read at once.
const CHUNK: usize = 256 * 1024;
/// Deepest nesting of brackets.
const DEEPEST: usize = 4_096;
/// Longest member name that is looked at.
const LONGEST_NAME: usize = 256;

/// What a document may ask of memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest entry, in bytes; a larger one is skipped and named.
    pub entry: usize,
}

impl Default for Limits {
    /// 256 MiB: browsers hold no larger body in their developer tools.
    fn default() -> Self {
        Self { entry: 256 * 1024 * 1024 }
    }
}

/// A place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bytes before it.
    pub byte: u64,
    /// Line, counted from one.
    pub line: u64,
    /// Column in bytes, counted from one.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} (byte {})", self.line, self.column, self.byte)
    }
}

impl Place {
    /// The place that a parser of the text from here on calls by line and column.
    pub(super) fn within(self, line: usize, column: usize) -> Self {
        let (line, column) = (line as u64, column as u64);
        let on = if line <= 1 { self.column + column.saturating_sub(1) } else { column };
        Self { byte: self.byte, line: self.line + line.saturating_sub(1), column: on }
    }
}

/// Why scanning cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// Reading failed.
    Io(io::Error),
    /// The file ends in the middle.
    End,
    /// It is not JSON here.
    Syntax(Place, &'static str),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A value that was kept: where it lies in the buffer, or that it was too large to be.
pub(super) enum Kept {
    Whole,
    TooLarge,
}

pub(super) struct Scanner<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where reading stands in the buffer.
    at: usize,
    /// Where the value that is kept begins.
    kept: Option<usize>,
    /// Bytes that have left the buffer.
    gone: u64,
    /// Up to where in the buffer lines are counted, how many there are until then, and where the last one begins in the file.
    counted: usize,
    lines: u64,
    line_start: u64,
    ended: bool,
    limit: usize,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self { input, buffer: Vec::new(), at: 0, kept: None, gone: 0, counted: 0, lines: 0, line_start: 0, ended: false, limit }
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.gone + self.at as u64
    }

    /// Bytes of memory that it holds.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The place of the next byte.
    pub(super) fn place(&mut self) -> Place {
        self.count_lines(self.at);
        Place { byte: self.bytes(), line: self.lines + 1, column: self.bytes() - self.line_start + 1 }
    }

    fn count_lines(&mut self, until: usize) {
        let uncounted = self.buffer.get(self.counted..until).unwrap_or_default();
        self.lines += memchr_iter(b'\n', uncounted).count() as u64;
        if let Some(at) = memchr::memrchr(b'\n', uncounted) {
            self.line_start = self.gone + (self.counted + at) as u64 + 1;
        }
        self.counted = self.counted.max(until);
    }

    /// The value that was kept last.
    pub(super) fn value(&self) -> &[u8] {
        &self.buffer[self.kept.unwrap_or(self.at)..self.at]
    }

    /// The next byte, without taking it.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Stop> {
        if self.at == self.buffer.len() && !self.fill()? {
            return Ok(None);
        }
        Ok(Some(self.buffer[self.at]))
    }

    pub(super) fn take(&mut self) {
        self.at += 1;
    }

    /// Takes a byte if there is one.
    pub(super) fn take_one(&mut self) {
        if matches!(self.peek(), Ok(Some(_))) {
            self.take();
        }
    }

    /// The next byte that is no white space (RFC 8259 §2), without taking it.
    pub(super) fn next_token(&mut self) -> Result<u8, Stop> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.take(),
                Some(byte) => return Ok(byte),
                None => return Err(Stop::End),
            }
        }
    }

    pub(super) fn syntax(&mut self, why: &'static str) -> Stop {
        Stop::Syntax(self.place(), why)
    }

    /// Takes `byte`, which must be next.
    pub(super) fn expect(&mut self, byte: u8, why: &'static str) -> Result<(), Stop> {
        if self.next_token()? != byte {
            return Err(self.syntax(why));
        }
        self.take();
        Ok(())
    }

    /// Behind an opening bracket or a comma: whether there is another member or element, commas taken.
    pub(super) fn more(&mut self, close: u8, first: &mut bool) -> Result<bool, Stop> {
        let next = self.next_token()?;
        if next == close {
            self.take();
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',', "a comma or a closing bracket should stand here")?;
            // A comma too many before the bracket is a common slip of hand-edited files.
            if self.next_token()? == close {
                self.take();
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a member's name and its colon.
    pub(super) fn name(&mut self) -> Result<String, Stop> {
        if self.next_token()? != b'"' {
            return Err(self.syntax("a member's name should stand here"));
        }
        let kept = self.keep(LONGEST_NAME)?;
        let name = match kept {
            Kept::Whole => serde_json::from_slice(self.value()).unwrap_or_default(),
            Kept::TooLarge => String::new(),
        };
        self.expect(b':', "a colon should stand here")?;
        Ok(name)
    }

    /// Passes over the next value and keeps it in memory until the next one is, unless it is larger than `limit`.
    pub(super) fn keep(&mut self, limit: usize) -> Result<Kept, Stop> {
        self.next_token()?;
        self.kept = Some(self.at);
        let usual = std::mem::replace(&mut self.limit, limit);
        let passed = self.pass();
        self.limit = usual;
        passed?;
        match self.kept {
            Some(from) if self.at - from <= limit => Ok(Kept::Whole),
            _ => {
                self.kept = None;
                Ok(Kept::TooLarge)
            }
        }
    }

    /// [`keep`](Self::keep) of an entry.
    pub(super) fn keep_entry(&mut self) -> Result<Kept, Stop> {
        self.keep(self.limit)
    }

    /// Passes over the next value.
    pub(super) fn skip(&mut self) -> Result<(), Stop> {
        self.next_token()?;
        self.kept = None;
        self.pass()
    }

    fn pass(&mut self) -> Result<(), Stop> {
        match self.next_token()? {
            b'"' => self.pass_string(),
            b'{' | b'[' => self.pass_brackets(),
            b']' | b'}' | b',' | b':' => Err(self.syntax("a value should stand here")),
            _ => {
                while let Some(byte) = self.peek()? {
                    if matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r') {
                        break;
                    }
                    self.take();
                }
                Ok(())
            }
        }
    }

    fn pass_string(&mut self) -> Result<(), Stop> {
        self.take();
        loop {
            match memchr2(b'"', b'\\', &self.buffer[self.at..]) {
                Some(found) if self.buffer[self.at + found] == b'"' => {
                    self.at += found + 1;
                    return Ok(());
                }
                Some(found) => {
                    self.at += found + 1;
                    if self.peek()?.is_none() {
                        return Err(Stop::End);
                    }
                    self.take();
                }
                None => {
                    self.at = self.buffer.len();
                    if !self.fill()? {
                        return Err(Stop::End);
                    }
                }
            }
        }
    }

    fn pass_brackets(&mut self) -> Result<(), Stop> {
        let mut open = Vec::new();
        loop {
            let rest = &self.buffer[self.at..];
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')) else {
                self.at = self.buffer.len();
                if !self.fill()? {
                    return Err(Stop::End);
                }
                continue;
            };
            self.at += found;
            match self.buffer[self.at] {
                b'"' => {
                    self.pass_string()?;
                    continue;
                }
                opening @ (b'{' | b'[') => {
                    if open.len() == DEEPEST {
                        return Err(self.syntax("brackets are nested too deep"));
                    }
                    open.push(opening);
                }
                closing => {
                    let fits = matches!((open.pop(), closing), (Some(b'{'), b'}') | (Some(b'['), b']'));
                    if !fits {
                        return Err(self.syntax("another bracket should close here"));
                    }
                }
            }
            self.take();
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Reads on; says whether anything came. What is no longer needed leaves the buffer.
    fn fill(&mut self) -> Result<bool, Stop> {
        if self.ended {
            return Ok(false);
        }
        if self.kept.is_some_and(|from| self.at - from > self.limit) {
            self.kept = None;
        }
        let until = self.kept.unwrap_or(self.at);
        if until > 0 {
            self.count_lines(until);
            self.counted -= until;
            self.gone += until as u64;
            self.buffer.drain(..until);
            self.at -= until;
            self.kept = self.kept.map(|_| 0);
        }
        let length = self.buffer.len();
        // Grown by its own size: a large entry is moved a few times only.
        self.buffer.resize(length + CHUNK.max(length / 2), 0);
        let read = loop {
            match self.input.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(length + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(!self.ended)
    }
}
