//! Screens and files: pure functions from a finished run to bytes.
//!
//! In: a [`Finished`] run, or a [`Summary`] of several. Out: text. Nothing here opens a file or a socket, and everything
//! that came over the wire is masked and escaped on its way out.

pub mod console;
mod finished;
mod found;
pub mod har;
pub mod json;
pub mod junit;
mod mask;
mod table;
mod volatile;

pub use finished::{Beside, Finished, Judged, Outcome, ProcessLog, SnapshotOutcome, Standing, StepVerdicts, Summary, Trouble};
pub use mask::Mask;
pub(crate) use volatile::without_values;

/// Every rule that can name a cause.
pub use crate::judge::diagnose::{Family, Rule, rules};
