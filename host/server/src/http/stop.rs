//! `/api/v1/emergency-stop`: nothing is written to any cluster of its scope while it is on.
//!
//! | scope | who pulls it | who sees by whom and why |
//! | --- | --- | --- |
//! | `global`: every tenant | people of the default tenant, the operator's | the default tenant |
//! | `tenant`: one's own | its people | its people |
//! | `cluster`: one of one's own | its people | its people |
//!
//! Pulling asks for the right to act on incidents, releasing for that of an admin.

use super::App;
use super::caller::{Administer, May, Read, Respond};
use super::extract::{Asked, Body};
use super::keys::must_be_operator;
use super::problem::{Kind, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dreamops_domain::access::Principal;
use dreamops_domain::decision::{EmergencyStop, ScopedStop, StopScope};
use dreamops_domain::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Longer reasons are refused.
const LONGEST_REASON: usize = 1000;

/// The emergency stop.
#[derive(Serialize, ToSchema)]
pub(super) struct StopView {
    /// Whether the global stop is on.
    on: bool,
    /// Since when.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Who pulled it.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
    /// Every stop that holds for this tenant or a part of it, the global one first.
    stops: Vec<StopOfScope>,
}

/// A stop that is on.
#[derive(Serialize, ToSchema)]
struct StopOfScope {
    /// `global`, `tenant` or `cluster`.
    scope: &'static str,
    /// The cluster's name.
    cluster: Option<String>,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// Who pulled it; null for the global one of another tenant's operator.
    by: Option<String>,
    /// Why; null as `by`.
    reason: Option<String>,
}

/// Where a stop holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Where {
    /// For every tenant.
    #[default]
    Global,
    /// For this tenant.
    Tenant,
    /// For one cluster of this tenant.
    Cluster,
}

/// Why it is pulled, and where.
#[derive(Deserialize, Default, ToSchema)]
pub(super) struct Pull {
    /// In a sentence.
    #[serde(default)]
    reason: String,
    /// Where it holds; `global` if not given.
    #[serde(default)]
    scope: Where,
    /// The cluster's name, with scope `cluster`.
    cluster: Option<String>,
}

/// Which stop is released.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Released {
    /// Where it holds; `global` if not given.
    #[serde(default)]
    #[param(inline)]
    scope: Where,
    /// The cluster's name, with scope `cluster`.
    cluster: Option<String>,
}

fn shown(stops: Vec<ScopedStop>, to: &Principal) -> StopView {
    let stops: Vec<StopOfScope> = stops
        .into_iter()
        .map(|ScopedStop { scope, stop }| {
            let told = scope != StopScope::Everywhere || to.tenant == TenantId::DEFAULT;
            StopOfScope {
                scope: scope.name(),
                cluster: scope.cluster().map(str::to_owned),
                since: stop.since.to_string(),
                by: told.then_some(stop.by),
                reason: told.then_some(stop.reason),
            }
        })
        .collect();
    let global = stops.iter().find(|s| s.scope == StopScope::Everywhere.name());
    StopView {
        on: global.is_some(),
        since: global.map(|s| s.since.clone()),
        by: global.and_then(|s| s.by.clone()),
        reason: global.and_then(|s| s.reason.clone()),
        stops,
    }
}

/// Whether an emergency stop is on, and which
#[utoipa::path(get, path = "/api/v1/emergency-stop", tag = "safety", responses((status = 200, body = StopView)))]
pub(super) async fn show(State(app): State<App>, May(by, ..): May<Read>) -> Result<Json<StopView>, Problem> {
    Ok(Json(shown(app.store.stops(by.tenant).await?, &by)))
}

/// Pull the emergency stop
///
/// Where it is on already, who pulled it first stays.
#[utoipa::path(put, path = "/api/v1/emergency-stop", tag = "safety", request_body = Option<Pull>, responses((status = 200, body = StopView), (status = 404, description = "there is no cluster of that name", body = Problem)))]
pub(super) async fn pull(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    body: Option<Body<Pull>>,
) -> Result<Json<StopView>, Problem> {
    let pull = body.map(|Body(b)| b).unwrap_or_default();
    if pull.reason.len() > LONGEST_REASON {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`reason` is longer than {LONGEST_REASON} bytes"),
            "say it shorter",
        ));
    }
    let scope = scope(&app, &by, pull.scope, pull.cluster).await?;
    let stop = EmergencyStop {
        since: app.clock.now(),
        by: by.user.clone(),
        reason: pull.reason,
    };
    app.store.pull_stop(&ScopedStop { scope, stop }).await?;
    Ok(Json(shown(app.store.stops(by.tenant).await?, &by)))
}

/// Release the emergency stop
#[utoipa::path(delete, path = "/api/v1/emergency-stop", tag = "safety", params(Released), responses((status = 204, description = "it is off"), (status = 404, description = "there is no cluster of that name", body = Problem), (status = 422, description = "scope and cluster do not fit", body = Problem)))]
pub(super) async fn release(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Asked(released): Asked<Released>,
) -> Result<StatusCode, Problem> {
    let on = app.store.stops(by.tenant).await?;
    // by the name it was pulled under: the cluster may be gone since
    let named = on.into_iter().map(|stop| stop.scope).find(|scope| {
        released.scope == Where::Cluster && scope.cluster().is_some() && scope.cluster() == released.cluster.as_deref()
    });
    let scope = match named {
        Some(scope) => scope,
        None => scope(&app, &by, released.scope, released.cluster).await?,
    };
    app.store.release_stop(&scope, &by.user).await?;
    app.desk.nudge();
    Ok(StatusCode::NO_CONTENT)
}

/// The scope that a person means, if it is that person's.
async fn scope(app: &App, by: &Principal, wanted: Where, cluster: Option<String>) -> Result<StopScope, Problem> {
    let tenant = by.tenant;
    match (wanted, cluster) {
        (Where::Global, None) => {
            must_be_operator(by, "the global emergency stop holds")?;
            Ok(StopScope::Everywhere)
        }
        (Where::Tenant, None) => Ok(StopScope::Tenant(tenant)),
        (Where::Cluster, Some(name)) => {
            let record = app.fleet.cluster(tenant, &name).await?;
            let record = record.ok_or_else(|| Problem::not_found("cluster", &name))?;
            Ok(StopScope::Cluster {
                tenant,
                key: record.cluster.key,
                name,
            })
        }
        (Where::Cluster, None) => Err(Problem::new(
            Kind::Invalid,
            "`cluster` is missing, which scope cluster needs",
            "GET /api/v1/clusters lists the names",
        )),
        (_, Some(_)) => Err(Problem::new(
            Kind::Invalid,
            "`cluster` is given, and the scope is another one",
            "send `scope`: `cluster` with it",
        )),
    }
}
