//! How a scenario names an element, and the order in which names are compared.

use std::fmt;

use scraper::Selector;

/// Which property of an element a [`Locator`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocatorKind {
    /// The accessible name; what a locator without a prefix means.
    Name,
    /// `label=`: a `<label>`, `aria-label` or `aria-labelledby`, but not a placeholder or title.
    Label,
    /// `text=`: the smallest element that shows the text.
    Text,
    /// `css=`: a CSS selector.
    Css,
    /// `testid=`: the `data-testid` attribute.
    TestId,
    /// `name=`: the `name` attribute of a form control.
    ControlName,
}

impl LocatorKind {
    /// Every kind that has a prefix.
    const PREFIXED: [Self; 5] = [Self::Label, Self::Text, Self::Css, Self::TestId, Self::ControlName];

    /// The prefix in a scenario, with its `=`; empty for [`LocatorKind::Name`].
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Name => "",
            Self::Label => "label=",
            Self::Text => "text=",
            Self::Css => "css=",
            Self::TestId => "testid=",
            Self::ControlName => "name=",
        }
    }

    /// The kind that a text begins with, and the rest of the text.
    #[must_use]
    pub fn parse(text: &str) -> (Self, &str) {
        Self::PREFIXED.into_iter().find_map(|kind| text.strip_prefix(kind.prefix()).map(|rest| (kind, rest))).unwrap_or((Self::Name, text))
    }
}

/// An element by what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locator {
    kind: LocatorKind,
    needle: String,
}

/// A text that is no locator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocatorError {
    /// Nothing to look for.
    #[error("the locator is empty; write a name such as `Sign in`, or `css=`, `text=`, `label=`, `testid=`, `name=` and what to look for")]
    Empty,
    /// The selector does not parse.
    #[error("`{selector}` is not a CSS selector: {cause}")]
    Css {
        /// As written.
        selector: String,
        /// What the parser says.
        cause: String,
    },
}

impl Locator {
    /// Reads a locator: an optional prefix and what to look for.
    ///
    /// # Errors
    /// When nothing is to be looked for, or a CSS selector does not parse.
    pub fn parse(text: &str) -> Result<Self, LocatorError> {
        let (kind, needle) = LocatorKind::parse(text.trim());
        let needle = needle.trim().to_owned();
        if needle.is_empty() {
            return Err(LocatorError::Empty);
        }
        let locator = Self { kind, needle };
        if kind == LocatorKind::Css {
            locator.selector()?;
        }
        Ok(locator)
    }

    /// What the locator looks at.
    #[must_use]
    pub const fn kind(&self) -> LocatorKind {
        self.kind
    }

    /// What it looks for, without the prefix.
    #[must_use]
    pub fn needle(&self) -> &str {
        &self.needle
    }

    pub(super) fn selector(&self) -> Result<Selector, LocatorError> {
        Selector::parse(&self.needle).map_err(|error| LocatorError::Css { selector: self.needle.clone(), cause: error.to_string() })
    }
}

/// As written in a scenario.
impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.prefix(), self.needle)
    }
}

/// The candidates whose name fits best: equal names, else equal but for case, else those that contain the needle.
pub(super) fn best<T: Copy>(candidates: &[(T, String)], needle: &str) -> Vec<T> {
    let folded = needle.to_lowercase();
    let tiers: [&dyn Fn(&str) -> bool; 3] =
        [&|name| name == needle, &|name| name.to_lowercase() == folded, &|name| name.to_lowercase().contains(&folded)];
    tiers
        .into_iter()
        .map(|fits| candidates.iter().filter(|(_, name)| fits(name)).map(|(id, _)| *id).collect::<Vec<_>>())
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_choose_the_kind_and_print_back() {
        for (text, kind, needle) in [
            ("Sign in", LocatorKind::Name, "Sign in"),
            ("label=Password", LocatorKind::Label, "Password"),
            ("text=Welcome", LocatorKind::Text, "Welcome"),
            ("css=input[name=x]", LocatorKind::Css, "input[name=x]"),
            ("testid=submit", LocatorKind::TestId, "submit"),
            ("name=uidField", LocatorKind::ControlName, "uidField"),
            ("x=1", LocatorKind::Name, "x=1"),
        ] {
            let locator = Locator::parse(text).unwrap();
            assert_eq!((locator.kind(), locator.needle(), locator.to_string().as_str()), (kind, needle, text));
        }
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused_early() {
        assert_eq!(Locator::parse("  "), Err(LocatorError::Empty));
        assert_eq!(Locator::parse("css="), Err(LocatorError::Empty));
        assert!(matches!(Locator::parse("css=input["), Err(LocatorError::Css { .. })));
    }

    #[test]
    fn an_equal_name_beats_another_case_beats_a_part() {
        let names = |list: &[&str]| list.iter().enumerate().map(|(at, name)| (at, (*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(best(&names(&["Log in with X", "log in", "Log in"]), "Log in"), [2]);
        assert_eq!(best(&names(&["Log in with X", "LOG IN"]), "Log in"), [1]);
        assert_eq!(best(&names(&["Please log in", "Log in with X"]), "Log in"), [0, 1]);
        assert!(best(&names(&["Sign in"]), "Log in").is_empty());
    }
}
