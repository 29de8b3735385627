//! Surroundings that fail: a database that is away or cuts off, a disk that is full, keys that are others. Nothing that was answered with 202 is
//! lost, nothing is done twice, and what cannot be done is said.

use crate::crashes::all_is_well;
use crate::database::{KEY, postgres};
use crate::deliveries::{Delivery, Senders};
use crate::stage::Stage;
use dreamops_test_postgres::{Postgres, SUPERUSER};
use dreamops_tests::serving::{Answer, Serving, ask, until};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Lets incidents end within the test.
const CONFIGURATION: &str = "mode = \"yolo\"\n[respond]\nstability = \"2s\"\nheal_deadline = \"60s\"\nwatch = \"2s\"\n\
                             [server]\nworkers = 4\n";
/// A well-formed key that nothing was sealed under.
const OTHER_KEY: &str = "YW5vdGhlci1rZXktZm9yLXRlc3RzLW9mLXNlcnZlcnM=";
/// Ends every connection to the database of that test, whatever it is doing.
const CUT_OFF: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outages'";
/// How long a change of the surroundings may take to be noticed.
const PATIENCE: Duration = Duration::from_mins(2);

fn on_postgres(url: &str) -> Serving {
    Serving::new(CONFIGURATION)
        .with("DATABASE_URL", url)
        .with("DREAMOPS_ENCRYPTION_KEYS", KEY)
}

#[test]
fn a_database_that_is_away_at_the_start_is_said_without_its_password() {
    let mut database = postgres();
    let url = database.database("start").unwrap();
    let mut place = on_postgres(&url.replace("dreamops@", "dreamops:a-password@"));
    database.stop();
    let told = place.try_start().unwrap_err();
    assert!(told.contains("cannot be reached"), "{told}");
    assert!(!told.contains("a-password"), "{told}");
    database.start_again().unwrap();
    place.start();
    assert_eq!(place.get("/readyz").code, 200);
}

#[test]
fn a_database_that_goes_and_comes_back_loses_nothing() {
    let mut database = postgres();
    let mut place = on_postgres(&database.database("outages").unwrap());
    place.start();
    let stage = Stage::new("crash-loop");
    stage.connect(&place);
    let before = stage.generations();
    let senders = Senders::start(4, Duration::from_millis(10));
    senders.aim(&place.address());
    let alert = place.ask("POST", "/api/v1/webhooks/alertmanager", &stage.alert());
    assert_eq!(alert.code, 202, "{}", alert.text);
    // while the fault is found, while it is fixed, and while it is watched
    for moment in [100, 1500, 3000] {
        std::thread::sleep(Duration::from_millis(moment));
        away_and_back(&mut database, &place);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(50));
            database.query(SUPERUSER, "postgres", CUT_OFF).unwrap();
        }
    }
    all_is_well(&place, &stage, &before, &senders.stop());
    assert_eq!(place.stop(), Some(0));
}

/// Takes the database away until the server says so, and brings it back until it says that.
fn away_and_back(database: &mut Postgres, place: &Serving) {
    let ready = |code: u16| {
        let told = until(PATIENCE, || {
            let answer = ask(&place.address(), "GET", "/readyz", None, &Value::Null)?;
            (answer.code == code).then_some(())
        });
        assert!(told.is_some(), "readyz is not {code}: {}", place.said());
    };
    database.stop();
    ready(503);
    refused(&Delivery::new(99, 1).post(&place.address()).unwrap());
    assert_eq!(place.get("/healthz").code, 200);
    database.start_again().unwrap();
    ready(200);
}

/// The answer that makes a sender come again.
#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.code, 503, "{}", answer.text);
    assert_eq!(answer.body["type"], "urn:dreamops:problem:unavailable");
    for word in ["sqlx", "SQL", "socket", ".db"] {
        assert!(!answer.text.contains(word), "{}", answer.text);
    }
}

#[test]
fn a_full_disk_under_sqlite_loses_nothing() {
    let disk = SmallDisk::new(16);
    let url = format!("sqlite:{}", disk.path().join("dreamops.db").display());
    let place = Serving::new(CONFIGURATION)
        .with("DATABASE_URL", &url)
        .with("DREAMOPS_ENCRYPTION_KEYS", KEY);
    outlives_a_full_disk(place, &disk);
}

#[test]
fn a_full_disk_under_postgresql_loses_nothing() {
    let database = postgres();
    let disk = SmallDisk::new(24);
    database.give(disk.path()).unwrap();
    let place = format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display());
    database.query(SUPERUSER, "postgres", &place).unwrap();
    let url = database.database("on_a_small_disk").unwrap();
    database
        .query(
            SUPERUSER,
            "postgres",
            "ALTER DATABASE on_a_small_disk SET TABLESPACE small",
        )
        .unwrap();
    outlives_a_full_disk(on_postgres(&url), &disk);
}

/// Fills the disk while deliveries come in and an incident is worked on, and makes room again.
fn outlives_a_full_disk(mut place: Serving, disk: &SmallDisk) {
    place.start();
    let stage = Stage::new("crash-loop");
    stage.connect(&place);
    let before = stage.generations();
    let mut taken = Vec::new();
    let alert = place.ask("POST", "/api/v1/webhooks/alertmanager", &stage.alert());
    assert_eq!(alert.code, 202, "{}", alert.text);
    disk.fill();
    // what lies in pages that are there already still fits
    let first_refused = (0..10_000).find(|number| {
        let delivery = Delivery::new(0, *number);
        let answer = delivery.post(&place.address()).unwrap();
        if answer.code == 202 || answer.code == 200 {
            taken.push(delivery.id);
            return false;
        }
        refused(&answer);
        true
    });
    let first_refused = first_refused.unwrap();
    assert!(place.said().contains("the disk is full"), "{}", place.said());
    assert_eq!(place.get("/api/v1/incidents").code, 200, "what is there can be read");
    disk.make_room();
    for number in first_refused..first_refused + 20 {
        let delivery = Delivery::new(0, number);
        let answer = delivery.post(&place.address()).unwrap();
        assert!(matches!(answer.code, 200 | 202), "{} {}", answer.text, place.said());
        taken.push(delivery.id);
    }
    all_is_well(&place, &stage, &before, &taken);
    assert_eq!(place.stop(), Some(0));
}

#[test]
fn a_disk_that_is_full_at_the_start_is_said() {
    let disk = SmallDisk::new(1);
    disk.fill();
    let url = format!("sqlite:{}", disk.path().join("dreamops.db").display());
    let mut place = Serving::new(CONFIGURATION)
        .with("DATABASE_URL", &url)
        .with("DREAMOPS_ENCRYPTION_KEYS", KEY);
    let told = place.try_start().unwrap_err();
    assert!(told.contains("is full; free some space"), "{told}");
    disk.make_room();
    place.start();
}

#[test]
fn another_key_is_refused_and_changes_nothing() {
    let database = postgres();
    let url = database.database("keys").unwrap();
    for place in [on_postgres(&url), Serving::new("")] {
        let folder = place.folder().join("data/dreamops.db");
        let mut place = place.with("DREAMOPS_ENCRYPTION_KEYS", KEY);
        place.start();
        let delivery = Delivery::new(0, 0);
        assert_eq!(delivery.post(&place.address()).unwrap().code, 202);
        assert_eq!(place.stop(), Some(0));
        let mut place = place.with("DREAMOPS_ENCRYPTION_KEYS", OTHER_KEY);
        let told = place.try_start().unwrap_err();
        assert!(told.contains("the keys given do not open the database"), "{told}");
        assert!(!told.contains(OTHER_KEY), "{told}");
        // a key that was changed for a newer one still opens what was sealed before
        let mut place = place.with("DREAMOPS_ENCRYPTION_KEYS", &format!("{OTHER_KEY},{KEY}"));
        place.start();
        let alerts = place.get("/api/v1/alerts").body["items"].clone();
        assert_eq!(alerts.as_array().unwrap().len(), 1, "{} {alerts}", folder.display());
    }
}

/// A file system of a few MiB in memory; it needs root.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(mebibytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0700"), "tmpfs"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        let block = [1; 4096];
        while file.write_all(&block).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // also where a process that was killed is not gone yet
        let _left = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}
