//! The log and the admin API.
