//! `dreamops plugin build`: a plugin's crate → cargo → core module → component → checked file.

use crate::artefact::{digest, write_atomically};
use crate::check::{ContractError, check};
use crate::encode::{EncodeError, encode};
use crate::manifest::{ManifestError, from_cargo};
use cargo_metadata::{Message, MetadataCommand, Package};
use dreamops_domain::manifest::Manifest;
use serde::Serialize;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What components are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The profile, given on the command line so that a plugin outside this repository needs nothing in its `Cargo.toml`.
/// Panics abort: unwinding does not exist on this target and its tables would only make the file larger.
const PROFILE: [&str; 6] = [
    "profile.guest.inherits=\"release\"",
    "profile.guest.opt-level=\"s\"",
    "profile.guest.lto=true",
    "profile.guest.codegen-units=1",
    "profile.guest.panic=\"abort\"",
    "profile.guest.strip=true",
];

/// Settings of cargo itself that a build inside another build keeps: where it lives and how it reaches registries.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
    "CARGO_BUILD_JOBS",
];

/// How a plugin is built.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// Where cargo builds; the plugin's own target folder with `guest` after it where not given. Never the folder of
    /// a cargo that is running: it would wait for its own lock.
    pub target_dir: Option<PathBuf>,
    /// The file to write; `TARGET_DIR/components/NAME.wasm` where not given.
    pub file: Option<PathBuf>,
    /// Build from what was downloaded before.
    pub offline: bool,
    /// Refuse to change `Cargo.lock`.
    pub locked: bool,
    /// Let cargo write its progress to stderr; errors are part of [`BuildError::Cargo`] otherwise.
    pub show_progress: bool,
}

/// A plugin that was built and that the host would take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BuiltPlugin {
    /// The component.
    pub file: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: usize,
}

/// Why a plugin could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder has no `Cargo.toml`.
    #[error("{} has no Cargo.toml; name the folder of a plugin's crate", .0.display())]
    NoCrate(PathBuf),
    /// No cargo.
    #[error("cargo cannot be started ({0}); install Rust from https://rustup.rs")]
    NoCargo(io::Error),
    /// The toolchain cannot build for the sandbox.
    #[error("the toolchain of this folder has no target {TARGET}; run `rustup target add {TARGET}`")]
    NoTarget,
    /// Cargo says no; its words.
    #[error("cargo did not build {name}:\n{output}", output = .output.trim_end())]
    Cargo {
        /// The folder or package.
        name: String,
        /// What cargo wrote.
        output: String,
    },
    /// The package has no library.
    #[error("{0} has no library; a strategy is a library crate with src/lib.rs")]
    NoLibrary(String),
    /// The manifest cannot be made.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The module cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The component breaks the contract.
    #[error("it was built, but the host would not take it: {0}")]
    Contract(#[from] ContractError),
    /// A file cannot be read or written.
    #[error("{} cannot be read or written: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

/// Builds the crate in `folder`, encodes it, checks it as the host would and writes it as one file.
///
/// Cargo runs with a target folder and profile of its own and without the variables that an outer cargo sets.
pub fn build_plugin(folder: &Path, options: &BuildOptions) -> Result<BuiltPlugin, BuildError> {
    let cargo_toml = folder.join("Cargo.toml");
    let cargo_toml = cargo_toml
        .canonicalize()
        .map_err(|_| BuildError::NoCrate(folder.to_owned()))?;
    let folder = cargo_toml.parent().unwrap_or(folder);
    let (package, target_dir) = describe(folder, &cargo_toml, options)?;
    let manifest = from_cargo(&package.name, &package.version.to_string(), &package.metadata)?;
    require_target(folder)?;
    let module = compile(folder, &package, &target_dir, options)?;
    let core = std::fs::read(&module).map_err(|why| BuildError::File { path: module, why })?;
    let component = encode(&core, &manifest)?;
    check(&component)?;
    let file = options
        .file
        .clone()
        .unwrap_or_else(|| target_dir.join("components").join(format!("{}.wasm", manifest.name)));
    write_atomically(&file, &component).map_err(|why| BuildError::File {
        path: file.clone(),
        why,
    })?;
    Ok(BuiltPlugin {
        file,
        manifest,
        digest: digest(&component),
        size: component.len(),
    })
}

/// The package in a folder and where it is built.
fn describe(folder: &Path, cargo_toml: &Path, options: &BuildOptions) -> Result<(Package, PathBuf), BuildError> {
    let mut command = MetadataCommand::new();
    command.cargo_path("cargo").current_dir(folder).no_deps();
    for name in inherited() {
        command.env_remove(name);
    }
    command.other_options(switches(options));
    let metadata = command.exec().map_err(|error| match error {
        cargo_metadata::Error::CargoMetadata { stderr } => BuildError::Cargo {
            name: folder.display().to_string(),
            output: stderr,
        },
        cargo_metadata::Error::Io(why) => BuildError::NoCargo(why),
        other => BuildError::Cargo {
            name: folder.display().to_string(),
            output: other.to_string(),
        },
    })?;
    let target_dir = options
        .target_dir
        .clone()
        .unwrap_or_else(|| metadata.target_directory.join("guest").into_std_path_buf());
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.manifest_path.as_std_path() == cargo_toml)
        .ok_or_else(|| BuildError::NoCrate(folder.to_owned()))?;
    Ok((package, target_dir))
}

fn switches(options: &BuildOptions) -> Vec<String> {
    let mut all = Vec::new();
    if options.offline {
        all.push("--offline".to_owned());
    }
    if options.locked {
        all.push("--locked".to_owned());
    }
    all
}

/// Variables of an outer cargo and of flags for other targets, which would leak into the component. A cargo that builds
/// one must not inherit them.
#[allow(
    clippy::disallowed_methods,
    reason = "nothing is configured by it: these are names that a child process must not inherit"
)]
pub fn inherited() -> Vec<OsString> {
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| {
            let name = name.to_string_lossy();
            let ours = name.starts_with("CARGO") && !KEPT.iter().any(|kept| name.starts_with(kept));
            ours || name.starts_with("RUSTC") || name.starts_with("RUSTFLAGS") || name == "RUSTDOCFLAGS"
        })
        .collect()
}

fn clean(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for name in inherited() {
        command.env_remove(name);
    }
    command
}

/// Asks the toolchain where it keeps the target's libraries, rather than reading a failed build's words.
fn require_target(folder: &Path) -> Result<(), BuildError> {
    let output = clean("rustc", folder)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(BuildError::NoCargo)?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let there = std::fs::read_dir(&libraries).is_ok_and(|mut entries| entries.next().is_some());
    if output.status.success() && !there {
        return Err(BuildError::NoTarget);
    }
    Ok(())
}

/// Runs cargo and returns the core module.
fn compile(folder: &Path, package: &Package, target_dir: &Path, options: &BuildOptions) -> Result<PathBuf, BuildError> {
    let mut command = clean("cargo", folder);
    command
        .args(["rustc", "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--profile", "guest"])
        .arg("--message-format=json-render-diagnostics")
        .arg("--target-dir")
        .arg(target_dir)
        .args(switches(options));
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    command.stderr(if options.show_progress {
        Stdio::inherit()
    } else {
        Stdio::piped()
    });
    let output = command.output().map_err(BuildError::NoCargo)?;
    if !output.status.success() {
        return Err(BuildError::Cargo {
            name: package.name.to_string(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(Result::ok)
        .filter_map(|message| match message {
            Message::CompilerArtifact(artifact) if artifact.package_id == package.id => Some(artifact.filenames),
            _ => None,
        })
        .flatten()
        .find(|file| file.extension() == Some("wasm"))
        .map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf)
        .ok_or_else(|| BuildError::NoLibrary(package.name.to_string()))
}
