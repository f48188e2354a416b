//! HTML as a person without script sees it.

/// How a scenario names something on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator;
