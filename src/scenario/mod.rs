//! The scenario as it is written.
pub mod node;
