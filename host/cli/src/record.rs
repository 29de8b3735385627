//! `respond --record` and `incident replay`: keeping a run, and playing it again.

use crate::app::App;
use crate::args::Output;
use crate::exit::{Failure, Outcome};
use crate::respond::{narrator, print_json};
use crate::story::Narrator;
use anyhow::{Context, anyhow};
use dreamops_domain::incident::Incident;
use dreamops_domain::ports::Strategies;
use dreamops_domain::redact::Redactor;
use dreamops_recording::{HostCall, Recording, RecordingError, Replay};
use dreamops_sandbox::{Exchange, Outcome as Ended, Recorder, Sandbox};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// What came out differently.
const DIFFERENT: u8 = 4;

/// Begins a recording in an empty folder.
pub(crate) fn begin(folder: &Path, redactor: Redactor) -> Result<Arc<Recording>, Failure> {
    match Recording::create(folder, env!("CARGO_PKG_VERSION"), redactor) {
        Ok(recording) => Ok(Arc::new(recording)),
        Err(error) => Err(Failure::usage(anyhow!("--record: {error}"))),
    }
}

/// Ends it. What could not be kept changes nothing about the incident.
pub(crate) fn end(recording: &Recording, incident: &Incident, narrator: &Narrator) {
    match recording.finish(incident) {
        Ok(()) => narrator.line(
            "recorded",
            &format!("dreamops incident replay {}", recording.folder().display()),
        ),
        Err(error) => eprintln!("dreamops: the recording is not whole: {error}"),
    }
}

/// Hands host calls from the sandbox to a recording.
pub(crate) fn host_calls(recording: &Arc<Recording>) -> Arc<dyn Recorder> {
    Arc::new(HostCalls(Arc::clone(recording)))
}

struct HostCalls(Arc<Recording>);

impl Recorder for HostCalls {
    fn record(&self, exchange: Exchange) {
        let outcome = match exchange.outcome {
            Ended::Answered => "answered",
            Ended::Denied => "denied",
            Ended::Exhausted => "exhausted",
            Ended::Stopped => "stopped",
        };
        self.0.host_call(HostCall {
            component: exchange.component,
            digest: exchange.digest,
            during: exchange.call.to_owned(),
            interface: exchange.interface.to_owned(),
            function: exchange.function.to_owned(),
            grant: exchange.grant,
            asked: exchange.asked,
            answered: exchange.answered,
            outcome: outcome.to_owned(),
            took_us: u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX),
        });
    }
}

/// Plays a recording with the components that it holds.
pub(crate) async fn replay(folder: &Path, output: Output) -> Outcome {
    let replay = Replay::open(folder).map_err(unreadable)?;
    let app = App::open().await?;
    let sandbox = Sandbox::new(app.sandbox_settings()?).context("cannot start the sandbox")?;
    for component in &replay.manifest().components {
        let bytes = replay.component(&component.digest).map_err(unreadable)?;
        let revived = sandbox.revive(bytes).await;
        let revived = revived.with_context(|| format!("{} of the recording cannot be called", component.name))?;
        if revived.digest != component.digest {
            return Err(Failure::usage(anyhow!(
                "the file of {} in the recording was changed: its digest is {} and not {}",
                component.name,
                revived.digest,
                component.digest
            )));
        }
    }
    let played = replay.run(sandbox.as_ref()).await;
    let same = played.iter().all(|call| call.differs.is_none());
    let plan_same = played.iter().all(|call| call.asked != "plan" || call.differs.is_none());
    let plan_digest = replay.ended().and_then(|ended| ended.plan_digest.clone());
    let code = if same { 0 } else { DIFFERENT };
    if output == Output::Json {
        print_json(&json!({
            "recording": folder, "same": same, "plan_same": plan_same, "plan_digest": plan_digest, "calls": played,
        }))?;
        return Ok(code);
    }
    let narrator = narrator(output);
    for call in &played {
        let said = call.differs.as_deref().unwrap_or("the same");
        let said = dreamops_domain::inert::line(said, 400);
        narrator.line(
            &format!("call {}", call.call),
            &format!("{} {}: {said}", call.component, call.asked),
        );
    }
    if replay.ended().is_none() {
        narrator.line(
            "note",
            "the recording was broken off: it holds what there was until then",
        );
    }
    let words = match (same, plan_same) {
        (true, _) => "the same calls and the same plan came out",
        (false, true) => "the same plan came out, and not the same calls",
        (false, false) => "another plan came out",
    };
    narrator.line("replayed", &format!("{} calls: {words}", played.len()));
    Ok(code)
}

fn unreadable(error: RecordingError) -> Failure {
    Failure::usage(error)
}
