//! What every module may use and none of the domain lives in: places in files, diagnostics, secrets, the clock, printing.

pub mod clock;
pub mod diagnostic;
pub mod escape;
mod file;
pub mod printer;
pub mod redact;
pub mod span;

pub use clock::Clock;
pub use diagnostic::{Diagnostic, Level};
pub(crate) use file::{Replacement, write_atomically};
pub use printer::{Colour, Printer};
pub use redact::{Redactor, Secret};
pub use span::{Sources, Span};
