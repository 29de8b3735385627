//! The programs that are built here, and the cache that holds them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, FileContext as _, Result};
use crate::layout::cache;
use crate::run::{command, output};

const KUBERNETES: &str = "v1.34.4";
const METRICS_SERVER: &str = "sigs.k8s.io/metrics-server/cmd/metrics-server@v0.9.0";
/// The names under which `node/` is linked; see its `main.go`.
const ROLES: [&str; 7] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
];

/// Built programs, each in a folder named by a hash of what it was built from.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    node: PathBuf,
    metrics: PathBuf,
    containers: PathBuf,
}

/// The folder of this crate in the checkout that is being worked on. Asked when run, not when compiled: a build cache
/// may be shared by several checkouts.
fn sources() -> Result<PathBuf> {
    let begin = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let begin = match begin {
        Some(folder) => folder,
        None => std::env::current_dir().file("tell", Path::new("."))?,
    };
    let found = begin
        .ancestors()
        .map(|a| a.join("tests/cluster"))
        .find(|c| c.join("node/go.mod").is_file());
    found.ok_or(Error::NoSources { begin })
}

impl Programs {
    /// Builds what the cache does not hold. Minutes the first time.
    pub(crate) fn build_missing() -> Result<Self> {
        let cache = cache()?.join("test-cluster");
        fs::create_dir_all(&cache).file("make the folder", &cache)?;
        let lock = cache.join("lock");
        let lock_file = File::create(&lock).file("open", &lock)?;
        lock_file.lock().file("lock", &lock)?;

        let sources = sources()?;
        Ok(Self {
            node: cached(&cache, "node", &hash(&sources.join("node"), KUBERNETES)?, |to| {
                build_node(&sources.join("node"), to)
            })?,
            metrics: cached(&cache, "metrics-server", &short_hash(METRICS_SERVER), |to| {
                build_metrics_server(to)
            })?,
            containers: cached(&cache, "containers", &hash(&sources.join("containers"), "")?, |to| {
                build_containers(&sources.join("containers"), to)
            })?,
        })
    }

    /// A program of the node by its role.
    pub(crate) fn node(&self, role: &str) -> PathBuf {
        self.node.join(role)
    }

    pub(crate) fn metrics_server(&self) -> PathBuf {
        self.metrics.join("metrics-server")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.containers.join("outside")
    }

    pub(crate) fn stage(&self) -> PathBuf {
        self.containers.join("stage")
    }

    /// All images of the node in one archive.
    pub(crate) fn images(&self) -> PathBuf {
        self.containers.join("images.tar")
    }
}

/// The folder `NAME-HASH`, filled by `build` if it does not exist. It appears
/// only when complete, so an interrupted build leaves nothing that looks built.
fn cached(cache: &Path, name: &str, hash: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = cache.join(format!("{name}-{hash}"));
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("building {name} for the test cluster (some minutes the first time)");
    let started = Instant::now();
    let unfinished = cache.join(format!("{name}-unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).file("remove", &unfinished)?;
    }
    fs::create_dir_all(&unfinished).file("make the folder", &unfinished)?;
    build(&unfinished)?;
    fs::rename(&unfinished, &folder).file("put in place", &folder)?;
    eprintln!("built {name} in {} s", started.elapsed().as_secs());
    Ok(folder)
}

fn build_node(source: &Path, to: &Path) -> Result<()> {
    let version = "k8s.io/component-base/version";
    let flags = format!("-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor=1 -X {version}.gitMinor=34");
    let built = to.join("node");
    output(
        go().args(["build", "-trimpath", "-ldflags", &flags, "-o"])
            .arg(&built)
            .arg(".")
            .current_dir(source),
    )?;
    for role in ROLES {
        let link = to.join(role);
        std::os::unix::fs::symlink("node", &link).file("link", &link)?;
    }
    Ok(())
}

fn build_metrics_server(to: &Path) -> Result<()> {
    output(
        go().args(["install", "-trimpath", "-ldflags", "-s -w", METRICS_SERVER])
            .env("GOBIN", to)
            // outside a module, or the nearest go.mod would be used
            .current_dir(to),
    )?;
    Ok(())
}

fn build_containers(source: &Path, to: &Path) -> Result<()> {
    output(
        go().args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
            .arg(to)
            .arg("./...")
            .current_dir(source),
    )?;
    let (outside, stage) = (to.join("outside"), to.join("stage"));
    output(command(outside, ["archive"]).arg(stage).arg(to.join("images.tar")))?;
    Ok(())
}

/// Static programs: they run in images that hold nothing else.
fn go() -> std::process::Command {
    let mut go = std::process::Command::new("go");
    go.env("CGO_ENABLED", "0");
    go
}

/// Of all files below the folder, their names, and a version.
fn hash(folder: &Path, version: &str) -> Result<String> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut parts = vec![version.to_owned()];
    for file in files {
        let content = fs::read(&file).file("read", &file)?;
        let name = file.strip_prefix(folder).unwrap_or(&file);
        parts.push(name.to_string_lossy().into_owned());
        parts.push(hex::encode(Sha256::digest(content)));
    }
    Ok(short_hash(&parts.join("\n")))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).file("read", folder)? {
        let path = entry.file("read", folder)?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn short_hash(text: &str) -> String {
    let mut hash = hex::encode(Sha256::digest(text));
    hash.truncate(16);
    hash
}
