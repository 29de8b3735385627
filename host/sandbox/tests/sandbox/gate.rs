//! Every function of the contract passes the one dispatch point.

use crate::guests::Guest;
use crate::world::{Tape, cause, execution, load, quiet, sandbox};
use dreamops_domain::grant::Grants;
use dreamops_domain::ports::Strategies;
use dreamops_package::capability::{Needs, needs};
use dreamops_package::contract::contract;
use dreamops_sandbox::{Exchange, Outcome};
use std::sync::Arc;

/// A component that calls every function of the contract once, each in the call in which it makes sense.
fn curious() -> Guest {
    let mut guest = Guest::new("curious");
    for (interface, function) in contract().expect("valid").offered() {
        let (interface, function) = (interface, function.name.as_str());
        if function.starts_with("[method]draft") {
            let call = guest.import(interface, function, "(local.get $draft)");
            guest.plan.push_str(&call);
        } else if function.starts_with("[method]execution") {
            let call = guest.import(interface, function, "(local.get $execution)");
            guest.verify.push_str(&call);
        } else {
            let call = guest.import(interface, function, "(local.get $incident)");
            guest.assess.push_str(&call);
        }
    }
    guest
}

async fn exchanges(allowed: Grants) -> Vec<Exchange> {
    let tape = Arc::new(Tape::default());
    let recorder = Arc::clone(&tape);
    let sandbox = sandbox(|settings| {
        settings.recorder = Some(recorder);
        settings.allowed = allowed;
    });
    let info = load(&sandbox, &curious()).await;
    let context = quiet();
    sandbox.assess(&info.digest, &context).await.unwrap();
    sandbox.plan(&info.digest, &context, &cause()).await.unwrap();
    sandbox.verify(&info.digest, &context, &execution()).await.unwrap();
    tape.0.lock().unwrap().clone()
}

fn of_function(all: &[Exchange], interface: &str, function: &str) -> Exchange {
    let interface = interface.split('@').next().unwrap();
    let found: Vec<_> = all
        .iter()
        .filter(|e| e.interface == interface && e.function == function)
        .collect();
    assert_eq!(
        found.len(),
        1,
        "{interface}#{function} passed the gate {} times",
        found.len()
    );
    found[0].clone()
}

#[tokio::test]
async fn every_linked_function_is_gated() {
    let all = exchanges(Grants::parse(["kubernetes/read/*", "plan/*"]).unwrap()).await;
    let offered: Vec<_> = contract().expect("valid").offered().collect();
    assert_eq!(all.len(), offered.len());
    for (interface, function) in offered {
        let seen = of_function(&all, interface, &function.name);
        assert_eq!(seen.outcome, Outcome::Answered, "{seen:?}");
        let wanted = match needs(interface, &function.name) {
            Needs::Nothing => None,
            Needs::Kind => Some("kubernetes/read/pods".to_owned()),
            Needs::Grant(grant) => Some(grant),
        };
        assert_eq!(seen.grant, wanted, "{interface}#{}", function.name);
    }
}

#[tokio::test]
async fn without_a_grant_nothing_is_read_and_nothing_is_drafted() {
    let all = exchanges(Grants::default()).await;
    for (interface, function) in contract().expect("valid").offered() {
        let seen = of_function(&all, interface, &function.name);
        let free = needs(interface, &function.name) == Needs::Nothing;
        let wanted = if free { Outcome::Answered } else { Outcome::Denied };
        assert_eq!(seen.outcome, wanted, "{seen:?}");
        if !free {
            let answer = seen.answered.to_string();
            let grant = seen.grant.unwrap();
            assert!(
                answer.contains("[plugins.curious] grants") && answer.contains(&grant),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_budget_of_host_calls_ends_what_cannot_be_refused_in_words() {
    let sandbox = sandbox(|settings| settings.budgets.host_calls = 3);
    let mut guest = Guest::new("busy");
    let view = "dreamops:incident/view@0.1.0";
    let title = guest.import(view, "[method]incident.title", "(local.get $incident)");
    guest.assess = title.repeat(4);
    guest.diagnose.push_str(&title.repeat(3));
    let info = load(&sandbox, &guest).await;
    let error = sandbox.assess(&info.digest, &quiet()).await.unwrap_err();
    assert!(error.to_string().contains("3 calls"), "{error}");
    sandbox.diagnose(&info.digest, &quiet()).await.unwrap();
}

#[tokio::test]
async fn a_budget_of_host_calls_is_told_to_who_can_be_told() {
    let tape = Arc::new(Tape::default());
    let recorder = Arc::clone(&tape);
    let sandbox = sandbox(|settings| {
        settings.recorder = Some(recorder);
        settings.budgets.host_calls = 1;
    });
    let mut guest = Guest::new("reader");
    guest.assess = guest
        .import("dreamops:kubernetes/read@0.1.0", "node-images", "")
        .repeat(2);
    let info = load(&sandbox, &guest).await;
    sandbox.assess(&info.digest, &quiet()).await.unwrap();
    let tape = tape.0.lock().unwrap();
    assert_eq!(tape[1].outcome, Outcome::Exhausted);
    assert!(tape[1].answered.to_string().contains("Exhausted"), "{tape:?}");
}
