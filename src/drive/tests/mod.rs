//! The engine against real sockets: small servers stand where the edge would.

mod browser;
mod hostile;
mod pages;
mod probes;
mod requests;
mod steps;
mod support;
mod world;
