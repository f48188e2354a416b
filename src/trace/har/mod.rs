//! Chains from HARs, and HARs from chains.
//!
//! | file | what it does |
//! |---|---|
//! | `kind` | what an entry is for and why it was asked for, from whatever its exporter tells |
//! | `draft` | one entry as a hop without cookies |
//! | `import` | the chain: order, redirects, steps, and what a jar makes of the cookies |
//! | `own` | what authchain adds to the format, so that its own files come back whole |
//! | `export` | one hop as an entry |

mod draft;
mod export;
mod import;
mod kind;
mod own;

pub use export::{entry, log};
pub use import::{Import, Imported};
