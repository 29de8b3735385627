//! `dreamops plugin build` on crates outside this repository.

use dreamops_package::{BuildError, BuildOptions, ManifestError, build_plugin, check};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const METADATA: &str = r#"
[package.metadata.dreamops]
summary = "a plugin for tests"
faults = ["crash-loop"]
[package.metadata.dreamops.grants]
"kubernetes/read/pods" = "to look at the pod"
"#;

/// A crate on its own, with what it depends on and its code.
fn crate_with(more: &str, code: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let head = "[package]\nname = \"small\"\nversion = \"1.2.3\"\nedition = \"2024\"\n";
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), format!("{head}{more}")).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), code).unwrap();
    folder
}

fn options(folder: &Path) -> BuildOptions {
    BuildOptions {
        // shared by all runs, so that dependencies are compiled once
        target_dir: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guest")),
        file: Some(folder.join("out/small.wasm")),
        offline: true,
        ..BuildOptions::default()
    }
}

fn fails(folder: &TempDir) -> BuildError {
    let error = build_plugin(folder.path(), &options(folder.path())).expect_err("no component");
    assert!(!folder.path().join("out/small.wasm").exists(), "{error}");
    error
}

#[test]
#[allow(clippy::disallowed_methods, reason = "cargo tells a test where the checkout is")]
fn a_strategy_outside_this_repository_becomes_a_component() {
    // asked when run, not when compiled: a build cache may be shared by several checkouts
    let sdk = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .join("../../sdk/rust")
        .canonicalize()
        .unwrap();
    let depends = format!("[dependencies]\ndreamops-sdk = {{ path = {sdk:?} }}\n{METADATA}");
    let code = "use dreamops_sdk::prelude::*;\nstruct Small;\nimpl Strategy for Small {\n\
        fn assess(_: &Incident) -> Result<Assessment, Failure> { Ok(Assessment { claim: 0.0, signals: vec![] }) }\n\
        fn diagnose(_: &Incident) -> Result<Finding, Failure> { Ok(Finding::Unknown(vec![])) }\n\
        fn plan(_: &Incident, _: &Diagnosis, _: &Draft) -> Result<(), Failure> { Ok(()) }\n}\ndreamops_sdk::export!(Small);\n";
    let folder = crate_with(&depends, code);
    let built = build_plugin(folder.path(), &options(folder.path())).unwrap_or_else(|error| panic!("{error}"));
    let bytes = std::fs::read(&built.file).unwrap();
    let found = check(&bytes).expect("the host takes it");
    assert_eq!(found.manifest, built.manifest);
    assert_eq!(
        (built.manifest.name.as_str(), built.manifest.version.as_str()),
        ("small", "1.2.3")
    );
    assert_eq!(
        (built.digest, built.size),
        (dreamops_package::digest(&bytes), bytes.len())
    );
    assert!(
        !found.imports.keys().any(|name| name.starts_with("wasi:")),
        "{:?}",
        found.imports
    );
}

#[test]
fn what_cargo_says_is_shown_as_it_is() {
    let error = fails(&crate_with(METADATA, "fn broken() -> u32 { \"text\" }"));
    let BuildError::Cargo { output, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        output.contains("mismatched types") && output.contains("src/lib.rs:1"),
        "{output}"
    );
}

#[test]
fn a_crate_that_exports_no_strategy_is_told_so() {
    let error = fails(&crate_with(METADATA, "pub fn nothing() {}"));
    assert!(
        matches!(error, BuildError::Encode(_) | BuildError::Contract(_)),
        "{error}"
    );
    assert!(error.to_string().contains("macro"), "{error}");
}

#[test]
fn a_missing_or_wrong_manifest_is_told_before_anything_is_compiled() {
    let missing = fails(&crate_with("", "compile_error!(\"too late\");"));
    assert!(
        matches!(missing, BuildError::Manifest(ManifestError::NoMetadata)),
        "{missing}"
    );
    let wrong = METADATA.replace("kubernetes/read/pods", "kubernetes/write/pods");
    let error = fails(&crate_with(&wrong, "compile_error!(\"too late\");"));
    assert!(error.to_string().contains("one of read"), "{error}");
}

#[test]
fn a_folder_without_a_crate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = fails(&folder);
    assert!(matches!(error, BuildError::NoCrate(_)), "{error}");
    let broken = crate_with("[dependencies\n", "");
    assert!(matches!(fails(&broken), BuildError::Cargo { .. }));
}
