//! `demo`: a simulated cluster breaks, and one watches it being fixed.
//!
//! The same walk as `respond`: the same responder, store, policy and components, on a simulated
//! cluster that is reached over HTTP and lives faster than real time.

use crate::app::App;
use crate::args::{ClusterArgs, DemoArgs, Output};
use crate::exit::{Failure, INTERRUPTED, Outcome, code_of};
use crate::private::private_file;
use crate::respond::{interruptible, narrator, print_json};
use crate::story::Narrator;
use crate::target;
use anyhow::{Context, anyhow};
use dreamops_domain::alert;
use dreamops_domain::id::TenantId;
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Clock, RegistryCredential, Store};
use dreamops_domain::report::Report;
use dreamops_simulator::{FastClock, Scenario, Simulator, scenarios};
use std::sync::Arc;
use std::time::Duration;

/// How long a simulated incident may take, in simulated time.
const PATIENCE: Duration = Duration::from_mins(15);

/// Runs the command.
pub(crate) async fn run(args: DemoArgs) -> Outcome {
    if args.list {
        let narrator = narrator(Output::Text);
        for scenario in scenarios() {
            narrator.say(&format!("{:<30} {}\n", scenario.name, scenario.summary));
        }
        return Ok(0);
    }
    if args.all {
        return Box::pin(all(&args)).await;
    }
    let name = args.scenario.clone().unwrap_or_else(|| "crash-loop".to_owned());
    let scenario = named(&name)?;
    let narrator = Arc::new(narrator(args.output));
    let Some(incident) = one(scenario, &args, &narrator).await? else {
        return Ok(INTERRUPTED);
    };
    if args.output == Output::Json {
        print_json(&Report::of(&incident))?;
    }
    Ok(code_of(incident.phase))
}

/// The scenario of that name.
pub(crate) fn named(name: &str) -> Result<&'static Scenario, Failure> {
    scenarios().iter().find(|s| s.name == name).ok_or_else(|| {
        let names: Vec<&str> = scenarios().iter().map(|s| s.name).collect();
        Failure::usage(anyhow!(
            "there is no scenario {name:?}; there are: {}",
            names.join(", ")
        ))
    })
}

/// Every scenario; good only if each ends as its story says.
async fn all(args: &DemoArgs) -> Outcome {
    let narrator = Arc::new(narrator(args.output));
    let mut reports = Vec::new();
    let mut wrong = Vec::new();
    for scenario in scenarios() {
        let Some(incident) = one(scenario, args, &narrator).await? else {
            return Ok(INTERRUPTED);
        };
        if Mode::from(args.mode) == Mode::Yolo && incident.phase != scenario.ends {
            wrong.push(format!(
                "{} ended as {}, not as {}",
                scenario.name, incident.phase, scenario.ends
            ));
        }
        reports.push((scenario, incident));
    }
    if args.output == Output::Json {
        let documents: Vec<Report> = reports.iter().map(|(_, incident)| Report::of(incident)).collect();
        print_json(&documents)?;
    } else {
        summary(&narrator, &reports);
    }
    if wrong.is_empty() {
        Ok(0)
    } else {
        Err(Failure::from(anyhow!("{}", wrong.join("; "))))
    }
}

fn summary(narrator: &Narrator, reports: &[(&Scenario, Incident)]) {
    narrator.headline("What happened");
    for (scenario, incident) in reports {
        let end = incident.case.summary.clone().unwrap_or_default();
        let end = dreamops_domain::inert::inert(&end, 120);
        narrator.say(&format!("{:<30} {:<10} {end}\n", scenario.name, incident.phase.name()));
    }
}

/// Plays one scenario to its end; `None` if interrupted.
pub(crate) async fn one(
    scenario: &Scenario,
    args: &DemoArgs,
    narrator: &Arc<Narrator>,
) -> Result<Option<Incident>, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(FastClock::new(args.speed));
    let simulator = Simulator::start(scenario, Arc::clone(&clock))
        .await
        .context("cannot start the simulator")?;
    let app = App::in_memory(Arc::clone(&clock)).await?;
    narrator.headline(&format!("{} — {}", scenario.name, scenario.summary));
    for line in scenario.story {
        narrator.say(&format!("  {line}\n"));
    }
    narrator.say("\n");
    for known in scenario.credentials {
        let (registry, username) = (known.registry.to_owned(), known.username.to_owned());
        let credential = RegistryCredential {
            registry,
            username,
            password: known.password.to_owned().into(),
        };
        app.store.credential_add(TenantId::DEFAULT, &credential, None).await?;
    }
    let kubeconfig = private_file(&simulator.kubeconfig())?;
    let connection = app.connect_to(kubeconfig.path(), None).await?;
    let responder = app.responder(&connection, Arc::clone(narrator), PATIENCE).await?;
    let payload = serde_json::to_vec(&simulator.alert()).context("cannot write the alert")?;
    let delivery = alert::parse(&payload)
        .context("the scenario's alert cannot be read")?
        .redacted(&app.redactor);
    let namespace = match target::said(&delivery.alerts, None)? {
        Some(namespace) => namespace,
        None => target::found(&delivery.alerts, &connection, &responder).await?,
    };
    let id = responder
        .open(&namespace, args.mode.into(), delivery.alerts, &delivery.key)
        .await?;
    let nowhere = ClusterArgs {
        kubeconfig: None,
        context: None,
        cluster: None,
    };
    let incident = interruptible(narrator, id, &nowhere, responder.run(id)).await?;
    if let Some(incident) = &incident {
        audit(&app, narrator, incident).await?;
    }
    simulator.shutdown().await;
    Ok(incident)
}

/// What the record holds, in a line.
async fn audit(app: &App, narrator: &Narrator, incident: &Incident) -> Result<(), Failure> {
    let journal = app.store.journal(incident.tenant, incident.id).await?;
    let wrote = journal.iter().filter(|e| e.took_effect()).count();
    let events = incident.case.timeline.len();
    let waits = if incident.phase == Phase::AwaitingApproval {
        "; the plan waits for a person"
    } else {
        ""
    };
    narrator.line(
        "record",
        &format!("{events} events, {wrote} writes in the journal{waits}"),
    );
    Ok(())
}
