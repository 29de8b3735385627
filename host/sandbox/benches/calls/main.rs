//! What the sandbox costs, against bare wasmtime in the same run. Prints one line of JSON per figure:
//!
//! | name | ours | floor |
//! | --- | --- | --- |
//! | `cold-call` | µs for one call of `plan` with two host calls: store, instance, call, drop | bare wasmtime doing the same |
//! | `starvation` | ms until another task's 5 ms sleep ends, at worst, while four components loop for ever | the same sleep while nothing runs |

#![allow(clippy::print_stdout, missing_docs, unreachable_pub)]
#![allow(clippy::disallowed_methods, reason = "real time is what is measured")]

#[path = "../../../package/tests/contract/guests.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod guests;
#[path = "../../tests/sandbox/world.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests use the rest, and end where they fail"
)]
mod world;

mod bare;

use dreamops_domain::ports::Strategies;
use guests::Guest;
use std::time::{Duration, Instant};

const VIEW: &str = "dreamops:incident/view@0.1.0";
const DRAFT: &str = "dreamops:plan/draft@0.1.0";

/// Calls before the measured ones, and measured ones.
const WARM_UP: usize = 200;
const CALLS: usize = 2_000;

/// Asks for the target and drafts an escalation about it.
fn planner() -> Guest {
    let mut guest = Guest::new("planner");
    let target = guest.import(VIEW, "[method]incident.target", "(local.get $incident)");
    guest.import(DRAFT, "[method]draft.escalate", "(local.get $draft)");
    let object = [4096, 4100, 4104, 4108, 4112, 4116, 4120, 4124]
        .map(|at| format!("(i32.load (i32.const {at}))"))
        .concat();
    let empty = "(i32.const 0)".repeat(6);
    guest.plan =
        format!("{target} (call ${DRAFT}#_method_draft.escalate (local.get $draft) {object} {empty} (i32.const 5000))");
    guest
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    // `cargo test` runs benches too, without this
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        cold_call().await?;
        starvation().await
    })
}

async fn cold_call() -> Outcome {
    let component = planner().component();
    let sandbox = world::sandbox(|_| {});
    let info = world::load(&sandbox, &planner()).await;
    let (context, finding) = (world::quiet(), world::cause());
    let bare = bare::Bare::new(&component)?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    // taken in turns, so that a busy machine slows both
    for round in 0..WARM_UP + CALLS {
        let begun = Instant::now();
        let plan = sandbox.plan(&info.digest, &context, &finding).await?;
        let took = begun.elapsed();
        assert_eq!(plan.steps.len(), 1);
        let begun = Instant::now();
        bare.plan(&finding).await?;
        let bare_took = begun.elapsed();
        if round >= WARM_UP {
            ours.push(took);
            floor.push(bare_took);
        }
    }
    let micros = |all: &mut Vec<Duration>| median(all).as_secs_f64() * 1e6;
    print("cold-call", micros(&mut ours), micros(&mut floor), "us");
    Ok(())
}

async fn starvation() -> Outcome {
    let sandbox = world::sandbox(|settings| {
        settings.budgets.cpu = Duration::from_hours(1);
        settings.budgets.wall = Duration::from_hours(1);
    });
    let mut guest = Guest::new("endless");
    guest.assess = "(loop $for-ever (br $for-ever))".into();
    let info = world::load(&sandbox, &guest).await;
    let floor = worst_sleep().await?;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (sandbox, digest) = (sandbox.clone(), info.digest.clone());
            tokio::spawn(async move { sandbox.assess(&digest, &world::quiet()).await.is_ok() })
        })
        .collect();
    // until all four have begun
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ours = worst_sleep().await?;
    assert!(calls.iter().all(|call| !call.is_finished()));
    for call in calls {
        call.abort();
    }
    print("starvation", ours.as_secs_f64() * 1e3, floor.as_secs_f64() * 1e3, "ms");
    Ok(())
}

/// The longest of many sleeps of 5 ms, in a task of its own.
async fn worst_sleep() -> Result<Duration, tokio::task::JoinError> {
    tokio::spawn(async {
        let mut worst = Duration::ZERO;
        for _ in 0..100 {
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
            worst = worst.max(begun.elapsed());
        }
        worst
    })
    .await
}

fn median(all: &mut [Duration]) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn print(name: &str, ours: f64, floor: f64, unit: &str) {
    let ratio = ours / floor;
    println!(
        "{}",
        serde_json::json!({"name": name, "ours": ours, "floor": floor, "ratio": ratio, "unit": unit})
    );
}
