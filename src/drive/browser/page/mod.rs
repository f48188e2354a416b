//! What a person does with a page, in a real one.
//!
//! In: locators, values and keys, and a tab of a device. Out: what the page shows, or an [`ActError`] that says what
//! stood in the way and what was there. Elements are found by the rules of the http engine (`web::html`), so that a scenario
//! finds the same ones in both; waiting is done in the page, which tells when it changed.
//!
//! | file | what it does |
//! |---|---|
//! | `js/` | the library that is put beside a page: names, finding, waiting, entering |
//! | `inject` | puts it there and asks it |
//! | `task`, `act`, `verdict` | something to do with one element: the order, the waiting, the words for why not |
//! | `page` | what can be done with a page |
//! | `pointer`, `keys` | real presses and real keys |
//! | `script` | scripts of a scenario, requests of the page |
//! | `dialogs` | answers to `alert` and its kind |
//! | `listen` | what a person does, for a scenario that does it again |
//! | `passkey` | a device that keeps passkeys |
//! | `tabs` | which tabs there are, and which one is looked at |

mod act;
mod dialogs;
mod error;
mod inject;
mod keys;
mod listen;
#[expect(clippy::module_inception, reason = "the file holds the type of that name")]
mod page;
mod passkey;
mod pointer;
mod script;
mod tabs;
mod task;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use dialogs::{DialogAnswer, Dialogs};
pub(crate) use error::ActError;
pub(crate) use inject::{SANDBOX, preload};
pub(crate) use listen::{Deed, Ear, Heard};
pub(crate) use page::Page;
pub(crate) use passkey::Passkeys;
pub(crate) use script::PageRequest;
pub(crate) use tabs::Tabs;
