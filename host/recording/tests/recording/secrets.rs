use crate::folder::{lines, record};
use crate::world::{DIGEST, SECRETS, incident};
use dreamops_recording::{HostCall, Line};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Everything below a folder, as one text.
fn all_text(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| {
        if path.is_dir() {
            all_text(&path)
        } else {
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
        }
    });
    texts.collect()
}

#[tokio::test]
async fn no_planted_secret_is_in_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let recording = record(folder.path()).await;
    for (key, value) in [("api-token", SECRETS[4]), ("threshold", "0.8")] {
        recording.host_call(HostCall {
            component: "talker".into(),
            digest: DIGEST.into(),
            during: "diagnose".into(),
            interface: "dreamops:host/config".into(),
            function: "get".into(),
            grant: None,
            asked: json!(key),
            answered: json!(value),
            outcome: "answered".into(),
            took_us: 3,
        });
    }
    let mut ended = incident();
    ended.case.summary = Some(format!("it said password={}", SECRETS[5]));
    recording.finish(&ended).unwrap();
    let text = all_text(folder.path());
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}");
    }
    // that it looked, and found the same value twice, stays visible
    assert!(text.matches("‹secret:").count() > 6, "{text}");
    let settings: Vec<_> = lines(folder.path())
        .into_iter()
        .filter_map(|line| match line {
            Line::Host { exchange, .. } => Some(exchange.answered),
            _ => None,
        })
        .collect();
    assert_eq!(settings[1], json!("0.8"));
}
