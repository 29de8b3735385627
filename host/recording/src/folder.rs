//! The folder of a recording.

use crate::error::RecordingError;
use crate::line::{HostCall, Line};
use dreamops_domain::alert::Alert;
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::manifest::StrategyRef;
use dreamops_domain::plan::Plan;
use dreamops_domain::redact::{Redactor, is_handle};
use dreamops_domain::report::Report;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The format of recordings that this program makes, and the newest that it reads.
pub const FORMAT: u32 = 1;

const MANIFEST: &str = "recording.json";
const EXCHANGES: &str = "exchanges.jsonl";
const COMPONENTS: &str = "components";

/// What a recording is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] when it was made.
    pub format: u32,
    /// The program's version.
    pub program: String,
    /// How many lines the exchanges have; none where the run was broken off.
    pub lines: Option<u64>,
    /// The components that were called; the file of each is `components/DIGEST.wasm`.
    pub components: Vec<StrategyRef>,
    /// The incident as it ended; none where the run was broken off.
    pub ended: Option<Ended>,
}

/// The incident as a run left it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// The incident.
    pub incident: IncidentId,
    /// What it was about.
    pub alerts: Vec<Alert>,
    /// The plan of the last attempt.
    pub plan: Option<Plan>,
    /// What an approval has to name.
    pub plan_digest: Option<String>,
    /// The document that `respond` prints.
    pub report: Value,
}

/// A recording in the making. What cannot be written does not hold the run up: it is told at the end.
pub struct Recording {
    folder: PathBuf,
    redactor: Redactor,
    program: String,
    state: Mutex<State>,
}

struct State {
    exchanges: File,
    lines: u64,
    calls: u64,
    components: Vec<StrategyRef>,
    /// Calls that are not answered yet, by the component's digest and the question.
    open: BTreeMap<(String, &'static str), u64>,
    /// The first thing that could not be written.
    failed: Option<RecordingError>,
}

impl Recording {
    /// Makes the folder, which must be empty where it exists.
    pub fn create(folder: &Path, program: &str, redactor: Redactor) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError::Io {
            path: folder.to_owned(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).map_err(failed)?;
        if fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(RecordingError::NotEmpty(folder.to_owned()));
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        builder.create(folder.join(COMPONENTS)).map_err(failed)?;
        let recording = Self {
            state: Mutex::new(State {
                exchanges: private(&folder.join(EXCHANGES)).map_err(failed)?,
                lines: 0,
                calls: 0,
                components: Vec::new(),
                open: BTreeMap::new(),
                failed: None,
            }),
            folder: folder.to_owned(),
            program: program.to_owned(),
            redactor,
        };
        recording.describe(None)?;
        Ok(recording)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Notes one exchange of a component with a host function.
    pub fn host_call(&self, mut exchange: HostCall) {
        if exchange.interface == "dreamops:host/config" {
            // what an operator set: its name says whether it is a secret
            let key = exchange.asked.as_str().unwrap_or("value").to_owned();
            let named = self.redactor.object(&json!({ &key: exchange.answered })).into_inner();
            exchange.answered = named.get(&key).cloned().unwrap_or_default();
        }
        let mut state = self.state();
        let during = ["assess", "diagnose", "plan", "verify"];
        let during = during.into_iter().find(|name| *name == exchange.during);
        let call = during.and_then(|name| state.open.get(&(exchange.digest.clone(), name)).copied());
        self.write(&mut state, &Line::Host { call, exchange });
    }

    /// Ends the recording: what it was about, and what could not be written of it.
    pub fn finish(&self, incident: &Incident) -> Result<(), RecordingError> {
        let report = serde_json::to_value(Report::of(incident)).unwrap_or_default();
        self.describe(Some(Ended {
            incident: incident.id,
            alerts: incident.case.alerts.clone(),
            plan: incident.case.plan.clone(),
            plan_digest: incident.case.plan_digest.clone(),
            report,
        }))?;
        self.state().failed.take().map_or(Ok(()), Err)
    }

    /// The next call's number; keeps the component's file where it is called for the first time.
    pub(crate) fn begin(&self, component: &StrategyRef, question: &'static str, file: Option<&[u8]>) -> u64 {
        let mut state = self.state();
        if !state.components.iter().any(|known| known.digest == component.digest) {
            state.components.push(component.clone());
            if let Some(bytes) = file {
                let path = self.component(&component.digest);
                let written = private(&path).and_then(|mut file| file.write_all(bytes));
                note(&mut state, &path, written);
            }
        }
        state.calls += 1;
        let call = state.calls;
        state.open.insert((component.digest.clone(), question), call);
        call
    }

    /// Writes a line.
    pub(crate) fn line(&self, line: &Line) {
        self.write(&mut self.state(), line);
    }

    /// Writes the answer of a call, which is over then.
    pub(crate) fn end(&self, digest: &str, question: &'static str, line: &Line) {
        let mut state = self.state();
        state.open.remove(&(digest.to_owned(), question));
        self.write(&mut state, line);
    }

    fn component(&self, digest: &str) -> PathBuf {
        self.folder.join(COMPONENTS).join(format!("{digest}.wasm"))
    }

    /// Redacts a document once more and writes it in one line.
    fn write(&self, state: &mut State, line: &Line) {
        let digests: Vec<&str> = state.components.iter().map(|c| c.digest.as_str()).collect();
        let written = self
            .shown(line, &digests)
            .and_then(|text| writeln!(state.exchanges, "{text}"));
        state.lines += 1;
        note(state, &self.folder.join(EXCHANGES), written);
    }

    fn describe(&self, ended: Option<Ended>) -> Result<(), RecordingError> {
        let state = self.state();
        let manifest = Manifest {
            format: FORMAT,
            program: self.program.clone(),
            lines: ended.as_ref().map(|_| state.lines),
            components: state.components.clone(),
            ended,
        };
        let path = self.folder.join(MANIFEST);
        let plan = manifest.ended.as_ref().and_then(|e| e.plan_digest.as_deref());
        let digests: Vec<&str> = manifest
            .components
            .iter()
            .map(|c| c.digest.as_str())
            .chain(plan)
            .collect();
        let written = self.shown(&manifest, &digests).and_then(|text| {
            let draft = self.folder.join(".recording.json");
            private(&draft)?.write_all(text.as_bytes())?;
            fs::rename(&draft, &path)
        });
        written.map_err(|source| RecordingError::Io { path, source })
    }

    /// A document as text, redacted once more. Digests of ours look as random as secrets do: they are put back.
    fn shown(&self, document: &impl Serialize, digests: &[&str]) -> io::Result<String> {
        let whole = serde_json::to_value(document)?;
        let mut text = serde_json::to_string(&self.redactor.object(&whole))?;
        for digest in digests {
            let handle = self.redactor.text(digest);
            if is_handle(&handle) {
                text = text.replace(handle.as_str(), digest);
            }
        }
        Ok(text)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the first thing that could not be written.
fn note(state: &mut State, path: &Path, written: io::Result<()>) {
    if let (Err(source), None) = (written, &state.failed) {
        state.failed = Some(RecordingError::Io {
            path: path.to_owned(),
            source,
        });
    }
}

/// A new file that only its owner reads.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// A recording as it is read.
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) lines: Vec<Line>,
}

impl Kept {
    /// Reads a recording whole.
    pub(crate) fn open(folder: &Path) -> Result<Self, RecordingError> {
        let path = folder.join(MANIFEST);
        let found: Value = parsed(&path, &read(&path)?)?;
        let format = found.get("format").and_then(Value::as_u64).unwrap_or_default();
        if format > u64::from(FORMAT) {
            return Err(RecordingError::NewerFormat {
                found: u32::try_from(format).unwrap_or(u32::MAX),
                known: FORMAT,
            });
        }
        let manifest = Manifest::deserialize(found).map_err(|error| unreadable(&path, &error))?;
        let path = folder.join(EXCHANGES);
        let text = read(&path)?;
        let lines: Result<Vec<Line>, _> = text.lines().map(|line| parsed(&path, line)).collect();
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            lines: lines?,
        })
    }

    /// The file of a component.
    pub(crate) fn component(&self, digest: &str) -> Result<Vec<u8>, RecordingError> {
        let path = self.folder.join(COMPONENTS).join(format!("{digest}.wasm"));
        fs::read(&path).map_err(|source| RecordingError::Io { path, source })
    }
}

fn read(path: &Path) -> Result<String, RecordingError> {
    fs::read_to_string(path).map_err(|source| RecordingError::Io {
        path: path.to_owned(),
        source,
    })
}

fn parsed<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, RecordingError> {
    serde_json::from_str(text).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &serde_json::Error) -> RecordingError {
    RecordingError::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
    }
}
