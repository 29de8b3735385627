//! Windows of maintenance: while one is open nothing is done without a person, and what would be done is proposed.

use crate::access::{Page, PageRequest};
use crate::id::{MaintenanceWindowId, TenantId};
use crate::ports::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

const MINUTES_OF_DAY: u64 = 24 * 60;
const MINUTES_OF_WEEK: u64 = 7 * MINUTES_OF_DAY;
/// 1970 began on a Thursday; weeks begin on Monday.
const DAYS_BEFORE_1970: u64 = 3;

/// A day of the week, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// When a window is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// Once.
    Once {
        /// From this moment on.
        from: Timestamp,
        /// Until before this one.
        until: Timestamp,
    },
    /// Every week.
    Weekly {
        /// The days on which it begins.
        days: Vec<Weekday>,
        /// The minute of the day, in UTC, at which it begins.
        minute_of_day: u16,
        /// How many minutes it is open; it may reach into the next day.
        minutes: u16,
    },
}

impl Opening {
    /// Whether it is open at this moment.
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self {
            Self::Once { from, until } => (*from..*until).contains(&now),
            Self::Weekly {
                days,
                minute_of_day,
                minutes,
            } => {
                let minute = (now.millis() / 60_000 + DAYS_BEFORE_1970 * MINUTES_OF_DAY) % MINUTES_OF_WEEK;
                days.iter().any(|day| {
                    let begin = *day as u64 * MINUTES_OF_DAY + u64::from(*minute_of_day);
                    (minute + MINUTES_OF_WEEK - begin % MINUTES_OF_WEEK) % MINUTES_OF_WEEK < u64::from(*minutes)
                })
            }
        }
    }
}

/// A window of maintenance of a team.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MaintenanceWindow {
    /// Its id.
    pub id: MaintenanceWindowId,
    /// The cluster's name; `None` for every one of the team.
    pub cluster: Option<String>,
    /// The namespace; `None` for every one.
    pub namespace: Option<String>,
    /// When it is open.
    pub opening: Opening,
    /// Why, in a sentence.
    pub reason: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

impl MaintenanceWindow {
    /// Whether it holds for a namespace of a cluster at this moment.
    pub fn holds(&self, cluster: &str, namespace: &str, now: Timestamp) -> bool {
        let is = |wanted: &Option<String>, there: &str| wanted.as_deref().is_none_or(|wanted| wanted == there);
        is(&self.cluster, cluster) && is(&self.namespace, namespace) && self.opening.is_open(now)
    }
}

/// A team's windows. Every change is one transaction, with its audit event.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Stores a window.
    async fn add_window(&self, tenant: TenantId, window: &MaintenanceWindow) -> Result<(), StoreError>;
    /// The windows that are not over, newest first.
    async fn windows(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<MaintenanceWindow>, StoreError>;
    /// Removes a window; false if there is none of that id.
    async fn remove_window(&self, tenant: TenantId, id: MaintenanceWindowId, by: &str) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a moment")
    }

    #[test]
    fn a_weekly_window_is_open_on_its_days_and_into_the_next_one() {
        let opening = Opening::Weekly {
            days: vec![Weekday::Sat, Weekday::Sun],
            minute_of_day: 23 * 60,
            minutes: 120,
        };
        // 2026-01-31 is a Saturday
        for (moment, open) in [
            ("2026-01-31T22:59:59Z", false),
            ("2026-01-31T23:00:00Z", true),
            ("2026-02-01T00:59:59Z", true),
            ("2026-02-01T01:00:00Z", false),
            ("2026-02-01T23:30:00Z", true),
            // over the end of the week
            ("2026-02-02T00:30:00Z", true),
            ("2026-02-02T01:00:00Z", false),
            ("2026-02-02T23:30:00Z", false),
            ("1970-01-01T00:30:00Z", false),
        ] {
            assert_eq!(opening.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn a_single_window_ends_before_its_end_and_holds_in_its_place_alone() {
        let window = MaintenanceWindow {
            id: MaintenanceWindowId::new(at("2026-01-01T00:00:00Z")),
            cluster: Some("production".into()),
            namespace: None,
            opening: Opening::Once {
                from: at("2026-01-31T03:00:00Z"),
                until: at("2026-01-31T04:00:00Z"),
            },
            reason: String::new(),
            created_by: String::new(),
            created_at: at("2026-01-01T00:00:00Z"),
        };
        let within = at("2026-01-31T03:00:00Z");
        assert!(window.holds("production", "shop", within));
        assert!(!window.holds("staging", "shop", within));
        assert!(!window.holds("production", "shop", at("2026-01-31T04:00:00Z")));
        let narrow = MaintenanceWindow {
            namespace: Some("shop".into()),
            ..window
        };
        assert!(narrow.holds("production", "shop", within));
        assert!(!narrow.holds("production", "other", within));
    }
}
