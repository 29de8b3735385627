//! Embeds the first-party components that `cargo xtask build` has made.
//!
//! The folder is named by `DREAMOPS_COMPONENTS`. This script runs no cargo: a nested one would wait
//! for its own lock for ever. Without the folder the program builds and carries no component.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=DREAMOPS_COMPONENTS");
    println!("cargo::rerun-if-changed=build.rs");
    #[allow(
        clippy::disallowed_methods,
        reason = "a build script is configured by its environment"
    )]
    let folder = std::env::var_os("DREAMOPS_COMPONENTS").map(PathBuf::from);
    let mut list = String::from("&[\n");
    for file in folder.as_deref().map(components).unwrap_or_default() {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        let _ = writeln!(
            list,
            "    ({name:?}, include_bytes!({:?})),",
            file.display().to_string()
        );
    }
    if let Some(folder) = &folder {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    list.push(']');
    #[allow(
        clippy::disallowed_methods,
        reason = "a build script is configured by its environment"
    )]
    let out = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .expect("cargo sets OUT_DIR");
    std::fs::write(out.join("components.rs"), list).expect("the build folder can be written to");
}

/// The component files of a folder, in a fixed order.
fn components(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|e| e.path()).collect())
        .unwrap_or_default();
    files.retain(|f| f.extension().is_some_and(|e| e == "wasm"));
    files.sort();
    files
}
