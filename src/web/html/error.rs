//! What can go wrong on a page, in words that say what was there instead.

use std::fmt;

use super::locator::{Locator, LocatorKind};
use super::parse::Limit;

/// How many elements a message lists.
const LISTED: usize = 20;
/// Similarity from which a name is offered as the one that was meant (Jaro–Winkler, 0 to 1).
const MEANT: f64 = 0.8;

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Something to fill, choose or tick.
    Field,
    /// Something to press: a link, a button, a checkbox.
    Pressable,
    /// Anything that shows.
    Element,
}

impl Wanted {
    const fn singular(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Pressable => "link or button",
            Self::Element => "visible element",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Field => "fields",
            Self::Pressable => "links and buttons",
            Self::Element => "named elements",
        }
    }
}

/// A locator that does not lead to one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindError {
    /// Nothing fits.
    NotFound {
        /// As written.
        locator: Locator,
        /// What it should have been.
        wanted: Wanted,
        /// What there was, the most alike first.
        candidates: Vec<String>,
        /// What kept a part of the page from being read, if anything did.
        cut: Option<Limit>,
    },
    /// Several fit equally well.
    Ambiguous {
        /// As written.
        locator: Locator,
        /// What it should have been.
        wanted: Wanted,
        /// All that fit, in page order.
        candidates: Vec<String>,
    },
}

impl FindError {
    /// What the page had instead, the most alike first; or all that fit.
    #[must_use]
    pub fn candidates(&self) -> &[String] {
        match self {
            Self::NotFound { candidates, .. } | Self::Ambiguous { candidates, .. } => candidates,
        }
    }

    /// Nothing fits; the candidates come in page order.
    pub(crate) fn not_found(locator: &Locator, wanted: Wanted, mut candidates: Vec<String>, cut: Option<Limit>) -> Self {
        let mut seen = std::collections::HashSet::new();
        candidates.retain(|candidate| seen.insert(candidate.clone()));
        // A stable sort: what is equally unlike stays in page order.
        candidates.sort_by(|a, b| similarity(locator, b).total_cmp(&similarity(locator, a)));
        Self::NotFound { locator: locator.clone(), wanted, candidates, cut }
    }

    /// The candidate that was probably meant.
    #[must_use]
    pub fn did_you_mean(&self) -> Option<&str> {
        match self {
            Self::NotFound { locator, candidates, .. } => {
                candidates.first().map(String::as_str).filter(|best| similarity(locator, best) >= MEANT)
            }
            Self::Ambiguous { .. } => None,
        }
    }
}

fn similarity(locator: &Locator, candidate: &str) -> f64 {
    let (_, candidate) = LocatorKind::parse(candidate);
    strsim::jaro_winkler(&locator.needle().to_lowercase(), &candidate.to_lowercase())
}

impl std::error::Error for FindError {}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { locator, wanted, candidates, cut } => {
                write!(f, "no {} matches `{locator}`", wanted.singular())?;
                match self.did_you_mean() {
                    Some(meant) => write!(f, "; did you mean `{meant}`? ")?,
                    None => f.write_str("; ")?,
                }
                if candidates.is_empty() {
                    write!(f, "the page has no {}", wanted.plural())?;
                } else {
                    write!(f, "{} on the page: {}", wanted.plural(), list(candidates))?;
                }
                cut.map_or(Ok(()), |limit| write!(f, " (not all of it was read: {limit})"))
            }
            Self::Ambiguous { locator, candidates, .. } => write!(
                f,
                "`{locator}` matches {} elements: {}; write the whole name, or use `css=`, `name=` or `testid=`",
                candidates.len(),
                list(candidates)
            ),
        }
    }
}

fn list(names: &[String]) -> String {
    let mut shown: Vec<_> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    if names.len() > LISTED {
        shown.push(format!("and {} more", names.len() - LISTED));
    }
    shown.join(", ")
}

/// A field that keeps its form from being submitted (HTML §4.10.21.2 "interactively validate the constraints").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field, by its accessible name.
    pub field: String,
    /// What it lacks, as in "must be filled in".
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.reason)
    }
}

/// Something a person cannot do on a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The element is not there, or not the only one.
    #[error(transparent)]
    Find(#[from] FindError),
    /// It is greyed out.
    #[error("`{control}` is disabled")]
    Disabled {
        /// Its name.
        control: String,
    },
    /// It can be read but not changed.
    #[error("`{control}` is read-only")]
    ReadOnly {
        /// Its name.
        control: String,
    },
    /// Wrong kind of control for what was asked.
    #[error("`{control}` is a {is}, {hint}")]
    WrongKind {
        /// Its name.
        control: String,
        /// What it is.
        is: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// The list has no such option.
    #[error("`{control}` has no option `{wanted}`; its options: {}", list(.options))]
    NoOption {
        /// The list's name.
        control: String,
        /// What was asked for.
        wanted: String,
        /// What there is, the most alike first.
        options: Vec<String>,
    },
    /// A value that the field does not take from a keyboard. The value itself is left out: it may be a secret.
    #[error("`{control}` does not take that value: {reason}")]
    BadValue {
        /// The field's name.
        control: String,
        /// What it takes.
        reason: String,
    },
    /// Files are not sent.
    #[error("`{control}` takes a file, and the http engine does not upload files; fill it with an empty value, or use the browser engine")]
    FileUpload {
        /// The field's name.
        control: String,
    },
    /// Only a script would have made something of it.
    #[error("{what} has no effect without script; use the browser engine")]
    NoEffect {
        /// The element and why.
        what: String,
    },
    /// A browser shows a message at the first of these and sends nothing.
    #[error("a browser would not submit this form: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Blocked(Vec<Violation>),
    /// `method=dialog` closes a dialog and sends nothing (HTML §4.10.21.3 step 11).
    #[error("the form has `method=dialog`: it closes a dialog and sends nothing")]
    Dialog,
    /// The form's or link's URL leads nowhere.
    #[error("{what} leads to `{url}`, {reason}")]
    BadTarget {
        /// The element.
        what: String,
        /// As written in the page.
        url: String,
        /// Why it cannot be followed.
        reason: String,
    },
    /// The control stands outside of any form.
    #[error("`{control}` belongs to no form, so there is nothing to submit")]
    NoForm {
        /// Its name.
        control: String,
    },
    /// Enter does nothing in a form with several fields and no submit button (HTML §4.10.21.2).
    #[error("the form of `{control}` has several fields and no submit button, so Enter does not submit it")]
    NoImplicitSubmission {
        /// The field's name.
        control: String,
    },
}
