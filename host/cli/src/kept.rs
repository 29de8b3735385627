//! The whole program in one process, on a simulated cluster: a plugin's file is replaced while a plan of it waits.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use crate::app::App;
use crate::args::Output;
use crate::demo::named;
use crate::embedded::COMPONENTS;
use crate::private::private_file;
use crate::respond::narrator;
use dreamops_domain::alert;
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::Clock;
use dreamops_recording::{Line, Recording};
use dreamops_responder::Responder;
use dreamops_simulator::{FastClock, Simulator};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The component of the scenario, made another file by a section that means nothing.
fn marked(mark: u8) -> Option<Vec<u8>> {
    let (_, bytes) = COMPONENTS.iter().find(|(name, _)| *name == "crash-loop")?;
    Some([bytes, &[0_u8, 3, 1, b'x', mark][..]].concat())
}

fn digest(file: &[u8]) -> String {
    hex::encode(Sha256::digest(file))
}

/// A responder of a program that was started anew: it loads what lies in the folder now.
async fn started(app: &App, kubeconfig: &Path) -> Responder {
    let connection = app.connect_to(kubeconfig, None).await.unwrap();
    let told = Arc::new(narrator(Output::Json));
    app.responder(&connection, told, Duration::from_hours(1)).await.unwrap()
}

async fn planned(app: &App, kubeconfig: &Path, simulator: &Simulator) -> Incident {
    let responder = started(app, kubeconfig).await;
    let payload = serde_json::to_vec(&simulator.alert()).unwrap();
    let delivery = alert::parse(&payload).unwrap();
    let id = responder
        .open("shop", Mode::Approval, delivery.alerts, &delivery.key)
        .await
        .unwrap();
    responder.run(id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_carried_out_and_judged_by_the_file_that_drafted_it_though_another_lies_there_by_then() {
    let Some((old, new)) = marked(b'1').zip(marked(b'2')) else {
        println!("skipped: this build carries no components; `cargo xtask test` makes one that does");
        return;
    };
    // it is there where another test was faster
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(FastClock::new(10));
    let simulator = Simulator::start(named("crash-loop").unwrap(), Arc::clone(&clock))
        .await
        .unwrap();
    let kubeconfig = private_file(&simulator.kubeconfig()).unwrap();
    let mut app = App::in_memory(clock).await.unwrap();
    app.config.data_dir = folder.path().to_owned();
    fs::create_dir(app.plugin_dir()).unwrap();
    let file = app.plugin_dir().join("crash-loop.wasm");

    fs::write(&file, &old).unwrap();
    let waiting = planned(&app, kubeconfig.path(), &simulator).await;
    assert_eq!(waiting.phase, Phase::AwaitingApproval);
    assert_eq!(waiting.case.strategy.as_ref().unwrap().digest, digest(&old));

    fs::write(&file, &new).unwrap();
    let record = folder.path().join("record");
    app.recording = Some(Arc::new(
        Recording::create(&record, "test", app.redactor.clone()).unwrap(),
    ));
    let responder = started(&app, kubeconfig.path()).await;
    let plan = waiting.case.plan_digest.clone().unwrap();
    let done = responder.approve(waiting.id, &plan, "ana").await.unwrap();
    assert_eq!(done.phase, Phase::Resolved, "{:?}", done.case.summary);
    let lines = fs::read_to_string(record.join("exchanges.jsonl")).unwrap();
    let asked: BTreeSet<_> = lines
        .lines()
        .filter_map(|line| match serde_json::from_str(line).unwrap() {
            Line::Asked {
                component, question, ..
            } => Some((question.name(), component.digest)),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [("verify", digest(&old))].into());
    simulator.shutdown().await;
}
