//! From the events of a browser to hops.
