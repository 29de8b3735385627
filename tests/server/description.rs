//! The description of the API against the server that answers: `schemathesis` sends what the description allows and what it
//! does not, and looks whether every answer is described.

use crate::stage::Stage;
use dreamops_tests::serving::{ADMIN, Serving};
use std::path::PathBuf;
use std::process::Command;

/// The version that is installed, beside other build output; another one would find other things.
const VERSION: &str = "4.32.5";
/// What every answer has to hold. What is refused is another matter: the API is free to take more than it describes.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// A 503 is an answer where the server says that it cannot do a thing at this moment, and describes that.
const SETTINGS: &str = r#"
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
"#;

#[test]
fn every_answer_is_one_that_the_description_has() {
    let program = schemathesis();
    let mut place = Serving::new("mode = \"observe\"\n");
    place.start();
    let stage = Stage::new("crash-loop");
    stage.connect(&place);
    place.ask("POST", "/api/v1/webhooks/alertmanager", &stage.alert());
    let settings = place.folder().join("schemathesis.toml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let done = Command::new(program)
        .current_dir(place.folder())
        .arg("--config-file")
        .arg(&settings)
        .arg("run")
        .arg(format!("{}/openapi.json", place.address()))
        .args(["--header", &format!("Authorization: Bearer {ADMIN}")])
        .args([
            "--checks",
            CHECKS,
            "--seed",
            "1",
            "--max-examples",
            "25",
            "--phases",
            "examples,coverage,fuzzing",
        ])
        // a stream without an end, which has tests of its own
        .args([
            "--exclude-path",
            "/api/v1/events",
            "--request-timeout",
            "30",
            "--suppress-health-check",
            "all",
        ])
        .args(["--no-color", "--warnings", "off"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    eprintln!("{}", told.lines().rev().take(12).collect::<Vec<_>>().join("\n"));
    assert_eq!(place.stop(), Some(0), "the server outlives it");
}

/// The program, installed where the machine has none of this version.
fn schemathesis() -> PathBuf {
    let folder = dreamops_test_cluster::cache()
        .unwrap()
        .join(format!("schemathesis-{VERSION}"));
    let program = folder.join("bin/schemathesis");
    if program.is_file() {
        return program;
    }
    eprintln!("installing schemathesis {VERSION}");
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let package = format!("schemathesis=={VERSION}");
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", &package]));
    assert!(program.is_file(), "{} has no schemathesis", folder.display());
    program
}

#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
