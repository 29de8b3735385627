//! What the tests of this crate share: a clock that stands still, a keyring, incidents.

use crate::SqliteStore;
use async_trait::async_trait;
use dreamops_domain::alert::{Alert, AlertStatus, Hints, Source};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::{EntryId, IncidentId, TenantId};
use dreamops_domain::incident::{Case, ClusterId, Incident};
use dreamops_domain::journal::{Direction, JournalEntry};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Clock, Sealer};
use dreamops_domain::rehearsal::{RawPatch, Write};
use dreamops_domain::time::Timestamp;
use dreamops_vault::Keyring;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A secret that must not be found in a file.
pub(crate) const SECRET: &str = "correct-horse-battery-staple";
/// How long leases of the tests hold.
pub(crate) const TTL: Duration = Duration::from_mins(1);

/// A clock that moves when told.
pub(crate) struct StillClock(AtomicU64);

impl StillClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_700_000_000_000)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, deadline: Duration) {
        self.advance(deadline.saturating_sub(self.monotonic()));
    }
}

/// A keyring with one new key.
pub(crate) fn ring() -> Arc<dyn Sealer> {
    let key = Keyring::generate();
    Arc::new(Keyring::parse(key.expose()).expect("a new key is well-formed"))
}

/// A store in memory with its clock.
pub(crate) async fn in_memory() -> (SqliteStore, Arc<StillClock>) {
    let clock = StillClock::new();
    let store = SqliteStore::in_memory(ring(), Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .expect("a database in memory opens");
    (store, clock)
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId {
        name: "test".into(),
        address: "https://127.0.0.1:6443".into(),
        ca_digest: String::new(),
        key: "cluster-1".into(),
    }
}

pub(crate) fn alert(title: &str) -> Alert {
    Alert {
        source: Source::Alertmanager,
        source_id: String::new(),
        fingerprint: title.into(),
        status: AlertStatus::Firing,
        title: title.into(),
        description: String::new(),
        severity: "critical".into(),
        labels: [("namespace".to_owned(), "shop".to_owned())].into(),
        hints: Hints::default(),
        starts_at: None,
    }
}

pub(crate) fn owner() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "web", "uid-web")
}

/// An incident that was just received.
pub(crate) fn incident(clock: &StillClock, title: &str) -> Incident {
    let now = clock.now();
    let mut case = Case::new("shop", vec![alert(title)]);
    case.timeline.push(TimelineEntry {
        at: now,
        phase: Phase::Received,
        event: Event::AlertReceived { alert: alert(title) },
    });
    Incident {
        id: IncidentId::new(now),
        tenant: TenantId::DEFAULT,
        phase: Phase::Received,
        mode: Mode::Yolo,
        cluster: cluster(),
        created_at: now,
        updated_at: now,
        closed_at: None,
        case,
    }
}

/// A planned write that holds [`SECRET`].
pub(crate) fn entry(clock: &StillClock, step: u32) -> JournalEntry {
    let set = serde_json::json!({ "op": "replace", "path": "/data", "value": SECRET });
    JournalEntry {
        id: EntryId::new(clock.now()),
        attempt: 1,
        step,
        number: 0,
        direction: Direction::Forward,
        write: Write::Patch {
            target: owner(),
            forward: RawPatch(vec![set.clone()]),
            inverse: RawPatch(vec![set]),
            touched: vec!["/data".into()],
        },
        started_at: None,
        outcome: None,
        finished_at: None,
    }
}
