//! Which revisions count as having worked, by what a cluster still knows.
#![allow(clippy::expect_used)]

use dreamops_sdk::incident::PastAction;
use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout};
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::{self, Record, Standing};
use dreamops_sdk::time::rfc3339;
use serde_json::{Value, json};

fn image(tag: &str) -> Value {
    json!({"name": "web", "image": format!("shop/web:{tag}")})
}

fn record(host: &MockHost) -> Record {
    host.within(|incident| {
        let subject = owner::subject(incident).expect("a subject");
        revision::record(incident, &subject, &mut Inquiry::new()).expect("a record")
    })
}

fn standings(host: &MockHost) -> Vec<(u64, Standing)> {
    record(host).others().map(|(r, s)| (r.number, s.clone())).collect()
}

fn is_sound(standing: &Standing) -> bool {
    matches!(standing, Standing::Sound(_))
}

/// Three revisions an hour apart, the newest ten minutes old with a failing pod.
fn three(rollout: Rollout) -> Rollout {
    rollout
        .container(image("1"))
        .container(image("2"))
        .container(image("3"))
        .pods(1, &MockPod::crashing("Error", 1))
}

fn seen(pod: &str, uid: &str, reason: &str, message: &str, ago_s: u64) -> Event {
    Event {
        severity: "Normal".into(),
        reason: reason.into(),
        message: message.into(),
        about: ObjectRef::new("Pod", "shop", pod, uid),
        count: 1,
        first_ms: NOW_MS - ago_s * 1_000,
        last_ms: NOW_MS - ago_s * 1_000,
    }
}

#[test]
fn ready_pods_win_over_a_newer_revision_without() {
    let web = Rollout::deployment("web", 3)
        .container(image("1"))
        .pods(2, &MockPod::ready())
        .container(image("2"))
        .container(image("3"))
        .pods(1, &MockPod::crashing("Error", 1));
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    let record = record(&host);
    let (best, standing) = record.best(|_| true).expect("a best");
    assert_eq!((best.number, standing), (1, &Standing::Ready(2)));
    assert!(record.best(|r| r.number == 2).is_none(), "nothing tells of revision 2");
}

#[test]
fn pods_of_a_revision_that_are_not_ready_speak_against_it() {
    let web = Rollout::stateful_set("web", 3)
        .container(image("1"))
        .container(image("2"))
        .pods(1, &MockPod::crashing("Error", 1))
        .container(image("3"))
        .pods(1, &MockPod::crashing("Error", 1));
    let host = MockHost::new().rollout(web).target("StatefulSet", "web");
    let all = standings(&host);
    assert!(matches!(all[0], (2, Standing::Ill(_))), "{all:?}");
    assert!(record(&host).likely(|_| true).is_some_and(|r| r.number == 1));
}

#[test]
fn events_tell_how_pods_that_are_gone_did() {
    let host = MockHost::new()
        .rollout(three(Rollout::deployment("web", 1)))
        .target("Deployment", "web")
        .event_fact(seen("web-r1-a", "a", "Started", "Started container web", 7_500))
        .event_fact(seen("web-r1-a", "a", "Killing", "Stopping container web", 4_300))
        .event_fact(seen("web-r2-b", "b", "Started", "Started container web", 4_100))
        .event_fact(seen(
            "web-r2-b",
            "b",
            "Killing",
            "Container web failed liveness probe, will be restarted",
            4_000,
        ));
    let all = standings(&host);
    assert!(matches!(all[0], (2, Standing::Ill(_))), "{all:?}");
    assert!(is_sound(&all[1].1), "{all:?}");
}

/// A mount or a pull that failed once, and probes that failed while the program started, are past when the pod runs well
/// for long after.
#[test]
fn troubles_of_a_start_that_passed_do_not_speak_against_a_revision() {
    let gone = |troubles: Vec<Event>| {
        let mut host = MockHost::new()
            .rollout(three(Rollout::deployment("web", 1)))
            .target("Deployment", "web")
            .event_fact(seen("web-r2-b", "b", "Started", "Started container web", 4_000))
            .event_fact(seen("web-r2-b", "b", "Killing", "Stopping container web", 601));
        for trouble in troubles {
            host = host.event_fact(trouble);
        }
        standings(&host).remove(0).1
    };
    let probes = |count, ago_s| Event {
        count,
        ..seen("web-r2-b", "b", "Unhealthy", "Readiness probe failed", ago_s)
    };
    let mount = |ago_s| seen("web-r2-b", "b", "FailedMount", "failed to sync configmap cache", ago_s);
    let pull = seen(
        "web-r2-b",
        "b",
        "Failed",
        "Failed to pull image \"shop/web:2\": timeout",
        4_020,
    );
    for passed in [vec![mount(4_010)], vec![pull], vec![probes(12, 3_900)]] {
        assert!(is_sound(&gone(passed.clone())), "{passed:?}");
    }
    for lasting in [vec![mount(610)], vec![probes(12, 605)], vec![probes(25, 900)]] {
        assert!(matches!(gone(lasting.clone()), Standing::Ill(_)), "{lasting:?}");
    }
}

/// Pods of a DaemonSet do not carry their revision's name: the time tells.
#[test]
fn the_time_tells_which_revision_a_gone_pod_of_a_daemon_set_was_of() {
    let host = MockHost::new()
        .rollout(three(Rollout::daemon_set("web", 1)))
        .target("DaemonSet", "web")
        .event_fact(seen("web-x1y2z", "a", "Started", "Started container web", 4_100))
        .event_fact(seen("web-x1y2z", "a", "Killing", "Stopping container web", 601))
        // of another DaemonSet, whose name begins in the same way
        .event_fact(seen("web-api-x1y2z", "c", "BackOff", "Back-off", 4_000));
    let all = standings(&host);
    assert!(is_sound(&all[0].1) && all[0].0 == 2, "{all:?}");
    assert_eq!(all[1], (1, Standing::Untold));
}

#[test]
fn a_pod_that_ran_for_a_moment_proves_nothing() {
    let host = MockHost::new()
        .rollout(three(Rollout::deployment("web", 1)))
        .target("Deployment", "web")
        .event_fact(seen("web-r2-b", "b", "Started", "Started container web", 605))
        .event_fact(seen("web-r2-b", "b", "Killing", "Stopping container web", 600));
    assert_eq!(standings(&host)[0], (2, Standing::Untold));
}

#[test]
fn a_deployment_that_was_available_until_the_rollout_vouches_for_the_revision_before() {
    let available = |since: u64| {
        three(Rollout::deployment("web", 1)).with(
            "/status/conditions",
            json!([{"type": "Available", "status": "False", "lastTransitionTime": rfc3339(NOW_MS - since * 1_000)}]),
        )
    };
    let host = |since| MockHost::new().rollout(available(since)).target("Deployment", "web");
    assert!(is_sound(&standings(&host(610))[0].1), "lost as the newest came");
    assert!(
        is_sound(&standings(&host(4_205))[1].1),
        "lost as the second came: the first worked"
    );
    assert_eq!(standings(&host(4_205))[0].1, Standing::Untold);
    for never in [30, 7_799] {
        assert!(
            standings(&host(never)).iter().all(|(_, s)| *s == Standing::Untold),
            "{never}"
        );
    }
}

#[test]
fn a_stateful_set_vouches_for_what_it_rolled_out_but_not_for_its_first_revision() {
    let at = |name: &str| {
        let web = three(Rollout::stateful_set("web", 1)).with("/status/currentRevision", json!(name));
        standings(&MockHost::new().rollout(web).target("StatefulSet", "web"))
    };
    assert!(is_sound(&at("web-r2")[0].1));
    assert!(at("web-r1").iter().all(|(_, s)| *s == Standing::Untold));
}

#[test]
fn an_incident_that_was_resolved_vouches_for_the_revision_of_that_time() {
    let resolved = PastAction {
        at_ms: NOW_MS - 2_000_000,
        action: "restart-pod".into(),
        strategy: "crash-loop".into(),
        outcome: "resolved".into(),
        fault: "crash-loop".into(),
    };
    let host = |outcome: &str| {
        let past = PastAction {
            outcome: outcome.into(),
            ..resolved.clone()
        };
        MockHost::new()
            .rollout(three(Rollout::daemon_set("web", 1)))
            .target("DaemonSet", "web")
            .past(past)
    };
    assert!(is_sound(&standings(&host("resolved"))[0].1));
    assert_eq!(standings(&host("escalated"))[0].1, Standing::Untold);
}

#[test]
fn what_cannot_be_read_becomes_evidence_and_no_guess() {
    let host = MockHost::new()
        .rollout(three(Rollout::deployment("web", 1)))
        .target("Deployment", "web")
        .fails(
            "kubernetes/read/revisions",
            ReadFailure::Forbidden("may not list replicasets".into()),
        );
    host.within(|incident| {
        let subject = owner::subject(incident).expect("a subject");
        let mut inquiry = Inquiry::new();
        let record = revision::record(incident, &subject, &mut inquiry).expect("a record");
        assert_eq!(record, Record::default());
        assert!(
            inquiry
                .evidence()
                .iter()
                .any(|e| e.text.contains("may not list replicasets"))
        );
    });
}
