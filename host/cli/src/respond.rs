//! `respond`: one alert, from file to closed incident.

use crate::app::App;
use crate::args::{ClusterArgs, Output, RespondArgs};
use crate::exit::{Failure, INTERRUPTED, Outcome, code_of};
use crate::story::{Narrator, Stream};
use crate::target;
use anyhow::{Context, anyhow};
use dreamops_domain::alert::{self, Alert, AlertStatus, Delivery};
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::read::ReadError;
use dreamops_domain::report::Report;
use dreamops_responder::{Group, RespondError, Responder};
use std::future::Future;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

/// Runs the command.
pub(crate) async fn run(args: RespondArgs) -> Outcome {
    let delivery = read_alert(&args.alert)?;
    let mut app = App::open().await?;
    if let Some(folder) = &args.record {
        app.recording = Some(crate::record::begin(folder, app.redactor.clone())?);
    }
    let delivery = delivery.redacted(&app.redactor);
    let mode = args.mode.map_or(app.config.mode, Mode::from);
    let alerts = chosen(&delivery, args.only.as_deref())?;
    let alerts = target::narrow(alerts, args.target.as_deref())?;
    let said = target::said(&alerts, args.namespace.as_deref())?;
    let narrator = Arc::new(narrator(args.output));
    let connection = app.connect(&args.cluster).await?;
    let responder = app.responder(&connection, Arc::clone(&narrator), args.timeout).await?;
    let namespace = match said {
        Some(namespace) => namespace,
        None => target::found(&alerts, &connection, &responder).await?,
    };
    let firing: Vec<Alert> = alerts
        .iter()
        .filter(|a| a.status == AlertStatus::Firing)
        .cloned()
        .collect();
    if firing.len() > 1 {
        match responder.group(&namespace, &firing).await {
            Ok(groups) => one_owner(&groups)?,
            // what cannot be told apart for lack of a right is for the incident to say
            Err(RespondError::Read(ReadError::Forbidden { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let id = responder.open(&namespace, mode, alerts, &delivery.key).await?;
    let Some(incident) = interruptible(&narrator, id, &args.cluster, responder.run(id)).await? else {
        return Ok(INTERRUPTED);
    };
    let incident = ask_here(&responder, &args, &narrator, incident).await?;
    if let Some(recording) = &app.recording {
        crate::record::end(recording, &incident, &narrator);
    }
    conclude(&narrator, args.output, &args.cluster, &incident)
}

/// Reads and parses the alert file.
fn read_alert(path: &Path) -> Result<Delivery, Failure> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read the alert from standard input")
            .map_err(Failure::usage)?;
    } else {
        bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the alert {}", path.display()))
            .map_err(Failure::usage)?;
    }
    alert::parse(&bytes)
        .with_context(|| format!("cannot understand the alert {}", path.display()))
        .map_err(Failure::usage)
}

/// The alerts that are meant.
fn chosen(delivery: &Delivery, only: Option<&str>) -> Result<Vec<Alert>, Failure> {
    let Some(only) = only else {
        return Ok(delivery.alerts.clone());
    };
    let found: Vec<Alert> = delivery
        .alerts
        .iter()
        .filter(|a| a.fingerprint == only)
        .cloned()
        .collect();
    if found.is_empty() {
        let there: Vec<&str> = delivery.alerts.iter().map(|a| a.fingerprint.as_str()).collect();
        return Err(Failure::usage(anyhow!(
            "no alert has the fingerprint {only}; there are: {}",
            there.join(", ")
        )));
    }
    Ok(found)
}

/// Refuses alerts of several owners, naming them.
fn one_owner(groups: &[Group]) -> Result<(), Failure> {
    if groups.len() <= 1 {
        return Ok(());
    }
    let list: Vec<String> = groups
        .iter()
        .map(|g| {
            let place = g
                .located
                .as_ref()
                .map_or_else(|| "nothing that exists".to_owned(), |l| l.owner.to_string());
            let prints: Vec<&str> = g.alerts.iter().map(|a| a.fingerprint.as_str()).collect();
            format!("{place} (--only {})", prints.join(" or "))
        })
        .collect();
    Err(Failure::usage(anyhow!(
        "the alerts are about several owners; choose one: {}",
        list.join("; ")
    )))
}

/// The narrator for an output.
pub(crate) fn narrator(output: Output) -> Narrator {
    let (stream, terminal) = match output {
        Output::Text => (Stream::Stdout, std::io::stdout().is_terminal()),
        Output::Json => (Stream::Stderr, std::io::stderr().is_terminal()),
    };
    Narrator::new(stream, terminal && !crate::config::no_colour())
}

/// Runs work on an incident until it ends or the user interrupts it; `None` if interrupted.
pub(crate) async fn interruptible(
    narrator: &Narrator,
    id: IncidentId,
    cluster: &ClusterArgs,
    work: impl Future<Output = Result<Incident, RespondError>>,
) -> Result<Option<Incident>, Failure> {
    tokio::select! {
        done = work => Ok(Some(done.map_err(|e| left_open(id, cluster, e))?)),
        signal = interrupted() => {
            signal.context("cannot listen for Ctrl-C")?;
            narrator.line("interrupted", "what was begun is in the journal; go on or take it back with");
            narrator.line("", &format!("dreamops incident resume {id}{}", cluster_flags(cluster)));
            Ok(None)
        }
    }
}

/// Ctrl-C, or a polite request to end.
pub(crate) async fn interrupted() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        signal = tokio::signal::ctrl_c() => signal,
        _ = terminate.recv() => Ok(()),
    }
}

/// An error that leaves the incident open, with the way to go on.
fn left_open(id: IncidentId, cluster: &ClusterArgs, error: RespondError) -> Failure {
    let wrong_usage = matches!(
        error,
        RespondError::NotWaiting { .. }
            | RespondError::OtherDigest { .. }
            | RespondError::NothingToRollBack { .. }
            | RespondError::OtherCluster { .. }
    );
    let says_how_to_go_on = matches!(error, RespondError::Acting { .. });
    let failure = Failure::from(error);
    if wrong_usage {
        return Failure::usage(failure.error);
    }
    if says_how_to_go_on {
        return failure;
    }
    let hint = format!(
        "incident {id} stays open; go on with `dreamops incident resume {id}{}`",
        cluster_flags(cluster)
    );
    Failure {
        code: failure.code,
        error: anyhow!("{}; {hint}", failure.error),
    }
}

/// The flags that lead to the same cluster again.
pub(crate) fn cluster_flags(cluster: &ClusterArgs) -> String {
    let context = cluster.context.as_deref().map(|name| format!(" --context {name}"));
    let name = cluster.cluster.as_deref().map(|name| format!(" --cluster {name}"));
    let file = cluster
        .kubeconfig
        .as_ref()
        .map(|file| format!(" --kubeconfig {}", file.display()));
    [file, context, name].into_iter().flatten().collect()
}

/// On a terminal a waiting plan is put to the person who sits there.
async fn ask_here(
    responder: &Responder,
    args: &RespondArgs,
    narrator: &Narrator,
    incident: Incident,
) -> Result<Incident, Failure> {
    let here = args.output == Output::Text && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if incident.phase != Phase::AwaitingApproval || !here || args.alert == Path::new("-") {
        return Ok(incident);
    }
    let digest = incident.case.plan_digest.clone().unwrap_or_default();
    narrator.say(&format!("\nPlan {digest}\nCarry it out? [y/N] "));
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    let by = crate::config::user();
    let work = async {
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            responder.approve(incident.id, &digest, &by).await
        } else {
            responder.reject(incident.id, &by, "answered no at the prompt").await
        }
    };
    match interruptible(narrator, incident.id, &args.cluster, work).await? {
        Some(incident) => Ok(incident),
        None => Err(Failure {
            code: INTERRUPTED,
            error: anyhow!("interrupted"),
        }),
    }
}

/// Prints the document or the last words, and gives the exit code.
pub(crate) fn conclude(narrator: &Narrator, output: Output, cluster: &ClusterArgs, incident: &Incident) -> Outcome {
    if output == Output::Json {
        print_json(&Report::of(incident))?;
    }
    if incident.phase == Phase::AwaitingApproval {
        let digest = incident.case.plan_digest.clone().unwrap_or_default();
        narrator.line(
            "approve",
            &format!(
                "dreamops incident approve {} --digest {digest}{}",
                incident.id,
                cluster_flags(cluster)
            ),
        );
    }
    Ok(code_of(incident.phase))
}

/// Prints one JSON document on standard output.
pub(crate) fn print_json(document: &impl serde::Serialize) -> anyhow::Result<()> {
    use std::io::Write;
    let text = serde_json::to_string_pretty(document).context("cannot write the result as JSON")?;
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to standard output")
}
