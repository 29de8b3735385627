#![doc = include_str!("../README.md")]

extern crate self as dreamops_sdk;

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub use wit_bindgen;

pub mod assessment;
pub mod change;
pub mod cluster;
pub mod elsewhere;
pub mod export;
pub mod fields;
pub mod host;
pub mod image;
pub mod incident;
pub mod inquiry;
pub mod json;
#[cfg(not(target_arch = "wasm32"))]
pub mod mock;
pub mod owner;
pub mod pod;
pub mod quantity;
pub mod remedy;
pub mod replicas;
pub mod revision;
pub mod strategy;
pub mod template;
pub mod time;

/// What a strategy usually needs, in one line: `use dreamops_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::cluster::{self, Event, Object, Query, ReadFailure, Revision};
    pub use crate::incident::{Execution, Health, Incident, ObjectRef};
    pub use crate::inquiry::Inquiry;
    pub use crate::pod::{Container, Pod, State, Termination};
    pub use crate::strategy::{
        Amounts, Assessment, Bearing, Descriptor, Diagnosis, Draft, Evidence, Failure, Finding, HandOver, Refusal,
        Signal, Strategy, Verdict, Why, why,
    };
}
