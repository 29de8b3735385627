//! `incident`: look at incidents and go on with them.
//!
//! On the data directory a command does the work itself and tells it; a server is told a person's word, works on it, and is followed.

mod follow;

use crate::app::App;
use crate::args::{Format, GoOnArgs, IncidentCommand, Output, ServerArgs};
use crate::desk::{Desk, encoded};
use crate::exit::{Failure, INTERRUPTED, Outcome, code_of};
use crate::print;
use crate::respond::{conclude, interruptible, narrator, print_json};
use anyhow::anyhow;
use dreamops_domain::event::TimelineEntry;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Store, Story};
use dreamops_responder::{RespondError, Responder};
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;

const PATH: &str = "/api/v1/incidents";

/// Runs the command.
pub(crate) async fn run(command: IncidentCommand, server: &ServerArgs) -> Outcome {
    match command {
        IncidentCommand::List { open, limit, output } => list(&Desk::open(server).await?, open, limit, output).await,
        IncidentCommand::Show { id, output } => show(&Desk::open(server).await?, parse(&id)?, output).await,
        IncidentCommand::Approve { id, digest, run } => {
            let word = json!({ "digest": digest });
            if let Some(desk) = there(server).await? {
                return follow::said(&desk, parse(&id)?, "approve", &word, &run).await;
            }
            let by = crate::config::user();
            go_on(&id, run, async move |r, id| r.approve(id, &digest, &by).await).await
        }
        IncidentCommand::Replay { recording, output } => crate::record::replay(&recording, output).await,
        IncidentCommand::Rollback { id, run } => {
            if let Some(desk) = there(server).await? {
                return follow::said(&desk, parse(&id)?, "rollback", &json!({}), &run).await;
            }
            let by = crate::config::user();
            go_on(&id, run, async move |r, id| r.rollback(id, &by).await).await
        }
        IncidentCommand::Resume { id, run } => {
            if there(server).await?.is_some() {
                return Err(Failure::usage(anyhow!(
                    "a server goes on with incident {id} by itself; look at it with `dreamops incident show {id}`"
                )));
            }
            go_on(&id, run, async |r, id| r.run(id).await).await
        }
        IncidentCommand::Reject { id, reason, run } => {
            let desk = Desk::open(server).await?;
            recorded(&desk, parse(&id)?, "reject", &json!({ "reason": reason }), run.output).await
        }
        IncidentCommand::Acknowledge { id, output } => {
            let desk = Desk::open(server).await?;
            recorded(&desk, parse(&id)?, "acknowledge", &json!({}), output).await
        }
    }
}

/// The server, where one is named.
async fn there(server: &ServerArgs) -> Result<Option<Desk>, Failure> {
    if crate::config::server_named(server).is_none() {
        return Ok(None);
    }
    Desk::open(server).await.map(Some)
}

async fn list(desk: &Desk, open: bool, limit: u32, output: Format) -> Outcome {
    let list = desk.list(PATH, &format!("open={open}"), limit as usize).await?;
    let columns = [
        ("ID", "id"),
        ("CREATED", "created_at"),
        ("PHASE", "phase"),
        ("MODE", "mode"),
        ("CLUSTER", "cluster"),
        ("NAMESPACE", "namespace"),
        ("KIND", "target.kind"),
        ("NAME", "target.name"),
        ("SUMMARY", "summary"),
    ];
    let empty = "no incidents; `dreamops respond ALERT.json --kubeconfig FILE` makes one";
    print::list(&list, &columns, output, empty)?;
    Ok(0)
}

async fn show(desk: &Desk, id: IncidentId, output: Format) -> Outcome {
    let incident = desk.get(&format!("{PATH}/{id}")).await?;
    if output != Format::Table {
        print::document(&incident, output)?;
        return Ok(0);
    }
    let narrator = narrator(Output::Text);
    let path = format!("{PATH}/{id}/timeline");
    for entry in desk.list(&path, "", usize::MAX).await?.items {
        narrator.tell(id, &read_entry(entry)?);
    }
    let phase = phase_of(&incident);
    if !phase.is_some_and(Phase::closed) {
        narrator.line(
            "phase",
            &print::cell(incident["phase"].as_str().unwrap_or_default(), 40),
        );
    }
    if let Some(digest) = incident["plan"]["digest"]
        .as_str()
        .filter(|_| phase == Some(Phase::AwaitingApproval))
    {
        let digest = print::cell(digest, 100);
        narrator.line("approve", &format!("dreamops incident approve {id} --digest {digest}"));
    }
    Ok(0)
}

/// A person's word that changes nothing on a cluster: it is recorded, and that is all.
async fn recorded(desk: &Desk, id: IncidentId, word: &str, body: &Value, output: Output) -> Outcome {
    let incident = desk.post(&format!("{PATH}/{id}/{}", encoded(word)), body).await?;
    let narrator = narrator(output);
    if output == Output::Json {
        print_json(&incident)?;
    }
    let phase = incident["phase"].as_str().unwrap_or_default();
    narrator.line("phase", &print::cell(phase, 40));
    Ok(match word {
        // that it is noted is all that was asked for
        "acknowledge" => 0,
        _ => phase_of(&incident).map_or(1, code_of),
    })
}

fn phase_of(incident: &Value) -> Option<Phase> {
    incident["phase"].as_str().and_then(Phase::from_name)
}

fn read_entry(entry: Value) -> Result<TimelineEntry, Failure> {
    serde_json::from_value(entry).map_err(|error| {
        Failure::from(anyhow!(
            "the timeline cannot be told ({error}): the server is of another version; use --output json"
        ))
    })
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
