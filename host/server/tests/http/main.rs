//! The server as its clients see it: real connections, the real store, ports that can be told to fail.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod alertmanager;
mod api;
mod bad_requests;
mod client;
mod clock;
mod clusters;
mod description;
mod events;
mod faulty;
mod idempotency;
mod incidents;
mod keys;
mod limits;
mod maintenance;
mod pagerduty;
mod ports;
mod process_incident;
mod secrets;
mod stopping;
mod tenants;
mod tls;
mod upkeep;
mod world;
