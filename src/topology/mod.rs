//! Stands up what a run talks to: for each origin of the plan, something that answers for it.

pub mod provider;
