//! `incident`: look at incidents and go on with them.

use crate::app::App;
use crate::args::{GoOnArgs, IncidentCommand, Output};
use crate::exit::{Failure, INTERRUPTED, Outcome, code_of};
use crate::respond::{conclude, interruptible, narrator, print_json};
use anyhow::anyhow;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::ports::{IncidentFilter, Store, Story};
use dreamops_domain::report::Report;
use dreamops_responder::{RespondError, Responder};
use serde_json::json;
use std::future::Future;
use std::sync::Arc;

/// Runs the command.
pub(crate) async fn run(command: IncidentCommand) -> Outcome {
    match command {
        IncidentCommand::List { open, limit, output } => list(open, limit, output).await,
        IncidentCommand::Show { id, output } => show(&id, output).await,
        IncidentCommand::Approve { id, digest, run } => {
            let by = crate::config::user();
            go_on(&id, run, async move |r, id| r.approve(id, &digest, &by).await).await
        }
        IncidentCommand::Reject { id, reason, run } => {
            let by = crate::config::user();
            go_on(&id, run, async move |r, id| r.reject(id, &by, &reason).await).await
        }
        IncidentCommand::Resume { id, run } => go_on(&id, run, async |r, id| r.run(id).await).await,
        IncidentCommand::Replay { recording, output } => crate::record::replay(&recording, output).await,
        IncidentCommand::Rollback { id, run } => {
            let by = crate::config::user();
            go_on(&id, run, async move |r, id| r.rollback(id, &by).await).await
        }
    }
}

async fn list(open: bool, limit: u32, output: Output) -> Outcome {
    let app = App::open().await?;
    let filter = IncidentFilter {
        open,
        limit,
        ..IncidentFilter::default()
    };
    let incidents = app.store.list(TenantId::DEFAULT, &filter).await?;
    if output == Output::Json {
        let items: Vec<_> = incidents.iter().map(row).collect();
        print_json(&json!({ "items": items, "next_cursor": null }))?;
        return Ok(0);
    }
    let narrator = narrator(output);
    if incidents.is_empty() {
        narrator.say("no incidents; `dreamops respond ALERT.json --kubeconfig FILE` makes one\n");
    }
    for incident in &incidents {
        let what = incident
            .case
            .owner
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let summary = incident.case.summary.clone().unwrap_or_default();
        narrator.say(&format!(
            "{}  {}  {:<17}  {:<8}  {}/{what}  {}\n",
            incident.id,
            incident.created_at,
            incident.phase.name(),
            incident.mode.name(),
            incident.case.namespace,
            dreamops_domain::inert::inert(&summary, 100),
        ));
    }
    Ok(0)
}

fn row(incident: &Incident) -> serde_json::Value {
    let report = Report::of(incident);
    json!({
        "id": incident.id, "phase": report.phase, "mode": report.mode,
        "title": incident.case.alerts.first().map(|a| a.title.clone()),
        "severity": incident.case.alerts.first().map(|a| a.severity.clone()),
        "cluster": report.cluster, "namespace": report.namespace, "target": report.target,
        "strategy": report.strategy, "root_cause": report.root_cause, "confidence": report.confidence,
        "alerts": incident.case.alerts.len(), "plan_digest": report.plan_digest,
        "created_at": incident.created_at, "updated_at": incident.updated_at, "closed_at": incident.closed_at,
    })
}

async fn show(id: &str, output: Output) -> Outcome {
    let app = App::open().await?;
    let incident = app.store.load(TenantId::DEFAULT, parse(id)?).await?;
    if output == Output::Json {
        print_json(&Report::of(&incident))?;
        return Ok(0);
    }
    let narrator = narrator(output);
    for entry in &incident.case.timeline {
        narrator.tell(incident.id, entry);
    }
    if !incident.phase.closed() {
        narrator.line("phase", incident.phase.name());
    }
    Ok(0)
}

/// Goes on with an incident on its cluster, telling the rest of its story.
async fn go_on<W, F>(id: &str, args: GoOnArgs, work: W) -> Outcome
where
    W: FnOnce(Responder, IncidentId) -> F,
    F: Future<Output = Result<Incident, RespondError>>,
{
    let id = parse(id)?;
    let app = App::open().await?;
    app.store.load(TenantId::DEFAULT, id).await?;
    let connection = app.connect(&args.cluster).await?;
    let narrator = Arc::new(narrator(args.output));
    let responder = app.responder(&connection, Arc::clone(&narrator), args.timeout).await?;
    match interruptible(&narrator, id, &args.cluster, work(responder, id)).await? {
        Some(incident) => {
            conclude(&narrator, args.output, &args.cluster, &incident)?;
            Ok(code_of(incident.phase))
        }
        None => Ok(INTERRUPTED),
    }
}

fn parse(id: &str) -> Result<IncidentId, Failure> {
    id.parse().map_err(|_| {
        Failure::usage(anyhow!(
            "{id:?} is no incident id; `dreamops incident list` shows those there are"
        ))
    })
}
