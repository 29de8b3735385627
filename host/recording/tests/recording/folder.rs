use crate::world::{DIGEST, FILE, Talker, ask_all, incident, redactor};
use dreamops_recording::{Line, Recorded, Recording, RecordingError, Replay};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// Records a run in a folder below.
pub async fn record(folder: &Path) -> Arc<Recording> {
    let recording = Arc::new(Recording::create(folder, "0.1.0", redactor()).unwrap());
    ask_all(&Recorded::new(Arc::new(Talker::default()), Arc::clone(&recording))).await;
    recording
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub fn lines(folder: &Path) -> Vec<Line> {
    let text = fs::read_to_string(folder.join("exchanges.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_call_is_there_with_its_input_its_reads_and_its_answer() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/recording");
    record(&folder).await.finish(&incident()).unwrap();
    let lines = lines(&folder);
    let asked = lines.iter().filter_map(|line| match line {
        Line::Asked {
            call, question, known, ..
        } => Some((*call, question.name(), known.len())),
        _ => None,
    });
    let asked: Vec<_> = asked.collect();
    assert_eq!(
        asked,
        [(1, "assess", 2), (2, "diagnose", 2), (3, "plan", 2), (4, "verify", 2)]
    );
    let count = |what: fn(&Line) -> bool| lines.iter().filter(|line| what(line)).count();
    assert_eq!(count(|line| matches!(line, Line::Read { .. })), 7);
    assert_eq!(count(|line| matches!(line, Line::Clock { .. })), 1);
    assert_eq!(count(|line| matches!(line, Line::Logged { .. })), 1);
    assert_eq!(count(|line| matches!(line, Line::Answered { .. })), 4);
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("recording.json")).unwrap()).unwrap();
    assert_eq!(manifest["format"], 1);
    assert_eq!(manifest["lines"], lines.len());
    assert_eq!(manifest["components"][0]["digest"], DIGEST);
    assert_eq!(manifest["ended"]["alerts"][0]["fingerprint"], "f1");
    assert_eq!(
        fs::read(folder.join(format!("components/{DIGEST}.wasm"))).unwrap(),
        FILE
    );
}

#[tokio::test]
async fn only_its_owner_reads_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("recording");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    record(&folder).await.finish(&incident()).unwrap();
    assert_eq!((mode(&folder), mode(&folder.join("components"))), (0o700, 0o700));
    for file in [
        "recording.json",
        "exchanges.jsonl",
        &format!("components/{DIGEST}.wasm"),
    ] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "mine").unwrap();
    let refused = Recording::create(folder.path(), "0.1.0", redactor());
    assert!(matches!(refused, Err(RecordingError::NotEmpty(path)) if path == folder.path()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_run_that_was_broken_off_can_be_opened_and_a_newer_format_cannot() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path()).await;
    let replay = Replay::open(folder.path()).unwrap();
    assert!(replay.ended().is_none());
    let path = folder.path().join("recording.json");
    fs::write(&path, json!({ "format": 2 }).to_string()).unwrap();
    let refused = Replay::open(folder.path());
    assert!(matches!(
        refused,
        Err(RecordingError::NewerFormat { found: 2, known: 1 })
    ));
    fs::write(&path, "{}").unwrap();
    assert!(matches!(
        Replay::open(folder.path()),
        Err(RecordingError::Unreadable { .. })
    ));
}
