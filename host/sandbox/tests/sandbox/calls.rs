use crate::guests::Guest;
use crate::world::{Cluster, deployment, pod};
use crate::world::{cause, execution, incident, load, nothing_there, quiet, sandbox};
use dreamops_domain::finding::{Finding, Verdict};
use dreamops_domain::ports::{CallError, Strategies};
use std::time::Duration;

const LOG: &str = "dreamops:host/log@0.1.0";

#[tokio::test]
async fn a_component_answers_all_four_questions() {
    let sandbox = sandbox(|_| {});
    let info = load(&sandbox, &Guest::new("four")).await;
    let context = quiet();
    let assessed = sandbox.assess(&info.digest, &context).await.unwrap();
    assert!(assessed.signals.is_empty() && assessed.claim.abs() < f64::EPSILON);
    let found = sandbox.diagnose(&info.digest, &context).await.unwrap();
    assert!(matches!(found, Finding::Healthy { .. }));
    let plan = sandbox.plan(&info.digest, &context, &cause()).await;
    assert!(plan.unwrap().steps.is_empty());
    let verdict = sandbox.verify(&info.digest, &context, &execution()).await;
    assert_eq!(verdict.unwrap(), Verdict::Healed);
}

#[tokio::test]
async fn nothing_is_left_behind_for_the_next_call() {
    let sandbox = sandbox(|_| {});
    let mut guest = Guest::new("fresh");
    guest.module = "(global $calls (mut i32) (i32.const 0))".into();
    // a second call in the same instance, or memory that was written before, would trap
    guest.assess = "(if (global.get $calls) (then unreachable)) \
        (if (i32.load (i32.const 8192)) (then unreachable)) \
        (global.set $calls (i32.const 1)) (i32.store (i32.const 8192) (i32.const 1))"
        .into();
    let info = load(&sandbox, &guest).await;
    for _ in 0..20 {
        sandbox.assess(&info.digest, &quiet()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_loaded_is_named_as_such() {
    let sandbox = sandbox(|_| {});
    let error = sandbox.assess("abc", &quiet()).await.unwrap_err();
    assert_eq!(error.outcome(), "contract-mismatch");
    assert!(sandbox.confidence_cap("abc").abs() < f64::EPSILON);
}

#[tokio::test]
async fn the_incidents_own_objects_are_known_from_the_start() {
    let sandbox = sandbox(|_| {});
    let info = load(&sandbox, &Guest::new("own")).await;
    let context = quiet();
    sandbox.assess(&info.digest, &context).await.unwrap();
    assert_eq!(*context.known.lock().unwrap(), [pod(), deployment()]);
}

#[tokio::test]
async fn a_crash_carries_the_last_words() {
    let sandbox = sandbox(|_| {});
    let mut guest = Guest::new("words");
    guest.import(LOG, "write", "");
    guest.module = r#"(data (i32.const 600) "index out of bounds\1b[2J")"#.into();
    guest.assess = format!("(call ${LOG}#write (i32.const 2) (i32.const 600) (i32.const 23)) unreachable");
    let info = load(&sandbox, &guest).await;
    let (context, lines) = incident(Cluster {
        answers: Box::new(nothing_there),
        delay: Duration::ZERO,
    });
    let error = sandbox.assess(&info.digest, &context).await.unwrap_err();
    let CallError::Trap(text) = error else {
        panic!("{error}")
    };
    assert!(
        text.contains("unreachable") && text.contains("index out of bounds"),
        "{text}"
    );
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
}

#[tokio::test]
async fn a_component_reads_the_settings_that_the_operator_gave_it() {
    let mut guest = Guest::new("set");
    let get = guest.import("dreamops:host/config@0.1.0", "get", "");
    let get = get
        .replacen("(i32.const 0)", "(i32.const 512)", 1)
        .replacen("(i32.const 0)", "(i32.const 3)", 1);
    // the answer lies at 4096: some, pointer, length
    guest.assess = format!("{get} (if (i32.ne (i32.load (i32.const 4104)) (i32.const 5)) (then unreachable))");
    let sandbox = sandbox(|settings| {
        let mut own = dreamops_sandbox::PluginSettings::default();
        own.settings.insert("Pod".into(), "value".into());
        settings.plugins.insert("set".into(), own);
    });
    let info = load(&sandbox, &guest).await;
    sandbox.assess(&info.digest, &quiet()).await.unwrap();
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_ends() {
    let sandbox = sandbox(|settings| {
        settings.concurrent = 1;
        settings.budgets.cpu = Duration::from_mins(10);
        settings.budgets.wall = Duration::from_mins(10);
    });
    let mut guest = Guest::new("forgotten");
    guest.assess = "(loop $for-ever (br $for-ever))".into();
    let info = load(&sandbox, &guest).await;
    let context = quiet();
    let call = sandbox.assess(&info.digest, &context);
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    // the only permit is free again
    let fine = load(&sandbox, &Guest::new("fine")).await;
    sandbox.assess(&fine.digest, &context).await.unwrap();
}
