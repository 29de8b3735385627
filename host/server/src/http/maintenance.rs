//! `/api/v1/maintenance-windows`: when nothing is done without a person. While one is open a plan waits for approval, whatever the
//! mode says.

use super::App;
use super::caller::{Administer, May, Read};
use super::extract::{Asked, Body, Named, created};
use super::problem::{Kind, Problem};
use super::view::{Listed, Part, value};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dreamops_domain::id::MaintenanceWindowId;
use dreamops_domain::maintenance::{MaintenanceWindow, Opening, Weekday};
use dreamops_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Longer reasons are refused.
const LONGEST_REASON: usize = 1000;
/// A weekly window is closed for a part of the week: what is always open is mode `approval`.
const LONGEST_WEEKLY: u16 = 6 * 24 * 60;
const MINUTES_OF_DAY: u16 = 24 * 60;

/// A window that is to be made: `from` and `until`, or `weekly`.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewWindow {
    /// The cluster's name; every one of the tenant if not given.
    cluster: Option<String>,
    /// The namespace; every one if not given.
    namespace: Option<String>,
    /// When it begins; now if not given.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// When it ends.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Instead of `from` and `until`: every week.
    weekly: Option<Weekly>,
    /// Why, in a sentence.
    #[serde(default)]
    reason: String,
}

/// Every week, in UTC.
#[derive(Deserialize, Serialize, ToSchema)]
pub(super) struct Weekly {
    /// The days on which it begins: `mon` to `sun`.
    #[schema(value_type = Vec<String>, min_items = 1)]
    days: Vec<Weekday>,
    /// The minute of the day at which it begins.
    #[schema(maximum = 1439)]
    minute_of_day: u16,
    /// How many minutes it is open.
    #[schema(minimum = 1, maximum = 8640)]
    minutes: u16,
}

/// A window of maintenance.
#[derive(Serialize, ToSchema)]
pub(super) struct WindowView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// The cluster's name; null for every one.
    cluster: Option<String>,
    /// The namespace; null for every one.
    namespace: Option<String>,
    /// When it begins; null for a weekly one.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// When it ends; null for a weekly one.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Days, minute and length of a weekly one, in UTC.
    #[schema(value_type = Option<Weekly>)]
    weekly: Option<Value>,
    /// Whether it is open now.
    open: bool,
    /// Why.
    reason: String,
    /// Who made it.
    created_by: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
}

fn shown(window: MaintenanceWindow, now: Timestamp) -> WindowView {
    let open = window.opening.is_open(now);
    let (from, until, weekly) = match window.opening {
        Opening::Once { from, until } => (Some(from.to_string()), Some(until.to_string()), None),
        Opening::Weekly {
            days,
            minute_of_day,
            minutes,
        } => {
            let weekly = Weekly {
                days,
                minute_of_day,
                minutes,
            };
            (None, None, Some(value(weekly)))
        }
    };
    WindowView {
        id: window.id.to_string(),
        cluster: window.cluster,
        namespace: window.namespace,
        from,
        until,
        weekly,
        open,
        reason: window.reason,
        created_by: window.created_by,
        created_at: window.created_at.to_string(),
    }
}

/// Windows of maintenance that are not over, newest first
#[utoipa::path(get, path = "/api/v1/maintenance-windows", tag = "safety", params(Part), responses((status = 200, body = Listed<WindowView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Asked(part): Asked<Part>,
) -> Result<Json<Listed<WindowView>>, Problem> {
    let page = app.maintenance.windows(by.tenant, &part.request()?).await?;
    let now = app.clock.now();
    Ok(Json(Listed::of(page, |window| shown(window, now))))
}

/// Make a window of maintenance
#[utoipa::path(
    post, path = "/api/v1/maintenance-windows", tag = "safety", request_body = NewWindow,
    responses((status = 201, body = WindowView), (status = 404, description = "there is no cluster of that name", body = Problem))
)]
pub(super) async fn create(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Body(wanted): Body<NewWindow>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let opening = opening(&wanted, now)?;
    check(&wanted)?;
    if let Some(name) = &wanted.cluster {
        let known = app.fleet.cluster(by.tenant, name).await?;
        known.ok_or_else(|| Problem::not_found("cluster", name))?;
    }
    let window = MaintenanceWindow {
        id: MaintenanceWindowId::new(now),
        cluster: wanted.cluster,
        namespace: wanted.namespace,
        opening,
        reason: wanted.reason,
        created_by: by.user.clone(),
        created_at: now,
    };
    app.maintenance.add_window(by.tenant, &window).await?;
    Ok(created(shown(window, now)))
}

fn invalid(detail: impl Into<String>, hint: &str) -> Problem {
    Problem::new(Kind::Invalid, detail.into(), hint)
}

fn check(wanted: &NewWindow) -> Result<(), Problem> {
    let name = |text: &Option<String>| {
        text.as_ref()
            .is_none_or(|t| (1..=253).contains(&t.len()) && !t.contains('\0'))
    };
    if !name(&wanted.cluster) || !name(&wanted.namespace) {
        return Err(invalid(
            "`cluster` and `namespace` are names of 1 to 253 bytes",
            "leave them out for every one",
        ));
    }
    if wanted.reason.len() > LONGEST_REASON || wanted.reason.contains('\0') {
        return Err(invalid(
            format!("`reason` is longer than {LONGEST_REASON} bytes"),
            "say it shorter",
        ));
    }
    Ok(())
}

fn opening(wanted: &NewWindow, now: Timestamp) -> Result<Opening, Problem> {
    let moment = |field: &str, text: &str| {
        Timestamp::parse(text).map_err(|error| invalid(format!("`{field}`: {error}"), "write times as RFC 3339 does"))
    };
    match (&wanted.weekly, &wanted.until) {
        (Some(_), until) if until.is_some() || wanted.from.is_some() => Err(invalid(
            "`weekly` is given beside `from` or `until`",
            "give one or the other",
        )),
        (Some(weekly), _) => {
            let fits = !weekly.days.is_empty()
                && weekly.days.len() <= 7
                && weekly.minute_of_day < MINUTES_OF_DAY
                && (1..=LONGEST_WEEKLY).contains(&weekly.minutes);
            if !fits {
                return Err(invalid(
                    format!(
                        "`weekly` has 1 to 7 days, a minute_of_day below {MINUTES_OF_DAY} and 1 to {LONGEST_WEEKLY} minutes"
                    ),
                    "for longer than that set the cluster's mode to approval",
                ));
            }
            Ok(Opening::Weekly {
                days: weekly.days.clone(),
                minute_of_day: weekly.minute_of_day,
                minutes: weekly.minutes,
            })
        }
        (None, None) => Err(invalid("`until` is missing", "give `until`, or `weekly`")),
        (None, Some(until)) => {
            let from = wanted.from.as_deref().map(|text| moment("from", text)).transpose()?;
            let (from, until) = (from.unwrap_or(now), moment("until", until)?);
            if until <= from || until <= now {
                return Err(invalid("`until` is over, or not after `from`", "give a later `until`"));
            }
            Ok(Opening::Once { from, until })
        }
    }
}

/// End a window of maintenance, or take it back
#[utoipa::path(delete, path = "/api/v1/maintenance-windows/{id}", tag = "safety", params(("id" = String, Path, format = Uuid)), responses((status = 204, description = "it is removed")))]
pub(super) async fn remove(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Named(id): Named<MaintenanceWindowId>,
) -> Result<StatusCode, Problem> {
    if app.maintenance.remove_window(by.tenant, id, &by.user).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("maintenance-window", id))
    }
}
