//! What a provider decided about one request, in one line, for whoever reads the log beside the call.

use axum::response::{IntoResponse, Response};
use std::borrow::Cow;
use std::fmt;

/// Text from the wire is cut here before it may appear in a note.
const LONGEST_QUOTE: usize = 80;

/// The rendered [`Decision`] of a response, found in its [`http::Extensions`]. Holds no secret, code or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

/// What an endpoint decided about one request: `token: code refused, it was used before (client mosaic)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The endpoint that decided, by its short name.
    pub endpoint: &'static str,
    /// The client that asked, once it is known to be registered.
    pub client: Option<String>,
    /// What was done, as a lower-case fragment.
    pub outcome: Cow<'static, str>,
    /// Why, when the outcome does not say so itself.
    pub why: Option<Cow<'static, str>>,
}

impl Decision {
    /// A decision whose outcome speaks for itself.
    pub fn new(endpoint: &'static str, outcome: impl Into<Cow<'static, str>>) -> Self {
        Self { endpoint, client: None, outcome: outcome.into(), why: None }
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Names the client, by its registered id.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client = Some(id.into());
        self
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.outcome)?;
        if let Some(why) = &self.why {
            write!(f, ", {why}")?;
        }
        if let Some(client) = &self.client {
            write!(f, " (client {client})")?;
        }
        Ok(())
    }
}

/// A response together with the decision behind it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) response: Response,
    pub(super) decision: Decision,
}

impl Outcome {
    pub(super) fn new(response: impl IntoResponse, decision: Decision) -> Self {
        Self { response: response.into_response(), decision }
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let mut response = self.response;
        // Names and faults come from the scenario, and may hold what would break the line.
        let line = self.decision.to_string().replace(char::is_control, "\u{fffd}");
        response.extensions_mut().insert(Note(line));
        response.extensions_mut().insert(self.decision);
        response
    }
}

/// `text` from the wire as a note may hold it: quoted, cut, and without anything that could break the line.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted: String = text.chars().take(LONGEST_QUOTE).map(|c| if c.is_control() || c == '`' { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        quoted.push('…');
    }
    format!("`{quoted}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_reads_as_one_line() {
        let decision = Decision::new("token", "code refused").because("it was used before").client("mosaic");
        assert_eq!(decision.to_string(), "token: code refused, it was used before (client mosaic)");
    }

    #[test]
    fn hostile_text_can_neither_break_the_line_nor_fill_it() {
        assert_eq!(quoted("a\r\nb`c"), "`a\u{fffd}\u{fffd}b\u{fffd}c`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), LONGEST_QUOTE + 3);
    }
}
