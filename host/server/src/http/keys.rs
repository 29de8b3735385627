//! `/api/v1/keys/rotate`: what older keys of the ring have sealed is sealed anew under the newest one.
//!
//! It is about every tenant's values, so that only an admin of the default tenant, the operator's, may ask for it.

use super::App;
use super::caller::{Administer, May};
use super::problem::{Kind, Problem};
use axum::Json;
use axum::extract::State;
use dreamops_domain::access::Principal;
use dreamops_domain::id::TenantId;
use dreamops_domain::upkeep::Resealed;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Values in one transaction: a few milliseconds, so that nobody waits for long behind it.
const BATCH: u32 = 100;
/// An answer comes after so long even where some are left.
const AT_ONCE: Duration = Duration::from_secs(15);

/// How far a change of keys has come.
#[derive(Serialize, ToSchema)]
pub(super) struct Rotated {
    /// Whether nothing is left: the older keys may leave the ring of every replica.
    complete: bool,
    /// Values that this request has sealed anew.
    resealed: u64,
    /// Values that are still sealed under another key. Where `resealed` is 0 and some are left, no key of the ring opens those.
    left: u64,
}

/// Refuses whoever is not of the operator's tenant.
pub(super) fn must_be_operator(by: &Principal, what: &str) -> Result<(), Problem> {
    if by.tenant == TenantId::DEFAULT {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Forbidden,
        format!("{what} for every tenant, and is the operator's"),
        "ask the operator of this server",
    ))
}

/// Seal stored values anew under the newest key
///
/// Put the new key first in the ring of every replica, start them, then ask for this until `complete`. Safe to be broken off.
#[utoipa::path(post, path = "/api/v1/keys/rotate", tag = "safety", responses((status = 200, body = Rotated)))]
pub(super) async fn rotate(State(app): State<App>, May(by, ..): May<Administer>) -> Result<Json<Rotated>, Problem> {
    must_be_operator(&by, "a change of keys is made")?;
    let until = app.clock.monotonic() + AT_ONCE;
    let mut resealed = 0;
    loop {
        let Resealed { resealed: now, left } = app.upkeep.reseal(BATCH).await?;
        resealed += now;
        if left == 0 || now == 0 || app.clock.monotonic() >= until {
            tracing::info!(user = %by.user, resealed, left, "values were sealed anew");
            return Ok(Json(Rotated {
                complete: left == 0,
                resealed,
                left,
            }));
        }
    }
}
