//! What a process prints: read line by line, bounded, redacted.

use crate::base::Redactor;
use crate::topology::{Event, Sink};
use regex::bytes::Regex;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

/// Lines kept.
const MOST_LINES: usize = 200;
/// Bytes shown of a line.
const LONGEST_SHOWN: usize = 4096;
/// Bytes read of a line. More than are shown, so that a secret is seen whole before the line is cut.
const LONGEST_READ: usize = 4 * LONGEST_SHOWN;

/// What one process printed so far.
pub(super) struct Output {
    of: String,
    redactor: Redactor,
    sink: Sink,
    wanted: Option<Regex>,
    seen: watch::Sender<bool>,
    lines: Mutex<VecDeque<String>>,
}

impl Output {
    /// Nothing yet; `wanted` is the line that is waited for.
    pub(super) fn new(of: String, redactor: Redactor, sink: Sink, wanted: Option<Regex>) -> Self {
        Self { of, redactor, sink, wanted, seen: watch::Sender::new(false), lines: Mutex::default() }
    }

    /// The last lines, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Returns once the wanted line was printed.
    pub(super) async fn printed(&self) {
        // The sender lives as long as `self`, so there is no other way for this to end.
        let _ = self.seen.subscribe().wait_for(|seen| *seen).await;
    }

    /// Reads `pipe` to its end.
    pub(super) async fn follow(&self, mut pipe: impl AsyncRead + Unpin) {
        let mut line = Vec::new();
        let mut chunk = vec![0; 8192];
        while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
            let mut pieces = chunk[..length].split(|&byte| byte == b'\n');
            let first = pieces.next().unwrap_or_default();
            grow(&mut line, first);
            for piece in pieces {
                self.push(&line);
                line.clear();
                grow(&mut line, piece);
            }
        }
        if !line.is_empty() {
            self.push(&line);
        }
    }

    fn push(&self, raw: &[u8]) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if self.wanted.as_ref().is_some_and(|wanted| wanted.is_match(raw)) {
            self.seen.send_replace(true);
        }
        let line = shown(raw, &self.redactor);
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == MOST_LINES {
                lines.pop_front();
            }
            lines.push_back(line.clone());
        }
        (self.sink)(Event::Log { of: self.of.clone(), line });
    }
}

/// Appends to a line what still fits.
fn grow(line: &mut Vec<u8>, piece: &[u8]) {
    let room = LONGEST_READ - line.len().min(LONGEST_READ);
    line.extend_from_slice(&piece[..piece.len().min(room)]);
}

/// A line for people: plain, without secrets, not too long.
fn shown(raw: &[u8], redactor: &Redactor) -> String {
    let text = String::from_utf8_lossy(raw);
    let text = plain(&text);
    let text = redactor.text(&text);
    if text.len() <= LONGEST_SHOWN {
        return text.into_owned();
    }
    let end = (0..=LONGEST_SHOWN).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Text without terminal control sequences (ECMA-48 §5.4) and other control characters: a log must not steer the terminal
/// that shows it.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' if chars.next_if_eq(&'[').is_some() => {
                // Parameters and intermediates up to the final byte.
                while chars.next_if(|char| (' '..='?').contains(char)).is_some() {}
                chars.next_if(|char| ('@'..='~').contains(char));
            }
            '\t' => out.push(' '),
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use std::sync::Arc;

    fn output(wanted: Option<&str>) -> Output {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("db", "hunter2!"));
        Output::new("https://a.test".to_owned(), redactor, Arc::new(|_| {}), wanted.map(|regex| Regex::new(regex).unwrap()))
    }

    #[tokio::test]
    async fn lines_are_whole_plain_and_without_secrets() {
        let output = output(None);
        output.follow(&b"\x1b[31mred\x1b[0m\tpw=hunter2!\r\n\nbad \xff byte\x07\nno end"[..]).await;
        assert_eq!(output.lines(), ["red pw=‹secret:db›", "", "bad \u{fffd} byte", "no end"]);
    }

    #[tokio::test]
    async fn only_the_last_lines_are_kept_and_long_ones_are_cut() {
        let output = output(None);
        let mut text = "x".repeat(1_000_000);
        for n in 0..MOST_LINES {
            text.push_str(&format!("\n{n}"));
        }
        output.follow(text.as_bytes()).await;
        let lines = output.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (MOST_LINES, "0"));
        output.follow(&text.as_bytes()[..1_000_000]).await;
        assert_eq!(output.lines().last().unwrap().len(), LONGEST_SHOWN + '…'.len_utf8());
    }

    #[tokio::test]
    async fn a_secret_at_the_cut_is_not_half_shown() {
        let output = output(None);
        output.follow(format!("{}hunter2!", "x".repeat(LONGEST_SHOWN - 4)).as_bytes()).await;
        assert!(!output.lines()[0].contains("hunt"));
    }

    #[tokio::test]
    async fn the_wanted_line_is_seen_even_before_anybody_waits() {
        let output = output(Some("^listening on [0-9]+$"));
        output.follow(&b"starting\nlistening on 80\n"[..]).await;
        output.printed().await;
    }
}
