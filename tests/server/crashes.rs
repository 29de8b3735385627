//! `kill -9` at any moment under load: what was answered is there once, and every incident ends.

use crate::database::{KEY, postgres};
use crate::deliveries::{Senders, counted};
use crate::stage::Stage;
use dreamops_tests::serving::{Serving, until};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is short lets incidents end within the test; none of it matters for what is promised.
const CONFIGURATION: &str = "mode = \"yolo\"\n[respond]\nstability = \"2s\"\nheal_deadline = \"60s\"\nwatch = \"2s\"\n\
                             [server]\nworkers = 4\n";
/// A server lives until it has taken fewer deliveries than this in a round, so that it is killed at work on a slow machine as well,
const MOST: u64 = 5;
/// and for some milliseconds, less than this, so that it is killed anywhere.
const LONGEST_MS: u64 = 150;
/// How long the last server may take to end everything.
const PATIENCE: Duration = Duration::from_mins(5);

#[test]
fn what_was_taken_in_survives_200_kills_on_postgresql() {
    let database = postgres();
    let url = database.database("crashes").unwrap();
    let place = Serving::new(CONFIGURATION)
        .with("DATABASE_URL", &url)
        .with("DREAMOPS_ENCRYPTION_KEYS", KEY);
    survives(place, 200);
}

#[test]
fn what_was_taken_in_survives_50_kills_on_sqlite() {
    survives(Serving::new(CONFIGURATION).with("DREAMOPS_ENCRYPTION_KEYS", KEY), 50);
}

fn survives(mut place: Serving, rounds: usize) {
    let stage = Stage::new("crash-loop");
    place.start();
    stage.connect(&place);
    let before = stage.generations();
    let alert = place.ask("POST", "/api/v1/webhooks/alertmanager", &stage.alert());
    assert_eq!(alert.code, 202, "{}", alert.text);
    let senders = Senders::start(4, Duration::from_millis(10));
    let mut chance = Chance::new();
    for _ in 0..rounds {
        let wanted = senders.taken() + usize::try_from(chance.below(MOST)).unwrap();
        senders.aim(&place.address());
        let at_work = until(PATIENCE, || (senders.taken() >= wanted).then_some(()));
        assert!(at_work.is_some(), "nothing is taken: {}", place.said());
        std::thread::sleep(Duration::from_millis(chance.below(LONGEST_MS)));
        place.kill();
        place.start();
    }
    senders.aim(&place.address());
    let taken = senders.stop();
    eprintln!("{} deliveries were taken in {rounds} rounds", taken.len());
    all_is_well(&place, &stage, &before, &taken);
    assert_eq!(place.stop(), Some(0));
}

/// Holds the promise: what was taken is there once, every incident ends, and the stage's fault was fixed by one write.
pub(crate) fn all_is_well(place: &Serving, stage: &Stage, before: &[(String, i64)], taken: &[String]) {
    // each is there once
    let counts = counted(|path| place.get(path));
    let wrong: Vec<_> = taken.iter().filter(|id| counts.get(*id) != Some(&1)).collect();
    assert!(wrong.is_empty(), "not there once: {wrong:?}");
    // every incident ends
    let open = || place.get("/api/v1/incidents?open=true&limit=5").body["items"].clone();
    let all_ended = until(PATIENCE, || open().as_array().is_some_and(Vec::is_empty).then_some(()));
    assert!(all_ended.is_some(), "still open: {}\n{}", open(), place.said());
    // the fault was fixed, by one write
    let resolved = place.get("/api/v1/incidents?phase=resolved").body["items"].clone();
    let targets: Vec<_> = resolved
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["target"]["name"])
        .collect();
    assert_eq!(targets, ["web"], "{resolved}");
    let after = stage.generations();
    let written: i64 = before.iter().zip(&after).map(|((_, then), (_, now))| now - then).sum();
    assert_eq!(written, 1, "{before:?} {after:?}");
    // and the record of it is whole
    let intact = until(PATIENCE, || {
        let verified = place.get("/api/v1/audit/verify").body;
        (verified["intact"] == true && verified["unsealed"] == 0).then_some(())
    });
    assert!(intact.is_some(), "{}", place.get("/api/v1/audit/verify").text);
}

/// Numbers from a seed, which is told so that a run can be repeated.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let seed = u64::try_from(seed & u128::from(u64::MAX)).unwrap() | 1;
        eprintln!("the seed is {seed}");
        Self(seed)
    }

    /// Marsaglia's xorshift, which is random enough for moments.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
