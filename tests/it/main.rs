//! Tests of the whole program: the real binary in a scrubbed world.

mod architecture;
mod authsession;
mod backing;
mod block_reasons;
mod browser;
mod commands;
mod conformance;
mod containers;
mod diagnose;
mod doctor;
mod gallery;
mod hostile;
mod idp;
mod import;
mod interrupt;
mod misuse;
mod mosaic;
mod probe;
mod readme;
mod record;
mod replay;
mod review;
mod salon;
mod secrets;
mod world;
