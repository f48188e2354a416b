//! Tests of the whole program: the real binary in a scrubbed world.

mod architecture;
mod conformance;
mod hostile;
mod interrupt;
mod misuse;
mod mosaic;
mod readme;
mod review;
mod world;
