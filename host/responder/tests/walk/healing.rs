//! What counts as healed, and how long it is waited for.

use crate::cluster::{always, good_is_healthy, pods};
use crate::room::{Room, broken, outcomes, words};
use crate::strategies::{Script, set, set_image, tell};
use dreamops_domain::finding::Verdict;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::plan::Plan;
use dreamops_domain::ports::Clock;
use dreamops_domain::read::Health;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_fault_is_healed_and_the_end_comes_after_a_whole_window() {
    let room = Room::new().await;
    // the new pods take 22 s to become ready
    let web = room.cluster.add(
        "Deployment",
        "web",
        "bad",
        Arc::new(|fields, written, now| match written {
            Some(at) if fields["/spec/image"] == "good" && now.since(at) >= Duration::from_secs(22) => pods(2, 2),
            _ => pods(0, 2),
        }),
    );
    // the strategy wants to be asked seldom: that it heals is seen at once all the same
    let mut seldom = Script::new("crash-loop", vec![set_image(&web, "good")]);
    seldom.verify = Arc::new(|execution| {
        Ok(if execution.present.whole() {
            Verdict::Healed
        } else {
            Verdict::Waiting { retry_after_ms: 60_000 }
        })
    });
    room.install(seldom);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(room.cluster.effects(), ["Deployment/web /spec/image = good"]);
    assert_eq!(outcomes(&incident), [("applied", false)]);
    let (written, healed) = (incident.case.last_write_at.unwrap(), incident.case.healed_at.unwrap());
    let (late, window) = (healed.since(written), incident.closed_at.unwrap().since(healed));
    assert!((22..23).contains(&late.as_secs()), "healed after {late:?}");
    assert!((30..32).contains(&window.as_secs()), "watched for {window:?}");
}

#[tokio::test]
async fn a_restart_in_the_window_begins_it_anew() {
    let room = Room::new().await;
    let began = room.clock.now();
    let web = room.cluster.add(
        "Deployment",
        "web",
        "bad",
        Arc::new(move |fields, written, now| {
            if fields["/spec/image"] != "good" {
                return pods(0, 2);
            }
            let ended = written.unwrap_or(began) + Duration::from_secs(25);
            let restarted = now >= ended;
            Health {
                restarts: u32::from(restarted),
                last_restart: restarted.then_some(ended),
                ..pods(2, 2)
            }
        }),
    );
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]).saying(Verdict::Healed));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
    let healed = incident
        .case
        .healed_at
        .unwrap()
        .since(incident.case.last_write_at.unwrap());
    assert!((25..26).contains(&healed.as_secs()), "healed after {healed:?}");
}

#[tokio::test]
async fn scaled_to_zero_never_looks_healed() {
    let room = Room::new().await;
    let web = room.cluster.add(
        "Deployment",
        "web",
        "bad",
        Arc::new(|fields, _, _| {
            if fields.get("/spec/replicas").is_some_and(|r| r == "0") {
                pods(0, 0)
            } else {
                pods(0, 2)
            }
        }),
    );
    // a strategy that is pleased with itself
    room.install(Script::new("crash-loop", vec![set(&web, "/spec/replicas", "0")]).saying(Verdict::Healed));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert_eq!(incident.case.healed_at, None);
    assert_eq!(room.cluster.field(&web, "/spec/replicas"), "");
}

#[tokio::test]
async fn fewer_pods_than_before_never_look_healed() {
    let room = Room::new().await;
    let web = room.cluster.add(
        "Deployment",
        "web",
        "bad",
        Arc::new(|fields, _, _| {
            if fields["/spec/image"] == "good" {
                pods(1, 1)
            } else {
                pods(1, 2)
            }
        }),
    );
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]).saying(Verdict::Healed));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "bad");
}

#[tokio::test]
async fn a_deleted_workload_never_looks_healed() {
    let room = broken().await;
    let web = dreamops_domain::object::ObjectRef::new("Deployment", "shop", "web", "uid-web");
    room.cluster.after(0, move |cluster| cluster.remove(&web));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("does not exist"), "{}", words(&incident));
}

#[tokio::test]
async fn what_helped_in_part_is_kept_and_a_person_takes_over() {
    let room = Room::new().await;
    let web = room.cluster.add(
        "Deployment",
        "web",
        "bad",
        Arc::new(|fields, _, _| {
            if fields["/spec/image"] == "good" {
                pods(1, 2)
            } else {
                pods(0, 2)
            }
        }),
    );
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("partly healed"), "{}", words(&incident));
    assert_eq!(room.cluster.field(&web, "/spec/image"), "good");
}

#[tokio::test]
async fn a_rollout_that_makes_progress_is_not_cut_short() {
    let mut room = Room::new().await;
    room.settings.timeout = Duration::from_hours(1);
    // one pod after the other, 100 s each: far beyond the time that is waited for something that stands still
    let web = room.cluster.add(
        "Deployment",
        "web",
        "bad",
        Arc::new(|fields, written, now| {
            let Some(at) = written.filter(|_| fields["/spec/image"] == "good") else {
                return pods(0, 5);
            };
            let ready = u32::try_from(now.since(at).as_secs() / 100).unwrap().min(5);
            let rolling = ready < 5;
            Health {
                progressing: rolling,
                settled: !rolling,
                progress_deadline_seconds: Some(60),
                ..pods(ready, 5)
            }
        }),
    );
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn the_runs_time_does_not_undercut_a_rollout_that_makes_progress() {
    let room = Room::new().await;
    let slow = Health {
        settled: false,
        progressing: true,
        progress_deadline_seconds: Some(600),
        ..pods(0, 2)
    };
    let web = room.cluster.add("Deployment", "web", "bad", always(slow));
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("rollout makes progress"),
        "{}",
        words(&incident)
    );
    assert_eq!(room.cluster.field(&web, "/spec/image"), "good");
    assert_eq!(
        incident.closed_at.unwrap().since(incident.created_at).as_secs(),
        room.settings.timeout.as_secs()
    );
}

#[tokio::test]
async fn the_runs_time_ends_it_before_anything_is_written() {
    let mut room = broken().await;
    // one slow call must not cost the lease
    room.settings.lease = Duration::from_mins(10);
    let clock = Arc::clone(&room.clock);
    let slow = Script::new("slow", vec![]).claiming(0.95).finding(move |context| {
        clock.advance(Duration::from_secs(301));
        crate::strategies::cause(&context.incident.owner)
    });
    room.install(slow);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("the image is bad; the run's 300 s were over"),
        "{}",
        words(&incident)
    );
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn a_plan_that_was_carried_out_by_somebody_else_meanwhile_is_no_write_of_ours() {
    let room = broken().await;
    let web = dreamops_domain::object::ObjectRef::new("Deployment", "shop", "web", "uid-web");
    room.cluster
        .before(0, move |cluster| cluster.set(&web, "/spec/image", "good"));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(outcomes(&incident), [("already-so", false)]);
    assert!(
        incident
            .case
            .summary
            .as_ref()
            .unwrap()
            .contains("nothing was changed here")
    );
    assert!(room.responder().rollback(incident.id, "ana").await.is_err());
}

#[tokio::test]
async fn a_plan_that_would_change_nothing_is_watched_instead() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "good", always(pods(1, 2)));
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("what the plan wants is so already"),
        "{}",
        words(&incident)
    );
    assert!(room.journal(incident.id).await.is_empty());
}

#[tokio::test]
async fn what_goes_by_itself_needs_no_action_once_it_stays_away() {
    let room = Room::new().await;
    let began = room.clock.now();
    // ready from 40 s on, but for a moment at 50 s: a single good look proves nothing
    room.cluster.add(
        "Deployment",
        "web",
        "far",
        Arc::new(move |_, _, now| match now.since(began).as_secs() {
            0..40 | 50 => pods(0, 2),
            _ => pods(2, 2),
        }),
    );
    room.install(Script::new("image-pull", vec![]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::NoAction);
    assert!(incident.closed_at.unwrap().since(began).as_secs() >= 51 + 30);
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn what_does_not_go_by_itself_is_a_persons() {
    let room = Room::new().await;
    room.cluster.add("Deployment", "web", "far", always(pods(0, 2)));
    room.install(Script::new("image-pull", vec![]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("the image is bad"), "{}", words(&incident));
    assert!(incident.closed_at.unwrap().since(incident.created_at) >= room.settings.watch);
}

#[tokio::test]
async fn what_was_waited_for_in_vain_is_looked_at_once_more() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "far", good_is_healthy());
    let mut script = Script::new("crash-loop", vec![]);
    let (clock, late) = (room.clock.clone(), room.clock.monotonic() + room.settings.watch);
    let fix = set_image(&web, "good");
    script.plan = Arc::new(move |_| {
        let steps = if clock.monotonic() < late {
            vec![]
        } else {
            vec![fix.clone()]
        };
        Ok(Plan { steps })
    });
    room.install(script);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved, "{}", words(&incident));
    assert_eq!(room.scripts.count("crash-loop diagnose"), 2);
}

#[tokio::test]
async fn words_to_a_person_go_to_a_person_at_once() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", always(pods(0, 2)));
    room.install(Script::new(
        "crash-loop",
        vec![tell(&web, "add the key"), tell(&web, "then restart it")],
    ));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("add the key; then restart it"),
        "{}",
        words(&incident)
    );
    assert_eq!(incident.closed_at, Some(incident.created_at));
}

#[tokio::test]
async fn a_lasting_fix_tells_the_keeper_of_the_spec_what_to_carry_over() {
    let room = broken().await;
    let web = dreamops_domain::object::ObjectRef::new("Deployment", "shop", "web", "uid-web");
    room.cluster
        .change(&web, |thing| thing.managed_by = Some("Helm".into()));
    let waiting = room.respond(Mode::Yolo).await;
    assert_eq!(
        waiting.phase,
        Phase::AwaitingApproval,
        "a spec that Helm keeps is not changed without a person"
    );
    let digest = waiting.case.plan_digest.clone().unwrap();
    let incident = room.responder().approve(waiting.id, &digest, "ana").await.unwrap();
    assert_eq!(incident.phase, Phase::Resolved);
    let summary = incident.case.summary.unwrap();
    assert!(
        summary.contains("Helm keeps this object: carry over /spec/image"),
        "{summary}"
    );
}

/// A workload whose container had ended 20 s before the change and is left for five minutes; it comes back, or not.
fn left_alone(room: &Room, comes_back: bool) -> dreamops_domain::object::ObjectRef {
    let began = room.clock.now();
    let rule = move |fields: &crate::cluster::Fields, written: Option<dreamops_domain::time::Timestamp>, now| {
        let start = began + Duration::from_mins(5);
        let (fixed, started) = (fields["/spec/image"] == "good", now >= start);
        // the object is patched in place: no pod is made anew
        let ended = if started && !(fixed && comes_back) {
            start
        } else {
            began
        };
        let waits = Health {
            last_restart: Some(ended),
            next_start: Some(ended + Duration::from_mins(5)),
            ..pods(0, 1)
        };
        match (started && fixed && comes_back, written) {
            (true, Some(_)) => Health {
                last_restart: Some(began),
                ..pods(1, 1)
            },
            _ => waits,
        }
    };
    room.cluster.add("Deployment", "web", "bad", Arc::new(rule))
}

async fn patient(comes_back: bool, timeout: Duration) -> (Room, dreamops_domain::incident::Incident) {
    let mut room = Room::new().await;
    room.settings.timeout = timeout;
    let web = left_alone(&room, comes_back);
    room.seconds(20);
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let incident = room.respond(Mode::Yolo).await;
    (room, incident)
}

#[tokio::test]
async fn a_container_in_a_long_back_off_is_waited_for_before_the_change_is_judged() {
    let (_, incident) = patient(true, Duration::from_mins(15)).await;
    assert_eq!(incident.phase, Phase::Resolved);
    let late = incident
        .case
        .healed_at
        .unwrap()
        .since(incident.case.last_write_at.unwrap());
    assert!((279..282).contains(&late.as_secs()), "{late:?}");
}

#[tokio::test]
async fn one_that_ends_again_after_its_back_off_has_the_change_taken_back() {
    let (room, incident) = patient(false, Duration::from_mins(15)).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("no better in time"), "{}", words(&incident));
    assert_eq!(room.cluster.effects().len(), 2);
    let taken = incident.closed_at.unwrap().since(incident.created_at).as_secs();
    assert!((279..300).contains(&taken), "{taken}");
}

#[tokio::test]
async fn a_run_that_ends_within_a_back_off_keeps_the_change_for_a_person() {
    let (room, incident) = patient(true, Duration::from_mins(4)).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("wait for their next start"),
        "{}",
        words(&incident)
    );
    assert_eq!(room.cluster.effects().len(), 1);
}
