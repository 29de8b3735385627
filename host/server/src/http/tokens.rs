//! `/api/v1/tokens`: who may use the API. A secret is shown once, when the token is made; only its SHA-256 is stored.

use super::App;
use super::caller::{Administer, May};
use super::extract::{Asked, Body, Named, bad_parameter, created};
use super::problem::{Kind, Problem};
use super::view::{Listed, Part};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dreamops_domain::access::{Principal, Role, TokenRecord, token_sha256};
use dreamops_domain::id::{TenantId, TokenId};
use dreamops_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Tokens begin so, that scanners of repositories can find one.
const PREFIX: &str = "dreamops_";
/// Longer names are refused, in bytes.
const LONGEST_USER: usize = 200;

/// What a user may do.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RoleName {
    /// May only post alerts.
    Intake,
    /// May only read.
    Viewer,
    /// May act on incidents.
    Responder,
    /// May change what the server holds.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Intake => Self::Intake,
            RoleName::Viewer => Self::Viewer,
            RoleName::Responder => Self::Responder,
            RoleName::Admin => Self::Admin,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Intake => Self::Intake,
            Role::Viewer => Self::Viewer,
            Role::Responder => Self::Responder,
            Role::Admin => Self::Admin,
        }
    }
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// Whose it is.
    user: String,
    /// What it may do.
    role: RoleName,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it stops working; null for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct NewTokenView {
    #[serde(flatten)]
    token: TokenView,
    /// The token itself. It is shown now and never again.
    secret: String,
}

/// A token that is wanted.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewToken {
    /// Whose it is to be: 1 to 200 bytes; the audit names it.
    #[schema(min_length = 1, max_length = 200)]
    user: String,
    /// What it may do.
    role: RoleName,
    /// When it stops working, RFC 3339; never where it is left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

fn shown(token: TokenRecord) -> TokenView {
    TokenView {
        id: token.id.to_string(),
        user: token.user,
        role: token.role.into(),
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.map(|t| t.to_string()),
    }
}

/// The tenant's tokens, newest first
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access", params(Part), responses((status = 200, body = Listed<TokenView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Asked(part): Asked<Part>,
) -> Result<Json<Listed<TokenView>>, Problem> {
    let page = app.access.tokens(by.tenant, &part.request()?).await?;
    Ok(Json(Listed::of(page, shown)))
}

/// Make a token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access", request_body = NewToken, responses((status = 201, body = NewTokenView)))]
pub(super) async fn create(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Body(wanted): Body<NewToken>,
) -> Result<Response, Problem> {
    Ok(created(made(&app, by.tenant, &wanted, &by).await?))
}

/// Makes a token in a tenant.
pub(super) async fn made(
    app: &App,
    tenant: TenantId,
    wanted: &NewToken,
    by: &Principal,
) -> Result<NewTokenView, Problem> {
    let user = wanted.user.trim();
    if user.is_empty() || user.len() > LONGEST_USER || user.chars().any(char::is_control) {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`user` is no name of 1 to {LONGEST_USER} bytes"),
            "name the person or program that will use the token",
        ));
    }
    let now = app.clock.now();
    let expires_at = wanted.expires_at.as_deref().map(Timestamp::parse).transpose();
    let expires_at = expires_at.map_err(|_| bad_parameter("expires_at", "time as RFC 3339 writes it"))?;
    if expires_at.is_some_and(|at| at <= now) {
        return Err(Problem::new(
            Kind::Invalid,
            "`expires_at` is in the past",
            "name a later moment, or leave it out",
        ));
    }
    let secret = new_secret()?;
    let token = TokenRecord {
        id: TokenId::new(now),
        user: user.to_owned(),
        role: wanted.role.into(),
        created_at: now,
        expires_at,
    };
    let digest = token_sha256(&secret);
    app.access.token_create(tenant, &token, &digest, &by.user).await?;
    Ok(NewTokenView {
        token: shown(token),
        secret: secret.to_string(),
    })
}

/// 256 random bits.
fn new_secret() -> Result<Zeroizing<String>, Problem> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| {
        tracing::error!(%error, "the system gave no random bytes");
        Problem::new(
            Kind::Unavailable,
            "no token can be made at this moment",
            "send the request again",
        )
    })?;
    Ok(Zeroizing::new(format!("{PREFIX}{}", hex::encode(bytes.as_ref()))))
}

/// End a token
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "access", params(("id" = String, Path, format = Uuid)), responses((status = 204, description = "it no longer works")))]
pub(super) async fn revoke(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Named(id): Named<TokenId>,
) -> Result<StatusCode, Problem> {
    if app.access.token_revoke(by.tenant, id, &by.user).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("token", id))
    }
}
