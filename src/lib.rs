//! authchain drives a whole login and names the first thing that broke.
//!
//! ```text
//! scenario/  →  plan/  →  topology/ + drive/  →  trace/  →  judge/  →  report/
//!  text          typed      stands up & acts      facts      verdicts     screens & files
//! ```
pub mod base;
pub mod drive;
pub mod lab;
pub mod plan;
pub mod topology;
pub mod trace;
pub mod web;
