#![doc = include_str!("README.md")]

mod clock;
mod config;
mod contract;
mod deployment;
mod faults;
mod otp;
mod phone;
mod router;
mod store;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod vendor;
mod web;

pub(crate) use deployment::router;
pub(crate) use web::router as web_router;
