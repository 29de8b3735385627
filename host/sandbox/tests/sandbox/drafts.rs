//! Drafts name only what the host returned. The component passes through what it was given, or what it made up.

use crate::guests::Guest;
use crate::world::{Cluster, Tape, cause, deployment, incident, load, pod, sandbox};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Plan};
use dreamops_domain::ports::{CallContext, Strategies};
use dreamops_domain::read::{OwnerFact, ReadRequest, ReadResponse};
use std::sync::Arc;
use std::time::Duration;

const DRAFT: &str = "dreamops:plan/draft@0.1.0";
const VIEW: &str = "dreamops:incident/view@0.1.0";

fn context() -> CallContext {
    let owners = |request: ReadRequest| match request {
        ReadRequest::Owners { .. } => Ok(ReadResponse::Owners(vec![OwnerFact {
            object: deployment(),
            managed_by: None,
        }])),
        other => crate::world::nothing_there(other),
    };
    incident(Cluster {
        answers: Box::new(owners),
        delay: Duration::ZERO,
    })
    .0
}

/// Loads the parts of the object at 4096, where host functions put their results, as arguments.
const FROM_ANSWER: [u32; 8] = [4096, 4100, 4104, 4108, 4112, 4116, 4120, 4124];

fn object_arguments() -> String {
    FROM_ANSWER.map(|at| format!("(i32.load (i32.const {at}))")).concat()
}

/// A component that drafts a restart of what `getter` returns, after `between` has changed it in memory.
fn restarts(name: &str, getter: &str, action: &str, between: &str, times: usize) -> Guest {
    let mut guest = Guest::new(name);
    let get = guest.import(VIEW, getter, "(local.get $incident)");
    guest.import(DRAFT, action, "(local.get $draft)");
    let label = format!("${DRAFT}#{action}").replace(['[', ']'], "_");
    // reason and expectation are empty; the refusal goes to 5000, so that the object stays
    let call = format!(
        "(call {label} (local.get $draft) {} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5000))",
        object_arguments()
    );
    guest.plan = format!("{get} {between} {}", call.repeat(times));
    guest
}

async fn planned(guest: &Guest) -> (Plan, String) {
    let tape = Arc::new(Tape::default());
    let recorder = Arc::clone(&tape);
    let sandbox = sandbox(|settings| settings.recorder = Some(recorder));
    let info = load(&sandbox, guest).await;
    let plan = sandbox.plan(&info.digest, &context(), &cause()).await.unwrap();
    let last = tape.0.lock().unwrap().last().unwrap().answered.to_string();
    (plan, last)
}

#[tokio::test]
async fn an_object_of_the_incident_can_be_drafted() {
    let target = "[method]incident.target";
    let (plan, _) = planned(&restarts("pod", target, "[method]draft.restart-pod", "", 1)).await;
    assert_eq!(plan.steps[0].action, Action::RestartPod { pod: pod() });
    let owner = "[method]incident.owner";
    let action = "[method]draft.restart-workload";
    let (plan, _) = planned(&restarts("owner", owner, action, "", 1)).await;
    let wanted = Action::RestartWorkload { workload: deployment() };
    assert_eq!(plan.steps[0].action, wanted);
}

#[tokio::test]
async fn an_object_that_is_changed_in_any_part_is_refused() {
    for (name, part) in [("uid", 4120), ("name", 4112), ("namespace", 4104)] {
        // one letter of the text that the pointer leads to
        let change = format!("(i32.store8 (i32.load (i32.const {part})) (i32.const 88))");
        let guest = restarts(name, "[method]incident.target", "[method]draft.restart-pod", &change, 1);
        let (plan, answer) = planned(&guest).await;
        assert!(plan.steps.is_empty(), "{name}");
        assert!(answer.contains("was not returned by the host"), "{answer}");
    }
}

#[tokio::test]
async fn an_action_for_another_kind_is_refused() {
    let guest = restarts("kind", "[method]incident.owner", "[method]draft.restart-pod", "", 1);
    let (plan, answer) = planned(&guest).await;
    assert!(plan.steps.is_empty() && answer.contains("is not a Pod"), "{answer}");
}

#[tokio::test]
async fn a_plan_has_at_most_ten_steps() {
    let guest = restarts("many", "[method]incident.target", "[method]draft.restart-pod", "", 11);
    let (plan, answer) = planned(&guest).await;
    assert_eq!(plan.steps.len(), 10);
    assert!(answer.contains("Full"), "{answer}");
}

#[tokio::test]
async fn what_a_read_returns_becomes_known() {
    let mut guest = Guest::new("learns");
    let read = "dreamops:kubernetes/read@0.1.0";
    let get = guest.import(VIEW, "[method]incident.target", "(local.get $incident)");
    guest.import(read, "owners", "");
    guest.assess = format!("{get} (call ${read}#owners {} (i32.const 5000))", object_arguments());
    let sandbox = sandbox(|_| {});
    let info = load(&sandbox, &guest).await;
    let mut context = context();
    // the owner is not the incident's, so it can only come from the read
    Arc::make_mut(&mut context.incident).owner = ObjectRef::new("Job", "shop", "other", "uid-job");
    sandbox.assess(&info.digest, &context).await.unwrap();
    assert!(context.known.lock().unwrap().contains(&deployment()));
}
