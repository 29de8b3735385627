//! `/api/v1/tenants`: teams that share a server and see nothing of each other. The operator's administrators make them, and
//! hand out a first token; what a team does with it is its own.

use super::App;
use super::caller::{Administer, May};
use super::extract::{Body, Named, created};
use super::problem::{Kind, Problem};
use super::tokens::{NewToken, NewTokenView, made};
use axum::extract::State;
use axum::response::Response;
use dreamops_domain::access::Principal;
use dreamops_domain::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longer names are refused, in bytes: they stand in paths.
const LONGEST_NAME: usize = 63;

/// A tenant that is wanted.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewTenant {
    /// Its name: 1 to 63 lower-case letters, digits and inner hyphens.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(super) struct TenantView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// Its name.
    name: String,
}

/// Make a tenant
#[utoipa::path(post, path = "/api/v1/tenants", tag = "access", request_body = NewTenant, responses((status = 201, body = TenantView)))]
pub(super) async fn create(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Body(wanted): Body<NewTenant>,
) -> Result<Response, Problem> {
    operators_only(&by)?;
    let name = wanted.name;
    if !is_name(&name) {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`name` is not 1 to {LONGEST_NAME} lower-case letters, digits and inner hyphens"),
            "name the team as its addresses would: `payments`",
        ));
    }
    let Some(id) = app.access.tenant_create(&name, &by.user).await? else {
        return Err(Problem::new(
            Kind::Taken,
            format!("there is a tenant {name} already"),
            "choose another name, or make a token in it",
        ));
    };
    let id = id.to_string();
    Ok(created(TenantView { id, name }))
}

/// Make a token in a tenant
///
/// Its first one, or another where the team has lost its own.
#[utoipa::path(post, path = "/api/v1/tenants/{name}/tokens", tag = "access", params(("name" = String, Path)), request_body = NewToken, responses((status = 201, body = NewTokenView)))]
pub(super) async fn token(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Named(name): Named<String>,
    Body(wanted): Body<NewToken>,
) -> Result<Response, Problem> {
    operators_only(&by)?;
    let Some(tenant) = app.access.tenant(&name).await? else {
        return Err(Problem::not_found("tenant", name));
    };
    Ok(created(made(&app, tenant, &wanted, &by).await?))
}

fn is_name(name: &str) -> bool {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(letters)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn operators_only(by: &Principal) -> Result<(), Problem> {
    if by.tenant == TenantId::DEFAULT {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Forbidden,
        "tenants are made by the operator of this server",
        "ask the operator; tokens of your own tenant are made at /api/v1/tokens",
    ))
}
