//! authchain drives a whole login and names the first thing that broke.
//!
//! ```text
//! scenario/  →  plan/  →  topology/ + drive/  →  trace/  →  judge/  →  report/
//!  text          typed      stands up & acts      facts      verdicts     screens & files
//! ```
//!
//! | module | |
//! |---|---|
//! | [`scenario`] | YAML with places: what a person wrote |
//! | [`plan`] | the same, resolved and compiled: nothing textual is left |
//! | [`topology`] | what stands behind each origin, and the edge in front of it |
//! | [`drive`] | performs the steps, one hop at a time |
//! | [`trace`] | what happened, as facts |
//! | [`judge`] | expectations, snapshots, diagnosis: pure functions of the facts |
//! | [`report`] | screens and files |
//! | [`mod@run`] | the line above, for many scenarios at once |
//! | [`web`] | the web's own rules: cookies, redirects, forms |
//! | [`base`], [`cli`] | what everybody uses; the command line |

pub mod base;
pub mod cli;
pub mod drive;
pub mod judge;
pub mod plan;
pub mod report;
pub mod run;
pub mod scenario;
pub mod topology;
pub mod trace;
pub mod web;

pub use run::{Engines, Suite};
