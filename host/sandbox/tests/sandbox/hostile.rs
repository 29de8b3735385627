//! One tiny component per attack, named by the promise it tests.

use crate::guests::Guest;
use crate::world::{Cluster, incident, load, nothing_there, quiet, sandbox};
use dreamops_domain::ports::{CallError, Strategies};
use dreamops_sandbox::{LoadError, Origin, Sandbox};
use std::sync::Arc;
use std::time::Duration;

const LOG: &str = "dreamops:host/log@0.1.0";
const READ: &str = "dreamops:kubernetes/read@0.1.0";
const VIEW: &str = "dreamops:incident/view@0.1.0";

const FOR_EVER: &str = "(loop $for-ever (br $for-ever))";

fn impatient() -> Arc<Sandbox> {
    sandbox(|settings| settings.budgets.cpu = Duration::from_millis(30))
}

async fn assessed(sandbox: &Sandbox, guest: &Guest) -> Result<(), CallError> {
    let info = load(sandbox, guest).await;
    sandbox.assess(&info.digest, &quiet()).await.map(|_| ())
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_cpu_limit() {
    let mut guest = Guest::new("endless");
    guest.assess = FOR_EVER.into();
    let error = assessed(&impatient(), &guest).await.unwrap_err();
    assert_eq!(error, CallError::CpuLimit { budget_ms: 30 });
}

#[tokio::test]
async fn four_endless_components_all_end_and_others_go_on() {
    let sandbox = impatient();
    let mut guest = Guest::new("endless");
    guest.assess = FOR_EVER.into();
    let info = load(&sandbox, &guest).await;
    let fine = load(&sandbox, &Guest::new("fine")).await;
    let context = quiet();
    let (a, b, c, d, other) = tokio::join!(
        sandbox.assess(&info.digest, &context),
        sandbox.assess(&info.digest, &context),
        sandbox.assess(&info.digest, &context),
        sandbox.assess(&info.digest, &context),
        sandbox.assess(&fine.digest, &context),
    );
    for ended in [a, b, c, d] {
        assert_eq!(ended.unwrap_err().outcome(), "cpu-limit");
    }
    assert!(other.is_ok());
}

#[tokio::test]
async fn a_memory_bomb_ends_at_the_memory_limit() {
    let sandbox = sandbox(|settings| settings.budgets.memory = 8 * 1024 * 1024);
    let mut guest = Guest::new("memory");
    guest.assess = "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 16))))) unreachable".into();
    let error = assessed(&sandbox, &guest).await.unwrap_err();
    assert_eq!(error, CallError::MemoryLimit { limit_mib: 8 });
}

#[tokio::test]
async fn a_table_bomb_ends_at_the_memory_limit() {
    let mut guest = Guest::new("table");
    guest.module = "(table $t 1 funcref)".into();
    guest.assess = "(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 1000))))) unreachable".into();
    let error = assessed(&sandbox(|_| {}), &guest).await.unwrap_err();
    assert_eq!(error.outcome(), "memory-limit");
}

#[tokio::test]
async fn a_component_that_begins_with_too_much_memory_is_not_loaded() {
    let text = Guest::new("large")
        .text()
        .replace("(memory (export \"memory\") 4)", "(memory (export \"memory\") 2048)");
    let guest = Guest::new("large");
    let mut module = wat::parse_str(text).unwrap();
    wit_component::embed_component_metadata(
        &mut module,
        guest.contract.resolve(),
        guest.contract.world(),
        wit_component::StringEncoding::UTF8,
    )
    .unwrap();
    let component = dreamops_package::encode(&module, &guest.manifest()).unwrap();
    let error = sandbox(|_| {}).load(component, Origin::FirstParty).await.unwrap_err();
    assert!(
        matches!(
            error,
            LoadError::Engine(_) | LoadError::Describe(CallError::MemoryLimit { .. })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn deep_recursion_is_a_crash_of_the_component_and_not_of_the_program() {
    let mut guest = Guest::new("deep");
    guest.module = "(func $deeper (param i64) (result i64) (i64.add (i64.const 1) (call $deeper (i64.add (local.get 0) (i64.const 1)))))".into();
    guest.assess = "(drop (call $deeper (i64.const 0)))".into();
    let error = assessed(&sandbox(|_| {}), &guest).await.unwrap_err();
    let CallError::Trap(text) = &error else {
        panic!("{error}")
    };
    assert!(text.contains("call stack exhausted"), "{text}");
}

#[tokio::test]
async fn a_log_flood_is_dropped_and_does_no_harm() {
    let sandbox = sandbox(|settings| settings.budgets.log_lines = 10);
    let mut guest = Guest::new("flood");
    guest.import(LOG, "write", "");
    guest.module = "(global $n (mut i32) (i32.const 2000))".into();
    guest.assess = format!(
        "(loop $more (call ${LOG}#write (i32.const 1) (i32.const 0) (i32.const 60000)) \
         (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $more (global.get $n)))"
    );
    let info = load(&sandbox, &guest).await;
    let (context, lines) = incident(Cluster {
        answers: Box::new(nothing_there),
        delay: Duration::ZERO,
    });
    sandbox.assess(&info.digest, &context).await.unwrap();
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 10);
    assert!(lines.iter().all(|line| line.chars().count() <= 4_096));
}

#[tokio::test]
async fn a_huge_value_to_the_host_is_refused_before_it_is_copied() {
    let mut guest = Guest::new("huge");
    guest.import(LOG, "write", "");
    guest.module = "(func $grow (drop (memory.grow (i32.const 500))))".into();
    guest.assess = format!("(call $grow) (call ${LOG}#write (i32.const 0) (i32.const 0) (i32.const 30000000))");
    let error = assessed(&sandbox(|_| {}), &guest).await.unwrap_err();
    assert_eq!(error.outcome(), "bad-output", "{error}");
}

#[tokio::test]
async fn a_huge_answer_is_bad_output() {
    let mut guest = Guest::new("long");
    // ok(healthy([100000 × evidence])), all of it zeros
    guest.module = "(func $grow (drop (memory.grow (i32.const 500))))".into();
    guest.diagnose = "(call $grow) (i32.store8 (i32.const 1032) (i32.const 2)) \
        (i32.store (i32.const 1040) (i32.const 65536)) (i32.store (i32.const 1044) (i32.const 100000))"
        .into();
    let sandbox = sandbox(|_| {});
    let info = load(&sandbox, &guest).await;
    let error = sandbox.diagnose(&info.digest, &quiet()).await.unwrap_err();
    assert_eq!(error.outcome(), "bad-output", "{error}");
}

#[tokio::test]
async fn values_that_make_no_sense_are_bad_output() {
    let nan = "(f64.store (i32.const 1032) (f64.const nan))";
    let outside = "(f64.store (i32.const 1032) (f64.const 1.5))";
    let past_the_end = "(i32.store (i32.const 1040) (i32.const -16)) (i32.store (i32.const 1044) (i32.const 9))";
    let sandbox = sandbox(|_| {});
    for (name, body) in [("nan", nan), ("outside", outside), ("past", past_the_end)] {
        let mut guest = Guest::new(name);
        guest.assess = body.into();
        let error = assessed(&sandbox, &guest).await.unwrap_err();
        assert_eq!(error.outcome(), "bad-output", "{name}: {error}");
    }
}

#[tokio::test]
async fn a_cause_about_an_object_that_the_host_never_returned_is_bad_output() {
    let mut guest = Guest::new("invented");
    // ok(cause(…)) with empty names
    guest.diagnose = String::new();
    let sandbox = sandbox(|_| {});
    let info = load(&sandbox, &guest).await;
    let error = sandbox.diagnose(&info.digest, &quiet()).await.unwrap_err();
    assert_eq!(error.outcome(), "bad-output", "{error}");
}

#[tokio::test]
async fn a_handle_that_is_kept_is_bad_output() {
    let mut guest = Guest::new("keeper");
    let title = guest.import(VIEW, "[method]incident.title", "(local.get $incident)");
    // a handle that was never given
    guest.assess = title.replace("(local.get $incident)", "(i32.const 77)");
    let error = assessed(&sandbox(|_| {}), &guest).await.unwrap_err();
    assert!(["bad-output", "trap"].contains(&error.outcome()), "{error}");
}

#[tokio::test]
async fn a_slow_cluster_ends_at_the_wall_limit_and_costs_no_processor_time() {
    let sandbox = sandbox(|settings| {
        settings.budgets.wall = Duration::from_millis(60);
        settings.budgets.cpu = Duration::from_millis(10);
    });
    let mut guest = Guest::new("patient");
    guest.assess = guest
        .import(READ, "node-images", "")
        .replacen("(i32.const 0)", "(i32.const 512)", 1)
        .replacen("(i32.const 0)", "(i32.const 3)", 1);
    let info = load(&sandbox, &guest).await;
    let (context, _) = incident(Cluster {
        answers: Box::new(nothing_there),
        delay: Duration::from_hours(1),
    });
    let error = sandbox.assess(&info.digest, &context).await.unwrap_err();
    assert_eq!(error, CallError::WallLimit { budget_ms: 60 });
}

#[tokio::test]
async fn waiting_for_the_cluster_is_not_processor_time() {
    let sandbox = sandbox(|settings| settings.budgets.cpu = Duration::from_millis(10));
    let mut guest = Guest::new("waiting");
    let read = guest
        .import(READ, "node-images", "")
        .replacen("(i32.const 0)", "(i32.const 512)", 1)
        .replacen("(i32.const 0)", "(i32.const 3)", 1);
    guest.assess = read.repeat(20);
    let info = load(&sandbox, &guest).await;
    let (context, _) = incident(Cluster {
        answers: Box::new(nothing_there),
        delay: Duration::from_millis(5),
    });
    sandbox.assess(&info.digest, &context).await.unwrap();
}

#[tokio::test]
async fn a_crash_or_a_loop_while_loading_leaves_what_was_loaded() {
    let sandbox = impatient();
    let fine = load(&sandbox, &Guest::new("steady")).await;
    for (body, outcome) in [("unreachable", "trap"), (FOR_EVER, "cpu-limit")] {
        let mut guest = Guest::new("steady");
        guest.describe = body.into();
        let error = sandbox.load(guest.component(), Origin::FirstParty).await.unwrap_err();
        let LoadError::Describe(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.outcome(), outcome);
    }
    sandbox.assess(&fine.digest, &quiet()).await.unwrap();
}

#[tokio::test]
async fn there_is_no_incident_to_ask_about_while_loading() {
    let mut guest = Guest::new("early");
    guest.describe = guest
        .import(READ, "node-images", "")
        .replacen("(i32.const 0)", "(i32.const 512)", 1)
        .replacen("(i32.const 0)", "(i32.const 3)", 1);
    let error = sandbox(|_| {})
        .load(guest.component(), Origin::FirstParty)
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::Describe(CallError::Trap(_))), "{error:?}");
}
