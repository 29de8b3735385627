//! Conversions between the contract's types and the domain's, one module per WIT package.
//!
//! What comes from a component is checked: lengths, ranges, NaN and names. What breaks a bound is
//! [`BadOutput`]; nothing is cut or corrected silently. Text is made inert for terminals on the way.

pub(crate) mod bounds;
pub(crate) mod incident;
pub(crate) mod kubernetes;
pub(crate) mod plan;
pub(crate) mod strategy;

/// What a component returned breaks the contract: what, and which bound.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
#[allow(
    unreachable_pub,
    reason = "it is the error of conversions to public types, which asks for it"
)]
pub struct BadOutput(pub(crate) String);
