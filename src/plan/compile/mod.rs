//! From a scenario to its plans: one for each variant, everything textual compiled.
//!
//! ```text
//! variables, secrets  →  origins  →  steps: verbs, matchers, expectations, captures  →  lints
//! ```
//!
//! Faults are collected, not thrown: a person sees all that is wrong with a scenario at once.

mod again;
mod backing;
mod browser;
mod compiler;
mod expectations;
mod fault;
mod gotrue;
mod idp;
mod label;
mod lint;
mod matcher;
mod origins;
mod otp;
mod placeholder;
mod probe;
mod process;
mod run;
mod secrets;
mod steps;
mod stub;
mod text;
mod value;
mod verbs;
mod world;

pub use run::{Compiled, compile, compile_variant};

#[cfg(test)]
mod tests;
