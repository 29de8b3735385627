//! The cost of one alert does not grow with the number of past ones: every query on the way uses an index.

use crate::testing::in_memory;
use crate::{access, alerts, audit, events, history, incident, intake, journal};
use crate::{lease, meeting, queue, seal, sources, verify};
use dreamops_domain::audit::AuditFilter;
use sqlx::AssertSqlSafe;

/// The steps of a query's plan, as the database explains them.
async fn plan(sql: &str) -> Vec<String> {
    let (store, _) = in_memory().await;
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
        .fetch_all(&store.pool)
        .await
        .expect("the query can be explained");
    rows.into_iter().map(|(_, _, _, detail)| detail).collect()
}

#[tokio::test]
async fn every_query_on_the_way_of_an_alert_uses_an_index() {
    for (sql, index) in [
        (lease::LEASE, "sqlite_autoindex_work_1"),
        (lease::HOLD, "sqlite_autoindex_work_1"),
        (incident::LOAD, "sqlite_autoindex_incidents_1"),
        (incident::ALERTS, "PRIMARY KEY"),
        (incident::OPEN_OF_OWNER, "incidents_one_per_owner"),
        (incident::LIST_ALL, "incidents_newest"),
        (incident::LIST_OPEN, "incidents_open"),
        (incident::LIST_PHASE, "incidents_in_phase"),
        (journal::JOURNAL, "journal_of_incident"),
        (history::HISTORY, "journal_history"),
        (audit::TIMELINE, "audit_of_incident"),
        (audit::AUDIT_OF_INCIDENT, "audit_of_incident"),
        (audit::AUDIT_OF_TENANT, "audit_of_tenant"),
        (seal::HEAD, "audit_sealed"),
        (verify::LINKS, "audit_sealed"),
        (verify::AT, "audit_sealed"),
        (events::AFTER, "audit_sealed"),
        (&events::list_sql(&AuditFilter::default()), "audit_sealed"),
        (access::PRINCIPAL, "sqlite_autoindex_tokens"),
        (access::TOKENS, "tokens_newest"),
        (sources::OF_ROUTE, "sqlite_autoindex_sources"),
        (sources::SOURCES, "sources_newest"),
        (intake::OF_DELIVERY, "alerts_of_delivery"),
        (intake::LAST_TOLD_OF, "alerts_by_fingerprint"),
        (intake::SHOWN_BY, "PRIMARY KEY"),
        (meeting::FORGET, "meeting_keys_of_incident"),
        (queue::FREE, "work_due"),
        (queue::HELD, "work_due"),
        (queue::WAITING, "work_due"),
        (&alerts::list_sql(false, true), "alerts_paged"),
    ] {
        let steps = plan(sql).await;
        assert!(steps.iter().any(|s| s.contains(index)), "{sql}: {steps:?}");
        assert!(!steps.iter().any(|s| s.starts_with("SCAN")), "{sql}: {steps:?}");
    }
}

#[tokio::test]
async fn sealing_looks_at_what_is_not_sealed_and_at_nothing_else() {
    let steps = plan(seal::UNSEALED).await;
    assert_eq!(steps, ["SCAN audit USING INDEX audit_unsealed"]);
}

#[tokio::test]
async fn lists_need_no_sorting() {
    for sql in [
        incident::LIST_ALL,
        incident::LIST_OPEN,
        incident::LIST_PHASE,
        incident::ALERTS,
        journal::JOURNAL,
        audit::TIMELINE,
        audit::AUDIT_OF_TENANT,
        &alerts::list_sql(false, false),
    ] {
        let steps = plan(sql).await;
        assert!(!steps.iter().any(|s| s.contains("TEMP B-TREE")), "{sql}: {steps:?}");
    }
}
