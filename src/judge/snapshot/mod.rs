//! Snapshots: the text of a chain made for review, kept beside the scenario.
//!
//! In: a plan and its chain. Out: text that is the same, byte for byte, whenever the same thing happened. Whatever differs
//! from run to run by its nature (state, code, nonce, token, time, id) stands there as a label of its kind; equal values
//! carry equal labels, so that one sees a state come back or a cookie go out again. The file format is that of `insta`.

mod calls;
mod compare;
mod cookies;
mod file;
mod mask;
mod messages;
mod order;
mod render;
mod shape;

pub use compare::{Comparison, Diff, compare, unified};
pub use cookies::without_withheld;
pub use file::{SnapshotError, SnapshotFile, file_name};
pub use render::{numbered, render, render_common};
