//! Colours. They never carry meaning alone: every coloured word also says what it means.

use anstyle::{AnsiColor, Style as Ansi};

/// Whether text is coloured, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// With or without colour.
    #[must_use]
    pub fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    /// Whether it colours.
    #[must_use]
    pub fn is_coloured(self) -> bool {
        self.coloured
    }

    fn paint(self, style: Ansi, text: &str) -> String {
        if self.coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// All is well.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default().bold(), text)
    }

    /// Something is broken.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// Something wants attention.
    #[must_use]
    pub fn warn(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// Names.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// Things one may skip.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    /// Steps.
    #[must_use]
    pub fn step(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }
}
