//! Browsers: found, started, shared by a run, and ended with all that belongs to them.
