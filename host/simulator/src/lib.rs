//! Scenarios in memory: the part of a Kubernetes API that the host uses, over HTTP, that breaks and heals.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`scenarios`] | which faults there are, and what becomes of them |
//! | [`clock`] | a clock that runs faster than real time, and one that is moved by hand |
//! | `world` | objects, the present moment, what is going to happen |
//! | `admission` | defaults, validation, quota, limit ranges |
//! | `controllers` | Deployment, ReplicaSet, StatefulSet, DaemonSet, endpoints, budgets |
//! | `kubelet` | containers that fail because of the spec |
//! | `http` | the API |
//!
//! Invariants:
//! - A fault stays until its cause is gone, however much time passes; what heals is the right change and nothing else.
//! - What the API is not known to answer is answered with 501 and a reason, never with a guess.
//! - Time comes from the clock alone: nothing here waits, and no task moves the world behind one's back.

mod admission;
mod alert;
pub mod clock;
mod controllers;
mod error;
mod fields;
mod ground;
mod http;
mod kubelet;
mod names;
mod quantity;
pub mod scenarios;
mod secure;
mod simulator;
mod world;

pub use clock::{FastClock, ManualClock};
pub use error::SimulatorError;
pub use ground::Ground;
pub use scenarios::{PullCredential, Scenario, scenarios};
pub use simulator::Simulator;
