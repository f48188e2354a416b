//! What a value may be asked to be.

use super::template::{JsonTemplate, Template};
use regex::Regex;

/// A condition on one value; plain values in a scenario mean [`Equals`](Matcher::Equals).
#[derive(Debug, Clone)]
pub enum Matcher {
    /// The same JSON value; for text that is no JSON, the same text.
    Equals(JsonTemplate),
    /// Not what the inner matcher asks for.
    Not(Box<Matcher>),
    /// Text that holds this, a list with such an item, an object with this key.
    Contains(JsonTemplate),
    /// Text in which the expression is found.
    Matches(Regex),
    /// Text that begins so.
    StartsWith(Template),
    /// Text that ends so.
    EndsWith(Template),
    /// The value is there, or is not. JSON `null` is there.
    Exists(bool),
    /// A JSON type.
    Type(JsonType),
    /// One of several.
    OneOf(Vec<JsonTemplate>),
    /// A number above (`>`).
    Above(f64),
    /// A number of at least (`>=`).
    AtLeast(f64),
    /// A number below (`<`).
    Below(f64),
    /// A number of at most (`<=`).
    AtMost(f64),
    /// The length of text (characters), list or object.
    Length(Box<Matcher>),
    /// Empty text, list, object, or null.
    Empty(bool),
    /// Every item of a list.
    Each(Box<Matcher>),
    /// A status class such as `4xx`, by its first digit.
    StatusClass(u16),
    /// All of them.
    All(Vec<Matcher>),
}

/// A JSON type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JsonType {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}
