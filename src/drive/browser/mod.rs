//! Pages in a real browser: Chromium or Firefox, on this machine or behind a WebDriver server.
//!
//! fantoccini holds the WebDriver session; on the same session a WebDriver BiDi socket drives pages and records what the
//! browser asks and gets. One browser serves a whole run; each actor has a user context in it, with a jar of its own and
//! the edge's listener of the actor as its proxy.
//!
//! | part | what it does |
//! |---|---|
//! | `act` | the steps of a run |
//! | `only` | the steps that the http engine does not have: tabs, scripts, dialogs, passkeys |
//! | `screen` | an actor's browser |
//! | `bidi/` | the socket: commands with deadlines, events of which none is lost |
//! | `launch/` | finds, starts, shares and ends browsers; makes the user contexts |
//! | `picture` | pictures, without secrets |
//! | `record/` | from the browser's events to hops |
//! | `clock` | the run's clock in pages |
//! | `page/` | finding, waiting, filling, pressing, looking |

mod act;
pub(crate) mod bidi;
pub(crate) mod clock;
pub(crate) mod jar;
pub mod launch;
mod only;
pub(crate) mod page;
pub(crate) mod picture;
pub(crate) mod record;
pub(crate) mod screen;
