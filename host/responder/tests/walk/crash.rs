//! `kill -9` at every point of the walk: what runs again ends as if nothing had happened, with every write made once.

use crate::clock::ManualClock;
use crate::cluster::{Cluster, always, good_is_healthy, pods};
use crate::fuse::{self, Fuse, NEVER};
use crate::room::{Room, about, ring};
use crate::strategies::{Script, Scripts, hand_over, set_image};
use dreamops_domain::finding::Verdict;
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Clock, IncidentFilter, Sealer};
use dreamops_responder::Responder;
use dreamops_store::SqliteStore;
use std::sync::Arc;
use std::time::Duration;

/// What is in the cluster and installed, and which object the alert names.
type Scene = fn(&Cluster, &Scripts) -> (&'static str, &'static str);

fn install(scripts: &Scripts, script: Script) {
    scripts.installed.lock().unwrap().push(script);
}

/// A plan of two steps that heals.
fn heals(cluster: &Cluster, scripts: &Scripts) -> (&'static str, &'static str) {
    let web = cluster.add("Deployment", "web", "bad", good_is_healthy());
    let db = cluster.add("Deployment", "db", "bad", good_is_healthy());
    install(
        scripts,
        Script::new("crash-loop", vec![set_image(&web, "good"), set_image(&db, "good")]),
    );
    ("Deployment", "web")
}

/// One that makes it worse, and a fallback that heals.
fn worse(cluster: &Cluster, scripts: &Scripts) -> (&'static str, &'static str) {
    let web = cluster.add("Deployment", "web", "bad", good_is_healthy());
    let db = cluster.add("Deployment", "db", "bad", good_is_healthy());
    let plan = vec![set_image(&web, "x"), set_image(&db, "y")];
    install(
        scripts,
        Script::new("first", plan).saying(Verdict::Worse { why: "it burns".into() }),
    );
    install(
        scripts,
        Script::new("second", vec![set_image(&web, "good")]).claiming(0.8),
    );
    ("Deployment", "web")
}

/// A Service whose strategy hands over to the workload's.
fn hands_over(cluster: &Cluster, scripts: &Scripts) -> (&'static str, &'static str) {
    cluster.add("Service", "front", "x", always(pods(2, 2)));
    let web = cluster.add("Deployment", "web", "bad", good_is_healthy());
    let target = web.clone();
    install(
        scripts,
        Script::new("service-down", vec![]).finding(move |_| hand_over("crash-loop", &target)),
    );
    install(
        scripts,
        Script::new("crash-loop", vec![set_image(&web, "good")]).claiming(0.1),
    );
    ("Service", "front")
}

/// Where the incidents are kept through a kill.
enum Keep {
    /// In memory: what was committed stays, as on disk. Every point can be tried.
    Memory(SqliteStore),
    /// In a file, which is opened anew.
    Disk {
        folder: tempfile::TempDir,
        keys: Arc<dyn Sealer>,
    },
}

impl Keep {
    async fn memory(clock: &Arc<ManualClock>) -> Self {
        Self::Memory(
            SqliteStore::in_memory(ring(), Arc::clone(clock) as Arc<dyn Clock>)
                .await
                .unwrap(),
        )
    }

    fn disk() -> Self {
        Self::Disk {
            folder: tempfile::tempdir().unwrap(),
            keys: ring(),
        }
    }

    async fn open(&self, clock: &Arc<ManualClock>) -> SqliteStore {
        match self {
            Self::Memory(store) => store.clone(),
            Self::Disk { folder, keys } => {
                let path = folder.path().join("dreamops.db");
                SqliteStore::open(&path, Arc::clone(keys), Arc::clone(clock) as Arc<dyn Clock>)
                    .await
                    .unwrap()
            }
        }
    }

    async fn reopen(&self, before: &SqliteStore, clock: &Arc<ManualClock>) -> SqliteStore {
        if matches!(self, Self::Disk { .. }) {
            before.close().await;
        }
        self.open(clock).await
    }
}

/// Each look adds points at which nothing new can go wrong.
fn look_seldom(room: &mut Room) {
    room.settings.poll = Duration::from_secs(15);
}

/// One life of the program: opens or finds the incident, and takes it to its end.
async fn live(room: &Room, fuse: &Arc<Fuse>, alert: (&str, &str)) -> Option<Incident> {
    let responder = Responder::new(
        fuse::ports(room.ports(), fuse),
        room.identity.clone(),
        room.settings.clone(),
    );
    let open = room.open_incidents().await;
    let work = async {
        let id: IncidentId = match open.first() {
            Some(incident) => incident.id,
            None => responder
                .open("shop", Mode::Yolo, vec![about(alert.0, alert.1)], "delivery")
                .await
                .unwrap(),
        };
        responder.run(id).await.unwrap()
    };
    fuse.run(Box::pin(work)).await
}

/// Kills the first life at point `n`, reopens the database and lives on. False once the first life came to its end.
async fn killed_at(n: usize, keep: Keep, clock: &Arc<ManualClock>, scene: Scene, writes: &[String]) -> bool {
    let store = keep.open(clock).await;
    let mut room = Room::around(Arc::clone(clock), Arc::new(store.clone()));
    look_seldom(&mut room);
    let alert = scene(&room.cluster, &room.scripts);
    let fuse = Fuse::new(n);
    let first = live(&room, &fuse, alert).await;
    let at = fuse.at.lock().unwrap().clone();
    let killed = first.is_none();
    let incident = if let Some(incident) = first {
        incident
    } else {
        // the dead worker's lease runs out
        clock.advance(Duration::from_secs(91));
        room.store = Arc::new(keep.reopen(&store, clock).await);
        *room.cluster.journal.lock().unwrap() = Some(Arc::clone(&room.store));
        match all_closed(&room, n).await {
            Some(incident) => incident,
            None => live(&room, &Fuse::new(NEVER), alert)
                .await
                .expect("nothing ends the second life"),
        }
    };
    assert_eq!(incident.phase, Phase::Resolved, "killed {at} ({n})");
    assert_eq!(room.cluster.effects(), writes, "killed {at} ({n})");
    assert!(room.open_incidents().await.is_empty(), "killed {at} ({n})");
    let journal = room.journal(incident.id).await;
    assert!(journal.iter().all(|e| e.outcome.is_some()), "killed {at} ({n})");
    killed
}

/// The incident, if the first life was killed after it was closed.
async fn all_closed(room: &Room, n: usize) -> Option<Incident> {
    let all = room
        .store
        .list(dreamops_domain::id::TenantId::DEFAULT, &IncidentFilter::default())
        .await
        .unwrap();
    assert!(all.len() <= 1, "at point {n} there are {} incidents", all.len());
    all.into_iter().next().filter(|i| i.phase.closed())
}

/// What is written where nothing goes wrong.
async fn undisturbed(scene: Scene) -> Vec<String> {
    let mut room = Room::new().await;
    look_seldom(&mut room);
    let alert = scene(&room.cluster, &room.scripts);
    let incident = live(&room, &Fuse::new(NEVER), alert).await.expect("nothing ends it");
    assert_eq!(incident.phase, Phase::Resolved);
    room.cluster.effects()
}

async fn survives_at_every_point(scene: Scene) {
    let writes = undisturbed(scene).await;
    let mut n = 0;
    loop {
        let clock = ManualClock::new();
        if !killed_at(n, Keep::memory(&clock).await, &clock, scene, &writes).await {
            break;
        }
        n += 1;
    }
    assert!(n > 50, "only {n} points were tried");
}

#[tokio::test]
async fn a_plan_that_heals_survives_a_kill_at_every_point() {
    survives_at_every_point(heals).await;
}

#[tokio::test]
async fn a_revert_and_a_fallback_survive_a_kill_at_every_point() {
    survives_at_every_point(worse).await;
}

#[tokio::test]
async fn a_hand_over_survives_a_kill_at_every_point() {
    survives_at_every_point(hands_over).await;
}

#[tokio::test]
async fn a_database_that_is_opened_anew_goes_on_where_the_killed_program_was() {
    let writes = undisturbed(heals).await;
    let mut n = 0;
    while killed_at(n, Keep::disk(), &ManualClock::new(), heals, &writes).await {
        n += 13;
    }
    assert!(n > 50, "only {n} points were tried");
}
