#![doc = include_str!("README.md")]

mod config;
mod contract;
mod downstream;
mod gateway;
mod internal;
mod public;
mod run;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub(super) use gateway::router as gateway;
pub(super) use run::serve;
