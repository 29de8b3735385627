//! The simulated cluster, seen from outside: over HTTP, with a clock that is moved by hand.

mod client;
mod crash_loop;
