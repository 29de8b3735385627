//! Alerts coming in. A 202 is sent when the delivery is committed, not before; the work begins afterwards.

use super::App;
use super::caller::{bearer, must, principal};
use super::extract::{Named, Raw};
use super::limits::Key;
use super::problem::{Kind, Problem};
use super::signature;
use crate::intake::{Origin, prepare};
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use dreamops_domain::access::{Right, SourceRecord};
use dreamops_domain::alert::{AlertError, Delivery, Source, parse};
use dreamops_domain::id::TenantId;
use dreamops_domain::intake::Taken;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A longer `X-Webhook-Id` is not PagerDuty's.
const LONGEST_ID: usize = 200;

/// What came of a delivery.
#[derive(Serialize, ToSchema)]
pub(super) struct Receipt {
    /// `accepted`, `repeated` (it had come before; nothing was stored again) or `ignored`.
    #[schema(example = "accepted")]
    status: &'static str,
    /// The delivery; null where nothing was stored.
    #[schema(format = Uuid)]
    delivery_id: Option<String>,
    /// The incidents that deal with its alerts.
    incidents: Vec<String>,
    /// Why it was ignored.
    message: Option<String>,
}

type Answer = (StatusCode, Json<Receipt>);

/// PagerDuty's webhook of the default tenant
#[utoipa::path(
    post, path = "/api/v1/webhooks/pagerduty", tag = "alerts",
    params(("X-PagerDuty-Signature" = Option<String>, Header, description = "`v1=HEX`, several with commas"),
           ("X-Webhook-Id" = Option<String>, Header, description = "tells a repeated delivery")),
    request_body(content = serde_json::Value, description = "PagerDuty's v3 webhook"),
    responses((status = 202, body = Receipt), (status = 401, description = "not signed", body = Problem))
)]
pub(super) async fn pagerduty(State(app): State<App>, headers: HeaderMap, Raw(body): Raw) -> Result<Answer, Problem> {
    if app.settings.pagerduty_secrets.is_empty() {
        return Err(Problem::new(
            Kind::Unavailable,
            "this server has no secret for PagerDuty's webhook",
            "the operator sets PAGERDUTY_WEBHOOK_SECRETS, or an admin makes a source with POST /api/v1/sources",
        ));
    }
    let origin = Origin::of(TenantId::DEFAULT);
    from_pagerduty(&app, &origin, &app.settings.pagerduty_secrets, &headers, &body).await
}

/// PagerDuty's webhook of a source
#[utoipa::path(
    post, path = "/api/v1/webhooks/pagerduty/{source}", tag = "alerts",
    params(("source" = String, Path, description = "the source's name"),
           ("X-PagerDuty-Signature" = Option<String>, Header, description = "`v1=HEX`, several with commas"),
           ("X-Webhook-Id" = Option<String>, Header, description = "tells a repeated delivery")),
    request_body(content = serde_json::Value, description = "PagerDuty's v3 webhook"),
    responses((status = 202, body = Receipt), (status = 401, description = "not signed, or no such source", body = Problem))
)]
pub(super) async fn pagerduty_of(
    State(app): State<App>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Answer, Problem> {
    let found = app.access.source(Source::PagerDuty, &name).await?;
    let Some((record, secrets)) = found else {
        // as much work, and the same answer, as for a source that exists
        let nobodys = [Zeroizing::new(String::new())];
        signature::verify(None, &body, &nobodys)?;
        return Err(Problem::new(Kind::Internal, "", "tell us which path it was"));
    };
    from_pagerduty(&app, &origin_of(record), &secrets, &headers, &body).await
}

async fn from_pagerduty(
    app: &App,
    origin: &Origin,
    secrets: &[Zeroizing<String>],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Problem> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Err(refused) = signature::verify(text("x-pagerduty-signature"), body, secrets) {
        app.metrics.delivery("pagerduty", "refused");
        return Err(refused);
    }
    app.limits.check(&Key::Source("pagerduty", origin.source.clone()))?;
    let mut delivery = match parse(body) {
        Ok(delivery) if delivery.source == Source::PagerDuty => delivery,
        Ok(_) => return Ok(ignored(app, "pagerduty", "the body is no webhook of PagerDuty's")),
        Err(error @ (AlertError::NotJson { .. } | AlertError::Empty)) => return Err(error.into()),
        // PagerDuty gives a subscription up after errors: what is signed and of no use to us is taken and said to be ignored
        Err(error) => return Ok(ignored(app, "pagerduty", &error.to_string())),
    };
    delivery.key = match text("x-webhook-id") {
        Some(id) if !id.is_empty() && id.len() <= LONGEST_ID => format!("pagerduty:{id}"),
        _ => format!("pagerduty:sha256:{}", hex::encode(Sha256::digest(body))),
    };
    let taken = take(app, origin, delivery, "pagerduty").await?;
    Ok((StatusCode::ACCEPTED, Json(receipt(&taken))))
}

/// Alertmanager's webhook, for the tenant of the token
#[utoipa::path(
    post, path = "/api/v1/webhooks/alertmanager", tag = "alerts",
    request_body(content = serde_json::Value, description = "Alertmanager's webhook, version 4"),
    responses((status = 202, body = Receipt),
              (status = 400, description = "it cannot be read, or is of another version", body = Problem),
              (status = 503, description = "it could not be committed: send it again", body = Problem))
)]
pub(super) async fn alertmanager(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Result<Answer, Problem> {
    let principal = principal(&app, &headers).await?;
    must(&principal, Right::PostAlerts)?;
    app.limits.check(&Key::Token(principal.token))?;
    let origin = Origin::of(principal.tenant);
    from_alertmanager(&app, &origin, request).await
}

/// Alertmanager's webhook of a source
///
/// The bearer token is one of the source's secrets; where it has none, a token of the source's tenant that may post alerts.
#[utoipa::path(
    post, path = "/api/v1/webhooks/alertmanager/{source}", tag = "alerts",
    params(("source" = String, Path, description = "the source's name")),
    request_body(content = serde_json::Value, description = "Alertmanager's webhook, version 4"),
    responses((status = 202, body = Receipt),
              (status = 400, description = "it cannot be read, or is of another version", body = Problem),
              (status = 503, description = "it could not be committed: send it again", body = Problem))
)]
pub(super) async fn alertmanager_of(
    State(app): State<App>,
    Named(name): Named<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Answer, Problem> {
    let record = opened_source(&app, &name, &headers).await?;
    app.limits.check(&Key::Source("alertmanager", record.name.clone()))?;
    from_alertmanager(&app, &origin_of(record), request).await
}

/// The source, if the request's token opens it. One answer for all other cases, an unknown source among them.
async fn opened_source(app: &App, name: &str, headers: &HeaderMap) -> Result<SourceRecord, Problem> {
    let refused = || {
        Problem::new(
            Kind::Unauthenticated,
            "the request's token opens no source of this name",
            "send `Authorization: Bearer SECRET` with a secret of the source; where it has none, a token that may post alerts",
        )
    };
    let token = bearer(headers).ok_or_else(refused)?;
    let found = app.access.source(Source::Alertmanager, name).await?;
    let (record, secrets) = found.ok_or_else(refused)?;
    let opens = if secrets.is_empty() {
        let by = principal(app, headers)
            .await
            .map_err(|p| if p.status == 401 { refused() } else { p })?;
        by.tenant == record.tenant && by.role.may(Right::PostAlerts)
    } else {
        let given = Sha256::digest(token);
        // digests have one length, so that comparing tells nothing of a secret's
        let equal = |secret: &Zeroizing<String>| given.ct_eq(&Sha256::digest(secret.as_bytes()));
        secrets
            .iter()
            .fold(false, |opens, secret| opens | bool::from(equal(secret)))
    };
    if opens {
        Ok(record)
    } else {
        app.metrics.delivery("alertmanager", "refused");
        Err(refused())
    }
}

async fn from_alertmanager(app: &App, origin: &Origin, request: Request) -> Result<Answer, Problem> {
    let Raw(body) = Raw::from_request(request, &()).await?;
    let delivery = parse(&body).map_err(|error| {
        app.metrics.delivery("alertmanager", "refused");
        Problem::from(error)
    })?;
    if delivery.source != Source::Alertmanager {
        app.metrics.delivery("alertmanager", "refused");
        let found = String::from("a list `alerts` is missing");
        return Err(AlertError::UnknownShape { found }.into());
    }
    let taken = take(app, origin, delivery, "alertmanager").await?;
    Ok((StatusCode::ACCEPTED, Json(receipt(&taken))))
}

fn origin_of(record: SourceRecord) -> Origin {
    Origin {
        tenant: record.tenant,
        source: record.name,
        cluster: record.cluster,
    }
}

/// Commits a delivery and says that there is work.
pub(super) async fn take(
    app: &App,
    origin: &Origin,
    delivery: Delivery,
    source: &'static str,
) -> Result<Taken, Problem> {
    let taken = async {
        let redactor = app.redactors.redactor(origin.tenant).await?;
        let (mode, now) = (app.settings.mode, app.clock.now());
        let new = prepare(app.fleet.as_ref(), origin, delivery, &redactor, mode, now).await?;
        app.intake.take_in(&new).await
    };
    match taken.await {
        Ok(taken) => {
            let outcome = if taken.repeated { "repeated" } else { "stored" };
            app.metrics.delivery(source, outcome);
            app.desk.nudge();
            Ok(taken)
        }
        Err(error) => {
            app.metrics.delivery(source, "failed");
            Err(error.into())
        }
    }
}

fn receipt(taken: &Taken) -> Receipt {
    Receipt {
        status: if taken.repeated { "repeated" } else { "accepted" },
        delivery_id: Some(taken.delivery.to_string()),
        incidents: taken.incidents.iter().map(ToString::to_string).collect(),
        message: None,
    }
}

fn ignored(app: &App, source: &'static str, why: &str) -> Answer {
    app.metrics.delivery(source, "ignored");
    let receipt = Receipt {
        status: "ignored",
        delivery_id: None,
        incidents: Vec::new(),
        message: Some(format!("nothing was stored: {why}")),
    };
    (StatusCode::ACCEPTED, Json(receipt))
}
