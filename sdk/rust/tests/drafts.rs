//! The mock host holds strategies to the host's rules.
#![allow(clippy::expect_used)]

use dreamops_sdk::mock::{MockHost, MockPod, Rollout};
use dreamops_sdk::prelude::*;
use serde_json::json;

/// Drafts a restart of whatever object the alert's description names, as `Kind/ns/name/uid`.
struct Blind;

impl Strategy for Blind {
    fn assess(_: &Incident) -> Result<Assessment, Failure> {
        Ok(Assessment::claiming(1.0))
    }

    fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
        let named = ObjectRef::from_fact(&incident.description()).expect("a reference");
        Ok(Inquiry::new().cause("blind", &named, "because", 1.0))
    }

    fn plan(_: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
        draft.restart_pod(&diagnosis.target, &why("because", ""))?;
        Ok(())
    }
}

fn host(described: &str) -> MockHost {
    let web = Rollout::deployment("web", 1)
        .container(json!({"name": "web"}))
        .pods(1, &MockPod::ready());
    MockHost::new()
        .rollout(web)
        .alert("", described)
        .target("Pod", "web-r1-0")
}

#[test]
fn a_draft_names_only_what_was_given_out_in_the_incident() {
    let known = host("Pod/shop/web-r1-0/uid-pod-web-r1-0");
    known.within(Incident::target);
    assert_eq!(known.respond::<Blind>().expect("taken").1.len(), 1);
    for unknown in ["Pod/shop/web-r1-0/another-uid", "Pod/kube-system/etcd/uid-pod-etcd"] {
        let refused = host(unknown).respond::<Blind>();
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
    }
}

#[test]
fn a_claim_without_signals_gets_no_case() {
    assert!(host("x").confidence::<Blind>() < f64::EPSILON);
}

#[test]
fn a_plan_that_is_not_written_tells_a_person_the_cause() {
    struct Tells;
    impl Strategy for Tells {
        fn assess(_: &Incident) -> Result<Assessment, Failure> {
            Ok(Assessment::claiming(0.0))
        }
        fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
            Ok(Inquiry::new().cause("x", &incident.owner(), "the disk is full", 0.9))
        }
    }
    let (_, steps) = host("").respond::<Tells>().expect("a plan");
    assert_eq!(steps.len(), 1);
    assert_eq!((steps[0].name(), steps[0].proposal()), ("escalate", "the disk is full"));
    assert_eq!(steps[0].target().to_string(), "Deployment/web");
}
