#![doc = include_str!("README.md")]

pub(in crate::lab) mod api;
pub(in crate::lab) mod web;

#[cfg(test)]
mod loops;
