//! A real browser among pages that are hard to handle.

mod acting;
mod alike;
mod around;
mod zoo;
