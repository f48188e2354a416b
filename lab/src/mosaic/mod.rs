#![doc = include_str!("README.md")]

pub(crate) mod api;
pub(crate) mod web;

#[cfg(test)]
mod loops;
