//! HARs without secrets.
//!
//! Each value that is secret becomes a pseudonym: every letter and digit replaced under a key drawn for the run, everything
//! else kept. So equal values stay equal, "sent is what was set" and "percent-decoded once more" stay decidable, lengths and
//! limits hold, and nothing can be read back. Tokens stay tokens: their claims are replaced one by one.
//!
//! | file | what it does |
//! |---|---|
//! | `pseudonym` | one value |
//! | `places` | where in an entry secrets stand: fields, URLs, forms, JSON |
//! | `stream` | a whole file, in two passes |

mod places;
mod pseudonym;
mod stream;

pub use pseudonym::{Pseudonyms, is_password};
pub use stream::{Redacted, learn, redact};
