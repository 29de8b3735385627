//! Building components and program.
//!
//! Components come first, in their own target directory and profile and without what cargo set for
//! this process; they are encoded to `target/components`, and the program embeds that folder.

use crate::run::{cargo, passed};
use anyhow::{Context, bail};
use dreamops_package::{TARGET, check, encode, from_cargo, inherited, write_atomically};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout. Asked when run, not when compiled: a build cache may be shared by several checkouts.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("xtask"), PathBuf::from);
    here.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Where the encoded components are.
pub(crate) fn components_dir() -> PathBuf {
    root().join("target/components")
}

/// One first-party component.
struct Plugin {
    name: String,
    version: String,
    metadata: serde_json::Value,
}

/// Builds the program with its components, and returns its path.
pub(crate) fn program(release: bool) -> anyhow::Result<PathBuf> {
    let components = components()?;
    let mut command = cargo();
    command
        .args(["build", "--package", "dreamops-cli", "--locked"])
        .env("DREAMOPS_COMPONENTS", components);
    if release {
        command.arg("--release");
    }
    passed(&mut command)?;
    Ok(root()
        .join("target")
        .join(if release { "release" } else { "debug" })
        .join("dreamops"))
}

/// Builds and encodes the first-party components; returns their folder.
pub(crate) fn components() -> anyhow::Result<PathBuf> {
    let plugins = plugins()?;
    compile(&plugins)?;
    let dir = components_dir();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for plugin in &plugins {
        let bytes = encoded(plugin).with_context(|| format!("cannot package {}", plugin.name))?;
        let file = dir.join(format!("{}.wasm", plugin.name));
        // an unchanged file keeps its time, so that the program is not built anew
        if std::fs::read(&file).ok().as_deref() != Some(bytes.as_slice()) {
            write_atomically(&file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    forget_strangers(&dir, &plugins)?;
    Ok(dir)
}

/// Removes components of plugins that are no more.
fn forget_strangers(dir: &Path, plugins: &[Plugin]) -> anyhow::Result<()> {
    for file in std::fs::read_dir(dir)?.flatten().map(|e| e.path()) {
        let known = plugins
            .iter()
            .any(|p| file.file_name().is_some_and(|n| *n == *format!("{}.wasm", p.name)));
        if !known {
            std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

/// The packages in `plugins/`, as cargo sees them.
fn plugins() -> anyhow::Result<Vec<Plugin>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let inside = format!("{}/", root().join("plugins").display());
    let mut plugins: Vec<Plugin> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|p| p["manifest_path"].as_str().is_some_and(|m| m.starts_with(&inside)))
        .filter(|p| p["targets"].to_string().contains("cdylib"))
        .map(|p| Plugin {
            name: p["name"].as_str().unwrap_or_default().to_owned(),
            version: p["version"].as_str().unwrap_or_default().to_owned(),
            metadata: p["metadata"].clone(),
        })
        .collect();
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plugins)
}

fn compile(plugins: &[Plugin]) -> anyhow::Result<()> {
    ensure_target()?;
    let mut command = cargo();
    for name in inherited() {
        command.env_remove(name);
    }
    command.args(["build", "--profile", "guest", "--target", TARGET, "--locked"]);
    command.arg("--target-dir").arg(root().join("target/guests"));
    for plugin in plugins {
        command.args(["--package", &plugin.name]);
    }
    passed(&mut command)
}

/// Adds the compilation target where rustup did not do so by itself.
fn ensure_target() -> anyhow::Result<()> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(root())
        .output()?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).is_dir() {
        return Ok(());
    }
    passed(
        Command::new("rustup")
            .args(["target", "add", TARGET])
            .current_dir(root()),
    )
}

fn encoded(plugin: &Plugin) -> anyhow::Result<Vec<u8>> {
    let file = format!("target/guests/{TARGET}/guest/{}.wasm", plugin.name.replace('-', "_"));
    let core = std::fs::read(root().join(&file)).with_context(|| format!("cannot read {file}"))?;
    let manifest = from_cargo(&plugin.name, &plugin.version, &plugin.metadata)?;
    let component = encode(&core, &manifest)?;
    check(&component)?;
    Ok(component)
}
