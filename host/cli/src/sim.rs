//! `sim`: serves a simulated cluster that other programs can talk to.

use crate::args::SimArgs;
use crate::demo::named;
use crate::exit::Outcome;
use crate::private::write_private;
use anyhow::Context;
use dreamops_domain::ports::Clock;
use dreamops_simulator::{FastClock, Simulator};
use std::path::PathBuf;
use std::sync::Arc;

/// Runs until Ctrl-C.
pub(crate) async fn run(args: SimArgs) -> Outcome {
    let scenario = named(&args.scenario)?;
    let clock: Arc<dyn Clock> = Arc::new(FastClock::new(args.speed));
    let simulator = Simulator::start(scenario, clock)
        .await
        .context("cannot start the simulator")?;
    let kubeconfig = args
        .kubeconfig
        .unwrap_or_else(|| PathBuf::from(format!("{}.kubeconfig", scenario.name)));
    let alert = args
        .alert
        .unwrap_or_else(|| PathBuf::from(format!("{}.alert.json", scenario.name)));
    write_private(&kubeconfig, simulator.kubeconfig().as_bytes())?;
    write_private(&alert, &serde_json::to_vec_pretty(&simulator.alert())?)?;
    eprintln!("{}: {}", scenario.name, scenario.summary);
    eprintln!("kubectl --kubeconfig {} get pods -A", kubeconfig.display());
    eprintln!(
        "dreamops respond {} --kubeconfig {}",
        alert.display(),
        kubeconfig.display()
    );
    eprintln!("Ctrl-C ends the simulated cluster");
    tokio::signal::ctrl_c().await.context("cannot listen for Ctrl-C")?;
    simulator.shutdown().await;
    Ok(0)
}
