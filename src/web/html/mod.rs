//! A page as a person without script sees it: text, links, forms, and what filling and pressing them sends.
//!
//! In: HTML of unknown origin and its URL. Out: a [`Page`], whose elements are named by [`Locator`]s as a person would
//! name them, and whose forms become [`Submission`]s by HTML's own rules (HTML §4.10). It is pure and bounded in size,
//! depth and time; nothing in a page makes it fail, only what is asked of it can be impossible, and then a
//! [`PageError`] says what was there instead.

mod activate;
mod auto_submit;
mod control;
mod dom;
mod edit;
mod encode;
mod error;
mod find;
mod locator;
mod name;
mod page;
mod parse;
mod script;
mod submit;
mod text;
mod validate;
mod value;

pub use activate::Click;
pub use control::ControlKind;
pub use encode::Enctype;
pub use error::{FindError, PageError, Violation, Wanted};
pub use locator::{Locator, LocatorError, LocatorKind};
pub use page::{ElementId, Form, Link, Page};
pub use parse::{Limit, MAX_BYTES, MAX_DEPTH, MAX_NODES};
pub use submit::{Method, Submission};
