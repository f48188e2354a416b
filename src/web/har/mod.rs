//! HTTP Archives (HAR 1.2) as browsers, proxies and tools really write them: read in a stream, written, and stripped of secrets.
//!
//! | file | what it does |
//! |---|---|
//! | `scan` | cuts a document into entries without parsing them: memory is bounded by the largest one |
//! | `entry`, `lenient` | one entry, whatever its exporter left out or wrote in another type |
//! | `message` | an entry's messages as they went over the wire |
//! | `read` | entries, pages and what is wrong, in the order of the file |
//! | `write` | a document, entry by entry |
//! | `redact` | pseudonyms for what is secret, equal values alike |
//!
//! The format's own text is the W3C draft "HTTP Archive (HAR) format" of 2012 and <http://www.softwareishard.com/blog/har-12-spec/>.

mod date;
mod entry;
mod lenient;
mod message;
mod read;
pub mod redact;
mod scan;
mod write;

pub use date::parse_date;
pub use entry::{Content, Cookie, Entry, Initiator, Page, PageTimings, Pair, PostData, Request, Response, Timings};
pub use read::{HarError, Item, Log, Problem, Reader};
pub use scan::{Limits, Place};
pub use write::Writer;
